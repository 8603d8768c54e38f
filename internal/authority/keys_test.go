package authority_test

import (
	"context"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/keys"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

// turning lets a key be turned over by somebody else just after it was read, the
// first time.
type turning struct {
	authority.Tx
	done *bool
}

func (t turning) Key(ctx context.Context, id string) (token.SigningKey, error) {
	k, err := t.Tx.Key(ctx, id)
	if err == nil && !*t.done {
		*t.done = true
		_, err = t.SetKeyState(ctx, id, keys.Active, keys.Retiring, k.CreatedAt)
	}
	return k, err
}

// A leaked key that turns over at the moment it is ended must not stay in the
// key set, where others believe it.
func TestEndedKeyIsPublishedNoMore(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	signer, err := h.Ring.Signer(keys.ES256)
	if err != nil {
		t.Fatal(err)
	}
	turned := false
	a := brokenHouse(t, h, &breaking{write: func(tx authority.Tx) authority.Tx { return turning{tx, &turned} }})
	ends := func() error {
		return a.EndKey(t.Context(), token.Actor{Kind: token.System, ID: "test"}, signer.Key(), "leaked")
	}
	if err := ends(); !token.Is(err, token.Conflict) {
		t.Errorf("turned over at the same moment: got %v, want conflict", err)
	}
	if err := ends(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(h.Ring.JWKS()), signer.Key()) {
		t.Error("the key was ended, and is still published")
	}
}
