package store

import (
	"context"
	"reflect"
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

// A batch that fails is run again one by one; each member then hears its own
// outcome, the refused ones that they were refused.
func TestMemberOfFailedBatchHearsItsOwnRefusal(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		first, second := newToken(token.Short), newToken(token.Short)
		second.ID, second.Credential, second.Hash = first.ID, first.ID, token.HashOf("another") // two of one batch chose the same id
		batch := make([]*pending, 0, 3)
		for _, issued := range []*token.Token{first, second, newToken(token.Long)} {
			batch = append(batch, &pending{deed: &token.Deed{Issue: []*token.Token{issued}}, done: make(chan error, 1)})
		}
		s.commit(context.Background(), batch)
		for i, p := range batch {
			err := <-p.done
			r := token.AsRefusal(err)
			if clash := r != nil && r.Reason == token.Clash; clash != (i == 1) || i != 1 && err != nil {
				t.Errorf("member %d hears %v; want a clash for the second only", i, err)
			}
			kept, err := s.Token(context.Background(), p.deed.Issue[0].ID)
			if err != nil || kept == nil {
				t.Errorf("member %d left %v, %v", i, kept, err)
			} else if i == 1 && kept.Hash != first.Hash {
				t.Error("the row is not the first one's")
			}
		}
	})
}

// Token asks first whether a row has anything beside the common columns; what
// it has must not be lost.
func TestTokenOfEveryShapeIsReadWhole(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		change := map[string]func(*token.Token){
			"nothing":  func(*token.Token) {},
			"name":     func(w *token.Token) { w.Name = "x" },
			"purpose":  func(w *token.Token) { w.Purpose = "x" },
			"owner":    func(w *token.Token) { w.Owner = "x" },
			"sponsor":  func(w *token.Token) { w.Sponsor = "x" },
			"actor":    func(w *token.Token) { w.Actor = "x" },
			"reason":   func(w *token.Token) { w.Reason = "x" },
			"audience": func(w *token.Token) { w.Audience = "x" },
			"proof":    func(w *token.Token) { w.Proof = "x" },
			"data":     func(w *token.Token) { w.Data = "x" },
			"max uses": func(w *token.Token) { w.MaxUses = 1 },
		}
		for name, change := range change {
			for _, class := range []token.Class{token.Short, token.Long} {
				want := newToken(class)
				want.IssuedAt = want.ID.Time().UnixMilli()
				change(want)
				if err := s.Commit(ctx, &token.Deed{Issue: []*token.Token{want}}); err != nil {
					t.Fatal(err)
				}
				if got, err := s.Token(ctx, want.ID); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%s: got %+v, %v; want %+v", name, got, err, want)
				}
			}
		}
		ended := newToken(token.Short)
		end := token.Ending{ID: ended.ID, At: 7, Reason: "revoked", By: "c1", Successor: 9}
		if err := s.Commit(ctx, &token.Deed{Issue: []*token.Token{ended}}); err != nil {
			t.Fatal(err)
		}
		if err := s.Commit(ctx, &token.Deed{End: []token.Ending{end}}); err != nil {
			t.Fatal(err)
		}
		got, err := s.Token(ctx, ended.ID)
		if err != nil || got.EndedAt != 7 || got.EndReason != "revoked" || got.EndedBy != "c1" || got.Successor != 9 {
			t.Errorf("of the ended row came %+v, %v", got, err)
		}
	})
}
