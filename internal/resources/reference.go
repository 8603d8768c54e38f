package resources

import "github.com/fichadev/ficha/internal/token"

// A Reference is a name that a file uses and does not declare. The server may
// have it already; whoever applies the file decides.
type Reference struct {
	Kind      ReferenceKind
	Workspace string // where the name has its meaning; "" for users, clients, scopes and workspaces
	Name      string
	Line      int // of the first declaration that uses it
}

// A ReferenceKind says what a name is the name of.
type ReferenceKind string

// What a file refers to.
const (
	ToScope     ReferenceKind = "scope"
	ToWorkspace ReferenceKind = "workspace"
	ToRole      ReferenceKind = "role"
	ToTeam      ReferenceKind = "team"
	ToSpace     ReferenceKind = "space"
	ToUser      ReferenceKind = "user"
	ToClient    ReferenceKind = "client"
)

// References lists the names that the file uses and does not declare, each
// once, in the order of its sections. It leaves out the vendors' scopes and
// the roles that every workspace has, and optional scopes, which a server
// drops where it does not know them.
func (f *File) References() []Reference {
	s := seeker{known: make(map[Reference]bool)}
	s.declared(f)
	for i := range f.Workspaces {
		s.scopes(f.Workspaces[i].Scopes, f.Workspaces[i].Line)
	}
	for _, r := range f.Roles {
		s.use(ToWorkspace, "", r.Workspace, r.Line)
		s.scopes(r.Scopes, r.Line)
	}
	for i := range f.Users {
		for _, m := range f.Users[i].Memberships {
			s.membership(m)
		}
	}
	for i := range f.Clients {
		s.client(&f.Clients[i])
	}
	s.holdings(f)
	return s.found
}

type seeker struct {
	known map[Reference]bool // without lines
	found []Reference
}

func (s *seeker) declare(kind ReferenceKind, workspace, name string) {
	s.known[Reference{Kind: kind, Workspace: workspace, Name: name}] = true
}

func (s *seeker) declared(f *File) {
	for _, x := range f.Scopes {
		s.declare(ToScope, "", x.Name)
	}
	for i := range f.Workspaces {
		w := &f.Workspaces[i]
		s.declare(ToWorkspace, "", w.ID)
		for _, g := range w.Teams {
			s.declare(ToTeam, w.ID, g.ID)
		}
		for _, g := range w.Spaces {
			s.declare(ToSpace, w.ID, g.ID)
		}
	}
	for _, r := range f.Roles {
		s.declare(ToRole, r.Workspace, r.Name)
	}
	for i := range f.Users {
		s.declare(ToUser, "", f.Users[i].Email)
	}
	for i := range f.Clients {
		s.declare(ToClient, "", f.Clients[i].ID)
	}
}

func (s *seeker) use(kind ReferenceKind, workspace, name string, line int) {
	r := Reference{Kind: kind, Workspace: workspace, Name: name}
	if name == "" || s.known[r] {
		return
	}
	s.known[r] = true
	r.Line = line
	s.found = append(s.found, r)
}

func (s *seeker) scopes(set token.Scopes, line int) {
	for _, name := range set {
		if !token.IsVendor(name) {
			s.use(ToScope, "", name, line)
		}
	}
}

func (s *seeker) membership(m Membership) {
	s.use(ToWorkspace, "", m.Workspace, m.Line)
	if !builtIn(m.Role) {
		s.use(ToRole, m.Workspace, m.Role, m.Line)
	}
	s.scopes(m.Scopes, m.Line)
	for _, id := range m.Teams {
		s.use(ToTeam, m.Workspace, id, m.Line)
	}
	for _, id := range m.Spaces {
		s.use(ToSpace, m.Workspace, id, m.Line)
	}
}

func (s *seeker) client(c *Client) {
	s.use(ToWorkspace, "", c.Workspace, c.Line)
	for _, id := range c.Workspaces {
		s.use(ToWorkspace, "", id, c.Line)
	}
	s.scopes(c.Scope, c.Line)
}

func (s *seeker) holdings(f *File) {
	for _, x := range f.Resources {
		s.use(ToWorkspace, "", x.Workspace, x.Line)
		s.use(ToClient, "", x.IntrospectionClient, x.Line)
		s.scopes(x.Scopes, x.Line)
	}
	for i := range f.Tokens {
		t := &f.Tokens[i]
		s.use(ToWorkspace, "", t.Workspace, t.Line)
		s.use(ToUser, "", t.User, t.Line)
		s.use(ToClient, "", t.Client, t.Line)
		s.scopes(t.Scopes, t.Line)
	}
	for _, w := range f.Webhooks {
		s.use(ToWorkspace, "", w.Workspace, w.Line)
	}
}
