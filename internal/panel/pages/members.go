package pages

import (
	"io"
	"net/url"
	"slices"
	"time"
)

// A Member is a person in a workspace.
type Member struct {
	ID, Name, Email string
	Role            string
	Impersonates    bool // they may act as others
	Narrowed        bool // they hold fewer scopes than their role
	Teams           []string
	Since           time.Time
	Disabled        bool
	LeftAt          time.Time // zero: they are a member
}

// MemberList is the page of who belongs to a workspace.
type MemberList struct {
	Shell Shell
	Now   time.Time
	Items []Member
	Pager Pager

	Waiting      []WaitingMember // who was invited, and has not answered
	WaitingPager Pager
}

// What is said after a deed on members and roles.
const (
	MemberChanged Said = "said.member_changed"
	RoleSaved     Said = "said.role_saved"
	RoleRemoved   Said = "said.role_removed"
)

type membersView struct {
	New, Roles, Scopes menuItem
	Table              Table
	Waiting            *Table // nil: nobody was invited
}

// MemberList writes the list of members.
func (s *Set) MemberList(w io.Writer, lang Lang, v MemberList) error {
	said := s.speaker(lang)
	at := v.Shell.Workspace.ID
	view := membersView{
		New:    menuItem{Text: said.say("members.new"), Href: Members.Path(at, "add")},
		Roles:  menuItem{Text: said.say("members.roles"), Href: Members.Path(at, "roles")},
		Scopes: menuItem{Text: said.say("members.scopes"), Href: Members.Path(at, "scopes")},
		Table: Table{
			Caption: said.count("members.caption", len(v.Items)), Pager: v.Pager, Empty: Empty{Text: said.say("members.none")},
			Heads: []Head{
				{Text: said.say("members.person")}, {Text: said.say("members.role")}, {Text: said.say("members.teams")}, {Text: said.say("members.since")},
				{Text: said.say("webhooks.state")}, {Text: said.say("members.do"), Unseen: true},
			},
		},
	}
	for _, m := range v.Items {
		view.Table.Rows = append(view.Table.Rows, said.memberRow(m, at, v.Now))
	}
	if len(v.Waiting) > 0 {
		waiting := said.waiting(v)
		view.Waiting = &waiting
	}
	return s.show(w, lang, "members", v.Shell, said, view)
}

func (p *speaker) memberRow(m Member, workspace string, now time.Time) []Cell {
	role := Cell{Text: p.role(m.Role)}
	if m.Impersonates {
		role.Chips = append(role.Chips, Chip{Text: p.say("members.impersonates"), Tone: "warn"})
	}
	if m.Narrowed {
		role.Chips = append(role.Chips, Chip{Text: p.say("members.narrowed")})
	}
	change := Cell{Text: p.say("members.change"), Href: Members.Path(workspace, m.ID, "role")}
	state := Cell{Chips: []Chip{{Text: p.say("members.active"), Tone: "good"}}}
	switch {
	case !m.LeftAt.IsZero():
		state, change = Cell{Chips: []Chip{{Text: p.say("members.left")}}, When: p.when(m.LeftAt, now)}, Cell{}
	case m.Disabled:
		state = Cell{Chips: []Chip{{Text: p.say("members.disabled"), Tone: "bad"}}}
	}
	known := Person{Name: m.Name, Email: m.Email}.Known()
	return []Cell{{Text: known, Href: Members.Path(workspace, m.ID), Note: m.Email}, role, {Chips: p.patterns(m.Teams, 3)}, {When: p.when(m.Since, now)}, state, change}
}

// A Group is a team or a space of a workspace.
type Group struct{ ID, Name string }

// MemberForm is what a membership is typed into. It posts role, impersonate,
// team, space, narrow and scopes; a new one email and name too.
type MemberForm struct {
	Shell         Shell
	ID            string // of the person; empty: a new member
	Email, Name   string
	Role          string
	Roles         []string // beside member, admin and super_admin
	Impersonate   bool
	Teams, Spaces []Group
	InTeams       []string
	InSpaces      []string
	Narrow        bool
	Scopes        string
	Wrong         Wrong
}

// MemberForm writes the form of a membership.
func (s *Set) MemberForm(w io.Writer, lang Lang, v MemberForm) error {
	said := s.speaker(lang)
	at := v.Shell.Workspace.ID
	view := formView{Lead: said.say("member_form.add_lead"), Post: Members.Path(at, "add"), Submit: said.say("members.new"), Title: said.say("members.new")}
	if v.ID == "" {
		view.Fields = []Field{
			{Name: "email", Type: "email", Label: said.say("field.email"), Value: v.Email, Autocomplete: "off"},
			{Name: "name", Type: "text", Label: said.say("member_form.name"), Value: v.Name, Optional: true, Autocomplete: "off"},
		}
	} else {
		view.Lead, view.Post = said.say("member_form.lead"), Members.Path(at, v.ID, "role")
		view.Submit, view.Title = said.say("form.save"), said.say("member_form.title", "Name", Person{v.Name, v.Email}.Known())
	}
	view.Fields = append(view.Fields, said.membershipFields(v)...)
	view.Problems = said.fields(view.Fields, v.Wrong)
	return s.show(w, lang, "form", v.Shell, said, view)
}

func (p *speaker) membershipFields(v MemberForm) []Field {
	role := Field{Name: "role", Type: "select", Label: p.say("members.role")}
	for _, name := range slices.Concat([]string{"member", "admin", "super_admin"}, v.Roles) {
		role.Options = append(role.Options, Option{Value: name, Text: p.role(name), Chosen: name == v.Role})
	}
	fields := []Field{role, {
		Name: "impersonate", Type: "checkbox", Value: "yes", Label: p.say("members.impersonates"), Hint: p.say("member_form.impersonate_hint"), Checked: v.Impersonate,
	}}
	if len(v.Teams) > 0 {
		fields = append(fields, groupField("team", p.say("members.teams"), v.Teams, v.InTeams))
	}
	if len(v.Spaces) > 0 {
		fields = append(fields, groupField("space", p.say("members.spaces"), v.Spaces, v.InSpaces))
	}
	return append(fields,
		Field{Name: "narrow", Type: "checkbox", Value: "yes", Label: p.say("member_form.narrow"), Checked: v.Narrow},
		Field{Name: "scopes", Type: "textarea", Label: p.say("member_form.scopes"), Hint: p.say("field.one_a_line"), Value: v.Scopes, Optional: true})
}

func groupField(name, label string, all []Group, in []string) Field {
	f := Field{Name: name, Type: "checks", Label: label, Optional: true}
	for _, g := range all {
		text := g.Name
		if text == "" {
			text = g.ID
		}
		f.Options = append(f.Options, Option{Value: g.ID, Text: text, Chosen: slices.Contains(in, g.ID)})
	}
	return f
}

// A Role is a role and the scopes that it may hold.
type Role struct {
	Name   string
	Scopes []string
}

// RoleList is the page of a workspace's roles. Its form posts name and scopes
// to the page's own address; each role's to drop beneath it, with its name.
type RoleList struct {
	Shell Shell
	Items []Role // of its own
	Form  Role   // what is typed, or the role that is changed
	Wrong Wrong
	Super bool // who sees it may change them
}

type rolesView struct {
	Table    Table
	Problems []Mistake
	Post     string
	Fields   []Field
	Super    bool
}

// RoleList writes the roles and the form for one.
func (s *Set) RoleList(w io.Writer, lang Lang, v RoleList) error {
	said := s.speaker(lang)
	at := v.Shell.Workspace.ID
	view := rolesView{Post: Members.Path(at, "roles"), Super: v.Super, Table: Table{
		Caption: said.count("roles.caption", 3+len(v.Items)),
		Heads:   []Head{{Text: said.say("members.role")}, {Text: said.say("roles.holds")}, {Text: said.say("members.do"), Unseen: true}},
		Rows: [][]Cell{
			{{Text: said.role("member")}, {Text: said.say("roles.member")}, {}},
			{{Text: said.role("admin")}, {Text: said.say("roles.admin")}, {}},
			{{Text: said.role("super_admin")}, {Text: said.say("roles.super_admin")}, {}},
		},
	}}
	for _, r := range v.Items {
		row := []Cell{{Text: r.Name}, {Chips: said.patterns(r.Scopes, 8)}, {}}
		if v.Super {
			row[0].Href = view.Post + "?" + url.Values{"role": {r.Name}}.Encode()
			row[2].Ask = []Confirm{{
				ID: "drop-" + r.Name, Button: said.say("roles.drop"), Title: said.say("roles.drop_title", "Name", r.Name), Text: said.say("roles.drop_text"),
				Post: Members.Path(at, "roles", "drop"), Submit: said.say("roles.drop"), Hidden: []Hidden{{"name", r.Name}}, Grave: true,
			}}
		}
		view.Table.Rows = append(view.Table.Rows, row)
	}
	view.Fields = []Field{
		{Name: "name", Type: "text", Label: said.say("roles.name"), Hint: said.say("roles.name_hint"), Value: v.Form.Name, Autocomplete: "off"},
		{Name: "scopes", Type: "textarea", Label: said.say("member_form.scopes"), Hint: said.say("field.one_a_line"), Value: lines(v.Form.Scopes), Optional: true},
	}
	view.Problems = said.fields(view.Fields, v.Wrong)
	return s.show(w, lang, "roles", v.Shell, said, view)
}

// ScopeList is the page of the catalogue of scopes.
type ScopeList struct {
	Shell  Shell
	Search string
	Scopes []Scope  // that match, by name
	Beyond []string // of those, what the workspace does not have
}

type scopesView struct {
	Filter filterView
	Groups []scopeGroup
	Beyond []Chip
	Empty  Empty
}

// ScopeList writes the catalogue of scopes by domain.
func (s *Set) ScopeList(w io.Writer, lang Lang, v ScopeList) error {
	said := s.speaker(lang)
	groups, err := s.groupScopes(known(lang), "scope", v.Scopes)
	if err != nil {
		return err
	}
	view := scopesView{Groups: groups, Empty: Empty{Text: said.say("scopes.none")}, Filter: filterView{
		Action: Members.Path(v.Shell.Workspace.ID, "scopes"), Submit: said.say("filter.apply"),
		Fields: []Field{{Name: "search", Type: "search", Label: said.say("scopes.search"), Value: v.Search, Optional: true}},
	}}
	if v.Search != "" {
		view.Filter.Clear = view.Filter.Action
	}
	for _, name := range v.Beyond {
		view.Beyond = append(view.Beyond, Chip{Text: name})
	}
	return s.show(w, lang, "scopes", v.Shell, said, view)
}
