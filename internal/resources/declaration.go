package resources

import (
	"encoding/hex"

	"github.com/fichadev/ficha/internal/token"
)

// A Declaration is one thing that a file declares: a *Scope, *Workspace,
// *ClientToken, *Role, *User, *Enrolment, *Client, *Resource, *Import or
// *Webhook.
type Declaration interface {
	Item() Item
	Label() string         // for people; no secret
	At() int               // the line
	Gives(key string) bool // of Entry
	Given() []string       // the keys that the file gives; never nil
}

// An Item names a thing that a file declares or refers to. It is comparable and
// holds no secret, but for a hash where nothing else names the thing.
type Item struct {
	Kind      ItemKind `json:"kind"`
	Workspace string   `json:"workspace,omitempty"` // where the name has its meaning
	Name      string   `json:"name"`
}

// An ItemKind says what an item is.
type ItemKind string

// The kinds of item. Team and space are only referred to.
const (
	ScopeItem       ItemKind = "scope"
	WorkspaceItem   ItemKind = "workspace"
	ClientTokenItem ItemKind = "client_token" // named by the hash, in hex
	RoleItem        ItemKind = "role"
	UserItem        ItemKind = "user"       // named by the address
	MembershipItem  ItemKind = "membership" // named by the user's address
	ClientItem      ItemKind = "client"
	ResourceItem    ItemKind = "resource"
	TokenItem       ItemKind = "token"   // named by the hash, in hex
	WebhookItem     ItemKind = "webhook" // named by the hash of its address, which may hold a secret
	TeamItem        ItemKind = "team"
	SpaceItem       ItemKind = "space"
)

// label names an item for people.
func (i Item) label() string {
	name := i.Name
	switch i.Kind {
	case ClientTokenItem, TokenItem, WebhookItem:
		name = "…" + name[max(0, len(name)-8):]
	}
	if i.Workspace != "" {
		name += " in " + i.Workspace
	}
	return name
}

// A ClientToken is one of a workspace's client tokens.
type ClientToken struct {
	Entry
	Workspace string
	Secret    string
}

// An Enrolment is a membership with its user.
type Enrolment struct {
	Membership
	Email string
}

// Declarations returns what the file declares, each after what it may refer to.
func (f *File) Declarations() []Declaration {
	var all []Declaration
	all = appendEach(all, f.Scopes)
	all = appendEach(all, f.Workspaces)
	for i := range f.Workspaces {
		w := &f.Workspaces[i]
		for _, secret := range w.ClientTokens {
			all = append(all, &ClientToken{Entry: w.Entry, Workspace: w.ID, Secret: secret})
		}
	}
	all = appendEach(all, f.Roles)
	all = appendEach(all, f.Users)
	for i := range f.Users {
		for _, m := range f.Users[i].Memberships {
			all = append(all, &Enrolment{Membership: m, Email: f.Users[i].Email})
		}
	}
	all = appendEach(all, f.Clients)
	all = appendEach(all, f.Resources)
	all = appendEach(all, f.Tokens)
	return appendEach(all, f.Webhooks)
}

// appendEach appends pointers to the members of a list.
func appendEach[T any, D interface {
	*T
	Declaration
}](all []Declaration, list []T) []Declaration {
	for i := range list {
		all = append(all, D(&list[i]))
	}
	return all
}

// At returns the line of the declaration.
func (e Entry) At() int { return e.Line }

// Given returns the keys that the declaration gives.
func (e Entry) Given() []string {
	if e.Keys == nil {
		return []string{}
	}
	return e.Keys
}

func hashed(secret string) string {
	h := token.HashOf(secret)
	return hex.EncodeToString(h[:])
}

func ending(secret string) string {
	if four := token.LastFour(secret); four != "" {
		return "…" + four
	}
	return "…"
}

// Item names the scope.
func (s *Scope) Item() Item { return Item{Kind: ScopeItem, Name: s.Name} }

// Label is the scope's name.
func (s *Scope) Label() string { return s.Name }

// Item names the workspace.
func (w *Workspace) Item() Item { return Item{Kind: WorkspaceItem, Name: w.ID} }

// Label is the workspace's id.
func (w *Workspace) Label() string { return w.ID }

// Item names the client token by its hash.
func (t *ClientToken) Item() Item {
	return Item{Kind: ClientTokenItem, Workspace: t.Workspace, Name: hashed(t.Secret)}
}

// Label is the last four of the client token, and its workspace.
func (t *ClientToken) Label() string { return ending(t.Secret) + " of " + t.Workspace }

// Item names the role.
func (r *Role) Item() Item { return Item{Kind: RoleItem, Workspace: r.Workspace, Name: r.Name} }

// Label is the role's name, and its workspace.
func (r *Role) Label() string { return r.Name + " of " + r.Workspace }

// Item names the user by address.
func (u *User) Item() Item { return Item{Kind: UserItem, Name: u.Email} }

// Label is the user's address.
func (u *User) Label() string { return u.Email }

// Item names the membership by the user's address.
func (e *Enrolment) Item() Item {
	return Item{Kind: MembershipItem, Workspace: e.Workspace, Name: e.Email}
}

// Label is the user's address, and the workspace.
func (e *Enrolment) Label() string { return e.Email + " in " + e.Workspace }

// Item names the client.
func (c *Client) Item() Item { return Item{Kind: ClientItem, Name: c.ID} }

// Label is the client's id.
func (c *Client) Label() string { return c.ID }

// Item names the resource.
func (r *Resource) Item() Item {
	return Item{Kind: ResourceItem, Workspace: r.Workspace, Name: r.Identifier}
}

// Label is the resource's identifier.
func (r *Resource) Label() string { return r.Identifier }

// Item names the token by its hash.
func (t *Import) Item() Item { return Item{Kind: TokenItem, Name: hashed(t.Secret)} }

// Label is the token's name and last four.
func (t *Import) Label() string {
	if t.Name == "" {
		return string(t.Kind) + " " + ending(t.Secret)
	}
	return t.Name + " " + ending(t.Secret)
}

// Item names the subscription by the hash of its address.
func (w *Webhook) Item() Item {
	return Item{Kind: WebhookItem, Workspace: w.Workspace, Name: hashed(w.URL)}
}

// Label is the subscription's workspace: an address may hold a secret.
func (w *Webhook) Label() string { return "of " + w.Workspace }

// item returns what a reference names; false where it names no item.
func (r Reference) item() (Item, bool) {
	kinds := map[ReferenceKind]ItemKind{
		ToScope: ScopeItem, ToWorkspace: WorkspaceItem, ToRole: RoleItem, ToTeam: TeamItem, ToSpace: SpaceItem, ToUser: UserItem, ToClient: ClientItem,
	}
	kind, ok := kinds[r.Kind]
	return Item{Kind: kind, Workspace: r.Workspace, Name: r.Name}, ok
}
