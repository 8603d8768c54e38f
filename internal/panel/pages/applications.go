package pages

import (
	"io"
	"slices"
	"time"
)

// An Application is a client that is registered in the workspace.
type Application struct {
	ID, Name, Description string
	Number                int64 // HubSpot's app_id
	AuthMethod            string
	Grants                []string
	RedirectURIs          []string
	Scopes, Optional      []string
	Distribution          string // private | public | listed
	Workspaces            []string
	InstallableBy         string // empty: by the contract's rule
	AccessTTL             string // as it is typed; empty: the default
	Impersonates          bool
	CreatedAt             time.Time
	DisabledAt            time.Time // zero: it works
}

// Public reports whether the application has no secret.
func (a Application) Public() bool { return a.AuthMethod == "none" }

// ApplicationList is the page of a workspace's applications.
type ApplicationList struct {
	Shell Shell
	Now   time.Time
	Items []Application
	Pager Pager
}

// What is said after a deed on an application.
const (
	ApplicationSaved    Said = "said.application_saved"
	ApplicationDisabled Said = "said.application_disabled"
	ApplicationEnabled  Said = "said.application_enabled"
	ApplicationSecretOf Said = "said.application_secret_ended"
)

// ApplicationList writes the list of applications.
func (s *Set) ApplicationList(w io.Writer, lang Lang, v ApplicationList) error {
	said := s.speaker(lang)
	at := v.Shell.Workspace.ID
	table := Table{
		Caption: said.count("apps.caption", len(v.Items)), Pager: v.Pager,
		Heads: []Head{{Text: said.say("apps.name")}, {Text: said.say("apps.grants")}, {Text: said.say("apps.distribution")}, {Text: said.say("fact.created")}, {Text: said.say("webhooks.state")}},
		Empty: Empty{Text: said.say("apps.none"), Href: Applications.Path(at, "new"), Link: said.say("apps.new")},
	}
	for _, a := range v.Items {
		table.Rows = append(table.Rows, []Cell{
			{Text: a.known(), Href: Applications.Path(at, a.ID), Note: a.ID}, {Chips: said.patterns(a.Grants, 3)}, {Text: said.distribution(a.Distribution)},
			{When: said.when(a.CreatedAt, v.Now)}, said.appState(a, v.Now),
		})
	}
	view := listView{Lead: said.say("apps.lead"), New: menuItem{Text: said.say("apps.new"), Href: Applications.Path(at, "new")}, Table: table}
	return s.show(w, lang, "applications", v.Shell, said, view)
}

func (a Application) known() string {
	if a.Name == "" {
		return a.ID
	}
	return a.Name
}

func (p *speaker) appState(a Application, now time.Time) Cell {
	if !a.DisabledAt.IsZero() {
		return Cell{Chips: []Chip{{Text: p.say("apps.disabled"), Tone: "bad"}}, When: p.when(a.DisabledAt, now)}
	}
	return Cell{Chips: []Chip{{Text: p.say("apps.active"), Tone: "good"}}}
}

func (p *speaker) distribution(word string) string {
	switch word {
	case "public":
		return p.say("apps.public")
	case "listed":
		return p.say("apps.listed")
	}
	return p.say("apps.private")
}

// ApplicationForm is what an application is typed into, under the names of RFC
// 7591 and of a resources file.
type ApplicationForm struct {
	Shell       Shell
	Application Application // with an id: it is changed
	Fresh       string      // the id that a new one gets
	Wrong       Wrong
}

// ApplicationForm writes the form of an application.
func (s *Set) ApplicationForm(w io.Writer, lang Lang, v ApplicationForm) error {
	said := s.speaker(lang)
	a, at := v.Application, v.Shell.Workspace.ID
	view := formView{Title: said.say("apps.new"), Lead: said.say("app_form.lead"), Post: Applications.Path(at, "new"), Submit: said.say("app_form.create"), Hidden: []Hidden{{"id", v.Fresh}}}
	if a.ID != "" {
		view.Hidden = nil
		view.Title, view.Post, view.Submit = said.say("app_form.change", "Name", a.known()), Applications.Path(at, a.ID, "edit"), said.say("form.save")
	}
	view.Fields = said.applicationFields(a)
	view.Problems = said.fields(view.Fields, v.Wrong)
	return s.show(w, lang, "form", v.Shell, said, view)
}

func (p *speaker) applicationFields(a Application) []Field {
	choice := func(name, label, now string, values ...Option) Field {
		for i := range values {
			values[i].Chosen = values[i].Value == now
		}
		if !slices.ContainsFunc(values, func(o Option) bool { return o.Chosen }) && now != "" {
			values = append(values, Option{Value: now, Text: now, Chosen: true})
		}
		return Field{Name: name, Type: "select", Label: label, Options: values, Optional: true}
	}
	grants := Field{Name: "grant_types", Type: "checks", Label: p.say("apps.grants"), Optional: true}
	for _, g := range union([]string{"authorization_code", "refresh_token", "client_credentials"}, a.Grants) {
		grants.Options = append(grants.Options, Option{Value: g, Text: g, Hint: p.grantHint(g), Chosen: slices.Contains(a.Grants, g)})
	}
	return []Field{
		{Name: "client_name", Type: "text", Label: p.say("apps.name"), Hint: p.say("app_form.name_hint"), Value: a.Name, Autocomplete: "off"},
		{Name: "description", Type: "text", Label: p.say("app_form.description"), Value: a.Description, Optional: true},
		grants,
		{Name: "redirect_uris", Type: "textarea", Label: p.say("app_form.redirects"), Hint: p.say("app_form.redirects_hint"), Value: lines(a.RedirectURIs), Optional: true},
		choice("token_endpoint_auth_method", p.say("app_form.method"), a.AuthMethod, Option{Value: "client_secret_basic", Text: p.say("app_form.basic")},
			Option{Value: "client_secret_post", Text: p.say("app_form.post")}, Option{Value: "none", Text: p.say("app_form.public")}),
		{Name: "scope", Type: "textarea", Label: p.say("app_form.scopes"), Hint: p.say("app_form.scopes_hint"), Value: lines(a.Scopes), Optional: true},
		{Name: "optional_scope", Type: "textarea", Label: p.say("app_form.optional"), Hint: p.say("app_form.optional_hint"), Value: lines(a.Optional), Optional: true},
		choice("distribution", p.say("apps.distribution"), a.Distribution, Option{Value: "private", Text: p.say("apps.private")},
			Option{Value: "public", Text: p.say("apps.public")}, Option{Value: "listed", Text: p.say("apps.listed")}),
		{Name: "workspaces", Type: "textarea", Label: p.say("app_form.workspaces"), Hint: p.say("field.one_a_line"), Value: lines(a.Workspaces), Optional: true},
		choice("installable_by", p.say("app_form.installable"), a.InstallableBy, Option{Text: p.say("app_form.by_contract")},
			Option{Value: "super_admin", Text: p.role("super_admin")}, Option{Value: "admin", Text: p.role("admin")}, Option{Value: "member", Text: p.role("member")}),
		{Name: "access_token_ttl", Type: "text", Label: p.say("app_form.ttl"), Hint: p.say("app_form.ttl_hint"), Value: a.AccessTTL, Optional: true},
	}
}

// union returns what is in either list, in the order of the first.
func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

func (p *speaker) grantHint(grant string) string {
	switch grant {
	case "authorization_code":
		return p.say("app_form.grant_code")
	case "refresh_token":
		return p.say("app_form.grant_refresh")
	case "client_credentials":
		return p.say("app_form.grant_credentials")
	}
	return ""
}

// ApplicationSecret is the page that shows a secret of an application, once: the
// answer to the form that made it.
type ApplicationSecret struct {
	Shell            Shell
	ID, Name, Secret string
	Beside           bool // the one before it works too, until this one was seen
}

// ApplicationSecret writes a secret of an application.
func (s *Set) ApplicationSecret(w io.Writer, lang Lang, v ApplicationSecret) error {
	said := s.speaker(lang)
	note := said.say("app_secret.note")
	if v.Beside {
		note = said.say("app_secret.note_beside")
	}
	view := onceView{
		Title: said.say("app_secret.title"),
		Once:  Once{Label: said.say("app_secret.label", "ID", v.ID), Secret: v.Secret, Note: note},
		On:    menuItem{Text: said.say("app_secret.on"), Href: Applications.Path(v.Shell.Workspace.ID, v.ID)},
	}
	return s.show(w, lang, "secret", v.Shell, said, view)
}
