package panel_test

import (
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

const password = "correct horse battery"

// world is two workspaces, people of each kind and two applications.
const world = `
scopes:
  - {name: "crm.objects.contacts.read", description: {en: "Read contacts", es: "Leer contactos"}}
  - {name: "forms", description: {en: "Manage forms"}}
workspaces:
  - {id: ws1, name: Acme, scopes: ["content:write", "catalog:read", "crm.objects.contacts.read", "forms"]}
  - {id: ws2, name: "<b>Basin</b>"}
  - {id: ws3, name: Clay}
users:
  - {email: ana@acme.example, name: Ana Admin, password: "correct horse battery", memberships: [{workspace: ws1, role: super_admin}]}
  - {email: lim@acme.example, name: Lim Limited, password: "correct horse battery", memberships: [{workspace: ws1, role: member, scopes: ["catalog:read"]}]}
  - {email: two@acme.example, name: "<img src=x onerror=alert(1)>", password: "correct horse battery", memberships: [{workspace: ws2, role: super_admin}, {workspace: ws1, role: super_admin}]}
  - {email: none@acme.example, name: Nobody, password: "correct horse battery"}
clients:
  - client_id: hs-client
    client_secret: hs-secret
    workspace: ws3
    distribution: public
    client_name: "Contacts <script>alert(1)</script>"
    description: "Copies <i>contacts</i>"
    redirect_uris: ["http://localhost:3000/oauth-callback"]
    grant_types: [authorization_code, refresh_token]
    scope: "oauth crm.objects.contacts.read"
    optional_scope: "forms automation"
    installable_by: super_admin
  - client_id: spa
    client_name: Notes
    token_endpoint_auth_method: none
    workspace: ws1
    redirect_uris: ["http://127.0.0.1:9/callback"]
    grant_types: [authorization_code, refresh_token]
    scope: "openid profile offline_access"
    optional_scope: "catalog:read content:write"
`

func newHouse(t *testing.T, change func(*server.Config)) *servertest.House {
	t.Helper()
	return servertest.Start(t, world, change)
}

// session returns the token behind the browser's session.
func (b *browser) session() *token.Token {
	b.t.Helper()
	r, err := b.h.Verifier.Find(b.t.Context(), b.cookie("ficha_session"))
	if err != nil {
		b.t.Fatal(err)
	}
	return r.Token
}

// install is HubSpot's request as its face brings it to the consent page.
func install() authority.Request {
	return authority.Request{
		Contract: "hubspot", Client: "hs-client", RedirectURI: "http://localhost:3000/oauth-callback", State: "a b&c=d/é",
		Scopes: token.Scopes{"oauth", "crm.objects.contacts.read"}, Optional: token.Scopes{"forms", "automation"},
		InstallableBy: token.SuperAdmin, Installed: true, Again: "/oauth/authorize?client_id=hs-client",
	}
}

// standard is a request of OAuth 2.1 with optional scopes of its own.
func standard() authority.Request {
	return authority.Request{
		Contract: "oauth2", Client: "spa", RedirectURI: "http://127.0.0.1:9/callback", State: "s1", Challenge: strings.Repeat("a", 43),
		Scopes: token.Scopes{"openid", "offline_access", "catalog:read", "content:write"}, InstallableBy: token.Member, Issuer: true,
	}
}

// ask keeps a request for the browser's person and returns the path of its page.
func (b *browser) ask(q authority.Request) string {
	b.t.Helper()
	id, err := b.h.Authority.Begin(b.t.Context(), b.session(), q)
	if err != nil {
		b.t.Fatal(err)
	}
	return "/panel/consent?request=" + id.String()
}

// says fails unless the page has that status and every one of the words.
func (s *shown) says(status int, words ...string) *shown {
	s.b.t.Helper()
	if s.status != status || s.away != "" {
		s.b.t.Fatalf("%s %s answers %d, want %d:\n%s", s.url, s.away, s.status, status, s.text)
	}
	for _, word := range words {
		if !strings.Contains(s.text, word) {
			s.b.t.Errorf("%s does not say %q:\n%s", s.url, word, s.text)
		}
	}
	return s
}
