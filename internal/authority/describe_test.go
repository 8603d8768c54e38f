package authority_test

import (
	"testing"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
)

// TestTokenIsNotTakenOutOfItsOwnersCount: where tokens are counted by their
// owner, none is left without one.
func TestTokenIsNotTakenOutOfItsOwnersCount(t *testing.T) {
	h := startPoliced(t)
	h.put(token.Policy{MaxPerOwner: map[token.Kind]int64{token.Service: 1}})
	out := h.issue(service(func(o *authority.Order) { o.Owner, o.Purpose = "billing", "deploys" }))
	nobody, nothing := "", ""
	err := h.Authority.Describe(t.Context(), h.as("admin@example.test"), out.Token, token.Description{Owner: &nobody})
	if !token.Is(err, token.Invalid) {
		t.Errorf("without an owner: %v, want Invalid", err)
	}
	if err := h.Authority.Describe(t.Context(), h.as("admin@example.test"), out.Token, token.Description{Purpose: &nothing}); err != nil {
		t.Errorf("without a purpose, which nobody requires: %v", err)
	}
}
