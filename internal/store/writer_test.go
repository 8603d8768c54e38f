package store

import (
	"context"
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
