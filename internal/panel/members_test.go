package panel_test

import (
	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/token"
)

// becomes gives a member of ws1 a role.
func (b *browser) becomes(email, role string) {
	b.t.Helper()
	id, err := b.h.Store.PersonByEmail(b.t.Context(), email)
	if err != nil {
		b.t.Fatal(err)
	}
	_, err = b.h.Identity.PutMembership(b.t.Context(), token.Actor{Kind: token.System, ID: "test"}, id, identity.DeclaredMembership{Workspace: "ws1", Role: role}, identity.Options{Restore: true})
	if err != nil {
		b.t.Fatal(err)
	}
}
