package identity

import (
	"context"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// A long tail is a transaction in which a person leaves very many secrets behind
// that are the heir's already, so that they take no place.
type longTail struct {
	Tx
	heir string
	read int
}

func (l *longTail) LeftBehind(_ context.Context, _, _ string, after token.ID, limit int) (page []*token.Token, err error) {
	if l.read += limit; l.read > 100*mostHanded {
		return nil, nil
	}
	for n := range limit {
		id := after + token.ID(n) + 1
		page = append(page, &token.Token{ID: id, Credential: id, Owner: l.heir})
	}
	return page, nil
}

// TestPlacesAreLookedForAFewStepsAhead: the workspace is locked meanwhile.
func TestPlacesAreLookedForAFewStepsAhead(t *testing.T) {
	w := newWorld(t, "sqlite")
	ana, boss := w.user("ana@example.test", token.Member), w.user("boss@example.test", token.SuperAdmin)
	w.limited(3)
	err := w.store.Do(w.ctx, func(tx Tx) error {
		tail := &longTail{Tx: tx, heir: boss.ID}
		h := handover{tx: tail, from: ana, to: boss.ID, field: "to"}
		if err := h.read(w.ctx, "ws1"); err != nil {
			return err
		}
		first, err := tail.LeftBehind(w.ctx, "ws1", ana.ID, token.NewID(w.clock.now().Add(-time.Hour), token.Long), mostHanded)
		if err != nil {
			return err
		}
		if err := h.findPlaces(w.ctx, first); err != nil || tail.read != mostHanded+mostAhead {
			t.Errorf("it read %d secrets, %v; want %d beside its own", tail.read, err, mostAhead)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
