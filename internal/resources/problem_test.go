package resources

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

// Each case is a file and the beginning of its only problem.
var wrongFiles = []struct{ text, want string }{
	// syntax
	{"a: 1\nb: [1, 2\nc: 3\n", "r.yaml:2: did not find expected"},
	{"users: []\nroles: \"x\n", "r.yaml:2: found unexpected end of stream"},
	{"a: b: c", "r.yaml:1: mapping values are not allowed"},
	{"users:\n- email: a@b.test\n  password: *horse\n", "r.yaml:3: a value begins with * and names no anchor; quote it"},
	{"users: []\n---\nusers: []\n", "r.yaml:2: a second document begins"},
	{"users: []\nroles: [\xff]\n", "r.yaml:2: holds a byte that is neither UTF-8"},
	{"- a\n", "r.yaml:1: is not a set of keys"},
	{"environment: !!binary aGk=\n", "r.yaml:1: YAML tags"},
	{"[1]: x\n", "r.yaml:1: a key is not a word"},
	{"workspaces:\n- &w {id: a}\n- <<: *w\n  id: b\n", "r.yaml:3: workspaces[1]: the merge key << is not read"},
	// keys
	{"users: []\nclient: []\n", `r.yaml:2: unknown key "client"; did you mean "clients"?`},
	{"zzzzzzzzzz: 1\n", `r.yaml:1: unknown key "zzzzzzzzzz"; known are environment, scopes,`},
	{"workspaces:\n- id: a\n  nam: b\n", `r.yaml:3: workspaces[0]: unknown key "nam"; did you mean "name"?`},
	{"workspaces:\n- id: a\n  policy: {require_pkce: true}\n", `r.yaml:3: workspaces[0].policy: unknown key "require_pkce"`},
	{"clients:\n- {client_id: a, workspace: w,\n   redirect_uri: x}\n", `r.yaml:3: clients[0]: unknown key "redirect_uri"; did you mean "redirect_uris"?`},
	{"clients:\n- {client_id: a, workspace: w, client_id#es: x}\n", `r.yaml:2: clients[0]: unknown key "client_id#es"`},
	{"roles: []\nusers: []\nroles: []\n", `r.yaml:3: the key "roles" stands on line 1 already`},
	// shapes
	{"users: x\n", "r.yaml:1: users: is not a list"},
	{"users: [x]\n", "r.yaml:1: users[0]: is not a set of keys"},
	{"workspaces:\n- id: [a]\n", "r.yaml:2: workspaces[0].id: is not a single value"},
	{"workspaces:\n- id: a\n  name:\n  number: 1\n", "r.yaml:3: workspaces[0].name: has no value"},
	{"workspaces:\n- id: a\n  scopes:\n", "r.yaml:3: workspaces[0].scopes: is not a list"},
	{"workspaces:\n- name: a\n", "r.yaml:2: workspaces[0]: has no id; add it"},
	{"workspaces:\n- id: ''\n", "r.yaml:2: workspaces[0].id: is empty"},
	{"workspaces:\n- id: a b\n", "r.yaml:2: workspaces[0].id: is not an identifier"},
	{"workspaces:\n- id: a\n  name: \"b\\0\"\n", "r.yaml:3: workspaces[0].name: holds a control character"},
	{"workspaces:\n- id: a\n  number: 0\n", "r.yaml:3: workspaces[0].number: is not a number; use 1 to 9007199254740991"},
	{"workspaces:\n- id: a\n  number: 9007199254740992\n", "r.yaml:3: workspaces[0].number: is not a number"},
	{"workspaces:\n- id: a\n  client_tokens: ['0123456789:abcdef']\n", "r.yaml:3: workspaces[0].client_tokens[0]: holds a colon"},
	{"workspaces:\n- id: a\n  policy: {max_ttl: {service: 0}}\n", "r.yaml:3: workspaces[0].policy.max_ttl.service: is not a duration"},
	{"workspaces:\n- id: a\n  policy: {max_ttl: {servise: 1d}}\n", `r.yaml:3: workspaces[0].policy.max_ttl: unknown key "servise"; did you mean "service"?`},
	{"workspaces:\n- id: a\n  policy: {registration: closed}\n", "r.yaml:3: workspaces[0].policy.registration: is not known; use off, token or open"},
	{"workspaces:\n- id: a\n  policy: {registration: {mode: x}}\n", "r.yaml:3: workspaces[0].policy.registration.mode: is not known"},
	{"workspaces:\n- id: a\n  policy: {require_expiry: yes}\n", "r.yaml:3: workspaces[0].policy.require_expiry: is not known; use true or false"},
	{"workspaces:\n- id: a\n  policy:\n    max_age: 1\n", `r.yaml:4: workspaces[0].policy: unknown key "max_age"`},
	{"workspaces:\n- id: a\n  policy:\n    addresses: {service: [10.0.0.1/8]}\n", "r.yaml:4: workspaces[0].policy.addresses.service[0]: 10.0.0.1/8 names more than its network; write 10.0.0.0/8"},
	{"workspaces:\n- id: a\n  policy: {approval: [servise]}\n", "r.yaml:3: workspaces[0].policy.approval[0]: is not known; use access,"},
	{"workspaces:\n- id: a\n  policy: {existing: kill}\n", "r.yaml:3: workspaces[0].policy.existing: is not known; use keep or end"},
	{"workspaces:\n- id: a\n  policy: {max_per_owner: {service: 0}}\n", "r.yaml:3: workspaces[0].policy.max_per_owner.service: is not a number"},
	{"environment: Sand Box\n", "r.yaml:1: environment: is not a name"},
	{"scopes: [{name: 'a b'}]\n", "r.yaml:1: scopes[0].name: a scope is 1 to 128"},
	{"scopes: [{name: a, description: {'e!': x}}]\n", `r.yaml:1: scopes[0].description: unknown key "e!"`},
	{"roles:\n- {workspace: w, name: admin, scopes: []}\n", "r.yaml:2: roles[0].name: every workspace has this role"},
	{"users:\n- email: Ana <a@b.test>\n", "r.yaml:2: users[0].email: is not an e-mail address"},
	{"users:\n- email: a@b.test\n  password: ''\n", "r.yaml:3: users[0].password: is empty"},
	// names that stand twice
	{"scopes:\n- name: a\n- name: b\n- name: a\n", "r.yaml:4: scopes[2].name: stands on line 2 already"},
	{"workspaces:\n- id: a\n- id: a\n", "r.yaml:3: workspaces[1].id: stands on line 2 already"},
	{"workspaces:\n- {id: a, number: 7}\n- {id: b, number: 7}\n", "r.yaml:3: workspaces[1].number: stands on line 2 already"},
	{"workspaces:\n- id: a\n  teams:\n  - id: t\n  - id: t\n", `r.yaml:5: workspaces[0].teams[1]: the id "t" stands on line 4 already`},
	{"workspaces:\n- id: a\n  spaces:\n  - id: t\n  - id: t\n", `r.yaml:5: workspaces[0].spaces[1]: the id "t" stands on line 4 already`},
	{"roles:\n- {workspace: w, name: r}\n- {workspace: v, name: r}\n- {workspace: w, name: r}\n", "r.yaml:4: roles[2].name: stands on line 2 already"},
	{"users:\n- email: a@b.test\n- email: A@B.test\n", "r.yaml:3: users[1].email: stands on line 2 already"},
	{"users:\n- {email: a@b.test, number: 5}\n- {email: b@b.test, number: 5}\n", "r.yaml:3: users[1].number: stands on line 2 already"},
	{"users:\n- email: a@b.test\n  memberships:\n  - workspace: w\n  - workspace: w\n", "r.yaml:5: users[0].memberships[1].workspace: stands on line 4 already"},
	{"clients:\n- {client_id: a, workspace: w}\n- {client_id: a, workspace: v}\n", "r.yaml:3: clients[1].client_id: stands on line 2 already"},
	{"resources:\n- {identifier: 'urn:a', workspace: w}\n- {identifier: 'urn:a', workspace: w}\n", "r.yaml:3: resources[1].identifier: stands on line 2 already"},
	{"tokens:\n- {kind: service, workspace: w, secret: 0123456789abcdef}\n- {kind: service, workspace: v, secret: 0123456789abcdef}\n", "r.yaml:3: tokens[1].secret: is the same as that of the token on line 2"},
	{"webhooks:\n- {workspace: w, url: 'https://a.test', events: ['*']}\n- {workspace: w, url: 'https://a.test', events: ['*']}\n", "r.yaml:3: webhooks[1].url: stands on line 2 already"},
	// resources, tokens, webhooks
	{"resources:\n- {identifier: api, workspace: w}\n", "r.yaml:2: resources[0].identifier: is not an absolute URI"},
	{"resources:\n- {identifier: 'https://a.test/#x', workspace: w}\n", "r.yaml:2: resources[0].identifier: has a fragment"},
	{"resources:\n- {identifier: 'urn:a', workspace: w, token_format: saml}\n", "r.yaml:2: resources[0].token_format: is not known; use opaque or jwt"},
	{"clients:\n- {client_id: c, workspace: w, token_endpoint_auth_method: none}\nresources:\n- {identifier: 'urn:a', workspace: w, introspection_client: c}\n", "r.yaml:4: resources[0].introspection_client: the client on line 2 is public"},
	{"clients:\n- {client_id: c, workspace: w}\nresources:\n- {identifier: 'urn:a', workspace: v, introspection_client: c}\n", "r.yaml:4: resources[0].introspection_client: the client on line 2 is of another workspace"},
	{"tokens:\n- {kind: session, workspace: w, secret: 0123456789abcdef}\n", "r.yaml:2: tokens[0].kind: is not known; use access, refresh, service"},
	{"tokens:\n- {secret: 0123456789abcdef}\n", "r.yaml:2: tokens[0]: has no kind"},
	{"tokens:\n- {kind: service, workspace: w}\n", "r.yaml:2: tokens[0]: has no secret"},
	{"tokens:\n- {kind: personal, secret: 0123456789abcdef}\n", "r.yaml:2: tokens[0]: a token of kind personal needs a user"},
	{"tokens:\n- {kind: access, workspace: w, secret: 0123456789abcdef}\n", "r.yaml:2: tokens[0]: a token of kind access needs a client"},
	{"tokens:\n- {kind: personal, user: a@b.test, client: c, secret: 0123456789abcdef}\n", "r.yaml:2: tokens[0].client: a personal token belongs to a user alone"},
	{"tokens:\n- {kind: service, workspace: w, secret: 'with a space in it'}\n", "r.yaml:2: tokens[0].secret: cannot be sent in a header"},
	{"tokens:\n- {kind: service, workspace: w, secret: 0123456789abcdef, expires_at: soon}\n", "r.yaml:2: tokens[0].expires_at: is not an instant"},
	{"tokens:\n- {kind: service, workspace: w, secret: 0123456789abcdef, audience: [x]}\n", "r.yaml:2: tokens[0].audience[0]: is not an absolute URI"},
	{"webhooks:\n- {workspace: w, url: 'http://a.test', events: ['*']}\n", "r.yaml:2: webhooks[0].url: is http; use https"},
	{"webhooks:\n- {workspace: w, url: 'https://u:p@a.test', events: ['*']}\n", "r.yaml:2: webhooks[0].url: has a name or password"},
	{"webhooks:\n- {workspace: w, url: 'https://a.test'}\n", "r.yaml:2: webhooks[0].events: no event is named"},
	{"webhooks:\n- {workspace: w, url: 'https://a.test', events: []}\n", "r.yaml:2: webhooks[0].events: no event is named"},
	{"webhooks:\n- {workspace: w, url: 'https://a.test', events: ['tok*']}\n", "r.yaml:2: webhooks[0].events[0]: is not an event"},
}

func TestEveryProblemNamesItsLine(t *testing.T) {
	for _, c := range wrongFiles {
		expectProblem(t, c.text, c.want)
	}
}

// expectProblem checks that a file has one problem, which begins so.
func expectProblem(t *testing.T, text, want string) {
	t.Helper()
	f, _, err := Parse("r.yaml", []byte(text), nil, nil)
	var problems Problems
	if !errors.As(err, &problems) || f != nil {
		t.Errorf("%q\ngot  %v, %v\nwant %s", text, f, err, want)
		return
	}
	if len(problems) != 1 || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%q\ngot  %v\nwant %s", text, err, want)
	}
}

func TestProblemsComeTogetherByLine(t *testing.T) {
	_, _, err := Parse("r.yaml", []byte("scopes:\n- name: a\n- name: a\n- nam: b\n"), nil, nil)
	want := "r.yaml:3: scopes[1].name: stands on line 2 already; keep one\n" +
		"r.yaml:4: scopes[2]: unknown key \"nam\"; did you mean \"name\"?\n" +
		"r.yaml:4: scopes[2]: has no name; add it"
	if fmt.Sprint(err) != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestNoMoreThanTwentyProblemsAreReported(t *testing.T) {
	_, _, err := Parse("r.yaml", []byte("users:\n"+strings.Repeat("- {}\n", 1000)), nil, nil)
	var problems Problems
	if !errors.As(err, &problems) || len(problems) != 20 {
		t.Errorf("got %d problems, want 20", len(problems))
	}
}

func TestProblemsAreARefusalWithTheirPlaces(t *testing.T) {
	_, _, err := Parse("r.yaml", []byte("workspaces:\n- id: a b\n"), nil, nil)
	refusal := token.AsRefusal(err)
	if refusal == nil || refusal.Code != token.Invalid || len(refusal.Fields) != 1 || refusal.Fields[0].Name != "workspaces[0].id" {
		t.Errorf("got %+v, want a refusal of workspaces[0].id", refusal)
	}
}

func TestNoMessageCarriesASecret(t *testing.T) {
	const secret = "Hunter2Hunter2"
	env := func(string) (string, bool) { return secret + " \x01", true }
	file := func(string) ([]byte, error) { return []byte(secret + "\x01"), nil }
	for _, text := range []string{
		"users:\n- {email: " + secret + ", password: *" + secret + "}\n",
		"users:\n- {email: " + secret + ", password: [" + secret + "]}\n",
		"users:\n- {email: a@b.test, password: '${X}'}\n",
		"users:\n- {email: a@b.test, password: 'file:x'}\n",
		"users:\n- {email: a@b.test, password: '${" + secret + "!}'}\n",
		"clients:\n- {client_id: '" + secret + " x', client_secret: " + secret + ", workspace: '" + secret + " x', token_endpoint_auth_method: none}\n",
		"clients:\n- {client_id: '${X}', workspace: '${X}', redirect_uris: ['${X}'], grant_types: ['" + secret + "'], scope: '${X}', distribution: '${X}'}\n",
		"tokens:\n- {kind: " + secret + ", secret: 'a b " + secret + "'}\n- {kind: personal, secret: 'a b " + secret + "'}\n",
	} {
		_, warnings, err := Parse("r.yaml", []byte(text), env, file)
		if said := fmt.Sprint(err, warnings); err == nil || strings.Contains(said, secret) {
			t.Errorf("%q\ngot %s", text, said)
		}
	}
}
