package pages

import (
	"strings"
	"testing"
)

// TestWhatIsWrongIsSaidInTheReadersLanguage, and what is English beside it is
// marked (WCAG 2.2, 3.1.2).
func TestWhatIsWrongIsSaidInTheReadersLanguage(t *testing.T) {
	s := newSet(t)
	order := TokenForm{Shell: fullShell(Tokens), Now: atNoon, Scopes: []Scope{{Name: "catalog:read", Ticked: true}}, Typed: TokenOrder{Kind: "service", Name: "ci", Owner: "zoe"}, Wrong: Wrong{
		Fields: map[string]string{"name": "too long", "owner": "is no member", "format": "must be jwt or opaque", "ttl": "at most 90 days", "scopes": "does not have crm:read", "purse": "is closed"},
		Whole:  Impossible, Detail: "the workspace is closed",
	}}
	for _, lang := range Languages() {
		doc := mustParse(t, of("order", (*Set).TokenForm, order).html(t, s, lang))
		said := catalogue(t, lang)
		for id, key := range map[string]string{"owner-error": "fault.member", "format-error": "fault.choice", "expires-error": "fault.ttl", "scopes-error": "fault.scopes"} {
			if p := with(doc.all("p"), "id", id); p == nil || !strings.HasPrefix(p.text, said[key]) {
				t.Errorf("%s: %s says %+v, want %q", lang, id, p, said[key])
			}
		}
		errors := with(doc.all("div"), "id", "errors")
		marked := 0
		for _, span := range errors.all("span") {
			if span.attr["lang"] == "en" {
				marked++
			}
		}
		if marked != 6 || strings.Contains(errors.text, "jwt or opaque") { // all but that of the format, of which ours says all
			t.Errorf("%s: %d sentences are marked as English: %s", lang, marked, errors.text)
		}
	}
}

func TestWhatIsMissingIsSaidToBeMissing(t *testing.T) {
	said := newSet(t).speaker(German)
	fields := []Field{{Name: "name", Type: "text"}, {Name: "purpose", Type: "text", Value: "x"}}
	all := said.fields(fields, Wrong{Fields: map[string]string{"name": "is required", "purpose": "use less"}})
	if len(all) != 2 || all[0].Text != "Diese Angabe wird gebraucht." || all[0].Detail != "" || all[1].Detail != "use less" {
		t.Errorf("it says %+v", all)
	}
}
