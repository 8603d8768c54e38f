package resources

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/fichadev/ficha/internal/token"
)

func mustRead(t *testing.T, text string) (*File, []Warning) {
	t.Helper()
	f, warnings, err := Parse("r.yaml", []byte(text), nil, nil)
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return f, warnings
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]int64{
		"15s": 15, "30m": 1800, "12h": 43200, "90d": 7776000, "1h30m": 5400, "1d2h3m4s": 93784, "3600": 3600, "36500d": maxSeconds,
		"": 0, "0": 0, "0s": 0, "-1": 0, "1.5h": 0, "1w": 0, "m": 0, "30m1h": 0, "1h1h": 0, "1h 30m": 0, "1h30": 0,
		"36501d": 0, "99999999999": 0, "9999999999d": 0, "+5": 0, "1_000": 0, "0x10": 0, "٣s": 0,
	} {
		if got := duration(text); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

func TestInstants(t *testing.T) {
	const head = "tokens:\n- {kind: service, workspace: w, secret: 0123456789abcdef, expires_at: "
	for text, want := range map[string]int64{"2027-01-31": 1801353600000, "2027-01-31T12:00:00Z": 1801396800000, "'2027-01-31T12:00:00-03:00'": 1801407600000} {
		f, _ := mustRead(t, head+text+"}\n")
		if got := f.Tokens[0].ExpiresAt; got != want {
			t.Errorf("%s: got %d, want %d", text, got, want)
		}
	}
}

func TestAddressesAreInLowerCase(t *testing.T) {
	f, _ := mustRead(t, "users:\n- email: Ana.Admin+x@Example.TEST\ntokens:\n- {kind: personal, user: ANA@example.test, secret: 0123456789abcdef}\n")
	if got := f.Users[0].Email; got != "ana.admin+x@example.test" {
		t.Errorf("got %q", got)
	}
	if got := f.Tokens[0].User; got != "ana@example.test" {
		t.Errorf("got %q", got)
	}
	for _, wrong := range []string{"ana", "ana@", "<a@b.test>", "a@b.test, c@d.test", `'"a b"@c.test'`, "'@b.test'", "a@b.test (x)", strings.Repeat("a", 250) + "@b.test"} {
		expectProblem(t, "users:\n- email: "+wrong+"\n", "r.yaml:2: users[0].email: is not an e-mail address")
	}
}

func TestEnvironmentAndFilesTakeTheirPlaces(t *testing.T) {
	env := func(name string) (string, bool) {
		value, ok := map[string]string{"HOST": "a.test", "N": "7", "DIR": "keys", "ODD": "${HOST} file:x", "FILE": "file:x", "EMPTY": ""}[name]
		return value, ok
	}
	files := map[string]string{
		"/etc/ficha/secret": "a secret of the file\r\n\n", "/etc/ficha/keys/pub.json": `{"keys": [{"kty": "EC"}]}`, "/abs": "absolute path ${HOST}",
	}
	readFile := func(path string) ([]byte, error) {
		if data, ok := files[path]; ok {
			return []byte(data), nil
		}
		return nil, errors.New("open " + path + ": no such file")
	}
	text := `clients:
- client_id: "id-${N}-${N}"
  workspace: w
  number: ${N}
  client_secret: file:secret
  redirect_uris: ["https://${HOST}/cb"]
  jwks: file:${DIR}/pub.json
  client_name: "${ODD}${EMPTY}"
  software_id: "${FILE}"
  description: file:/abs
  contacts: ["$HOST costs $5 {x}"]
`
	f, _, err := Parse("/etc/ficha/r.yaml", []byte(text), env, readFile)
	if err != nil {
		t.Fatal(err)
	}
	c := f.Clients[0]
	got := []any{c.ID, c.Number, c.Secret, c.RedirectURIs, c.Metadata["jwks"], c.Name, c.Metadata["software_id"], c.Description, c.Metadata["contacts"]}
	want := []any{"id-7-7", int64(7), "a secret of the file", []string{"https://a.test/cb"}, map[string]any{"keys": []any{map[string]any{"kty": "EC"}}},
		"${HOST} file:x", "file:x", "absolute path ${HOST}", []string{"$HOST costs $5 {x}"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want - got +\n%s", diff)
	}
}

func TestWhatIsNotThereIsAProblem(t *testing.T) {
	env := func(name string) (string, bool) { return strings.Repeat("x", 40<<10), name == "BIG" }
	readFile := func(path string) ([]byte, error) {
		if path == "dir/big" {
			return make([]byte, 65<<10), nil
		}
		return nil, errors.New("open " + path + ": no such file")
	}
	for value, want := range map[string]string{
		"${MISSING}":   "the environment variable MISSING is not set",
		"a${MISSING}b": "the environment variable MISSING is not set",
		"${MISSING":    "${ is not followed by a variable's name",
		"${}":          "${ is not followed by a variable's name",
		"${1A}":        "${ is not followed by a variable's name",
		"${A-B}":       "${ is not followed by a variable's name",
		"${BIG}":       "is over 4096 bytes",
		"${BIG}${BIG}": "is over 64 KiB",
		"file:":        "file: names no file",
		"file:gone":    "its file cannot be read: open dir/gone: no such file",
		"file:big":     "its file is over 64 KiB",
	} {
		_, _, err := Parse("dir/r.yaml", []byte("workspaces:\n- id: a\n  name: \""+value+"\"\n"), env, readFile)
		if wanted := "dir/r.yaml:3: workspaces[0].name: " + want; err == nil || !strings.HasPrefix(err.Error(), wanted) {
			t.Errorf("%s\ngot  %v\nwant %s", value, err, wanted)
		}
	}
}

func TestTextThatIsSentReadsNothingOfTheServer(t *testing.T) {
	expectProblem(t, "workspaces:\n- id: a\n  name: ${HOME}\n", "r.yaml:3: workspaces[0].name: ${HOME} is not read here")
	expectProblem(t, "workspaces:\n- id: a\n  name: file:/etc/passwd\n", "r.yaml:3: workspaces[0].name: a file: value is not read here")
}

func TestJSONIsReadAsWell(t *testing.T) {
	f, _ := mustRead(t, "{\n\t\"workspaces\": [\n\t\t{\"id\": \"a\", \"name\": \"\\u00e1\\/\\ud83d\\uDE00\\ud83d\\\\\\/\\\"\", \"number\": 5,\n\t\t\"scopes\": [], \"policy\": {\"require_expiry\": true}}]}")
	want := Workspace{Entry: at(3, "id", "name", "number", "scopes", "policy"), ID: "a", Name: "á/😀\ufffd\\/\"", Number: 5, Policy: token.Policy{RequireExpiry: true}}
	if diff := cmp.Diff(want, f.Workspaces[0], cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("want - got +\n%s", diff)
	}
}

func TestTextsByLanguage(t *testing.T) {
	f, _ := mustRead(t, "scopes:\n- {name: a, description: plain, use: {en: x, pt-BR: y}}\n")
	if diff := cmp.Diff(map[string]string{"": "plain"}, f.Scopes[0].Description); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"en": "x", "pt-br": "y"}, f.Scopes[0].Use); diff != "" {
		t.Error(diff)
	}
}

func TestAbsentIsNotEmpty(t *testing.T) {
	f, _ := mustRead(t, "workspaces:\n- id: all\n- {id: none, scopes: [], name: ''}\nusers:\n- email: a@b.test\n  memberships: [{workspace: all}, {workspace: none, scopes: []}]\n")
	if w := f.Workspaces[0]; !w.AllScopes || w.Gives("scopes") {
		t.Errorf("absent: got AllScopes %v, Gives %v", w.AllScopes, w.Gives("scopes"))
	}
	if w := f.Workspaces[1]; w.AllScopes || !w.Gives("scopes") || !w.Gives("name") {
		t.Errorf("empty: got AllScopes %v, Gives %v", w.AllScopes, w.Gives("scopes"))
	}
	m := f.Users[0].Memberships
	if m[0].Narrowed || !m[1].Narrowed || m[0].Role != token.Member {
		t.Errorf("memberships: got %+v", m)
	}
}

func TestRegistrationIsAModeOrASetOfKeys(t *testing.T) {
	for text, want := range map[string]token.Policy{
		"open":                              {Registration: "open"},
		"{mode: token, require_pkce: true}": {Registration: "token", RequirePKCE: true},
		"{require_pkce: true}":              {RequirePKCE: true},
	} {
		f, _ := mustRead(t, "workspaces:\n- id: a\n  policy: {registration: "+text+"}\n")
		if diff := cmp.Diff(want, f.Workspaces[0].Policy); diff != "" {
			t.Errorf("%s: want - got +\n%s", text, diff)
		}
	}
}

func TestAFileMayDeclareNothing(t *testing.T) {
	for _, text := range []string{"", "\n# only a comment\n", "---\n", "{}", "users:\nclients: # none yet\nenvironment:\n"} {
		f, warnings := mustRead(t, text)
		if diff := cmp.Diff(&File{}, f); diff != "" || len(warnings) > 0 {
			t.Errorf("%q: %v %s", text, warnings, diff)
		}
	}
}

func TestTheUnwiseIsAWarning(t *testing.T) {
	_, warnings := mustRead(t, `scopes:
- name: openid
workspaces:
- {id: w, scopes: [openid, a], client_tokens: [short, 0123456789abcdef]}
- {id: v, client_tokens: [0123456789abcdef]}
users:
- {email: a@b.test, password: elevenchars}
- {email: c@b.test, password: twelve chars}
clients:
- {client_id: a, client_secret: 0123456789abcdef, workspace: w}
- {client_id: "b:c", client_secret: 0123456789abcdef, workspace: w}
- {client_id: d, client_secret: 0123456789abcdef, workspace: v}
tokens:
- {kind: service, workspace: w, secret: short}
`)
	checkWarnings(t, warnings,
		"r.yaml:2: scopes[0].name: is known from the start and belongs to everyone; the entry changes nothing",
		"r.yaml:4: workspaces[0].client_tokens[0]: is weak: it has fewer than 16 characters",
		"r.yaml:4: workspaces[0].scopes: openid is never bought, given or narrowed here; the name changes nothing",
		"r.yaml:7: users[0].password: is weak: it has fewer than 12 characters",
		"r.yaml:11: clients[1].client_id: holds a colon, which programs that do not encode it in HTTP Basic send wrongly",
		"r.yaml:14: tokens[0].secret: is weak: it has fewer than 16 characters",
		"r.yaml:5: workspaces[1].client_tokens: one is the same as in the workspace on line 4; give each its own",
		"r.yaml:11: clients[1].client_secret: is the same as that of the client on line 10; give each its own",
	)
}

func TestReferencesAreWhatTheFileDoesNotDeclare(t *testing.T) {
	f, _ := mustRead(t, `scopes: [{name: known}]
workspaces:
- {id: w, scopes: [known, s1], teams: [{id: t}], spaces: [{id: p}]}
roles:
- {workspace: w, name: r, scopes: [known]}
users:
- email: a@b.test
  memberships:
  - {workspace: w, role: r, teams: [t, t2], spaces: [p, p2]}
  - {workspace: v, role: r, teams: [t], scopes: [s1]}
clients:
- {client_id: c, workspace: x, distribution: [w, y], scope: "openid s2 known", optional_scope: s3}
resources:
- {identifier: "urn:a", workspace: w, introspection_client: other, scopes: [s4]}
tokens:
- {kind: personal, user: A@B.test, secret: 0123456789abcdef}
- {kind: access, workspace: w, client: c, user: z@b.test, secret: 0123456789abcdeg, scopes: [s5]}
webhooks:
- {workspace: u, url: "http://localhost:1/x", events: ["*", token.issued, token.key.*]}
`)
	want := []Reference{
		{ToScope, "", "s1", 3}, {ToTeam, "w", "t2", 9}, {ToSpace, "w", "p2", 9},
		{ToWorkspace, "", "v", 10}, {ToRole, "v", "r", 10}, {ToTeam, "v", "t", 10},
		{ToWorkspace, "", "x", 12}, {ToWorkspace, "", "y", 12}, {ToScope, "", "s2", 12},
		{ToClient, "", "other", 14}, {ToScope, "", "s4", 14}, {ToUser, "", "z@b.test", 17},
		{ToScope, "", "s5", 17}, {ToWorkspace, "", "u", 19},
	}
	if diff := cmp.Diff(want, f.References()); diff != "" {
		t.Errorf("want - got +\n%s", diff)
	}
}
