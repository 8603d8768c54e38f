package hostile_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

// redeemed redeems a code of a client at a face, with the proof if it is said.
func (p *program) redeemed(t testing.TB, face, id, secret, redirect, code string, more ...string) answer {
	t.Helper()
	f := form(append([]string{"grant_type", "authorization_code", "code", code, "redirect_uri", redirect}, more...)...)
	return p.asClient(t, face, id, secret, f)
}

// asClient posts a form to a token endpoint as a client: by Basic at the
// standard one, in the form elsewhere or where the client has no secret.
func (p *program) asClient(t testing.TB, face, id, secret string, f url.Values) answer {
	t.Helper()
	if face == "/oauth2/token" && secret != "" {
		return p.call(t, "POST", face, f, basic(id, secret))
	}
	f.Set("client_id", id)
	if secret != "" {
		f.Set("client_secret", secret)
	}
	return p.call(t, "POST", face, f, nil)
}

// What one contract gives is worth nothing at the token endpoint of another:
// the standard one owes PKCE to everybody, HubSpot's gives refresh tokens that
// the standard one would not. A try does not hurt the honest holder.
func TestCodeIsRedeemedUnderItsOwnContract(t *testing.T) {
	p := start(t)
	ana := p.signedIn(t, "ana@acme.example")
	const web, hub = "https://web.example/cb", "https://hub.example/cb"

	code := p.allowed(t, ana, hubspot("hub", "oauth crm.read content_management_manage", hub), "acme")
	if a := p.redeemed(t, "/oauth2/token", "hub", "hub-canary-client-secret", hub, code); a.code != 400 || a.json("error") != "invalid_grant" {
		t.Errorf("HubSpot's code at the standard endpoint: %s", a)
	}
	if a := p.redeemed(t, "/oauth/v1/token", "hub", "hub-canary-client-secret", hub, code); a.code != 200 {
		t.Errorf("HubSpot's code at HubSpot's: %s", a)
	}

	code = p.allowed(t, ana, standard("web", "catalog:read openid", web), "acme")
	if a := p.redeemed(t, "/oauth/v3/token", "web", "web-canary-client-secret", web, code, "code_verifier", proof); a.code != 400 || a.json("refresh_token") != "" {
		t.Errorf("the standard code at HubSpot's endpoint: %s", a)
	}
	if a := p.redeemed(t, "/oauth2/token", "web", "web-canary-client-secret", web, code, "code_verifier", proof); a.code != 200 || a.json("refresh_token") != "" {
		t.Errorf("the standard code at the standard endpoint: %s; want no refresh token without offline_access", a)
	}
	// A second use ends what the first gave, wherever it is tried.
	code = p.allowed(t, ana, standard("web", "catalog:read", web), "acme")
	a := p.redeemed(t, "/oauth2/token", "web", "web-canary-client-secret", web, code, "code_verifier", proof)
	p.redeemed(t, "/oauth/v1/token", "web", "web-canary-client-secret", web, code, "code_verifier", proof)
	if got := p.verified(t, a.json("access_token")); got != 401 {
		t.Errorf("after the code was replayed at another face: %d", got)
	}
}

func TestRefreshTokenIsUsedUnderItsOwnContract(t *testing.T) {
	p := start(t)
	ana := p.signedIn(t, "ana@acme.example")
	const web, hub = "https://web.example/cb", "https://hub.example/cb"
	of := map[string]string{} // refresh tokens by the endpoint that gave them
	code := p.allowed(t, ana, hubspot("hub", "oauth crm.read content_management_manage", hub), "acme")
	of["/oauth/v1/token"] = p.redeemed(t, "/oauth/v1/token", "hub", "hub-canary-client-secret", hub, code).json("refresh_token")
	code = p.allowed(t, ana, standard("web", "catalog:read", web), "acme")
	of["/oauth2/token"] = p.redeemed(t, "/oauth2/token", "web", "web-canary-client-secret", web, code, "code_verifier", proof).json("refresh_token")
	of["/api/token"] = p.asClient(t, "/api/token", "fan", "fan-canary-client-secret", form("grant_type", "client_credentials")).json("refresh_token")
	holder := map[string]string{"/oauth/v1/token": "hub", "/oauth2/token": "web", "/api/token": "fan"}
	for from, secret := range of {
		for _, face := range []string{"/oauth/v1/token", "/oauth/2026-09/token", "/oauth2/token", "/api/token"} {
			own := face == from || from == "/oauth/v1/token" && face == "/oauth/2026-09/token"
			a := p.asClient(t, face, holder[from], holder[from]+"-canary-client-secret", form("grant_type", "refresh_token", "refresh_token", secret))
			if ok := a.code == 200; ok != own {
				t.Errorf("the refresh token of %s at %s: %s", from, face, a)
			}
		}
	}
}

// An install belongs to the workspace and outlives who installed it. It must not
// act as that person: their personal tokens, and the rights of their role, are
// not what was given.
func TestInstallDoesNotActAsItsInstaller(t *testing.T) {
	p := start(t)
	const hub = "https://hub.example/cb"
	code := p.allowed(t, p.signedIn(t, "ana@acme.example"), hubspot("hub", "oauth crm.read content_management_manage", hub), "acme")
	install := bearer(p.redeemed(t, "/oauth/v1/token", "hub", "hub-canary-client-secret", hub, code).json("access_token"))
	mine := p.call(t, "GET", "/users/me/access_tokens", nil, bearer("CFPAT-canary-pat-ana-content"))
	id := firstID(t, mine)
	members := p.call(t, "GET", "/organizations/acme/organization_memberships", nil, bearer("CFPAT-canary-pat-ana-content"))
	for _, path := range []string{
		"GET /users/me", "GET /users/me/access_tokens", "GET /users/me/access_tokens/" + id, "PUT /users/me/access_tokens/" + id + "/revoked",
		"GET /organizations/acme/access_tokens", "GET /organizations/acme/organization_memberships",
		"DELETE /organizations/acme/organization_memberships/" + firstID(t, members),
	} {
		method, path, _ := strings.Cut(path, " ")
		if a := p.call(t, method, path, nil, install); a.code != 403 {
			t.Errorf("%s %s: %s, want 403", method, path, a)
		}
	}
}

// firstID returns the id of the first item of one of Contentful's lists.
func firstID(t testing.TB, a answer) string {
	t.Helper()
	var list struct {
		Items []struct{ Sys struct{ ID string } }
	}
	if json.Unmarshal([]byte(a.body), &list) != nil || len(list.Items) == 0 {
		t.Fatalf("no items: %s", a)
	}
	return list.Items[0].Sys.ID
}
