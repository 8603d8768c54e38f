package trials

import (
	"slices"
	"strings"
	"time"
)

// A model is what must be true of the tokens of a small world, kept in the
// plainest way: what ends, ends for ever, and takes along what stands on it.
type model struct {
	now        func() time.Time
	tokens     []*belief
	codes      []*beliefCode
	clients    map[string]bool                // enabled
	workspaces map[string]bool                // enabled
	people     map[string]bool                // enabled
	members    map[string]map[string][]string // person, workspace: the ordinary scopes held there; absent: no member
}

// A belief is a token as the model knows it.
type belief struct {
	what      string // for messages
	secret    string
	id        string
	workspace string // empty: wherever its person is a member
	client    string
	person    string
	scopes    []string
	expires   time.Time // zero: never
	ended     bool
	suspended bool
	left      []string // workspaces that it opens no more, of a token for all
	family    *beliefFamily
}

// A beliefFamily is what one consent gave.
type beliefFamily struct {
	refresh []string // each replaced the one before
	proto   belief   // what its access tokens are like
	ended   bool
}

// A beliefCode is a code on its way.
type beliefCode struct {
	secret  string
	used    bool
	expires time.Time
	family  *beliefFamily
}

// standsOn reports whether a token falls with a support. An empty name stands
// for all.
func (b *belief) standsOn(client, person, workspace string) bool {
	return (client == "" || b.client == client) && (person == "" || b.person == person) && (workspace == "" || b.workspace == workspace)
}

// fell ends what stood on a support, for ever.
func (m *model) fell(client, person, workspace string) {
	for _, b := range m.tokens {
		if b.standsOn(client, person, workspace) {
			b.ended = true
		}
		if b.workspace == "" && workspace != "" && client == "" && (person == "" || b.person == person) {
			b.left = append(b.left, workspace)
		}
		if f := b.family; f != nil && f.proto.standsOn(client, person, workspace) {
			f.ended = true
		}
	}
	for _, c := range m.codes {
		if c.family.proto.standsOn(client, person, workspace) {
			c.family.ended = true
		}
	}
}

// endFamily ends what one consent gave.
func (m *model) endFamily(f *beliefFamily) {
	f.ended = true
	for _, b := range m.tokens {
		if b.family == f {
			b.ended = true
		}
	}
}

// opens reports whether a token opens a workspace now, and with which scopes.
func (m *model) opens(b *belief, workspace string) (scopes []string, ok bool) {
	expired := !b.expires.IsZero() && !m.now().Before(b.expires)
	if b.ended || b.suspended || expired || !m.workspaces[workspace] || b.workspace != "" && b.workspace != workspace {
		return nil, false
	}
	if b.person == "" {
		return b.scopes, true
	}
	held, member := m.members[b.person][workspace]
	if !member || slices.Contains(b.left, workspace) {
		return nil, false
	}
	return intersect(b.scopes, held), true
}

func intersect(a, b []string) (both []string) {
	for _, s := range a {
		if slices.Contains(b, s) {
			both = append(both, s)
		}
	}
	return both
}

// mayIssue reports whether a client can get something in its home.
func (m *model) mayIssue(client string) bool {
	return m.clients[client] && m.workspaces[homeOf(client)]
}

// mayAct reports whether something can be issued for a person in a workspace.
func (m *model) mayAct(person, workspace string) bool {
	_, member := m.members[person][workspace]
	return m.people[person] && member && m.workspaces[workspace]
}

func homeOf(client string) string {
	if client == "harbour" {
		return "south"
	}
	return "north"
}

// ordinary are the scopes of the trials' catalogue that people hold.
func ordinary() []string { return []string{"content:write", "catalog:read", "assets:read"} }

func words(s string) []string {
	list := strings.Fields(s)
	slices.Sort(list)
	return list
}
