package authority_test

import (
	"context"
	"testing"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

const installHouse = `
scopes: [{name: "stock.read"}]
workspaces: [{id: ws1}]
users:
  - {email: boss@example.test, memberships: [{workspace: ws1, role: super_admin}]}
  - {email: left@example.test, memberships: [{workspace: ws1, role: super_admin}]}
clients:
  - {client_id: app, client_secret: app-secret-0123456789, workspace: ws1, redirect_uris: ["https://app.example/cb"], grant_types: [authorization_code, refresh_token], scope: "stock.read", installable_by: super_admin}
`

// An overtaken store lets something else be done before each deed of a test's.
type overtaken struct {
	breaking
	by func()
}

func (o *overtaken) Do(ctx context.Context, f func(authority.Tx) error) error {
	o.by()
	return o.breaking.Do(ctx, f)
}

// The ledger of a workspace has what its webhooks hear, where the request named it.
func TestWorkspaceThatIsAskedForHearsOfANo(t *testing.T) {
	h := servertest.Start(t, installHouse, nil)
	hook, _, _, err := h.Authority.PutWebhook(t.Context(), apply, token.Webhook{Workspace: "ws1", URL: "https://hooks.ws1.test/", Events: []string{"consent.denied"}}, "", authority.Options{})
	if err != nil {
		t.Fatal(err)
	}
	who, session := signed(t, h, "boss@example.test")
	for heard, workspace := range []string{"", "ws1"} {
		q := authority.Request{Contract: "hubspot", Client: "app", RedirectURI: "https://app.example/cb", Scopes: token.Scopes{"stock.read"}, Installed: true, Workspace: workspace}
		id, err := h.Authority.Begin(t.Context(), session, q)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Authority.Deny(t.Context(), who, session, id); err != nil {
			t.Fatal(err)
		}
		sent, err := h.Store.Shipments(t.Context(), hook.ID, "", 0, 10)
		if err != nil || len(sent) != heard {
			t.Errorf("asked for %q: %d deliveries, %v; want %d", workspace, len(sent), err, heard)
		}
		list, err := h.Store.Events(t.Context(), token.Trail{Workspace: workspace, Action: "consent.denied"})
		if err != nil || len(list) != 1 {
			t.Errorf("asked for %q: %d records, %v", workspace, len(list), err)
		}
	}
}

// An install survives its installer, so that nobody installs on rights that they
// lost while they were asked.
func TestWhoLeftMeanwhileInstallsNothing(t *testing.T) {
	onEachEngine(t, installHouse, func(t *testing.T, h *servertest.House) {
		who, session := signed(t, h, "left@example.test")
		boss, _ := signed(t, h, "boss@example.test")
		q := authority.Request{Contract: "hubspot", Client: "app", RedirectURI: "https://app.example/cb", Scopes: token.Scopes{"stock.read"}, Installed: true}
		id, err := h.Authority.Begin(t.Context(), session, q)
		if err != nil {
			t.Fatal(err)
		}
		removes := func() {
			if err := h.Identity.Remove(t.Context(), boss, who.ID, "ws1", "left"); err != nil && !token.Is(err, token.NotFound) {
				t.Fatal(err)
			}
		}
		on := &overtaken{by: removes}
		on.Store = h.Store
		if to, err := houseOn(t, h, on).Approve(t.Context(), who, session, id, "ws1", nil); !token.Is(err, token.AccessDenied) {
			t.Errorf("the browser goes to %q, %v; want access_denied", to, err)
		}
		given, err := h.Store.Grants(t.Context(), "ws1", "", 0, 10)
		if err != nil || len(given) != 0 {
			t.Errorf("%d installs, %v; want none", len(given), err)
		}
	})
}
