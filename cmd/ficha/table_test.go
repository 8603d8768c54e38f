package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/resources"
)

// A name may hold what a terminal would obey; a table shows it and does not.
func TestACellIsOneLineThatNoTerminalObeys(t *testing.T) {
	for _, c := range []struct {
		value any
		want  string
	}{
		{nil, "-"},
		{"", "-"},
		{"nightly import", "nightly import"},
		{"\x1b[2Jgone\nnext\u202egnp", "?[2Jgone?next?gnp"},
		{float64(62515), "62515"},
		{1.5, "1.500"},
		{true, "true"},
		{int64(7), "7"},
		{[]any{"a", "b\r"}, "a b?"},
		{map[string]any{"sub": "client:backend", "act": map[string]any{"sub": "ana\n"}, "exp": nil, "more": map[string]any{}}, "act=(sub=ana?) sub=client:backend"},
	} {
		if got := cell(c.value); got != c.want {
			t.Errorf("cell(%#v) is %q, want %q", c.value, got, c.want)
		}
	}
}

func TestATableIsAlignedAndJSONIsWhole(t *testing.T) {
	rows := table{head: []string{"id", "last_four"}, rows: []map[string]any{{"id": "1", "last_four": "abcd", "more": 1}, {"id": "22"}}}
	var text strings.Builder
	if err := (output{}).write(&text, rows); err != nil {
		t.Fatal(err)
	}
	if want := "ID  LAST FOUR\n1   abcd\n22  -\n"; text.String() != want {
		t.Errorf("the table is %q, want %q", text.String(), want)
	}
	text.Reset()
	if err := (output{JSON: true}).write(&text, rows); err != nil {
		t.Fatal(err)
	}
	var back []map[string]any
	if err := json.Unmarshal([]byte(text.String()), &back); err != nil || len(back) != 2 || back[0]["more"] != 1.0 {
		t.Errorf("the JSON is %s (%v)", text.String(), err)
	}
	text.Reset()
	if err := (output{JSON: true}).write(&text, table{}); err != nil || text.String() != "[]\n" {
		t.Errorf("an empty list is %q (%v), want []", text.String(), err)
	}
}

func TestAReportSaysWhatChangedAndWhere(t *testing.T) {
	lines := []resources.Line{
		{Kind: resources.WorkspaceItem, Name: "acme", Outcome: resources.Unchanged},
		{Kind: resources.ClientItem, Name: "backend", Outcome: resources.KeptEnded},
		{Kind: resources.UserItem, Name: "ana@example.test", Outcome: resources.Created},
	}
	for _, c := range []struct {
		lines    []resources.Line
		warnings []string
		want     string
	}{
		{lines, nil, "OUTCOME     KIND    NAME\nkept ended  client  backend\ncreated     user    ana@example.test\nr.yaml: 1 changed, 1 as they were, 1 kept ended\n"},
		{lines[:2], nil, "OUTCOME     KIND    NAME\nkept ended  client  backend\nr.yaml: nothing changed, 1 kept ended\n"},
		{lines[2:], nil, "OUTCOME  KIND  NAME\ncreated  user  ana@example.test\nr.yaml: 1 changed, 0 as they were\n"},
		{lines[:1], nil, "r.yaml: nothing changed\n"},
		{nil, []string{"r.yaml:3: clients[0].client_secret: is weak"}, "warning: r.yaml:3: clients[0].client_secret: is weak\nr.yaml: nothing changed\n"},
	} {
		var text strings.Builder
		if err := printReport(&text, "r.yaml", c.lines, c.warnings); err != nil {
			t.Fatal(err)
		}
		if text.String() != c.want {
			t.Errorf("the report of %v is %q, want %q", c.lines, text.String(), c.want)
		}
	}
}
