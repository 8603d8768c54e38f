package resources

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func readExample(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func anyVariable(string) (string, bool) { return "value of a variable", true }

// keyPattern finds the keys of the example: a word at the beginning of a line
// or of an object, and a colon.
var keyPattern = regexp.MustCompile(`(?m)(?:^[ -]*|[{,] ?)([a-z_]+): ?`)

// TestEveryKeyOfTheExampleMayBeMistyped misspells each key in turn: the
// problem stands on the key's line, and the key itself is suggested.
func TestEveryKeyOfTheExampleMayBeMistyped(t *testing.T) {
	example := readExample(t)
	tried := 0
	for _, at := range keyPattern.FindAllStringSubmatchIndex(example, -1) {
		key := example[at[2]:at[3]]
		if slices.Contains([]string{"en", "es", "crv", "kty", "kid", "keys", "x", "y"}, key) {
			continue // a language, or a part of a key set: any word will do
		}
		tried++
		wrong := example[:at[3]] + "q" + example[at[3]:]
		_, _, err := Parse("r.yaml", []byte(wrong), anyVariable, nil)
		line := 1 + strings.Count(example[:at[2]], "\n")
		want := fmt.Sprintf("unknown key %q; did you mean %q?", key+"q", key)
		if !slices.ContainsFunc(problemsOf(err), func(p Problem) bool { return p.Line == line && p.Text == want }) {
			t.Errorf("%sq on line %d\ngot  %v\nwant %s", key, line, err, want)
		}
	}
	if tried < 80 {
		t.Errorf("tried %d keys, want all of the example", tried)
	}
}

// TestEveryKeyOfTheExampleMayStandOnce writes each member of a block twice.
func TestEveryKeyOfTheExampleMayStandOnce(t *testing.T) {
	lines := strings.Split(readExample(t), "\n")
	member := regexp.MustCompile(`^    [a-z_]+:`)
	for i, line := range lines {
		if !member.MatchString(line) {
			continue
		}
		twice := slices.Insert(slices.Clone(lines), i, line)
		_, _, err := Parse("r.yaml", []byte(strings.Join(twice, "\n")), anyVariable, nil)
		want := fmt.Sprintf("stands on line %d already", i+1)
		if !slices.ContainsFunc(problemsOf(err), func(p Problem) bool { return p.Line == i+2 && strings.Contains(p.Text, want) }) {
			t.Errorf("%s\ngot  %v\nwant %d: %s", line, err, i+2, want)
		}
	}
}

// TestAFileCutAnywhereIsReadOrRefused stands for a write that was interrupted.
func TestAFileCutAnywhereIsReadOrRefused(t *testing.T) {
	example := readExample(t)
	for end := range len(example) {
		f, _, err := Parse("r.yaml", []byte(example[:end]), anyVariable, nil)
		if (f == nil) == (err == nil) || err != nil && len(problemsOf(err)) == 0 {
			t.Fatalf("cut at %d: got %v and %v", end, f, err)
		}
	}
}

func problemsOf(err error) Problems {
	var problems Problems
	errors.As(err, &problems)
	return problems
}

func TestAMemberOfTheWrongShapeIsReportedWhereItStands(t *testing.T) {
	for path, text := range map[string]string{
		"scopes[0]":               "scopes: [a]",
		"workspaces[0]":           "workspaces: [a]",
		"workspaces[0].policy":    "workspaces: [{id: a, policy: strict}]",
		"workspaces[0].teams[0]":  "workspaces: [{id: a, teams: [t]}]",
		"roles[0]":                "roles: [a]",
		"users[0].memberships[0]": "users: [{email: a@b.test, memberships: [w]}]",
		"clients[0]":              "clients: [a]",
		"resources[0]":            "resources: ['urn:a']",
		"tokens[0]":               "tokens: [a]",
		"webhooks[0]":             "webhooks: ['https://a.test']",

		"workspaces[0].policy.max_ttl": "workspaces: [{id: a, policy: {max_ttl: 90d}}]",
	} {
		expectProblem(t, text, "r.yaml:1: "+path+": is not a set of keys")
	}
	for text, wrong := range map[string]string{
		"environment: [a]":                                                 "environment: is not a single value; write a text",
		"users: [{email: a@b.test, password: [x]}]":                        "users[0].password: is not a single value; write a text",
		"users: [{email: a@b.test, number: [1]}]":                          "users[0].number: is not a single value; write a number",
		"clients: [{client_id: [x], workspace: w}]":                        "clients[0].client_id: is not a single value; write a text",
		"clients: [{client_id: a, workspace: w, grant_types: [[x]]}]":      "clients[0].grant_types[0]: is not a single value; write a text",
		"clients: [{client_id: a, workspace: w, introspect: {own: true}}]": "clients[0].introspect: is not a single value; write own or workspace",
		"workspaces: [{id: a, policy: {require_purpose: [service]}}]":      "workspaces[0].policy.require_purpose: is not a single value; write true or false",
		"workspaces: [{id: a, policy: {max_ttl: {service: [90d]}}}]":       "workspaces[0].policy.max_ttl.service: is not a single value; write 15s, 30m,",

		"tokens: [{kind: service, workspace: w, secret: 0123456789abcdef, expires_at: [x]}]": "tokens[0].expires_at: is not a single value; write 2027-01-31 or 2027-01-31T12:00:00Z",
	} {
		f, _, err := Parse("r.yaml", []byte(text), nil, nil)
		if want := "r.yaml:1: " + wrong; f != nil || !strings.HasPrefix(fmt.Sprint(err), want) {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
}

func TestListsAreBounded(t *testing.T) {
	long := "[" + strings.Repeat("a,", 1001) + "]"
	expectProblem(t, "clients: [{client_id: a, workspace: w, contacts: "+long+"}]", "r.yaml:1: clients[0].contacts: has more than 1000 members")
	var many strings.Builder
	for i := range 257 {
		fmt.Fprintf(&many, "s%d,", i)
	}
	expectProblem(t, "workspaces: [{id: a, scopes: ["+many.String()+"]}]", "r.yaml:1: workspaces[0].scopes: more than 256 scopes")
	expectProblem(t, "workspaces: [{id: a, name: "+strings.Repeat("x", 4097)+"}]", "r.yaml:1: workspaces[0].name: is over 4096 bytes")
	expectProblem(t, "workspaces: [{id: "+strings.Repeat("x", 129)+"}]", "r.yaml:1: workspaces[0].id: is not an identifier")
	expectProblem(t, "clients: [{client_id: "+strings.Repeat("x", 201)+", workspace: w}]", "r.yaml:1: clients[0].client_id: is not a client id")
	expectProblem(t, strings.Repeat("x", 100)+": 1", "r.yaml:1: unknown key")
}

func TestAWorkspaceMayHaveManyTeams(t *testing.T) {
	var many strings.Builder
	for i := range 1500 {
		fmt.Fprintf(&many, "{id: t%d},", i)
	}
	f, _ := mustRead(t, "workspaces: [{id: a, teams: ["+many.String()+"]}]")
	if got := len(f.Workspaces[0].Teams); got != 1500 {
		t.Errorf("got %d teams, want 1500", got)
	}
}

func TestWhatAFileHoldsIsAText(t *testing.T) {
	readFile := func(string) ([]byte, error) { return []byte("a\xff"), nil }
	_, _, err := Parse("r.yaml", []byte("workspaces: [{id: a, name: 'file:x'}]"), nil, readFile)
	if want := "r.yaml:1: workspaces[0].name: is not UTF-8; convert it, or write it in base64"; fmt.Sprint(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
