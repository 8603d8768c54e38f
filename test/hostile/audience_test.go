package hostile_test

import "testing"

// Our own API is a resource like any other, and its name is the issuer. A token
// that was made for another resource may be replayed by that one, so that it
// neither administrates here nor makes tokens; ending itself it may.
func TestTokenForAnotherResourceOpensNoneOfOurs(t *testing.T) {
	p := start(t)
	const pat = "CFPAT-canary-pat-ana-audience"
	elsewhere := bearer(pat)
	for _, r := range []struct{ method, path, body string }{
		{"GET", "/v1/tokens", ""},
		{"GET", "/v1/users", ""},
		{"GET", "/v1/audit", ""},
		{"POST", "/v1/clients/mint/disable", "{}"},
		{"POST", "/v1/tokens/introspect", `{"token":"x"}`},
		{"DELETE", "/v1/users/max@acme.example", ""},
		{"GET", "/users/me", ""},
		{"GET", "/users/me/access_tokens", ""},
		{"POST", "/users/me/access_tokens", `{"name":"wider","scopes":["content_management_manage"]}`},
		{"GET", "/organizations", ""},
		{"GET", "/organizations/acme/organization_memberships", ""},
	} {
		var body any
		if r.body != "" {
			body = r.body
		}
		if a := p.call(t, r.method, r.path, body, elsewhere); a.code != 401 {
			t.Errorf("%s %s: %s, want 401", r.method, r.path, a)
		}
	}
	if p.verified(t, pat, "audience", "https://api.acme.example") != 200 || p.verified(t, pat, "audience", "https://api.globex.example") != 401 {
		t.Error("its own audience is not kept at the judge")
	}
}

// Whoever steals a token can at most end it.
func TestTokenForAnotherResourceMayEndItself(t *testing.T) {
	p := start(t)
	made := p.call(t, "POST", "/v1/tokens", `{"name":"for the api","scopes":["catalog:read"],"audience":"https://api.acme.example"}`, bearer("mint-canary-client-secret", "X-Workspace-Id", "acme"))
	secret := made.json("token")
	if a := p.call(t, "POST", "/v1/tokens/"+made.json("id")+"/revoke", nil, bearer(secret)); a.code != 200 {
		t.Errorf("revoke itself: %s", a)
	}
	if got := p.verified(t, secret); got != 401 {
		t.Errorf("afterwards: %d", got)
	}
}
