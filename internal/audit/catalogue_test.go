package audit

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

var fieldWord = regexp.MustCompile(`^[a-z_]+(:[a-z]+)?\??$`)

func TestCatalogueIsATableThatPeopleCanRead(t *testing.T) {
	all := Catalogue()
	if !slices.IsSortedFunc(all, func(a, b EventKind) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the entries are not sorted by name")
	}
	for i, k := range all {
		if i > 0 && all[i-1].Name == k.Name {
			t.Errorf("%s stands twice", k.Name)
		}
		if !strings.HasSuffix(k.Text, ".") || k.Target == "" {
			t.Errorf("%s says %q of %q: want a sentence and a target", k.Name, k.Text, k.Target)
		}
		for _, word := range strings.Fields(k.Detail) {
			if !fieldWord.MatchString(word) {
				t.Errorf("%s: %q is no field", k.Name, word)
			}
		}
		for _, f := range k.Fields() {
			if schemaTypes[f.Type] == nil || slices.Contains([]string{"id", "workspace", "target", "target_name", "actor"}, f.Name) {
				t.Errorf("%s: %q has an unknown type or the name of a value that every event has", k.Name, f.Name)
			}
		}
	}
}

func TestSchemaSaysWhatTheDeliveryCarries(t *testing.T) {
	k := Catalogue()[slices.IndexFunc(Catalogue(), func(k EventKind) bool { return k.Name == "token.resumed" })]
	text, err := json.Marshal(k.Schema())
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Properties struct {
			Type struct{ Const string }
			Data struct {
				Properties map[string]any
				Required   []string
			}
		}
	}
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	e := Note(time.UnixMilli(1), token.Actor{}, "w", k.Name, Target{Kind: "token", ID: "x"}, map[string]any{"reason": "r", "until": 5})
	body, err := payload(e)
	if err != nil {
		t.Fatal(err)
	}
	var p struct{ Data map[string]any }
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatal(err)
	}
	if s.Properties.Type.Const != k.Name || len(p.Data) != len(s.Properties.Data.Properties) || len(p.Data) != len(s.Properties.Data.Required) {
		t.Errorf("the schema has %v of which %v are required; the payload is %v", s.Properties.Data.Properties, s.Properties.Data.Required, p.Data)
	}
	for name := range p.Data {
		if s.Properties.Data.Properties[name] == nil {
			t.Errorf("the schema lacks %s", name)
		}
	}
}
