package house

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/audit"
)

// audits is the import path of the room whose catalogue names every event.
const audits = module + "/internal/audit"

var eventName = regexp.MustCompile(`^[a-z_]+\.[a-z_]+$`)

// eventNames returns the names of events that a file writes out: every text of
// that form, in a file of a room that records deeds, whose group the catalogue
// knows; and whatever is handed on as an action.
func eventNames(f file, groups map[string]bool) (names []string) {
	note := func(e ast.Expr, always bool) {
		lit, ok := e.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return
		}
		text, err := strconv.Unquote(lit.Value)
		group, _, _ := strings.Cut(text, ".")
		if err == nil && eventName.MatchString(text) && (always || groups[group]) {
			names = append(names, text)
		}
	}
	ast.Inspect(f.tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			for _, arg := range n.Args {
				note(arg, isNote(n.Fun))
			}
		case *ast.KeyValueExpr:
			key, ok := n.Key.(*ast.Ident)
			note(n.Value, ok && strings.EqualFold(key.Name, "action"))
		case *ast.AssignStmt:
			for _, value := range n.Rhs {
				note(value, false)
			}
		case *ast.ValueSpec:
			for _, value := range n.Values {
				note(value, false)
			}
		case *ast.ReturnStmt:
			for _, value := range n.Results {
				note(value, false)
			}
		}
		return true
	})
	return names
}

// isNote reports whether a function's name says that it writes a record.
func isNote(fun ast.Expr) bool {
	switch f := fun.(type) {
	case *ast.Ident:
		return strings.HasPrefix(f.Name, "note")
	case *ast.SelectorExpr:
		x, ok := f.X.(*ast.Ident)
		return ok && x.Name == "audit" && f.Sel.Name == "Note"
	}
	return false
}

// A name that is recorded stands in the catalogue, so that subscribers know
// what they may hear; one that nobody records does not stand there.
func TestEveryEventStandsInTheCatalogue(t *testing.T) {
	known, groups, used := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, k := range audit.Catalogue() {
		group, _, _ := strings.Cut(k.Name, ".")
		known[k.Name], groups[group] = true, true
	}
	records := map[string]bool{}
	for _, f := range all(t) {
		records[f.room] = records[f.room] || !f.test && slices.Contains(f.imports(), audits)
	}
	for _, f := range all(t) {
		if f.test || !records[f.room] || f.room == "audit" || f.room == "panel" { // panel: those are names of sentences
			continue
		}
		for _, name := range eventNames(f, groups) {
			used[name] = true
			if !known[name] {
				t.Errorf("%s records %s, which the catalogue in internal/audit/catalogue.go lacks", f.path, name)
			}
		}
	}
	for name := range known {
		if !used[name] {
			t.Errorf("nobody records %s: take it out of internal/audit/catalogue.go", name)
		}
	}
}

func TestNamesOfEventsAreFound(t *testing.T) {
	f, err := parse("internal/authority/a.go", []byte(`package authority
		func a() string {
			b := deed{action: "odd.key"}
			audit.Note(now, who, w, "odd.noted", on, nil)
			note(ctx, tx, who, w, "odd.told", on, nil)
			other("odd.other", "token.passed")
			action, c := "token.assigned", "odd.assigned"
			return "token.returned"
		}
		const c = "token.constant"`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"odd.key", "odd.noted", "odd.told", "token.passed", "token.assigned", "token.returned", "token.constant"}
	if got := eventNames(f, map[string]bool{"token": true}); !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}
