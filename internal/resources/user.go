package resources

import (
	"cmp"
	"fmt"

	"github.com/fichadev/ficha/internal/token"
)

// What is shorter is a warning: secrets are guessed by machines that hold a
// hash, passwords by people as well.
const (
	minSecret   = 16
	minPassword = 12
)

func readUser(v value) User {
	o, ok := v.object([]string{"email", "name", "number", "password", "memberships"})
	if !ok {
		return User{}
	}
	u := User{
		Entry:       o.entry(),
		Email:       o.email("email"),
		Name:        o.text("name"),
		Number:      o.number("number"),
		Password:    o.secret("password", minPassword),
		Memberships: each(o, "memberships", readMembership),
	}
	o.onePerWorkspace(u.Memberships)
	return u
}

func readMembership(v value) Membership {
	o, ok := v.object([]string{"workspace", "role", "scopes", "teams", "spaces", "may_impersonate"})
	if !ok {
		return Membership{}
	}
	m := Membership{
		Entry:          o.entry(),
		Workspace:      o.id("workspace"),
		Role:           cmp.Or(o.optionalID("role"), token.Member),
		Teams:          o.ids("teams"),
		Spaces:         o.ids("spaces"),
		MayImpersonate: o.yes("may_impersonate"),
	}
	m.Scopes, m.Narrowed = o.ordinary("scopes")
	return m
}

func (o object) onePerWorkspace(memberships []Membership) {
	first := make(map[string]int)
	for i, m := range memberships {
		if line, twice := first[m.Workspace]; twice && m.Workspace != "" {
			o.r.report(m.Line, fmt.Sprintf("%s.memberships[%d].workspace", o.path, i), "stands on line %d already; join the two", line)
			continue
		}
		first[m.Workspace] = m.Line
	}
}
