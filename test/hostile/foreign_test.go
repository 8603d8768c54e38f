package hostile_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// ours are the routes that take an id which is no workspace's: keys and status
// lists are the server's, and the address of a calendar is a secret.
var ours = []string{"/v1/keys/", "/v1/status-lists/", "/v1/expiry-feeds/"}

// named returns the operations of /v1 that name something in their path, as the
// server describes itself.
func (p *program) named(t *testing.T) (all []string) {
	t.Helper()
	var described struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	a := p.call(t, "GET", "/v1/openapi.json", nil, nil)
	if err := json.Unmarshal([]byte(a.body), &described); err != nil {
		t.Fatal(err)
	}
	for path, operations := range described.Paths {
		if !strings.HasPrefix(path, "/v1/") || !strings.Contains(path, "{") || slices.ContainsFunc(ours, func(o string) bool { return strings.HasPrefix(path, o) }) {
			continue
		}
		for method := range operations {
			if method != "parameters" {
				all = append(all, strings.ToUpper(method)+" "+path)
			}
		}
	}
	slices.Sort(all)
	return all
}

// things returns what a workspace holds, by the path that shows it: the id of
// each, and after a colon that of a rotation of it.
func (p *program) things(t *testing.T, client, secret, workspace, admin, member string) map[string][2]string {
	t.Helper()
	who, program := bearer(admin, "X-Workspace-Id", workspace), bearer(secret, "X-Workspace-Id", workspace)
	made := func(a answer) string {
		t.Helper()
		if a.code/100 != 2 {
			t.Fatalf("%s: %s", workspace, a)
		}
		return a.json("id")
	}
	turned := func(path string) string {
		t.Helper()
		a := p.call(t, "POST", path+"/rotations", "{}", who)
		made(a)
		return between(a.body, `"rotation":{"id":"`, `"`)
	}
	tok := made(p.call(t, "POST", "/v1/tokens", `{"name":"of `+workspace+`","scopes":["catalog:read"]}`, program))
	hook := made(p.call(t, "POST", "/v1/webhooks", `{"url":"https://hooks.`+workspace+`.example/","events":["key.*"]}`, who))
	acting := made(p.call(t, "POST", "/v1/tokens", `{"name":"x","type":"impersonated","reason":"support","scopes":["catalog:read"],"on_behalf_of":"`+member+`"}`, program))
	run := made(p.call(t, "POST", "/v1/revocations", `{"by":{"scope":"crm.read"},"reason":"trial"}`, who))
	login := between(p.call(t, "GET", "/v1/client-tokens", nil, who).body, `"id":"`, `"`)
	person := between(p.call(t, "GET", "/v1/users", nil, who).body, `"id":"usr_`, `"`)
	turn := turned("/v1/tokens/" + tok)
	guest := "guest@" + workspace + ".example"
	if a := p.call(t, "POST", "/v1/users", `{"email":"`+guest+`"}`, who); a.code != 201 {
		t.Fatalf("%s: %s", workspace, a)
	}
	return map[string][2]string{
		"/v1/tokens/":         {tok, turn},
		"/v1/rotations/":      {turn, turn},
		"/v1/webhooks/":       {hook, turned("/v1/webhooks/" + hook)},
		"/v1/clients/":        {client, turned("/v1/clients/" + client)},
		"/v1/client-tokens/":  {login, turned("/v1/client-tokens/" + login)},
		"/v1/users/":          {"usr_" + person, ""},
		"/v1/invitations/":    {guest, ""},
		"/v1/impersonations/": {acting, ""},
		"/v1/revocations/":    {run, ""},
	}
}

// What belongs to another workspace is as unknown, to its administrators and its
// programs, on every route of the administration that names something: those
// that are described, so that none is forgotten.
func TestEveryRouteHidesWhatIsOfOthers(t *testing.T) {
	p := start(t)
	theirs := p.things(t, "mint-globex", "mint-globex-canary-secret", "globex", "canary-pat-gus-admin-000", "gil@globex.example")
	mine := p.things(t, "mint", "mint-canary-client-secret", "acme", "canary-pat-ana-admin-000", "max@acme.example")
	routes := p.named(t)
	if len(routes) < 40 {
		t.Fatalf("only %d routes name something", len(routes))
	}
	for _, route := range routes {
		method, path, _ := strings.Cut(route, " ")
		at := path[:strings.Index(path, "{")]
		if _, ok := theirs[at]; !ok {
			t.Errorf("%s: say in this test what it names", route)
			continue
		}
		of := func(id, rotation string) string {
			fill := strings.NewReplacer("{id}", id, "{email}", id, "{rotation}", rotation, "{secret}", rotation, "{step}", "cancel")
			if at == "/v1/rotations/" {
				fill = strings.NewReplacer("{rotation}", id, "{step}", "cancel")
			}
			return fill.Replace(path)
		}
		nobody := "06hivvucmgfk4"
		unknown := map[string]string{"/v1/users/": "usr_" + nobody, "/v1/clients/": "no-such-client"}[at]
		if unknown == "" {
			unknown = nobody
		}
		p.hides(t, method, of(theirs[at][0], theirs[at][1]), of(unknown, nobody))
		if strings.Contains(path, "{rotation}") && at != "/v1/rotations/" {
			p.hides(t, method, of(mine[at][0], theirs[at][1]), of(mine[at][0], nobody))
		}
	}
	for _, at := range []string{"/v1/tokens/", "/v1/webhooks/", "/v1/impersonations/"} {
		path := strings.Replace(at, "impersonations", "tokens", 1) + theirs[at][0]
		if a := p.call(t, "GET", path, nil, bearer("canary-pat-gus-admin-000")); a.json("status") != "active" {
			t.Errorf("%s came to harm: %s", path, a)
		}
	}
}

// hides checks that two paths, of something foreign and of nothing, get the same
// answer, whoever of acme asks.
func (p *program) hides(t *testing.T, method, foreign, nobody string) {
	t.Helper()
	for _, who := range []headers{bearer("canary-pat-ana-admin-000"), bearer("mint-canary-client-secret", "X-Workspace-Id", "acme")} {
		var said [2]answer
		for i, path := range []string{foreign, nobody} {
			var body any
			if strings.HasSuffix(path, "/transfer") {
				body = `{"to":"ada@acme.example"}`
			} else if method != "GET" && method != "DELETE" {
				body = "{}"
			}
			said[i] = p.call(t, method, path, body, who)
			said[i].body = withoutRequest(said[i])
		}
		if said[0].code != said[1].code || said[0].body != said[1].body {
			t.Errorf("%s %s: foreign %s, nobody's %s", method, foreign, said[0], said[1])
		}
		hidden := said[0].code == 404 || said[0].code == 403 && len(who) > 2 || said[0].body == `{"items":[],"next":null}`
		if !hidden {
			t.Errorf("%s %s: %s, want 404, or an empty list", method, foreign, said[0])
		}
	}
}
