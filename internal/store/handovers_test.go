package store

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// service enters a live service token of ws1.
func service(t *testing.T, s *Store, change func(*token.Token)) *token.Token {
	t.Helper()
	k := newToken(token.Long)
	k.Kind, k.Name = token.Service, "robot"
	if change != nil {
		change(k)
	}
	must(t, s.Commit(t.Context(), &token.Deed{Issue: []*token.Token{k}}))
	return k
}

func TestOnlyWhatAPersonHoldsUpOrAnswersForIsLeftBehind(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		must(t, s.EnsurePartitions(ctx, time.Now(), 7))
		short := newToken(token.Short)
		short.Kind, short.Name, short.Sponsor = token.Service, "short", "ana"
		must(t, s.Commit(ctx, &token.Deed{Issue: []*token.Token{short}}))
		want := []token.ID{
			short.ID,
			service(t, s, func(k *token.Token) { k.Sponsor = "ana" }).ID,
			service(t, s, func(k *token.Token) { k.Owner = "ana" }).ID,
			service(t, s, func(k *token.Token) { k.Owner, k.Sponsor, k.ExpiresAt = "ana", "ana", 0 }).ID,
		}
		for _, other := range []func(*token.Token){
			func(k *token.Token) { k.Sponsor, k.Workspace = "ana", "ws2" },
			func(k *token.Token) { k.Owner, k.Workspace = "ana", "ws2" },
			func(k *token.Token) { k.Sponsor, k.Kind = "ana", token.Impersonated },
			func(k *token.Token) { k.Owner, k.Kind = "ana", token.Personal },
			func(k *token.Token) { k.Owner, k.Sponsor = "bo", "bo" },
			func(k *token.Token) { k.Sponsor, k.ExpiresAt = "ana", 1 },
			nil,
		} {
			service(t, s, other)
		}
		ended := service(t, s, func(k *token.Token) { k.Sponsor = "ana" })
		must(t, s.Commit(ctx, &token.Deed{End: []token.Ending{{ID: ended.ID, At: 1, Reason: "revoked"}}}))
		slices.Sort(want)
		var got []token.ID
		for after := token.ID(0); ; {
			page, err := s.LeftBehind(ctx, "ws1", "ana", after, 3)
			must(t, err)
			for _, k := range page {
				got, after = append(got, k.ID), k.ID
			}
			if len(page) < 3 {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("left behind are %v, want %v", got, want)
		}
	})
}

// TestHandoverIsOfWhatWasRead: of two who hand one token over, one does, and what
// has ended stays as it was.
func TestHandoverIsOfWhatWasRead(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		k := service(t, s, func(k *token.Token) { k.Owner, k.Sponsor = "ana", "ana" })
		before, err := s.Position(t.Context())
		must(t, err)
		var racers sync.WaitGroup
		won := make([]bool, 8)
		for i := range won {
			racers.Go(func() {
				err := s.Do(context.Background(), func(tx *Tx) (err error) {
					won[i], err = tx.HandOver(context.Background(), k, token.Handover{Owner: "bo", Sponsor: "bo", ExpiresAt: 77, Final: true})
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		racers.Wait()
		if n := len(slices.DeleteFunc(won, func(w bool) bool { return !w })); n != 1 {
			t.Errorf("%d handed it over, want 1", n)
		}
		is, err := s.Token(t.Context(), k.ID)
		must(t, err)
		if is.Owner != "bo" || is.Sponsor != "bo" || is.ExpiresAt != 77 || !is.Final() || is.Born != k.Born {
			t.Errorf("it is %+v", is)
		}
		after, err := s.Position(t.Context())
		must(t, err)
		if after.Position <= before.Position {
			t.Error("no judge hears of it")
		}
		must(t, s.Commit(t.Context(), &token.Deed{End: []token.Ending{{ID: k.ID, At: 1, Reason: "revoked"}}}))
		must(t, s.Do(t.Context(), func(tx *Tx) error {
			if won, err := tx.HandOver(t.Context(), is, token.Handover{Owner: "ana"}); err != nil || won {
				t.Errorf("what has ended: %v, %v", won, err)
			}
			return nil
		}))
	})
}

// TestLeaversAreFoundByIndex however many tokens the workspace has.
func TestLeaversAreFoundByIndex(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		must(t, s.EnsurePartitions(ctx, time.Now(), 7))
		for range 4 {
			deed := &token.Deed{}
			for range 500 {
				long, short := newToken(token.Long), newToken(token.Short)
				long.Name, short.Name = "named", "named"
				deed.Issue = append(deed.Issue, long, short)
			}
			must(t, s.Commit(ctx, deed))
		}
		for _, text := range []string{leftBehindTexts[token.Short], leftBehindTexts[token.Long], actingBy} {
			plan := explain(t, s, text, []any{"ws1", "ana", int64(1), int64(0), 500})
			if strings.Contains(plan, "Seq Scan on tokens") || strings.Contains(plan, "SCAN tokens") {
				t.Errorf("a table is read as a whole:\n%s", plan)
			}
		}
	})
}
