package store

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/token"
)

// turning is a deed that opens a rotation of a token beside its new secret.
func turning(old, made *token.Token, at time.Time) *token.Deed {
	return &token.Deed{Issue: []*token.Token{made}, Rotation: &token.Rotation{
		ID: token.NewID(at, token.Long), What: token.RotatesToken, Workspace: old.Workspace, Credential: old.Credential.String(),
		Old: old.ID, New: made.ID, OldExpires: old.ExpiresAt, State: token.RotationPending, Grace: 60, CreatedAt: at.UnixMilli(),
	}}
}

func secretOf(first *token.Token, at time.Time, n byte) *token.Token {
	made := *first
	made.ID, made.Credential, made.Replaces = token.NewID(at, first.ID.Class()), first.Credential, first.ID
	made.Hash[0], made.NarrowedFrom = n, token.Scopes{"a", "b"}
	return &made
}

func TestOneRotationOfATokenIsOpen(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		for _, class := range []token.Class{token.Short, token.Long} {
			now := time.UnixMilli(s.now())
			first := &token.Token{Kind: token.Service, Workspace: "w", Name: "deploy", ExpiresAt: s.now() + 3_600_000}
			first.ID = token.NewID(now, class)
			first.Credential = first.ID
			issue(t, s, first)
			one, two := secretOf(first, now.Add(time.Millisecond), 1), secretOf(first, now.Add(time.Millisecond), 2)
			if err := s.Commit(t.Context(), turning(first, one, now)); err != nil {
				t.Fatal(err)
			}
			if err := s.Commit(t.Context(), turning(first, two, now)); token.AsRefusal(err) == nil || token.AsRefusal(err).Reason != token.Lost {
				t.Errorf("a second one is open: %v", err)
			}
			all, err := s.Secrets(t.Context(), first.Credential)
			if err != nil || len(all) != 2 || all[0].ID != first.ID || all[0].Successor != one.ID || all[1].Replaces != first.ID || !all[1].Pending() {
				t.Errorf("%v, %v", all, err)
			}
			open, err := s.Rotations(t.Context(), token.RotationQuery{Workspace: "w", What: token.RotatesToken, Credential: first.Credential.String(), OpenOnly: true, Limit: 5})
			if err != nil || len(open) != 1 || open[0].New != one.ID {
				t.Errorf("%v, %v", open, err)
			}
		}
	})
}

func TestEndingOfAWholeCredentialTakesThePendingSecret(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		now := time.UnixMilli(s.now())
		first := &token.Token{Kind: token.Service, Workspace: "w", Name: "deploy", ID: token.NewID(now, token.Long)}
		first.Credential = first.ID
		other := &token.Token{Kind: token.Service, Workspace: "w", Name: "other", ID: token.NewID(now, token.Long)}
		other.Credential = other.ID
		issue(t, s, first, other)
		next := secretOf(first, now, 1)
		if err := s.Commit(t.Context(), turning(first, next, now)); err != nil {
			t.Fatal(err)
		}
		heard := map[string]bool{}
		s.OnChange(func(changes []token.Change) {
			for _, c := range changes {
				heard[c.ID] = true
			}
		})
		end := token.Ending{ID: first.ID, At: s.now(), Reason: "revoked", By: "user:1", Whole: first.Credential}
		if err := s.Commit(t.Context(), &token.Deed{End: []token.Ending{end}}); err != nil {
			t.Fatal(err)
		}
		for _, one := range []*token.Token{first, next, other} {
			got, err := s.Token(t.Context(), one.ID)
			if err != nil || (got.EndedAt != 0) != (one != other) {
				t.Errorf("%s: ended at %d, %v", one.Name, got.EndedAt, err)
			}
			if number := strconv.FormatInt(int64(one.ID), 10); heard[number] != (one != other) {
				t.Errorf("%s: the judge heard %v", one.Name, heard[number])
			}
		}
		if open, err := s.Rotations(t.Context(), token.RotationQuery{Workspace: "w", OpenOnly: true, Limit: 5}); err != nil || len(open) != 0 {
			t.Errorf("still open: %v, %v", open, err)
		}
		// The other order: what has ended gets no new secret.
		if err := s.Commit(t.Context(), turning(first, secretOf(first, now, 3), now)); token.AsRefusal(err) == nil {
			t.Errorf("an ended token got a secret: %v", err)
		}
	})
}

func TestRotationIsMovedFromWhereItIs(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		r := &token.Rotation{ID: 9, What: token.RotatesClientSecret, Workspace: "w", Credential: "c", Old: 1, New: 2, State: token.RotationPending, Grace: 1}
		wins(t, s, "open", true, func(tx *Tx) (bool, error) { return tx.AddRotation(t.Context(), r) })
		again := *r
		again.ID = 10
		wins(t, s, "open twice", false, func(tx *Tx) (bool, error) { return tx.AddRotation(t.Context(), &again) })
		r.Confirm(s.now() - 5000)
		wins(t, s, "confirm", true, func(tx *Tx) (bool, error) { return tx.MoveRotation(t.Context(), token.RotationPending, r) })
		wins(t, s, "confirm twice", false, func(tx *Tx) (bool, error) { return tx.MoveRotation(t.Context(), token.RotationPending, r) })
		due, err := s.DueRotations(t.Context(), 5)
		if err != nil || len(due) != 1 || *due[0] != *r {
			t.Errorf("due: %v, %v", due, err)
		}
		if err := r.Finish(s.now(), false); err != nil {
			t.Fatal(err)
		}
		wins(t, s, "finish", true, func(tx *Tx) (bool, error) { return tx.MoveRotation(t.Context(), token.RotationActive, r) })
		if due, err := s.DueRotations(t.Context(), 5); err != nil || len(due) != 0 {
			t.Errorf("due after the end: %v, %v", due, err)
		}
	})
}

// TestSecretsAreLookedUp: none of these walks a table, on either engine.
func TestSecretsAreLookedUp(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		for name, one := range map[string]struct {
			text string
			args []any
		}{
			"secrets": {secretsText[token.Long], []any{1}}, "end": {wholeText[token.Long], []any{1, 2, "", ""}}, "replace": {replaceText[token.Long], []any{1, 2, 3, 1}},
		} {
			deed := &token.Deed{}
			for range 500 {
				deed.Issue = append(deed.Issue, newToken(token.Long))
			}
			must(t, s.Commit(t.Context(), deed))
			if plan := explain(t, s, one.text, one.args); strings.Contains(plan, "SCAN tokens") || strings.Contains(plan, "Seq Scan on tokens") {
				t.Errorf("%s: %s", name, plan)
			}
		}
	})
}

func TestAgesAndWatchesOfRotations(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		w := &token.Workspace{ID: "w", Number: 1, Policy: token.Policy{RotateAfter: map[token.Kind]int64{token.Service: 60}}}
		w.Policy.Next = &token.Policy{RotateAfter: map[token.Kind]int64{token.Personal: 90}}
		do(t, s, func(tx *Tx) error { return tx.PutWorkspace(ctx, w) })
		do(t, s, func(tx *Tx) error { return tx.PutWorkspace(ctx, &token.Workspace{ID: "v", Number: 2}) })
		if ages, err := s.RotationAges(ctx); err != nil || len(ages) != 2 || !ages[60_000] || !ages[90_000] {
			t.Errorf("%v, %v", ages, err)
		}
		same(t, "passed before the first step", token.ID(0))(s.RotationWatch(ctx, 60_000))
		wins(t, s, "begin", true, func(tx *Tx) (bool, error) { return tx.MoveRotationWatch(ctx, 60_000, 5, 9) })
		wins(t, s, "move from elsewhere", false, func(tx *Tx) (bool, error) { return tx.MoveRotationWatch(ctx, 60_000, 5, 12) })
		wins(t, s, "move on", true, func(tx *Tx) (bool, error) { return tx.MoveRotationWatch(ctx, 60_000, 9, 12) })
		same(t, "passed", token.ID(12))(s.RotationWatch(ctx, 60_000))

		live, ended := newToken(token.Long), newToken(token.Long)
		issue(t, s, live, ended)
		do(t, s, func(tx *Tx) error { _, err := tx.End(ctx, token.Ending{ID: ended.ID, At: 1, Reason: "x"}); return err })
		got, err := s.MadeBetween(ctx, live.ID, live.ID+1, 5)
		if err != nil || len(got) != 1 || got[0].ID != live.ID {
			t.Errorf("%v, %v", got, err)
		}
		if got, err := s.MadeBetween(ctx, ended.ID, ended.ID+1, 5); err != nil || len(got) != 0 {
			t.Errorf("an ended one: %v, %v", got, err)
		}
	})
}

// TestRunBeginsWhenNoRotationIsUnderWay: one that is being committed is waited
// for and counts, by whatever clock it was made; one that comes later is refused.
func TestRunBeginsWhenNoRotationIsUnderWay(t *testing.T) {
	race := func(t *testing.T, one, two *Store) {
		ctx, now := t.Context(), time.UnixMilli(one.now())
		first := &token.Token{Kind: token.Service, Workspace: "w", Name: "deploy", ID: token.NewID(now, token.Long), ExpiresAt: one.now() + 3_600_000}
		first.Credential = first.ID
		issue(t, one, first)
		ahead := secretOf(first, now.Add(3*time.Second), 1)
		opening := turning(first, ahead, now)
		opening.Rotation.State, opening.Rotation.EndedAt = token.RotationRetired, one.now()
		opening.End = []token.Ending{{ID: first.ID, At: one.now(), Reason: "rotated"}}
		must(t, two.Commit(ctx, opening))

		held, later := make(chan struct{}), make(chan error, 1)
		go func() {
			<-held
			later <- two.Commit(ctx, turning(ahead, secretOf(ahead, now, 2), now))
		}()
		do(t, one, func(tx *Tx) error {
			newest, err := tx.HoldRotations(ctx, "w")
			if newest != ahead.ID {
				t.Errorf("the newest secret is %v, want %v", newest, ahead.ID)
			}
			close(held)
			select {
			case err := <-later:
				later <- fmt.Errorf("it did not wait: %w", err)
			case <-time.After(200 * time.Millisecond): // it is on its way
			}
			run := &token.Revocation{ID: token.NewID(now, token.Long), Workspace: "w", Act: token.Revoke, Running: true, Reached: newest + 1}
			return errors.Join(err, tx.PutRevocation(ctx, run))
		})
		if err := <-later; !token.Is(err, token.Conflict) {
			t.Errorf("a rotation beside a run: %v", err)
		}
	}
	eachEngine(t, func(t *testing.T, s *Store) { race(t, s, s) })
	if pgtest.Available() {
		t.Run("two nodes", func(t *testing.T) {
			database := pgtest.Start(t).Database(t)
			race(t, open(t, database), open(t, database))
		})
	}
}

// A rotation whose new secret expired without being seen is found once it has,
// and not before; one that is in use, or never expires, is not.
func TestLapsedRotationsAreFoundByTheClock(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		at := c.now().UnixMilli()
		for i, r := range []token.Rotation{
			{State: token.RotationPending, NewExpires: at + 5000},
			{State: token.RotationPending},
			{State: token.RotationActive, NewExpires: at + 4000},
			{State: token.RotationPending, NewExpires: at + 3000, EndedAt: at},
		} {
			r.ID, r.What, r.Credential = token.ID(i+1), token.RotatesToken, string(rune('a'+i))
			wins(t, s, r.Credential, true, func(tx *Tx) (bool, error) { return tx.AddRotation(t.Context(), &r) })
		}
		for _, want := range []int{0, 1} {
			found, err := s.LapsedRotations(t.Context(), 10)
			if err != nil || len(found) != want || want > 0 && found[0].ID != 1 {
				t.Errorf("%v, %v; want %d", found, err, want)
			}
			c.pass(5 * time.Second)
		}
		if s.engine.shared() {
			return
		}
		if plan := explain(t, s, lapsedRotations, []any{1, 2}); !strings.Contains(plan, "rotations_lapsed") {
			t.Errorf("they are looked for by\n%s", plan)
		}
	})
}
