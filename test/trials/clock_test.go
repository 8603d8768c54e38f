package trials

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// TestClockThatJumpsRevivesNothing sets the clock an hour forward and back
// under use, again and again: what has expired stays so, what was ended stays
// so, what was issued meanwhile opens, and nothing panics.
func TestClockThatJumpsRevivesNothing(t *testing.T) {
	onEachEngine(t, func(t *testing.T, database string) {
		h := newHouse(t, database, "")
		var over []string
		top := h.clock.Now() // the server's clock never goes back
		for _, jump := range []time.Duration{time.Hour, -time.Hour, -time.Hour, time.Hour, 3 * time.Hour, -time.Hour, 2 * time.Hour} {
			short, ends := must(t, 201)(h.issue(map[string]any{"ttl": 60})).text("token"), top.Add(time.Minute)
			kept := must(t, 201)(h.issue(map[string]any{"ttl": 30 * 24 * 3600})).text("token")
			gone := must(t, 200)(h.own("backend", secret("BACKEND_SECRET"))).text("access_token")
			must(t, 200)(h.revoke("backend", secret("BACKEND_SECRET"), gone))
			must(t, 200)(h.verify(short))
			under := h.use(t)
			h.clock.Move(jump)
			under()
			if now := h.clock.Now(); now.After(top) {
				top = now
			}
			over = append(over, gone)
			if !top.Before(ends) {
				over = append(over, short)
			}
			for _, tok := range over {
				must(t, 401)(h.verify(tok))
			}
			must(t, 200)(h.verify(kept))
		}
		if len(over) < 10 {
			t.Errorf("%d tokens were over, want three that expired beside the seven that were revoked", len(over))
		}
		h.keepsItsPromises(t)
		if panics := must(t, 200)(h.ask("GET", "/metrics", nil)); panics.status == 200 && !containsLine(panics.body, "ficha_panics_total 0") {
			t.Error("something panicked, or nobody counts panics")
		}
	})
}

// use keeps the house busy until its result is called, and fails where an
// answer is a fault.
func (h *house) use(t *testing.T) (stop func()) {
	t.Helper()
	var all sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		all.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := h.useOnce(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	return func() {
		close(done)
		all.Wait()
	}
}

func (h *house) useOnce() error {
	a, err := h.own("backend", secret("BACKEND_SECRET"))
	if err != nil || a.status != 200 {
		return fmt.Errorf("issue: %d %s, %w", a.status, a.body, err)
	}
	// It may expire between the two when the clock jumps.
	if a, err = h.verify(a.text("access_token")); err != nil || a.status != 200 && a.status != 401 {
		return fmt.Errorf("verify: %d %s, %w", a.status, a.body, err)
	}
	return nil
}
