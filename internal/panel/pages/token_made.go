package pages

import (
	"io"
	"time"
)

// TokenMade is the page that shows a secret, once: the answer to the form that
// made it.
type TokenMade struct {
	Shell    Shell
	Now      time.Time
	Token    Token
	Secret   string
	Waits    bool // it opens nothing before somebody approves it
	Turned   bool // it takes the place of another secret, which works on
	Warnings []string
	Issuer   string
}

type tokenMadeView struct {
	Title    string
	Once     Once
	Facts    []Fact
	Waits    bool
	Turned   bool
	Warnings []string
	Test     string
	On       menuItem
}

// TokenMade writes the page that shows a secret.
func (s *Set) TokenMade(w io.Writer, lang Lang, v TokenMade) error {
	said := s.speaker(lang)
	view := tokenMadeView{
		Title: said.say("made.title", "Name", said.named(v.Token)), Waits: v.Waits, Turned: v.Turned, Warnings: v.Warnings,
		Once: Once{Label: said.say("made.secret"), Secret: v.Secret, Note: said.say("made.note")},
		Facts: []Fact{
			{said.say("token.scopes"), Cell{Chips: said.patterns(v.Token.Scopes, 12)}}, {said.say("token.opens"), Cell{Text: said.opens(v.Token)}},
			{said.say("token.expires"), said.expiresCell(v.Token, v.Now)},
		},
		Test: `curl -i ` + v.Issuer + `/verify -H "Authorization: Bearer $FICHA_TOKEN"`,
		On:   menuItem{Text: said.say("made.on"), Href: v.Token.Href},
	}
	return s.show(w, lang, "token_made", v.Shell, said, view)
}

// TokensTurned is the page that shows the new secrets of several tokens, once,
// and which could not be replaced.
type TokensTurned struct {
	Shell  Shell
	Turned []Turned
	Stay   bool     // the old ones work on
	File   string   // where the same form gives them as a file …
	Hidden []Hidden // … with these fields
}

// Turned is what became of one token of several.
type Turned struct {
	Token  Token
	Secret string // empty: none was made …
	Why    string // … and the rule's own sentence, in English
}

type tokensTurnedView struct {
	Items  []turnedItem
	Stay   bool
	File   string
	Hidden []Hidden
}

type turnedItem struct {
	Name, Href, Secret string
	Why, Detail        string
}

// TokensTurned writes the page that shows several new secrets.
func (s *Set) TokensTurned(w io.Writer, lang Lang, v TokensTurned) error {
	said := s.speaker(lang)
	view := tokensTurnedView{Stay: v.Stay}
	for _, t := range v.Turned {
		item := turnedItem{Name: said.named(t.Token), Href: t.Token.Href, Secret: t.Secret}
		if t.Secret == "" {
			item.Why, item.Detail = said.say("turned.not"), t.Why
		} else {
			view.File, view.Hidden = v.File, v.Hidden
		}
		view.Items = append(view.Items, item)
	}
	return s.show(w, lang, "tokens_turned", v.Shell, said, view)
}
