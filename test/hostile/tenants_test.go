package hostile_test

import (
	"strings"
	"testing"
)

// What belongs to another workspace is as unknown: the same answer as for what
// never was, where an id stands beside another or on a vendor's path; the routes
// of the administration have a test of their own.
func TestForeignIDsAreAsUnknown(t *testing.T) {
	p := start(t)
	made := p.call(t, "POST", "/v1/tokens", `{"name":"of globex","scopes":["catalog:read"]}`, bearer("mint-globex-canary-secret", "X-Workspace-Id", "globex"))
	secret := p.call(t, "POST", "/v1/clients/mint-globex/secrets", "{}", bearer("canary-pat-gus-admin-000", "X-Workspace-Id", "globex"))
	users := p.call(t, "GET", "/v1/users", nil, bearer("canary-pat-gus-admin-000"))
	members := p.call(t, "GET", "/organizations/globex/organization_memberships", nil, bearer("canary-pat-gus-admin-000"))
	pats := p.call(t, "GET", "/users/me/access_tokens", nil, bearer("canary-pat-gus-admin-000"))
	sec, mem, pat := secret.json("id"), firstID(t, members), firstID(t, pats)
	if sec == "" {
		t.Fatal(secret)
	}
	admin, content := bearer("canary-pat-ana-admin-000"), bearer("CFPAT-canary-pat-ana-content")
	for _, r := range []struct {
		who             headers
		method, path    string
		foreign, nobody string
	}{
		{admin, "DELETE", "/v1/clients/ID/secrets/" + sec, "mint-globex", "no-such-client"},
		{admin, "DELETE", "/v1/clients/mint/secrets/ID", sec, "06hivvucmgfk4"},
		{admin, "DELETE", "/v1/users/ID", "gus@globex.example", "nobody@globex.example"},
		{content, "GET", "/users/me/access_tokens/ID", pat, "06hivvucmgfk4"},
		{content, "PUT", "/users/me/access_tokens/ID/revoked", pat, "06hivvucmgfk4"},
		{content, "GET", "/organizations/ID/access_tokens", "globex", "no-such-org"},
		{content, "GET", "/organizations/ID/organization_memberships", "globex", "no-such-org"},
		{content, "GET", "/organizations/ID/organization_memberships/" + mem, "globex", "no-such-org"},
		{content, "DELETE", "/organizations/ID/organization_memberships/" + mem, "globex", "no-such-org"},
		{content, "GET", "/organizations/acme/organization_memberships/ID", mem, "mem_06hivvu4vg3gk"},
		{content, "DELETE", "/organizations/acme/organization_memberships/ID", mem, "mem_06hivvu4vg3gk"},
	} {
		var said [2]answer
		for i, id := range []string{r.foreign, r.nobody} {
			said[i] = p.call(t, r.method, strings.Replace(r.path, "ID", id, 1), nil, r.who)
			said[i].body = withoutRequest(said[i])
		}
		if said[0].code != 404 || said[0].body != said[1].body || said[1].code != 404 {
			t.Errorf("%s %s: foreign %s, nobody's %s", r.method, r.path, said[0], said[1])
		}
	}
	if p.verified(t, made.json("token")) != 200 || p.call(t, "GET", "/v1/users", nil, bearer("canary-pat-gus-admin-000")).body != users.body {
		t.Error("the other workspace came to harm")
	}
}

// withoutRequest returns an answer's body without the id of the request.
func withoutRequest(a answer) string {
	id := a.header.Get("X-Request-Id")
	return strings.ReplaceAll(a.body, id, "")
}

func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	s, _, _ = strings.Cut(s, to)
	return s
}

// A workspace is named once, and by those it belongs to. Naming another is the
// same as a wrong secret.
func TestWorkspaceHeaderOpensNoOtherDoor(t *testing.T) {
	p := start(t)
	const body = `{"name":"x","scopes":["catalog:read"]}`
	wrong := p.call(t, "POST", "/v1/tokens", body, bearer("no-such-secret", "X-Workspace-Id", "acme"))
	for name, h := range map[string]headers{
		"another's":       bearer("mint-canary-client-secret", "X-Workspace-Id", "globex"),
		"nobody's":        bearer("mint-canary-client-secret", "X-Workspace-Id", "no-such"),
		"another case":    bearer("mint-canary-client-secret", "X-Workspace-Id", "ACME"),
		"a wildcard":      bearer("mint-canary-client-secret", "X-Workspace-Id", "%"),
		"a list":          bearer("mint-canary-client-secret", "X-Workspace-Id", "acme,globex"),
		"Basic, another":  append(basic("mint", "mint-canary-client-secret"), "X-Workspace-Id", "globex"),
		"Basic, crossed":  append(basic("mint-globex", "mint-canary-client-secret"), "X-Workspace-Id", "acme"),
		"Basic, no name":  append(basic("", "mint-canary-client-secret"), "X-Workspace-Id", "globex"),
		"public client":   append(basic("spa", ""), "X-Workspace-Id", "acme"),
		"empty secret":    append(basic("mint", ""), "X-Workspace-Id", "acme"),
		"colon in secret": append(basic("mint", "mint-canary-client-secret:"), "X-Workspace-Id", "acme"),
	} {
		if a := p.call(t, "POST", "/v1/tokens", body, h); a.code != 401 || withoutRequest(a) != withoutRequest(wrong) {
			if name == "Basic, no name" && a.code == 401 {
				continue
			}
			t.Errorf("%s: %s, want %s", name, a, wrong)
		}
	}
	for name, h := range map[string]headers{
		"missing": bearer("mint-canary-client-secret"), "empty": bearer("mint-canary-client-secret", "X-Workspace-Id", ""),
		"twice": bearer("mint-canary-client-secret", "X-Workspace-Id", "acme", "X-Workspace-Id", "acme"),
	} {
		if a := p.call(t, "POST", "/v1/tokens", body, h); a.code != 400 {
			t.Errorf("%s: %s, want 400", name, a)
		}
	}
	for _, workspace := range []string{"globex", "strict", "no-such"} {
		if a := p.call(t, "GET", "/v1/tokens", nil, bearer("canary-pat-ana-admin-000", "X-Workspace-Id", workspace)); a.code != 401 && a.code != 404 && a.code != 403 {
			t.Errorf("a token named %s: %s", workspace, a)
		}
	}
	// Administration is by role in the very workspace.
	if a := p.call(t, "GET", "/v1/tokens", nil, bearer("canary-pat-bea-admin-000", "X-Workspace-Id", "acme")); a.code != 403 {
		t.Errorf("admin of one, member of the other: %s", a)
	}
	if a := p.call(t, "GET", "/v1/tokens", nil, bearer("canary-pat-bea-admin-000")); a.code != 403 {
		t.Errorf("no workspace named: %s", a)
	}
	if a := p.call(t, "GET", "/v1/tokens", nil, bearer("canary-pat-bea-admin-000", "X-Workspace-Id", "globex")); a.code != 200 {
		t.Errorf("where she is admin: %s", a)
	}
}

// Nobody is acted for who is not a plain member of the client's own workspace.
func TestImpersonationStaysInsideTheWorkspace(t *testing.T) {
	p := start(t)
	ask := func(who string, more string) answer {
		return p.call(t, "POST", "/v1/tokens", `{"name":"x","type":"impersonated","reason":"support","scopes":["catalog:read"],"on_behalf_of":"`+who+`"`+more+`}`,
			bearer("mint-canary-client-secret", "X-Workspace-Id", "acme"))
	}
	for who, code := range map[string]int{
		"gus@globex.example": 404, "nobody@acme.example": 404, "ana@acme.example": 403, "ada@acme.example": 403, "root@all.example": 403,
		"usr_06hivvucmgfk4": 404, "max@acme.example ": 201, "' OR 1=1 --@": 404, "%@acme.example": 404,
	} {
		if a := ask(who, ""); a.code != code {
			t.Errorf("%q: %s, want %d", who, a, code)
		}
	}
	made := ask("max@acme.example", "")
	h := bearer(made.json("token"))
	for _, route := range []string{"POST /v1/tokens", "POST /users/me/access_tokens", "GET /v1/users", "GET /v1/audit", "POST /v1/apply"} {
		method, path, _ := strings.Cut(route, " ")
		var body any
		if method == "POST" {
			body = `{"name":"x","scopes":["content_management_manage"]}`
		}
		if a := p.call(t, method, path, body, h); a.code != 403 {
			t.Errorf("acting for Max, %s: %s, want 403", route, a)
		}
	}
	if p.verified(t, made.json("token")) != 200 {
		t.Fatal("it does not work at all")
	}
	p.call(t, "DELETE", "/v1/users/max@acme.example", nil, bearer("canary-pat-ana-admin-000"))
	if got := p.verified(t, made.json("token")); got != 401 {
		t.Errorf("after Max left: %d", got)
	}
}
