package store

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// The secrets of a webhook have one row. Whoever had the one before must not fill
// the places of the one that took its turn.
func TestPlacesOfASecretOfAWebhookAreItsOwn(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		add := func(secret, place string, want bool) {
			t.Helper()
			l := token.Leak{
				Secret: 7, What: token.RotatesWebhookSecret, Workspace: "w", Credential: "hook", ReportedAt: c.now().UnixMilli(),
				Place: token.PlaceOf(token.HashOf(secret), token.HashOf(place)),
			}
			wins(t, s, place, want, func(tx *Tx) (bool, error) { return tx.AddLeak(t.Context(), &l) })
		}
		for i := range mostPlaces {
			add("old", string(rune('a'+i)), true)
		}
		add("old", "one too many", false)
		add("new", "a", true)
		add("new", "a", false)
		add("new", "b", true)
	})
}

func TestPlacesOfASecretAreKeptOnceAndNotWithoutEnd(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		ctx := t.Context()
		leak := token.Leak{Secret: 7, What: token.RotatesToken, Workspace: "w", Credential: "cred", Source: "github", URL: "https://x.example/a", LeakedAt: 5, Ended: true}
		add := func(place string, want bool) {
			t.Helper()
			l := leak
			l.Place, l.ReportedAt = token.HashOf(place), c.now().UnixMilli()
			wins(t, s, place, want, func(tx *Tx) (bool, error) { return tx.AddLeak(ctx, &l) })
		}
		add("a", true)
		add("a", false)
		c.pass(time.Minute)
		for i := 1; i < mostPlaces; i++ {
			add(string(rune('a'+i)), true)
		}
		add("one too many", false)
		leak.Secret, leak.What = 8, token.RotatesClientSecret
		add("a", true)

		list, err := s.Leaks(ctx, token.RotatesToken, "cred")
		must(t, err)
		first := list[len(list)-1]
		if len(list) != mostPlaces || first.Place != token.HashOf("a") || first.Secret != 7 || first.URL != leak.URL || first.LeakedAt != 5 || !first.Ended {
			t.Errorf("%d places, the first %+v", len(list), first)
		}
		var paged []token.Leak
		q := token.LeakQuery{Workspace: "w", Limit: 7}
		for {
			page, err := s.WorkspaceLeaks(ctx, q)
			must(t, err)
			if len(page) == 0 {
				break
			}
			paged = append(paged, page...)
			q.After = &page[len(page)-1]
		}
		if len(paged) != mostPlaces+1 || paged[len(paged)-1].Place != first.Place || !slices.IsSortedFunc(paged, func(a, b token.Leak) int { return cmp.Compare(b.ReportedAt, a.ReportedAt) }) {
			t.Errorf("pages of the workspace have %d: %+v", len(paged), paged)
		}
		if late, err := s.WorkspaceLeaks(ctx, token.LeakQuery{Workspace: "w", From: c.now().UnixMilli(), Limit: 100}); err != nil || len(late) != mostPlaces {
			t.Errorf("since a minute %d, %v", len(late), err)
		}
		if other, err := s.WorkspaceLeaks(ctx, token.LeakQuery{Workspace: "v", Limit: 100}); err != nil || len(other) != 0 {
			t.Errorf("of another workspace %d, %v", len(other), err)
		}
		c.pass(leaksKept)
		if _, err = s.Purge(ctx); err != nil {
			t.Fatal(err)
		}
		if list, err = s.Leaks(ctx, token.RotatesToken, "cred"); err != nil || len(list) != 0 {
			t.Errorf("after 400 days there are %d: %v", len(list), err)
		}
	})
}

func TestHoldersOfASecretAreFoundInAnyWorkspace(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		ctx, hash := t.Context(), token.HashOf("shared")
		must(t, s.Do(ctx, func(tx *Tx) error {
			for i, client := range []string{"one", "two"} {
				if err := tx.PutSecret(ctx, client, token.Secret{ID: token.ID(i + 1), Hash: hash, CreatedAt: c.now().UnixMilli()}); err != nil {
					return err
				}
			}
			return nil
		}))
		got, err := s.Holders(ctx, hash)
		if err != nil || len(got) != 2 || got[0] != "one" || got[1] != "two" {
			t.Errorf("got %v, %v", got, err)
		}
		if got, err = s.Holders(ctx, token.HashOf("other")); err != nil || len(got) != 0 {
			t.Errorf("of another secret: %v, %v", got, err)
		}
	})
}
