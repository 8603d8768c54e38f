package pages

import "io"

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
	Role      string // member, admin, super_admin or a role of the workspace's own
}

// Home is the page after signing in: who I am, and where I belong.
type Home struct {
	Here        string // path and query of this page, for the language links
	Person      Person
	Memberships []Membership
}

type homeView struct {
	Home
	Rows []Membership // roles in words
}

// Home writes the page after signing in.
func (s *Set) Home(w io.Writer, lang Lang, v Home) error {
	said := speaker{words: s.words[known(lang)]}
	view := homeView{Home: v}
	for _, m := range v.Memberships {
		view.Rows = append(view.Rows, Membership{m.Workspace, said.role(m.Role)})
	}
	if said.err != nil {
		return said.err
	}
	return s.render(w, lang, "home", v.Here, view)
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
