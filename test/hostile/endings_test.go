package hostile_test

import (
	"strings"
	"testing"
)

// everywhere asks about a token at each surface that judges one, and returns
// those that say yes.
func (p *program) everywhere(t testing.TB, secret string) (yes []string) {
	t.Helper()
	if p.verified(t, secret) == 200 {
		yes = append(yes, "/verify")
	}
	if p.call(t, "GET", "/verify", nil, headers{"Accesstoken", secret}).code == 200 {
		yes = append(yes, "/verify by AccessToken")
	}
	for _, path := range []string{"/v1/scopes", "/users/me", "/organizations", "/oauth/v1/access-tokens/" + secret, "/oauth/v1/refresh-tokens/" + secret} {
		if p.call(t, "GET", path, nil, bearer(secret)).code == 200 {
			yes = append(yes, path)
		}
	}
	for _, client := range []string{"web", "hub", "mint", "fan"} {
		for _, path := range []string{"/oauth2/introspect", "/oauth/v3/introspect"} {
			f, h := form("token", secret), basic(client, client+"-canary-client-secret")
			if strings.Contains(p.call(t, "POST", path, f, h).body, `"active":true`) {
				yes = append(yes, path+" by "+client)
			}
		}
		if strings.Contains(p.call(t, "POST", "/v1/tokens/introspect", `{"token":"`+secret+`"}`, bearer(client+"-canary-client-secret", "X-Workspace-Id", "acme")).body, `"active":true`) {
			yes = append(yes, "/v1/tokens/introspect by "+client)
		}
	}
	return yes
}

// held are the secrets of a house in which everything was asked for once.
type held struct{ installed, consented, refresh, fan, fanRefresh, service, chronos, personal string }

func (p *program) hold(t testing.TB) (h held) {
	t.Helper()
	leo := p.signedIn(t, "leo@acme.example")
	maxine := p.signedIn(t, "max@acme.example")
	const web, hub = "https://web.example/cb", "https://hub.example/cb"
	h.installed = p.redeemed(t, "/oauth/v1/token", "hub", "hub-canary-client-secret", hub, p.allowed(t, leo, hubspot("hub", "oauth crm.read content_management_manage", hub), "acme")).json("access_token")
	a := p.redeemed(t, "/oauth2/token", "web", "web-canary-client-secret", web, p.allowed(t, maxine, standard("web", "catalog:read content_management_manage", web), "acme"), "code_verifier", proof)
	h.consented, h.refresh = a.json("access_token"), a.json("refresh_token")
	a = p.asClient(t, "/api/token", "fan", "fan-canary-client-secret", form("grant_type", "client_credentials"))
	h.fan, h.fanRefresh = a.json("access_token"), a.json("refresh_token")
	h.service = p.call(t, "POST", "/v1/tokens", `{"name":"s","scopes":["catalog:read"]}`, bearer("mint-canary-client-secret", "X-Workspace-Id", "acme")).json("token")
	h.chronos = p.call(t, "POST", "/token/generate", `{"email":"max@acme.example","password":"canary-password-max:acme-canary-client-token"}`, nil).json("token")
	h.personal = p.call(t, "POST", "/users/me/access_tokens", `{"name":"p","scopes":["content_management_manage"]}`, bearer("CFPAT-canary-pat-max-content")).json("token")
	for name, secret := range h.all() {
		if secret == "" || len(p.everywhere(t, secret)) == 0 {
			t.Fatalf("%s opens nothing from the start", name)
		}
	}
	return h
}

func (h held) all() map[string]string {
	return map[string]string{
		"HubSpot's": h.installed, "the consented": h.consented, "its refresh token": h.refresh, "Fanbase's": h.fan, "its refresh token too": h.fanRefresh,
		"the service token": h.service, "Chronos's": h.chronos, "the personal": h.personal,
	}
}

// What ended is dead on every surface, and stays so: after what it stood on was
// enabled again, and after the server was killed.
func TestWhatEndedStaysEndedEverywhere(t *testing.T) {
	p := start(t)
	h := p.hold(t)
	admin := bearer("canary-pat-ana-admin-000")
	for _, path := range []string{"DELETE /v1/users/max@acme.example", "POST /v1/clients/hub/disable", "POST /v1/clients/fan/disable", "POST /v1/clients/mint/disable"} {
		method, path, _ := strings.Cut(path, " ")
		if a := p.call(t, method, path, nil, admin); a.code != 200 && a.code != 204 {
			t.Fatalf("%s: %s", path, a)
		}
	}
	dead := func(when string) {
		t.Helper()
		for name, secret := range h.all() {
			if yes := p.everywhere(t, secret); yes != nil {
				t.Errorf("%s: %s token opens %v", when, name, yes)
			}
		}
		for client, secret := range map[string]string{"web": h.refresh, "fan": h.fanRefresh} {
			for _, face := range []string{"/oauth2/token", "/api/token"} {
				if a := p.asClient(t, face, client, client+"-canary-client-secret", form("grant_type", "refresh_token", "refresh_token", secret)); a.code < 400 || a.code > 401 {
					t.Errorf("%s: %s refreshes at %s: %s", when, client, face, a)
				}
			}
		}
	}
	dead("at once")
	for _, client := range []string{"hub", "fan", "mint"} {
		if a := p.call(t, "POST", "/v1/clients/"+client+"/enable", nil, admin); a.code != 200 {
			t.Fatalf("enable %s: %s", client, a)
		}
	}
	file := `{"users":[{"email":"max@acme.example","memberships":[{"workspace":"acme","role":"member"}]}]}`
	if a := p.call(t, "POST", "/v1/apply?restore=true", file, bearer("canary-pat-root-all-00000", "X-Workspace-Id", "acme")); a.code != 200 {
		t.Fatalf("restore Max: %s", a)
	}
	dead("enabled and restored")
	p.killed(t)
	dead("after kill -9")
	if a := p.call(t, "POST", "/token/generate", `{"email":"max@acme.example","password":"canary-password-max:acme-canary-client-token"}`, nil); a.code != 200 {
		t.Errorf("Max, restored, cannot sign in: %s", a)
	}
}

// A suspended token opens nothing, whoever asks and however; resumed it opens
// again what did not end meanwhile.
func TestSuspendedTokenOpensNothingAnywhere(t *testing.T) {
	p := start(t)
	h := p.hold(t)
	admin := bearer("canary-pat-ana-admin-000")
	for name, secret := range map[string]string{"HubSpot's": h.installed, "the consented": h.consented, "Fanbase's": h.fan, "the service token": h.service, "Chronos's": h.chronos} {
		id := p.call(t, "GET", "/verify", nil, bearer(secret)).header.Get("X-Auth-Token-Id")
		if a := p.call(t, "POST", "/v1/tokens/"+id+"/suspend", `{"reason":"look"}`, admin); a.code != 200 {
			t.Fatalf("suspend %s: %s", name, a)
		}
		if yes := p.everywhere(t, secret); yes != nil {
			t.Errorf("%s, suspended, opens %v", name, yes)
		}
		if a := p.call(t, "POST", "/v1/tokens/"+id+"/resume", nil, bearer(secret)); a.code != 401 {
			t.Errorf("%s resumes itself: %s", name, a)
		}
		if a := p.call(t, "POST", "/v1/tokens/"+id+"/resume", nil, admin); a.code != 200 || len(p.everywhere(t, secret)) == 0 {
			t.Errorf("%s, resumed: %s", name, a)
		}
	}
}

// The spent stays spent when the server dies: codes, consents, uses, refresh
// tokens that were replaced.
func TestWhatWasSpentStaysSpentAfterAKill(t *testing.T) {
	p := start(t)
	ana := p.signedIn(t, "ana@acme.example")
	const spa = "https://spa.example/cb"
	id, _ := p.asked(t, ana, standard("spa", "catalog:read", spa))
	code := p.allowed(t, ana, standard("spa", "catalog:read", spa), "acme")
	other := p.allowed(t, ana, standard("spa", "catalog:read", spa), "acme")
	first := p.redeemed(t, "/oauth2/token", "spa", "", spa, code, "code_verifier", proof)
	p.redeemed(t, "/oauth2/token", "spa", "", spa, other, "code_verifier", proof)
	second := p.asClient(t, "/oauth2/token", "spa", "", form("grant_type", "refresh_token", "refresh_token", first.json("refresh_token")))
	if got := p.verified(t, second.json("access_token")); got != 200 {
		t.Fatalf("the successor: %d", got)
	}
	p.call(t, "POST", "/panel/consent", form("request", id, "action", "deny"), ana)
	once := p.call(t, "POST", "/v1/tokens", `{"name":"once","type":"ephemeral","scopes":["catalog:read"],"max_uses":1}`, bearer("mint-canary-client-secret", "X-Workspace-Id", "acme"))
	p.verified(t, once.json("token"))
	out := p.signedIn(t, "leo@acme.example")
	p.call(t, "POST", "/panel/logout", form(), out)
	p.killed(t)
	if a := p.redeemed(t, "/oauth2/token", "spa", "", spa, other, "code_verifier", proof); a.code != 400 {
		t.Errorf("a code: %s", a)
	}
	if a := p.call(t, "POST", "/panel/consent", form("request", id, "action", "allow", "workspace", "acme"), ana); a.header.Get("Location") != "" {
		t.Errorf("a consent that was denied: %s", a)
	}
	if got := p.verified(t, once.json("token")); got != 401 {
		t.Errorf("a token for one use: %d", got)
	}
	if a := p.call(t, "GET", "/panel/", nil, out); a.code == 200 {
		t.Errorf("a session that was signed out: %s", a)
	}
	third := p.asClient(t, "/oauth2/token", "spa", "", form("grant_type", "refresh_token", "refresh_token", second.json("refresh_token")))
	if third.code != 200 {
		t.Fatalf("the live refresh token: %s", third)
	}
	if a := p.asClient(t, "/oauth2/token", "spa", "", form("grant_type", "refresh_token", "refresh_token", first.json("refresh_token"))); a.code != 400 {
		t.Errorf("a refresh token two steps back: %s", a)
	}
	if got := p.verified(t, third.json("access_token")); got != 401 {
		t.Errorf("the family after a copy was seen: %d", got)
	}
}

// A role that was lost takes its scopes along at once, in what exists and in
// what could be made.
func TestDemotionShrinksEveryToken(t *testing.T) {
	p := start(t)
	file := `{"users":[{"email":"ada@acme.example","memberships":[{"workspace":"acme","role":"member","scopes":[]}]}]}`
	ada := p.signedIn(t, "ada@acme.example")
	const web = "https://web.example/cb"
	code := p.allowed(t, ada, standard("web", "catalog:read", web), "acme")
	got := p.redeemed(t, "/oauth2/token", "web", "web-canary-client-secret", web, code, "code_verifier", proof)
	if p.verified(t, got.json("access_token"), "scope", "catalog:read") != 200 {
		t.Fatal("it does not work from the start")
	}
	if a := p.call(t, "POST", "/v1/apply", file, bearer("canary-pat-root-all-00000", "X-Workspace-Id", "acme")); a.code != 200 {
		t.Fatalf("demote: %s", a)
	}
	if code := p.verified(t, got.json("access_token"), "scope", "catalog:read"); code != 403 {
		t.Errorf("the access token still holds the scope: %d", code)
	}
	if a := p.asClient(t, "/oauth2/token", "web", "web-canary-client-secret", form("grant_type", "refresh_token", "refresh_token", got.json("refresh_token"))); a.code != 400 {
		t.Errorf("refreshed: %s", a)
	}
	for _, route := range []string{"GET /v1/tokens", "GET /v1/users", "POST /v1/clients/mint/disable", "DELETE /v1/users/max@acme.example", "POST /v1/apply"} {
		method, path, _ := strings.Cut(route, " ")
		if a := p.call(t, method, path, nil, bearer("canary-pat-ada-admin-000")); a.code != 403 {
			t.Errorf("%s: %s", route, a)
		}
	}
}
