package hostile_test

import (
	"net/http"
	"strings"
	"testing"
)

// bearers are places that take a bearer token.
var bearers = []string{
	"GET /verify", "GET /v1/tokens", "GET /v1/users", "GET /v1/clients", "GET /v1/audit", "GET /v1/scopes", "GET /users/me",
	"GET /users/me/access_tokens", "GET /organizations", "GET /organizations/acme/access_tokens",
	"GET /organizations/acme/organization_memberships",
}

// Only tokens are bearers. What else is a secret here, and what has some of a
// token's text, opens nothing: by either header, under any scheme, with and
// without a workspace.
func TestWhatIsNoTokenOpensNothing(t *testing.T) {
	p := start(t)
	ana := p.signedIn(t, "ana@acme.example")
	const web = "https://web.example/cb"
	code := p.allowed(t, ana, standard("web", "catalog:read", web), "acme")
	spent := p.allowed(t, ana, standard("web", "catalog:read", web), "acme")
	got := p.redeemed(t, "/oauth2/token", "web", "web-canary-client-secret", web, spent, "code_verifier", proof)
	access, refresh := got.json("access_token"), got.json("refresh_token")
	fan := p.asClient(t, "/api/token", "fan", "fan-canary-client-secret", form("grant_type", "client_credentials"))
	signed := fan.json("access_token")
	parts := strings.Split(signed, ".")
	_, session, _ := strings.Cut(ana[1], "=")
	secret := p.call(t, "POST", "/v1/clients/mint/secrets", "{}", bearer("canary-pat-ana-admin-000", "X-Workspace-Id", "acme")).json("client_secret")
	if p.verified(t, access) != 200 || p.verified(t, signed) != 200 || session == "" || secret == "" || refresh == "" {
		t.Fatal("the honest ones do not work")
	}
	for name, wrong := range map[string]string{
		"refresh token": refresh, "Fanbase's refresh token": fan.json("refresh_token"), "code": code, "spent code": spent, "session cookie": session,
		"client secret": "web-canary-client-secret", "client secret of ours": secret, "client token": "acme-canary-client-token", "password": "canary-password-ana",
		"cut": access[:len(access)-1], "longer": access + "A", "lower case": strings.ToLower(access), "without its prefix": strings.TrimPrefix(access, "fch_acc_"),
		"another prefix": strings.Replace(access, "fch_acc_", "fch_pat_", 1), "Contentful's prefix": "CFPAT-" + strings.TrimPrefix(access, "fch_acc_"),
		"twice": access + access, "id": firstID(t, p.call(t, "GET", "/users/me/access_tokens", nil, bearer("CFPAT-canary-pat-ana-content"))),
		"signature stripped": parts[0] + "." + parts[1] + ".", "signature gone": parts[0] + "." + parts[1], "alg none": "eyJhbGciOiJub25lIn0." + parts[1] + ".",
		"signature padded": signed + "=", "header changed": "eyJhbGciOiJFUzI1NiJ9." + parts[1] + "." + parts[2],
		"like ours": "fch_svc_canary-looks-like-ours-but-is-not", "star": "*", "null": "null", "undefined": "undefined", "SQL": "'OR/**/1=1--",
	} {
		for _, route := range bearers {
			method, path, _ := strings.Cut(route, " ")
			for _, h := range []headers{bearer(wrong), {"Accesstoken", wrong}, bearer(wrong, "X-Workspace-Id", "acme")} {
				a := p.call(t, method, path, nil, h)
				if strings.HasPrefix(name, "client secret") && len(h) == 4 && strings.HasPrefix(path, "/v1/") {
					continue // beside its workspace it is a program's, which may ask for its own
				}
				if a.code != 401 && a.code != 400 || strings.Contains(a.body, wrong) && len(wrong) > 4 {
					t.Errorf("%s at %s by %s: %s", name, route, h[0], a)
				}
			}
		}
	}
}

// A token is found in one place of a request, and two are none.
func TestTokenStandsInOneHeader(t *testing.T) {
	p := start(t)
	const good, other = "canary-pat-ana-admin-000", "canary-pat-ada-admin-000"
	for name, h := range map[string]headers{
		"two of one header":      {"Authorization", "Bearer " + good, "Authorization", "Bearer " + good},
		"two different":          {"Authorization", "Bearer " + good, "Authorization", "Bearer " + other},
		"both and different":     {"Authorization", "Bearer " + good, "Accesstoken", other},
		"two AccessToken":        {"Accesstoken", good, "Accesstoken", good},
		"a list":                 {"Authorization", "Bearer " + good + ", Bearer " + other},
		"no scheme":              {"Authorization", good},
		"another scheme":         {"Authorization", "Token " + good},
		"DPoP":                   {"Authorization", "DPoP " + good},
		"a proxy's":              {"Proxy-Authorization", "Bearer " + good},
		"forwarded":              {"X-Forwarded-Authorization", "Bearer " + good},
		"a cookie":               {"Cookie", "ficha_session=" + good + "; access_token=" + good},
		"Basic name":             basic(good, ""),
		"Basic password":         basic("x", good),
		"identity of a proxy":    {"X-Auth-Subject", "root", "X_auth_subject", "root", "X-Remote-User", "root"},
		"method of another kind": {"X-Http-Method-Override", "GET", "X-Original-Url", "/healthz"},
	} {
		for _, path := range []string{"/verify", "/v1/tokens", "/users/me"} {
			a := p.call(t, "GET", path, nil, h)
			if a.code != 401 && a.code != 400 {
				t.Errorf("%s at %s: %s", name, path, a)
			}
			if got := a.header.Get("X-Auth-Subject"); got != "" {
				t.Errorf("%s at %s: identity %q", name, path, got)
			}
		}
	}
	for _, path := range []string{"/verify", "/v1/tokens", "/users/me"} {
		for _, query := range []string{"?access_token=", "?token=", "?Authorization=Bearer+", "?AccessToken="} {
			if a := p.call(t, "GET", path+query+good, nil, nil); a.code < 400 || a.code > 422 {
				t.Errorf("%s%s…: %s", path, query, a)
			}
		}
	}
	if a := p.call(t, "GET", "/v1/tokens", nil, headers{"Authorization", "bEARER   " + good, "Accesstoken", good}); a.code != http.StatusOK {
		t.Errorf("one token, twice the same: %s", a)
	}
}
