package store

import (
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

func TestSessionsAreListedWhileTheyLive(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx, now := t.Context(), time.Now()
		must(t, s.EnsurePartitions(ctx, now, 7))
		var made []token.SignedIn
		for i := range 4 {
			session := newToken(token.Short)
			session.Kind, session.Person = token.Session, "u1"
			must(t, s.Commit(ctx, &token.Deed{Issue: []*token.Token{session}}))
			one := token.SignedIn{Token: session.ID, Person: "u1", ExpiresAt: now.Add(time.Hour).UnixMilli(), Address: "192.0.2.7", Agent: "Firefox"}
			if i == 3 {
				one.ExpiresAt = now.Add(-time.Second).UnixMilli()
			}
			must(t, s.Do(ctx, func(tx *Tx) error { return tx.AddSignedIn(ctx, one) }))
			made = append(made, one)
		}
		must(t, s.Commit(ctx, &token.Deed{End: []token.Ending{{ID: made[0].Token, At: now.UnixMilli(), Reason: "signed out", By: "u1"}}}))
		got, err := s.SignedIn(ctx, "u1", 0, 10)
		must(t, err)
		if len(got) != 2 || got[0] == got[1] || got[0].Token < got[1].Token {
			t.Fatalf("listed %+v of %+v", got, made)
		}
		next, err := s.SignedIn(ctx, "u1", got[0].Token, 10)
		must(t, err)
		if len(next) != 1 || next[0] != got[1] {
			t.Errorf("the next page is %+v", next)
		}
		if n, err := s.Purge(ctx); err != nil || n != 1 {
			t.Errorf("purged %d, %v; want the one that is over", n, err)
		}
	})
}

func TestListOfSessionsIsALookUp(t *testing.T) {
	s := open(t, "sqlite")
	plan := explain(t, s, `SELECT s.token FROM sessions s WHERE s.person = $1 AND (CAST($2 AS BIGINT) = 0 OR s.token < $2) AND s.expires_at > $3
		AND EXISTS (SELECT 1 FROM tokens_short t WHERE t.id = s.token AND t.ended_at = 0) ORDER BY s.token DESC LIMIT $4`, []any{"u1", int64(0), int64(0), 10})
	if want := "SEARCH s USING INDEX sessions_person"; len(plan) < len(want) || plan[:len(want)] != want {
		t.Errorf("the plan is\n%s", plan)
	}
}

func TestWhatWorksOnceIsPurgedWhenItIsOver(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx, over := t.Context(), time.Now().Add(-time.Minute).UnixMilli()
		must(t, s.Do(ctx, func(tx *Tx) error {
			for i := range 3 {
				if first, err := tx.UseChallenge(ctx, token.HashOf(string(rune('a'+i))), over); err != nil || !first {
					t.Errorf("a new challenge: %v, %v", first, err)
				}
			}
			if again, err := tx.UseChallenge(ctx, token.HashOf("a"), over); err != nil || again {
				t.Errorf("taken twice: %v", err)
			}
			return tx.PutReset(ctx, "u1", token.HashOf("link"), over)
		}))
		if p, err := s.Reset(ctx, token.HashOf("link"), time.Now().UnixMilli()); err != nil || p != "" {
			t.Errorf("a link that is over is of %q, %v", p, err)
		}
		if n, err := s.Purge(ctx); err != nil || n != 4 {
			t.Errorf("purged %d, %v; want 4", n, err)
		}
	})
}
