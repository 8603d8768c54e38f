package pages

import "io"

// Found is the page by which whoever holds a token ends it. It says the same
// whatever was pasted. The form posts token and url.
type Found struct {
	Here  string
	Done  bool
	URL   string // where it was found, as it was typed; the token itself is never on the page
	Wrong Wrong
}

type foundView struct {
	Found
	Fields   []Field
	Problems []Mistake
}

// Found writes the page by which whoever holds a token ends it.
func (s *Set) Found(w io.Writer, lang Lang, v Found) error {
	said := s.speaker(lang)
	view := foundView{Found: v, Fields: []Field{
		{Name: "token", Type: "textarea", Autocomplete: "off", Label: said.say("found.token"), Hint: said.say("found.token_hint"), Focus: !v.Done},
		{Name: "url", Type: "text", InputMode: "url", Autocomplete: "off", Label: said.say("found.url"), Hint: said.say("found.url_hint"), Value: v.URL, Optional: true},
	}}
	view.Problems = said.fields(view.Fields, v.Wrong)
	return s.alone(w, lang, "found", v.Here, "", said, view)
}
