package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// TestOneOfTwoNodesTakesAStepOfARun: the loser finds that the run has moved, and
// the position that is noted is the one that the commit has.
func TestOneOfTwoNodesTakesAStepOfARun(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		r := &token.Revocation{
			ID: newID(token.Long), Workspace: "ws1", Act: token.Suspend, Predicate: token.Predicate{Kind: token.Service, IssuedBefore: 7}, Reason: "look",
			Actor: token.Actor{Kind: token.User, ID: "u1"}, Running: true, Reached: 100,
		}
		do(t, s, func(tx *Tx) error {
			tx.Changed(token.Change{What: token.ChangedCatalogue})
			return tx.PutRevocation(ctx, r)
		})
		if at, err := s.Position(ctx); err != nil || r.Position != at.Position {
			t.Errorf("noted %d, the position is %+v, %v", r.Position, at, err)
		}
		step := func(from token.ID) (won bool) {
			next := *r
			next.Reached, next.Count = 50, 3
			do(t, s, func(tx *Tx) (err error) {
				won, err = tx.AdvanceRevocation(ctx, &next, from)
				return err
			})
			return won
		}
		if !step(100) || step(100) {
			t.Error("a step was not taken, or twice")
		}
		left, err := s.RunningRevocations(ctx, 10)
		if err != nil || len(left) != 1 || left[0].Reached != 50 || left[0].Count != 3 || left[0].Predicate != r.Predicate || left[0].Actor != r.Actor {
			t.Errorf("left %+v, %v", left, err)
		}
		if got, err := s.Revocation(ctx, "ws2", r.ID); got != nil || err != nil {
			t.Errorf("another workspace sees %+v, %v", got, err)
		}
		if got, err := s.Revocations(ctx, "ws1", 0, 10); len(got) != 1 || err != nil {
			t.Errorf("the list is %+v, %v", got, err)
		}
	})
}

func TestMakersAreFoundByTheirRecords(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		var ids []token.ID
		for n := range 5 {
			id := newID(token.Long)
			ids = append(ids, id)
			for _, action := range []string{"token.issued", "token.revoked"} {
				e := &token.Event{
					ID: newID(token.Long), Workspace: "ws1", Actor: token.Actor{Kind: token.User, ID: fmt.Sprint(action, n)}, Action: action,
					Target: "token:" + id.String(), Outcome: token.Done,
				}
				do(t, s, func(tx *Tx) error { return tx.Record(t.Context(), e, nil) })
			}
		}
		made, err := s.Issued(t.Context(), append(ids, newID(token.Long)))
		if err != nil || len(made) != 5 {
			t.Fatalf("%d records, %v", len(made), err)
		}
		for n, id := range ids {
			if who := made[id].Actor.ID; who != fmt.Sprint("token.issued", n) {
				t.Errorf("%v was made by %q", id, who)
			}
		}
	})
}

// TestRunRestsAfterAFailureAndWaitsWhenItWasGivenUp: of two nodes whose step
// failed one counts, a step that is done forgets the failures, and only what was
// given up is tried again.
func TestRunRestsAfterAFailureAndWaitsWhenItWasGivenUp(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		ctx := t.Context()
		r := &token.Revocation{ID: newID(token.Long), Workspace: "ws1", Act: token.Revoke, Running: true, Reached: 100}
		do(t, s, func(tx *Tx) error { return tx.PutRevocation(ctx, r) })
		due := func(want int) {
			t.Helper()
			if left, err := s.RunningRevocations(ctx, 10); err != nil || len(left) != want {
				t.Errorf("%d are due, %v; want %d", len(left), err, want)
			}
		}
		stumble := func(won bool, next token.Revocation) {
			t.Helper()
			wins(t, s, "stumble", won, func(tx *Tx) (bool, error) { return tx.StumbleRevocation(ctx, &next) })
		}
		first := *r
		first.Failures, first.Fault, first.NextAt = 1, "no such family", c.now().Add(time.Minute).UnixMilli()
		stumble(true, first)
		stumble(false, first)
		due(0)
		c.pass(time.Minute)
		due(1)
		next := *r
		next.Reached = 50
		wins(t, s, "advance", true, func(tx *Tx) (bool, error) { return tx.AdvanceRevocation(ctx, &next, 100) })
		if got, err := s.Revocation(ctx, "ws1", r.ID); err != nil || got.Failures != 0 || got.Fault != "" || got.NextAt != 0 {
			t.Errorf("after a step %+v, %v", got, err)
		}
		again := next
		again.Reached, again.Passed, again.PassedAt = 200, 50, 7
		retry := func(tx *Tx) (bool, error) { return tx.RetryRevocation(ctx, &again) }
		wins(t, s, "retry", false, retry)
		next.Running, next.Failed, next.Failures, next.FinishedAt, next.Fault = false, true, 1, 7, "no such family"
		stumble(true, next)
		due(0)
		if got, err := s.Revocation(ctx, "ws1", r.ID); err != nil || !got.Failed || got.Running || got.Fault != next.Fault {
			t.Errorf("given up %+v, %v", got, err)
		}
		wins(t, s, "retry", true, retry)
		wins(t, s, "retry", false, retry)
		if left, err := s.RunningRevocations(ctx, 10); err != nil || len(left) != 1 || left[0].Reached != 200 || left[0].Passed != 50 || left[0].PassedAt != 7 {
			t.Errorf("tried again %+v, %v", left, err)
		}
	})
}
