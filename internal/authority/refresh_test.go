package authority_test

import (
	"sync"
	"testing"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

const publicApp = `
workspaces: [{id: ws1, name: Acme}]
users:
  - {email: ana@example.test, memberships: [{workspace: ws1, role: member}]}
clients:
  - {client_id: spa, token_endpoint_auth_method: none, workspace: ws1, grant_types: [authorization_code, refresh_token],
     redirect_uris: ["https://spa.example.test/"], scope: "content:write"}
`

// Of the ids of one instant some are chosen twice, and chosen again: whoever
// refreshes is given a token all the same. Eight thousand at one instant choose
// about fifteen ids that are taken.
func TestRefreshesOfOneInstantAreAllGiven(t *testing.T) {
	h := servertest.Start(t, publicApp, nil)
	spa, err := h.Verifier.Client(t.Context(), "spa")
	if err != nil || spa == nil {
		t.Fatal(spa, err)
	}
	ana, err := h.Store.PersonByEmail(t.Context(), "ana@example.test")
	if err != nil {
		t.Fatal(err)
	}
	now, who := h.Clock.Now(), token.Actor{Kind: token.App, ID: "spa"}
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			out, err := h.Authority.Issue(t.Context(), who, authority.Order{
				Kind: token.Access, Contract: "oauth2", Client: "spa", Workspace: "ws1", Person: ana, Scopes: token.Scopes{"content:write"}, Refresh: true,
				Family: &token.Grant{Contract: "oauth2", Client: "spa", Person: ana, Workspace: "ws1", Scopes: token.Scopes{"content:write"}, CreatedAt: now.UnixMilli()},
			})
			for n := 0; n < 250 && err == nil; n++ {
				out, err = h.Authority.Refresh(t.Context(), who, spa, authority.Renewal{Contract: "oauth2", Secret: out.RefreshSecret})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
