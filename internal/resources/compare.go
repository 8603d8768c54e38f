package resources

import (
	"fmt"

	"github.com/fichadev/ficha/internal/token"
)

// compare reports what two declarations may not share, and combinations of
// declarations that can never work.
func (r *reader) compare(f *File) {
	scopes, roles := r.unique("scopes", "name"), r.unique("roles", "name")
	for i, s := range f.Scopes {
		scopes.add(i, s.Line, s.Name)
	}
	for i, x := range f.Roles {
		roles.add(i, x.Line, x.Workspace, x.Name)
	}
	r.compareWorkspaces(f.Workspaces)
	r.compareUsers(f.Users)
	r.compareClients(f.Clients)
	r.compareHoldings(f)
}

func (r *reader) compareWorkspaces(all []Workspace) {
	ids, numbers := r.unique("workspaces", "id"), r.unique("workspaces", "number")
	tokens := make(map[token.Hash]int)
	for i, w := range all {
		ids.add(i, w.Line, w.ID)
		numbers.addNumber(i, w.Line, w.Number)
		for _, secret := range w.ClientTokens {
			first, shared := tokens[token.HashOf(secret)]
			if shared && first != w.Line {
				r.warn(w.Line, fmt.Sprintf("workspaces[%d].client_tokens", i), "one is the same as in the workspace on line %d; give each its own", first)
			}
			tokens[token.HashOf(secret)] = w.Line
		}
	}
}

func (r *reader) compareUsers(all []User) {
	emails, numbers := r.unique("users", "email"), r.unique("users", "number")
	for i, u := range all {
		emails.add(i, u.Line, u.Email)
		numbers.addNumber(i, u.Line, u.Number)
	}
}

func (r *reader) compareClients(all []Client) {
	ids, numbers := r.unique("clients", "client_id"), r.unique("clients", "number")
	secrets := make(map[token.Hash]int)
	for i, c := range all {
		ids.add(i, c.Line, c.ID)
		numbers.addNumber(i, c.Line, c.Number)
		if c.Secret == "" {
			continue
		}
		key := token.HashOf(c.Workspace + " " + c.Secret)
		if first, shared := secrets[key]; shared {
			r.warn(c.Line, fmt.Sprintf("clients[%d].client_secret", i), "is the same as that of the client on line %d; give each its own", first)
		}
		secrets[key] = c.Line
	}
}

func (r *reader) compareHoldings(f *File) {
	identifiers, urls := r.unique("resources", "identifier"), r.unique("webhooks", "url")
	for i, x := range f.Resources {
		identifiers.add(i, x.Line, x.Workspace, x.Identifier)
	}
	for i, w := range f.Webhooks {
		urls.add(i, w.Line, w.Workspace, w.URL)
	}
	r.compareTokens(f.Tokens)
	r.compareIntrospection(f)
}

func (r *reader) compareTokens(all []Import) {
	secrets := make(map[token.Hash]int)
	for i, t := range all {
		if t.Secret == "" {
			continue
		}
		if first, twice := secrets[token.HashOf(t.Secret)]; twice {
			r.report(t.Line, fmt.Sprintf("tokens[%d].secret", i), "is the same as that of the token on line %d; keep one", first)
		}
		secrets[token.HashOf(t.Secret)] = t.Line
	}
}

// compareIntrospection looks at clients that the file declares; others may be
// on the server already.
func (r *reader) compareIntrospection(f *File) {
	clients := make(map[string]*Client, len(f.Clients))
	for i := range f.Clients {
		clients[f.Clients[i].ID] = &f.Clients[i]
	}
	for i, x := range f.Resources {
		c, path := clients[x.IntrospectionClient], fmt.Sprintf("resources[%d].introspection_client", i)
		switch {
		case c == nil:
		case c.AuthMethod == public:
			r.report(x.Line, path, "the client on line %d is public and cannot prove who asks; name one with a secret or key", c.Line)
		case c.Workspace != x.Workspace:
			r.report(x.Line, path, "the client on line %d is of another workspace; name one of %q", c.Line, x.Workspace)
		}
	}
}

// A register remembers what identifies the members of a section.
type register struct {
	r            *reader
	section, key string
	lines        map[string]int
}

func (r *reader) unique(section, key string) register {
	return register{r, section, key, make(map[string]int)}
}

// add reports a name that stands already, and does not repeat it: an address
// may carry a secret. The last part is the name itself, what precedes it says
// where it must be unique.
func (u register) add(i, line int, parts ...string) {
	if parts[len(parts)-1] == "" {
		return
	}
	key := fmt.Sprintf("%q", parts)
	if first, twice := u.lines[key]; twice {
		u.r.report(line, fmt.Sprintf("%s[%d].%s", u.section, i, u.key), "stands on line %d already; keep one", first)
		return
	}
	u.lines[key] = line
}

func (u register) addNumber(i, line int, number int64) {
	if number != 0 {
		u.add(i, line, fmt.Sprint(number))
	}
}
