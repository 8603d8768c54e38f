package pages

import (
	"io"
	"time"
)

// A Person is who is signed in, or somebody to ask.
type Person struct {
	Name  string // may be empty
	Email string
}

// Known returns the name, or the address of somebody without a name.
func (p Person) Known() string {
	if p.Name == "" {
		return p.Email
	}
	return p.Name
}

// A Membership is a workspace that a person belongs to.
type Membership struct {
	Workspace string // its name
	Href      string // where it is looked after; empty: nowhere
	Role      string // member, admin, super_admin or a role of the workspace's own
}

// An Access is what an app holds, for somebody who may take it back.
type Access struct {
	ID        string // what the button names
	App       string
	Workspace string
	Scopes    []Scope
	Since     time.Time
	Installed bool   // it belongs to the workspace, not to a person
	By        Person // who gave it
	Left      bool   // By is no longer a member
}

// Home is the page after signing in: who I am, where I belong, and what I gave.
// Each Access has a form that posts to /panel/grants/{ID}/end.
type Home struct {
	Shell       Shell
	Locale      string                // of pages and letters; empty: as the browser asks
	Errors      map[string]FieldError // of the profile's form, which posts name and locale
	Memberships []Membership
	Accesses    []Access
	Invited     int // how many workspaces wait for the person's word
}

// AccessEnded is said after an access was taken back.
const AccessEnded Said = "said.access_ended"

type homeView struct {
	Home
	Fields   []Field
	Problems []Mistake
	Rows     []Membership // roles in words
	Apps     []accessView
	Waits    string // that invitations do; empty: none does
}

type accessView struct {
	Access
	Note   string // who gave it and when
	Groups []scopeGroup
}

// Home writes the page after signing in.
func (s *Set) Home(w io.Writer, lang Lang, v Home) error {
	lang = known(lang)
	said := s.speaker(lang)
	view := homeView{Home: v, Fields: said.profile(v)}
	view.Problems = mistakes(view.Fields)
	if v.Invited > 0 {
		view.Waits = said.count("home.invited", v.Invited)
	}
	for _, m := range v.Memberships {
		view.Rows = append(view.Rows, Membership{m.Workspace, m.Href, said.role(m.Role)})
	}
	for _, a := range v.Accesses {
		groups, err := s.groupScopes(lang, a.ID, a.Scopes)
		if err != nil {
			return err
		}
		view.Apps = append(view.Apps, accessView{a, said.given(a), groups})
	}
	return s.show(w, lang, "home", v.Shell, said, view)
}

// profile lists what a person may change of themselves.
func (p *speaker) profile(v Home) []Field {
	language := Field{Name: "locale", Type: "select", Label: p.say("field.language")}
	for _, lang := range Languages() {
		language.Options = append(language.Options, Option{Value: string(lang), Text: lang.Name(), Chosen: string(lang) == v.Locale})
	}
	fields := []Field{
		{Name: "name", Type: "text", Autocomplete: "name", Label: p.say("field.name"), Value: v.Shell.Person.Name, Optional: true},
		language,
	}
	for i := range fields {
		p.describe(&fields[i], v.Errors, 0)
	}
	return fields
}

// given says who gave an access and when. The date is in the one form that no
// language reads as another day.
func (p *speaker) given(a Access) string {
	key := "home.allowed"
	switch {
	case a.Installed && a.Left:
		key = "home.installed_left"
	case a.Installed:
		key = "home.installed"
	}
	return p.say(key, "Name", a.By.Known(), "Date", a.Since.UTC().Format(time.DateOnly))
}

// role says the roles that every workspace has; its own are names already.
func (p *speaker) role(name string) string {
	switch name {
	case "member":
		return p.say("role.member")
	case "admin":
		return p.say("role.admin")
	case "super_admin":
		return p.say("role.super_admin")
	}
	return name
}
