package hostile_test

import (
	"strings"
	"testing"
)

// A browser sends its cookie by itself, so that what changes something by it
// has to come from a page of ours; and a session reaches as far as its person.
func TestSessionAdministratesFromOurOwnPagesOnly(t *testing.T) {
	p := start(t)
	_, cookie := "", p.signedIn(t, "ana@acme.example")[1]
	routes := []string{"POST /v1/clients/mint/disable", "POST /v1/clients/mint/secrets", "DELETE /v1/users/max@acme.example", "POST /v1/apply"}
	for name, origin := range map[string]string{
		"another site": "https://evil.example", "opaque": "null", "another port": p.base[:strings.LastIndex(p.base, ":")] + ":1", "another scheme": strings.Replace(p.base, "http:", "https:", 1),
		"longer": p.base + ".evil.example", "with user": strings.Replace(p.base, "//", "//evil@", 1), "empty": "", "another case": strings.ToUpper(p.base),
	} {
		for _, route := range routes {
			method, path, _ := strings.Cut(route, " ")
			if a := p.call(t, method, path, nil, headers{"Cookie", cookie, "Origin", origin}); a.code != 403 {
				t.Errorf("%s, %s: %s, want 403", name, route, a)
			}
		}
	}
	if a := p.call(t, "POST", "/v1/clients/mint/disable", nil, headers{"Cookie", cookie, "Origin", p.base}); a.code != 200 {
		t.Errorf("from our own page: %s", a)
	}
	for _, who := range []string{"max@acme.example", "gus@globex.example"} {
		h := append(p.signedIn(t, who), "X-Workspace-Id", "acme", "Origin", p.base)
		for _, route := range append(routes, "GET /v1/tokens", "GET /v1/audit", "POST /v1/tokens") {
			method, path, _ := strings.Cut(route, " ")
			if a := p.call(t, method, path, nil, h); a.code != 403 && a.code != 401 {
				t.Errorf("%s, %s: %s", who, route, a)
			}
		}
	}
	both := headers{"Cookie", cookie, "Authorization", "Bearer no-such-token"}
	if a := p.call(t, "GET", "/v1/users", nil, both); a.code == 200 {
		t.Errorf("a wrong token beside a session: %s", a)
	}
	if a := p.call(t, "GET", "/users/me", nil, headers{"Cookie", cookie}); a.code != 401 {
		t.Errorf("a session at Contentful's paths: %s", a)
	}
	p.call(t, "POST", "/panel/logout", form(), headers{"Cookie", cookie, "Sec-Fetch-Site", "same-origin"})
	if a := p.call(t, "GET", "/v1/users", nil, headers{"Cookie", cookie}); a.code != 401 {
		t.Errorf("signed out: %s", a)
	}
}
