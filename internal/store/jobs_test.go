package store

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

func TestJobIsClaimedByOneNodeInAPeriod(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		const hour, lease = time.Hour, time.Minute
		claim := func(owner string) bool {
			t.Helper()
			ok, err := s.ClaimJob(t.Context(), "purge", owner, c.now(), hour, lease)
			if err != nil {
				t.Fatal(err)
			}
			return ok
		}
		finish := func(owner string, began time.Time, fault string) {
			t.Helper()
			if err := s.FinishJob(t.Context(), "purge", owner, began, fault, c.now().Add(10*time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
		var won atomic.Int64
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				if ok, err := s.ClaimJob(t.Context(), "purge", "a", c.now(), hour, lease); err != nil {
					t.Error(err)
				} else if ok {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d nodes claimed the job, want 1", won.Load())
		}
		began := c.now()
		if c.pass(lease - time.Millisecond); claim("b") {
			t.Error("it was taken within its lease")
		}
		finish("a", began, "")
		same(t, "after the run", []token.JobRun{{Name: "purge", Owner: "a", Last: began.UnixMilli(), State: "done"}})(s.Jobs(t.Context()))
		if claim("b") {
			t.Error("it was run twice in a period")
		}
		c.ms.Store(began.Add(hour).UnixMilli())
		if !claim("b") {
			t.Fatal("it was not run in the next period")
		}

		c.pass(lease) // b died
		if !claim("c") {
			t.Fatal("nobody took it from a dead node")
		}
		finish("b", began, "") // b was only slow
		if claim("d") {
			t.Error("a node gave back what it no longer had")
		}
		finish("c", c.now(), "disk full")
		if c.pass(10*time.Minute - time.Millisecond); claim("d") {
			t.Error("it was tried again at once after a fault")
		}
		same(t, "after the fault", "disk full")(func() (string, error) {
			j, err := s.Jobs(t.Context())
			return j[0].State, err
		}())
		if c.pass(time.Millisecond); !claim("d") {
			t.Error("it was not tried again after a fault")
		}
	})
}
