package resources

import (
	"strings"

	"github.com/fichadev/ficha/internal/token"
)

func readScope(v value) Scope {
	o, ok := v.object([]string{"name", "description", "use"})
	if !ok {
		return Scope{}
	}
	s := Scope{Entry: o.entry(), Name: o.need("name"), Description: o.localized("description"), Use: o.localized("use")}
	if _, err := token.MakeScopes([]string{s.Name}); s.Name != "" && err != nil {
		o.failAt("name", "%s", token.AsRefusal(err).Text)
	}
	if token.IsVendor(s.Name) {
		o.fields["name"].warn("is known from the start and belongs to everyone; the entry changes nothing")
	}
	return s
}

func readWorkspace(v value) Workspace {
	o, ok := v.object([]string{"id", "name", "number", "domain", "scopes", "policy", "client_tokens", "teams", "spaces"})
	if !ok {
		return Workspace{}
	}
	w := Workspace{
		Entry:        o.entry(),
		ID:           o.id("id"),
		Name:         o.text("name"),
		Number:       o.number("number"),
		Domain:       o.text("domain"),
		Policy:       readPolicy(o),
		ClientTokens: readClientTokens(o),
		Teams:        each(o, "teams", readGroup),
		Spaces:       each(o, "spaces", readGroup),
	}
	var listed bool
	w.Scopes, listed = o.ordinary("scopes")
	w.AllScopes = !listed
	o.distinct("teams", w.Teams)
	o.distinct("spaces", w.Spaces)
	return w
}

// ordinary returns a list of scopes that are bought and narrowed, and warns of
// those that never are.
func (o object) ordinary(key string) (token.Scopes, bool) {
	set, given := o.scopes(key)
	for _, name := range set.Filter(token.IsVendor) {
		o.fields[key].warn("%s is never bought, given or narrowed here; the name changes nothing", name)
	}
	return set, given
}

func readClientTokens(o object) []string {
	var all []string
	for _, v := range o.list("client_tokens") {
		secret := v.secret(minSecret)
		if strings.Contains(secret, ":") {
			v.fail("holds a colon, after which the contract reads it; use hexadecimal digits")
		}
		all = append(all, secret)
	}
	return all
}

func readGroup(v value) token.Group {
	o, ok := v.object([]string{"id", "name"})
	if !ok {
		return token.Group{}
	}
	return token.Group{ID: o.id("id"), Name: o.text("name")}
}

// distinct reports groups of one list with the same id.
func (o object) distinct(key string, groups []token.Group) {
	if len(groups) == 0 {
		return
	}
	members := o.fields[key].items()
	seen := make(map[string]int, len(groups))
	for i, g := range groups {
		if first, twice := seen[g.ID]; twice && g.ID != "" {
			members[i].fail("the id %q stands on line %d already; keep one", g.ID, members[first].line)
		}
		seen[g.ID] = i
	}
}

func readRole(v value) Role {
	o, ok := v.object([]string{"workspace", "name", "scopes"})
	if !ok {
		return Role{}
	}
	r := Role{Entry: o.entry(), Workspace: o.id("workspace"), Name: o.id("name")}
	r.Scopes, _ = o.ordinary("scopes")
	if builtIn(r.Name) {
		o.failAt("name", "every workspace has this role from the start; choose another name")
	}
	return r
}

func builtIn(role string) bool {
	return role == token.Member || role == token.Admin || role == token.SuperAdmin
}
