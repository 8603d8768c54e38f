package resources

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestTheSizeOfAFileIsBounded(t *testing.T) {
	text := append([]byte("users: []\n#"), bytes.Repeat([]byte("x"), maxFile)...)
	if _, _, err := Parse("r.yaml", text[:maxFile], nil, nil); err != nil {
		t.Errorf("8 MiB: got %v", err)
	}
	expectProblem(t, string(text[:maxFile+1]), "r.yaml: is over 8 MiB; split it")
}

func TestAnAliasStandsForItsAnchor(t *testing.T) {
	f, _ := mustRead(t, "workspaces:\n- {id: a, policy: &p {require_expiry: true}}\n- {id: b, policy: *p}\n")
	if !f.Workspaces[1].Policy.RequireExpiry {
		t.Errorf("got %+v, want the policy of the anchor", f.Workspaces[1].Policy)
	}
	expectProblem(t, "workspaces:\n- {id: a, teams: &n []}\n- {id: b,\n   name: *n}\n",
		"r.yaml:4: workspaces[1].name: is not a single value")
}

// bomb grows ninefold with each of its lines.
func bomb(lines int) string {
	var text strings.Builder
	text.WriteString("x0: &x0 [a]\n")
	for i := 1; i <= lines; i++ {
		alias := fmt.Sprintf("*x%d,", i-1)
		fmt.Fprintf(&text, "x%d: &x%d [%s]\n", i, i, strings.Repeat(alias, 9))
	}
	return text.String()
}

func TestAliasBombsAreRefused(t *testing.T) {
	expectProblem(t, bomb(10), "r.yaml:2: the file holds too many values")
	expectProblem(t, bomb(40), "r.yaml:")
	expectProblem(t, "users: &a [*a, *a, *a]\n", "r.yaml:1: is nested more than 24 deep, or an alias stands within its own anchor")
}

func TestDepthIsBounded(t *testing.T) {
	expectProblem(t, "a:\n  "+strings.Repeat("[", 30)+strings.Repeat("]", 30), "r.yaml:2: is nested more than 24 deep")
	expectProblem(t, strings.Repeat("[", 1<<20), "r.yaml:1: exceeded max depth")
}

func TestManyUsesOfALargeValueAreRefused(t *testing.T) {
	const uses = 600
	var text strings.Builder
	text.WriteString("clients:\n")
	for i := range uses {
		fmt.Fprintf(&text, "- {client_id: c%d, workspace: w, jwks: file:x}\n", i)
	}
	readFile := func(string) ([]byte, error) {
		return []byte(`{"keys": [{"kty": "EC", "x": "` + strings.Repeat("x", 60<<10) + `"}]}`), nil
	}
	_, _, err := Parse("r.yaml", []byte(text.String()), nil, readFile)
	if err == nil || !strings.Contains(err.Error(), "variables and files add over 16 MiB") {
		t.Errorf("got %.200v, want a refusal", err)
	}
}

func TestManyWorkspacesAreOrdinary(t *testing.T) {
	const n = 20000
	var text strings.Builder
	text.WriteString("workspaces:\n")
	for i := range n {
		fmt.Fprintf(&text, "- {id: w%d, name: Workspace %d, number: %d}\n", i, i, i+1)
	}
	f, _ := mustRead(t, text.String())
	if len(f.Workspaces) != n || f.Workspaces[n-1].Line != n+1 {
		t.Errorf("got %d workspaces, want %d", len(f.Workspaces), n)
	}
}

// FuzzParse checks that no text makes Parse panic, that a failure is always
// made of Problems, and that what is read once is read the same again.
func FuzzParse(f *testing.F) {
	for _, c := range wrongFiles {
		f.Add([]byte(c.text))
	}
	for _, c := range wrongClients {
		f.Add([]byte(oneClient(c.fields)))
	}
	f.Add([]byte(bomb(6)))
	f.Add([]byte("users: &a [*a]\n"))
	f.Add([]byte("{\"workspaces\": [{\"id\": \"\\ud83d\\/\"}]}"))
	f.Add([]byte("clients: [{client_id: '${A}${A}', jwks: file:k}]"))
	env := func(name string) (string, bool) { return "v", name != "NO" }
	readFile := func(path string) ([]byte, error) { return []byte(path + "\n"), nil }
	f.Fuzz(func(t *testing.T, text []byte) {
		file, _, err := Parse("r.yaml", text, env, readFile)
		var problems Problems
		if err != nil && (!errors.As(err, &problems) || len(problems) == 0 || len(problems) > maxProblems) {
			t.Fatalf("got %v, want problems", err)
		}
		if (file == nil) == (err == nil) {
			t.Fatalf("got file %v and error %v, want one of them", file, err)
		}
		lines := 1
		for _, c := range string(text) {
			if strings.ContainsRune("\r\n\u0085\u2028\u2029", c) { // YAML's line ends
				lines++
			}
		}
		for _, p := range problems {
			if p.Line < 1 || p.Line > lines {
				t.Errorf("%q\nline %d is not in the file: %s", text, p.Line, p)
			}
		}
		if file != nil {
			file.References()
		}
	})
}
