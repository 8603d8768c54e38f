package pages

import (
	"io"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// An AppSecret is a secret of an application, by what is known of it.
type AppSecret struct {
	ID, LastFour string
	State        string // active | pending | retiring | expired | ended
	CreatedAt    time.Time
	ExpiresAt    time.Time // zero: never
}

// ApplicationPage is the page of one application. Its forms post to disable,
// enable, secrets, secrets/{id}/rotate, secrets/{id}/end beneath it; the one
// that builds links asks for the page with contract, redirect_uri and optional.
type ApplicationPage struct {
	Shell       Shell
	Now         time.Time
	Application Application
	Secrets     []AppSecret
	Turning     *Turning

	Requests, Errors, Refused int64 // of protected services in 24 hours

	Contract string   // hubspot | standard
	Redirect string   // that the link leads back to
	Chosen   []string // optional scopes that the link asks for
	Link     string   // empty: it has nowhere to lead back to
}

type applicationView struct {
	Title   string
	Facts   []Fact
	Change  menuItem
	Usage   menuItem
	Deeds   []Confirm
	Turning *turningView
	Secrets Table
	Add     string // where another secret is asked for; empty: it has none
	Builder filterView
	Link    string
}

// ApplicationPage writes the page of an application.
func (s *Set) ApplicationPage(w io.Writer, lang Lang, v ApplicationPage) error {
	said := s.speaker(lang)
	a, at := v.Application, v.Shell.Workspace.ID
	view := applicationView{
		Title: a.known(), Facts: said.applicationFacts(v), Turning: said.turning(v.Turning), Deeds: said.applicationDeeds(a, at), Link: v.Link,
		Usage: menuItem{Text: said.say("app.usage"), Href: Usage.Path(at) + "?" + url.Values{"client": {a.ID}}.Encode()},
	}
	if a.DisabledAt.IsZero() {
		view.Change = menuItem{Text: said.say("app.change"), Href: Applications.Path(at, a.ID, "edit")}
	}
	if !a.Public() {
		view.Secrets = said.clientSecrets(v)
		if a.DisabledAt.IsZero() {
			view.Add = Applications.Path(at, a.ID, "secrets")
		}
	}
	if v.Redirect != "" {
		view.Builder = said.linkBuilder(v)
	}
	return s.show(w, lang, "application", v.Shell, said, view)
}

func (p *speaker) applicationFacts(v ApplicationPage) []Fact {
	a := v.Application
	facts := []Fact{
		{p.say("webhooks.state"), p.appState(a, v.Now)},
		{p.say("app.id"), Cell{Text: a.ID, Code: true}},
	}
	add := func(key string, c Cell) {
		if c.Text != "" || len(c.Chips) > 0 || c.When != nil {
			facts = append(facts, Fact{p.say(key), c})
		}
	}
	if a.Number != 0 {
		add("app.number", Cell{Text: strconv.FormatInt(a.Number, 10), Code: true})
	}
	add("app_form.description", Cell{Text: a.Description})
	add("apps.grants", Cell{Chips: p.patterns(a.Grants, len(a.Grants))})
	add("app_form.redirects", Cell{Chips: p.patterns(a.RedirectURIs, len(a.RedirectURIs))})
	add("app_form.scopes", Cell{Chips: p.patterns(a.Scopes, len(a.Scopes))})
	add("app_form.optional", Cell{Chips: p.patterns(a.Optional, len(a.Optional))})
	add("apps.distribution", Cell{Text: p.distribution(a.Distribution)})
	add("app_form.method", Cell{Text: a.AuthMethod, Code: true})
	if a.Impersonates {
		add("app.rights", Cell{Chips: []Chip{{Text: p.say("members.impersonates"), Tone: "warn"}}})
	}
	add("app.requests", Cell{Text: p.say("app.requests_text", "Requests", grouped(v.Requests), "Errors", grouped(v.Errors), "Refused", grouped(v.Refused))})
	add("fact.created", Cell{When: p.when(a.CreatedAt, v.Now)})
	return facts
}

func (p *speaker) applicationDeeds(a Application, workspace string) []Confirm {
	if !a.DisabledAt.IsZero() {
		return []Confirm{{
			ID: "enable", Button: p.say("app.enable"), Title: p.say("app.enable_title"), Text: p.say("app.enable_text"),
			Post: Applications.Path(workspace, a.ID, "enable"), Submit: p.say("app.enable"),
		}}
	}
	return []Confirm{{
		ID: "disable", Button: p.say("app.disable"), Title: p.say("app.disable_title"), Text: p.say("app.disable_text"),
		Post: Applications.Path(workspace, a.ID, "disable"), Submit: p.say("app.disable"), Fields: []Field{p.reason("disable-reason")}, Grave: true,
	}}
}

// clientSecrets are the secrets of an application, with what may be done to each.
func (p *speaker) clientSecrets(v ApplicationPage) Table {
	a, at := v.Application, v.Shell.Workspace.ID
	table := Table{
		Caption: p.count("app.secrets_caption", len(v.Secrets)), Empty: Empty{Text: p.say("app.no_secret")},
		Heads: []Head{{Text: p.say("app.secret")}, {Text: p.say("webhooks.state")}, {Text: p.say("fact.created")}, {Text: p.say("policy.expires")}, {Text: p.say("members.do"), Unseen: true}},
	}
	for _, s := range v.Secrets {
		do := Cell{}
		if s.State == "active" && v.Turning == nil && a.DisabledAt.IsZero() {
			do.Ask = append(do.Ask, Confirm{
				ID: "rotate-" + s.ID, Button: p.say("app.rotate"), Title: p.say("app.rotate_title"), Text: p.say("app.rotate_text"),
				Post: Applications.Path(at, a.ID, "secrets", s.ID, "rotate"), Submit: p.say("app.rotate"),
			})
		}
		if s.State == "active" {
			do.Ask = append(do.Ask, Confirm{
				ID: "end-" + s.ID, Button: p.say("app.end_secret"), Title: p.say("app.end_secret_title"), Text: p.say("app.end_secret_text"),
				Post: Applications.Path(at, a.ID, "secrets", s.ID, "end"), Submit: p.say("app.end_secret"), Grave: true,
			})
		}
		expires := Cell{When: p.when(s.ExpiresAt, v.Now)}
		if s.ExpiresAt.IsZero() {
			expires.Text = p.say("policy.never")
		}
		table.Rows = append(table.Rows, []Cell{{Text: "…" + s.LastFour, Code: true}, {Chips: []Chip{p.secretState(s.State)}}, {When: p.when(s.CreatedAt, v.Now)}, expires, do})
	}
	return table
}

func (p *speaker) secretState(state string) Chip {
	switch state {
	case "active":
		return Chip{Text: p.say("secret.active"), Tone: "good"}
	case "pending":
		return Chip{Text: p.say("secret.pending"), Tone: "warn"}
	case "retiring":
		return Chip{Text: p.say("secret.retiring"), Tone: "warn"}
	case "expired":
		return Chip{Text: p.say("secret.expired")}
	}
	return Chip{Text: p.say("secret.ended")}
}

// linkBuilder is the form that builds the link by which somebody installs the
// application.
func (p *speaker) linkBuilder(v ApplicationPage) filterView {
	a := v.Application
	contract := Field{Name: "contract", Type: "select", Label: p.say("app.contract"), Optional: true, Options: []Option{
		{Value: "hubspot", Text: "HubSpot", Chosen: v.Contract == "hubspot"}, {Value: "standard", Text: "OAuth 2.1", Chosen: v.Contract != "hubspot"},
	}}
	redirect := Field{Name: "redirect_uri", Type: "select", Label: p.say("app.redirect"), Optional: true}
	for _, uri := range a.RedirectURIs {
		redirect.Options = append(redirect.Options, Option{Value: uri, Text: uri, Chosen: uri == v.Redirect})
	}
	view := filterView{Action: Applications.Path(v.Shell.Workspace.ID, a.ID), Submit: p.say("app.build"), Fields: []Field{contract, redirect}}
	if len(a.Optional) > 0 {
		optional := Field{Name: "optional", Type: "checks", Label: p.say("app_form.optional"), Optional: true}
		for _, scope := range a.Optional {
			optional.Options = append(optional.Options, Option{Value: scope, Text: scope, Chosen: slices.Contains(v.Chosen, scope)})
		}
		view.Fields = append(view.Fields, optional)
	}
	return view
}
