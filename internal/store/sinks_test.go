package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// sealed records events of a workspace and seals them.
func sealed(t *testing.T, s *Store, workspace string, n uint32, many int) []token.ID {
	t.Helper()
	var ids []token.ID
	deed := &token.Deed{}
	for i := range many {
		at := s.cfg.Now().Add(time.Duration(i) * time.Millisecond)
		e := &token.Event{ID: token.MakeID(at, token.Long, n+uint32(i)), At: at.UnixMilli(), Workspace: workspace, Action: "token.issued"}
		deed.Events, ids = append(deed.Events, e), append(ids, e.ID)
	}
	must(t, s.Commit(t.Context(), deed))
	closeAll(t, s, workspace)
	return ids
}

// closeAll seals what a workspace has, whatever its age.
func closeAll(t *testing.T, s *Store, workspace string) {
	t.Helper()
	for more := true; more; {
		var err error
		more, err = s.Seal(t.Context(), workspace, token.FirstID(s.cfg.Now().Add(time.Hour)), func(last *token.Seal, late bool, records []token.Leaf) (*token.Seal, error) {
			v := &token.Seal{
				Workspace: workspace, Number: 1, First: records[0].ID, Last: records[len(records)-1].ID, Count: int64(len(records)), Late: late, Signature: []byte("s"),
			}
			if last != nil {
				v.Number = last.Number + 1
			}
			v.At = s.cfg.Now().UnixMilli()
			return v, nil
		})
		must(t, err)
	}
}

// drain reads all that waits, batch by batch, as a feeder does.
func drain(t *testing.T, s *Store, name string) (got []token.ID, batches int) {
	t.Helper()
	for {
		for more := true; more; {
			var err error
			more, err = s.PlaceSeals(t.Context())
			must(t, err)
		}
		state, err := s.Sink(t.Context(), name)
		must(t, err)
		records, upTo, err := s.Waiting(t.Context(), state.Place)
		must(t, err)
		if upTo == state.Place {
			return got, batches
		}
		for _, e := range records {
			got = append(got, e.ID)
		}
		same(t, "moved", true)(s.MoveSink(t.Context(), name, state.Place, upTo))
		batches++
	}
}

func TestEverySealedRecordWaitsForItsSink(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		must(t, s.SeeSink(t.Context(), "a"))
		want := sealed(t, s, "ws1", 1, 3)
		want = append(want, sealed(t, s, "ws2", 10, 2)...)
		c.pass(time.Minute)
		want = append(want, sealed(t, s, "ws1", 20, 1_500)...)
		want = append(want, sealed(t, s, "", 2_000, 1)...)
		got, batches := drain(t, s, "a")
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) || batches < 2 {
			t.Errorf("%d records in %d batches, want %d in 2 or more", len(got), batches, len(want))
		}
		straggler := token.MakeID(s.cfg.Now().Add(-time.Hour), token.Long, 5)
		must(t, s.Commit(t.Context(), &token.Deed{Events: []*token.Event{{ID: straggler, Workspace: "ws1", Action: "token.issued"}}}))
		closeAll(t, s, "ws1")
		if got, _ = drain(t, s, "a"); !slices.Equal(got, []token.ID{straggler}) {
			t.Errorf("after a straggler: %v, want it alone", got)
		}
		must(t, s.SeeSink(t.Context(), "late"))
		if got, _ = drain(t, s, "late"); len(got) != len(want)+1 {
			t.Errorf("a sink that came later has %d records, want all %d", len(got), len(want)+1)
		}
		same(t, "moved from elsewhere", false)(s.MoveSink(t.Context(), "a", 1, 2))
	})
}

// Any number of nodes may place seals: no place is given twice, left out, or
// seen before a smaller one.
func TestPlacesHaveNoGaps(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		const many = 700
		for n := range uint32(many) {
			sealed(t, s, fmt.Sprint("w", n%7), 1+n, 1)
		}
		done := make(chan error)
		for range 4 {
			go func() {
				more, err := true, error(nil)
				for more && err == nil {
					more, err = s.PlaceSeals(t.Context())
				}
				done <- err
			}()
		}
		for range 4 {
			must(t, <-done)
		}
		same(t, "last place", int64(many))(one(t.Context(), s.reads, `SELECT MAX(place) FROM seals`, scanInt))
		same(t, "places", int64(many))(one(t.Context(), s.reads, `SELECT COUNT(DISTINCT place) FROM seals WHERE place > 0`, scanInt))
	})
}

func TestPurgeWaitsForASink(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		const day = 24 * time.Hour
		must(t, s.SeeSink(t.Context(), "a"))
		sealed(t, s, "ws1", 1, 3)
		drain(t, s, "a")
		sealed(t, s, "ws1", 10, 5)
		left := func(want int64) {
			t.Helper()
			must(t, s.SeeSink(t.Context(), "a"))
			purgeAll(t, s)
			same(t, "records left", want)(one(t.Context(), s.reads, `SELECT COUNT(*) FROM events`, scanInt))
		}
		c.pass(AuditKept + day)
		left(5)
		c.pass(28 * day)
		left(5)
		state, err := s.Sink(t.Context(), "a")
		must(t, err)
		if state.Lost != 0 || state.Waiting == 0 {
			t.Errorf("got %+v, want nothing lost and something waiting", state)
		}
		c.pass(2 * day)
		left(0)
		state, err = s.Sink(t.Context(), "a")
		must(t, err)
		if state.Lost != 5 {
			t.Errorf("%d lost, want 5", state.Lost)
		}
		sealed(t, s, "ws1", 20, 2)
		c.pass(AuditKept + day) // nobody has named the sink since
		purgeAll(t, s)
		same(t, "records of a sink that is gone", int64(0))(one(t.Context(), s.reads, `SELECT COUNT(*) FROM events`, scanInt))
	})
}

// What a feeder asks each second costs the same among a million seals.
func TestFeedingWalksItsIndexes(t *testing.T) {
	s := open(t, "sqlite")
	for text, q := range map[string]struct {
		args []any
		want []string
	}{
		unplaced:    {nil, []string{"seals_unplaced"}},
		nextSeals:   {[]any{5, 500}, []string{"seals_place (place>?)"}},
		nextWaiting: {[]any{5}, []string{"seals_place (place>?)"}},
		placeSeals:  {[]any{5, 9}, []string{"seals_unplaced"}},
	} {
		plan := explain(t, s, text, q.args)
		for _, index := range q.want {
			if !strings.Contains(plan, index) || strings.Contains(plan, "SCAN e\n") || strings.Contains(plan, "SCAN s\n") {
				t.Errorf("the plan of %s is\n%s\nwant a walk of %s", text, plan, index)
			}
		}
	}
}
