package pages

import (
	"io"
	"net/url"
)

// An Area is a part of the panel: an entry of its navigation, and the word in
// the addresses of its pages.
type Area string

// The areas, in the order of the navigation.
const (
	Tokens       Area = "tokens"
	Inventory    Area = "inventory"
	Applications Area = "applications"
	Members      Area = "members"
	Policies     Area = "policies"
	Webhooks     Area = "webhooks"
	Audit        Area = "audit"
	Alerts       Area = "alerts"
	Usage        Area = "usage"
	Keys         Area = "keys"
	Jobs         Area = "jobs"
	Settings     Area = "settings"
)

// key returns the sentence that names the area.
func (a Area) key() string {
	switch a {
	case Tokens:
		return "area.tokens"
	case Inventory:
		return "area.inventory"
	case Applications:
		return "area.applications"
	case Members:
		return "area.members"
	case Policies:
		return "area.policies"
	case Webhooks:
		return "area.webhooks"
	case Audit:
		return "area.audit"
	case Alerts:
		return "area.alerts"
	case Usage:
		return "area.usage"
	case Keys:
		return "area.keys"
	case Jobs:
		return "area.jobs"
	}
	return "area.settings"
}

// Path returns the address of an area's first page in a workspace; more are the
// parts of the address beneath it.
func (a Area) Path(workspace string, more ...string) string {
	path := "/panel/w/" + url.PathEscape(workspace) + "/" + string(a)
	for _, part := range more {
		path += "/" + url.PathEscape(part)
	}
	return path
}

// A Crumb is a page on the way to the one that is shown.
type Crumb struct {
	Text string // a name that somebody gave, or a sentence of the catalogue
	Href string
}

// A Shell is what stands around a page of the panel. The zero value of each
// field is right where there is nothing to show.
type Shell struct {
	Here       string      // path and query of this page, for the language links
	Nonce      string      // that the policy of this answer lets scripts run by
	Person     Person      // who is signed in
	Workspace  Workspace   // the one the page is about; on a page about the person, the one they come from
	Workspaces []Workspace // others they may go to
	Areas      []Area      // what they may open
	Area       Area        // where the page stands; empty: on a page about the person
	Said       Said        // what the deed before this page came to
	Crumbs     []Crumb     // pages between the area's first and this one
}

// Said is the key of a sentence that a page begins with, once, after a deed was
// done and the browser led on. Each is a constant beside its page, its key in
// the catalogue begins with "said.". It holds nothing but the key, so that
// nothing of the deed travels with the browser.
type Said string

type shellView struct {
	Shell
	Menu     []menuItem
	Switch   []menuItem
	Trail    []Crumb
	Sentence string
}

type menuItem struct {
	Text, Href string
	Current    bool
}

// show writes a page of the panel: name is that of its template in
// templates/shell, view what the template sees as .View. Sentences that fail
// are the speaker's.
func (s *Set) show(w io.Writer, lang Lang, name string, shell Shell, said *speaker, view any) error {
	lang = known(lang)
	data := page{Lang: lang, Nonce: shell.Nonce, Links: languageLinks(lang, shell.Here), Shell: said.shell(shell), View: view}
	if said.err != nil {
		return said.err
	}
	return s.draw(w, name, data)
}

// speaker returns who speaks a language.
func (s *Set) speaker(lang Lang) *speaker { return &speaker{words: s.words[known(lang)]} }

// shell puts what stands around a page into words.
func (p *speaker) shell(v Shell) *shellView {
	view := &shellView{Shell: v}
	for _, a := range v.Areas {
		view.Menu = append(view.Menu, menuItem{p.say(a.key()), a.Path(v.Workspace.ID), a == v.Area})
	}
	for _, w := range v.Workspaces {
		view.Switch = append(view.Switch, menuItem{w.Name, "/panel/w/" + url.PathEscape(w.ID), w.ID == v.Workspace.ID})
	}
	if v.Area != "" && len(v.Crumbs) > 0 {
		view.Trail = append([]Crumb{{p.say(v.Area.key()), v.Area.Path(v.Workspace.ID)}}, v.Crumbs...)
	} else {
		view.Trail = v.Crumbs
	}
	if v.Said != "" {
		view.Sentence = p.say(string(v.Said))
	}
	return view
}

// CanSay reports whether there is such a sentence: what comes back from a
// browser may be anything.
func (s *Set) CanSay(said Said) bool {
	_, err := s.words[English].say(string(said))
	return err == nil && len(said) > len("said.") && said[:len("said.")] == "said."
}
