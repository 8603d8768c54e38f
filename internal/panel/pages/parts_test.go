package pages

import (
	"strings"
	"testing"
	"time"
)

// part renders one of the parts that pages are made of.
func part(t *testing.T, name string, view any) *element {
	t.Helper()
	var out strings.Builder
	home, err := newSet(t).pages[English]["home"]()
	if err != nil {
		t.Fatal(err)
	}
	if err := home.ExecuteTemplate(&out, name, view); err != nil {
		t.Fatal(err)
	}
	return mustParse(t, out.String())
}

func TestTableNamesEachCellForNarrowScreens(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	said := newSet(t).speaker(English)
	table := Table{
		Caption: "1 token", Heads: []Head{{Text: "Name", Href: "/panel/w/ws1/tokens?sort=name", Sorted: "ascending"}, {Text: "Last used"}, {Text: "What to do", Unseen: true}},
		Rows: [][]Cell{{
			{Text: "<b>ci</b>", Href: "/panel/w/ws1/tokens/t1", Chips: []Chip{{"Active", "good", ""}}, Note: "fic_…abcd"},
			{When: said.moment(now.Add(-3*time.Hour), now)},
			{Ask: []Confirm{{ID: "end-t1", Button: "Revoke", Title: "Revoke ci?", Post: "/panel/w/ws1/tokens/t1/revoke", Submit: "Revoke", Grave: true, Hidden: []Hidden{{"n", "1"}}}}},
		}},
		Pager: Pager{Said: "1 of 2", Next: "?after=x"},
	}
	doc := part(t, "table", table)
	cells := doc.all("td")
	if len(cells) != 3 || cells[1].attr["data-label"] != "Last used" || doc.all("th")[0].attr["aria-sort"] != "ascending" || len(doc.all("caption")) != 1 {
		t.Errorf("cells %v", cells)
	}
	for _, want := range []string{"<b>ci</b>", "Active", "3 hours ago", "Revoke ci?", "Next page"} {
		if !strings.Contains(doc.text, want) {
			t.Errorf("the table does not say %q", want)
		}
	}
	open, dialog := with(doc.all("button"), "command", "show-modal"), doc.all("dialog")[0]
	if open.attr["commandfor"] != dialog.attr["id"] || len(dialog.all("form")) != 1 {
		t.Error("the button opens no dialog with a form")
	}
}

func TestTableWithoutRowsSaysWhatToDo(t *testing.T) {
	doc := part(t, "table", Table{Empty: Empty{Text: "No tokens yet.", Href: "/panel/", Link: "New token", Code: "curl -X POST"}})
	if len(doc.all("table")) != 0 || doc.all("a")[0].text != "New token" || !strings.Contains(doc.text, "curl -X POST") {
		t.Errorf("says %q", doc.text)
	}
}

func TestFieldOfEachTypeIsLabelled(t *testing.T) {
	options := []Option{{Value: "a", Text: "A"}, {Value: "b", Text: "B", Chosen: true}}
	for _, kind := range []string{"text", "select", "textarea", "checkbox", "radio", "checks"} {
		f := Field{Name: "f", Type: kind, Label: "Which", Hint: "a hint", Options: options, Value: "v"}
		said := newSet(t).speaker(English)
		said.describe(&f, map[string]FieldError{"f": FieldMissing}, 0)
		doc := part(t, "field", f)
		ids := uniqueIDs(t, doc)
		for _, e := range doc.all("input", "select", "textarea") {
			if with(doc.all("label"), "for", e.attr["id"]) == nil {
				t.Errorf("%s: no label", kind)
			}
		}
		f.Optional = true
		if said := strings.Contains(part(t, "field", f).text, "(optional)"); said != (kind == "text" || kind == "textarea") {
			t.Errorf("%s: it is %t that it is called optional, which is said of what may stay empty", kind, said)
		}
		if !ids["f-hint"] || !ids["f-error"] || len(mistakes([]Field{f})) != 1 {
			t.Errorf("%s: what is wrong is not said:\n%s", kind, doc.text)
		}
	}
}

func TestMomentsAreSaidInTheLargestUnit(t *testing.T) {
	cases := map[time.Duration]string{
		0: "now", -90 * time.Second: "1 minute ago", -5 * time.Hour: "5 hours ago", -50 * time.Hour: "2 days ago",
		10 * time.Minute: "in 10 minutes", time.Hour: "in 1 hour", 72 * time.Hour: "in 3 days",
	}
	for d, want := range cases {
		if got := newSet(t).speaker(English).away(d); got != want {
			t.Errorf("away(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestWhatIsStillToBeDoneIsNeverInThePast(t *testing.T) {
	said := newSet(t).speaker(English)
	for d, want := range map[time.Duration]string{-72 * time.Hour: "now", 0: "now", 3 * time.Hour: "in 3 hours"} {
		if got := said.next(atNoon.Add(d), atNoon).Text; got != want {
			t.Errorf("next(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestEnglishBesideOtherWordsIsMarked(t *testing.T) {
	doc := part(t, "cell", Cell{Text: "Nein", Note: "it waits for approval", Aside: "en"})
	if p := doc.all("p")[0]; p.attr["lang"] != "en" || doc.all("div")[0].attr["lang"] != "" {
		t.Errorf("the note is marked %q, the cell %q", p.attr["lang"], doc.all("div")[0].attr["lang"])
	}
}

func TestLongWordBreaksBetweenItsParts(t *testing.T) {
	doc := part(t, "cell", Cell{Text: "ana.b@acme.example", Note: `<i>"x"@y.z`})
	if div := doc.all("div")[0]; div.text != `ana.b@acme.example<i>"x"@y.z` || len(doc.all("wbr")) != 5 || len(doc.all("i")) != 0 {
		t.Errorf("the cell says %q, with %d places to break", div.text, len(doc.all("wbr")))
	}
	if doc := part(t, "chip", Chip{Text: "content_management:read"}); len(doc.all("wbr")) != 2 {
		t.Errorf("a scope has %d places to break", len(doc.all("wbr")))
	}
	if doc := part(t, "cell", Cell{Text: "2026-11-22 14:00 UTC"}); len(doc.all("wbr")) != 0 {
		t.Error("an instant breaks within its time")
	}
}
