package authority_test

import (
	"context"
	"errors"
	"testing"

	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/store"
	"github.com/fichadev/ficha/internal/token"
)

// An illegible store cannot read the catalogue while it fails.
type illegible struct {
	breaking
	fails bool
}

func (i *illegible) Scopes(ctx context.Context) ([]*token.ScopeInfo, error) {
	if i.fails {
		return nil, errors.New("away for a moment")
	}
	return i.Store.Scopes(ctx)
}

// A node that could not read the catalogue when it changed knows the new scope
// soon after, and not at the next change.
func TestCatalogueThatCouldNotBeReadIsReadLater(t *testing.T) {
	onEachEngine(t, installHouse, func(t *testing.T, h *servertest.House) {
		ctx, on := t.Context(), &illegible{}
		on.Store = h.Store
		a := houseOn(t, h, on)
		if err := h.Store.Do(ctx, func(tx *store.Tx) error { return tx.PutScope(ctx, &token.ScopeInfo{Name: "stock.write"}) }); err != nil {
			t.Fatal(err)
		}
		if err := a.CatchUp(ctx, h.Clock.Now()); err != nil || a.Known("stock.write") {
			t.Errorf("%v: it was read though nobody had said that it changed", err)
		}
		on.fails = true
		if a.ReloadCatalogue(ctx) == nil || a.CatchUp(ctx, h.Clock.Now()) == nil || a.Known("stock.write") {
			t.Error("nobody hears that it could not be read")
		}
		on.fails = false
		if err := a.CatchUp(ctx, h.Clock.Now()); err != nil || !a.Known("stock.write") {
			t.Errorf("%v: the new scope is not known", err)
		}
	})
}
