package token

import (
	"slices"
	"strconv"
)

// A SupportKind names a kind of thing that tokens stand on.
type SupportKind string

// What a token may stand on. A token whose support is missing is refused.
const (
	OnWorkspace  SupportKind = "workspace"
	OnClient     SupportKind = "client"
	OnPerson     SupportKind = "person"
	OnMembership SupportKind = "membership" // ID is MembershipID
	OnGrant      SupportKind = "grant"      // the family
	OnKey        SupportKind = "key"
)

// A Support names one thing that tokens stand on.
type Support struct {
	Kind SupportKind
	ID   string
}

// MembershipID names a membership among the supports.
func MembershipID(person, workspace string) string { return person + " " + workspace }

// GrantSupport names a family among the supports.
func GrantSupport(id ID) Support { return Support{OnGrant, strconv.FormatInt(int64(id), 10)} }

// A Cutoff ends every token that stands on a support and was born before its
// position: one row ends a million tokens, and no clock has a say in it.
type Cutoff struct {
	Support      Support
	Position     int64
	IssuedBefore int64  // ms; 0: all born before
	Reason       string // why, for people
	At           int64  // ms, for people
}

// Cutoffs are those of one support.
type Cutoffs []Cutoff

// Hit reports whether a token with that birth and issue instant is ended.
func (c Cutoffs) Hit(born, issuedAt int64) bool {
	for i := range c {
		if born < c[i].Position && (c[i].IssuedBefore == 0 || issuedAt < c[i].IssuedBefore) {
			return true
		}
	}
	return false
}

// A Workspace is the tenant: Be CMS's workspace, Contentful's organisation,
// HubSpot's account.
type Workspace struct {
	ID         string
	Name       string
	Number     int64  // HubSpot's hub_id
	Domain     string // HubSpot's hub_domain
	Scopes     Scopes // ordinary scopes it has; nil: the whole catalogue
	AllScopes  bool   // true where Scopes is absent
	Policy     Policy
	Roles      []Role
	Teams      []Group
	Spaces     []Group
	Webhooks   []Webhook
	CreatedAt  int64
	DisabledAt int64
	Cutoffs    Cutoffs
}

// IsName reports whether s may name a workspace, a role or a group: 1 to 128
// letters and digits of ASCII, and . _ : -
func IsName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == ':', c == '-':
		default:
			return false
		}
	}
	return s != "" && len(s) <= 128
}

// A Group is a team or a space: a name that memberships may list.
type Group struct {
	ID   string `json:"id" yaml:"id"`
	Name string `json:"name" yaml:"name"`
}

// A Role beside member, admin and super_admin, with the scopes it may hold.
type Role struct {
	Workspace string
	Name      string
	Scopes    Scopes
}

// The roles that every workspace has.
const (
	Member     = "member"
	Admin      = "admin"
	SuperAdmin = "super_admin"
)

// A Webhook is a subscription. Its secret is sealed; only the sender opens it.
type Webhook struct {
	ID        ID
	Workspace string
	URL       string
	Events    []string // names, or a prefix and ".*"

	DisabledAt int64 // ms: it hears nothing since; 0: it hears
}

// MostAccess is the longest life of an access token, in seconds, and so what a
// client may be registered for.
const MostAccess = 90 * 86400

// A Client is a program registered in its home workspace.
type Client struct {
	ID             string
	Number         int64 // HubSpot's app_id
	Workspace      string
	Name           string
	Description    string
	AuthMethod     string   // token_endpoint_auth_method; rules /oauth2 only
	RedirectURIs   []string //
	GrantTypes     []string //
	Scope          Scopes   // the widest it may mint or hold; HubSpot: the required ones
	OptionalScope  Scopes   //
	Distribution   string   // private | public | listed
	Workspaces     []string // where Distribution is listed
	InstallableBy  string   // super_admin | admin | member | ""
	Introspect     string   // own | workspace
	MayImpersonate bool     //
	AccessTTL      int64    // seconds, up to MostAccess; 0: the default
	RefreshTTL     int64    // seconds; 0: the default of its kind
	RefreshIdle    int64    // seconds; 0: the default of its kind
	AccessFormat   string   // opaque | jwt | ""
	SigningAlg     string   // ES256 | EdDSA | RS256 | "": the default
	RefreshPolicy  string   // rotate | keep | "": by whether it has a secret
	Resources      []string // identifiers of resources that name it as their introspection client
	Secrets        []Secret
	Metadata       string // the whole registration as given, JSON
	Demands        Demands
	CreatedAt      int64
	DisabledAt     int64
	Cutoffs        Cutoffs
}

// Demands are what a registration asks of every authorization or token and
// this server does not serve yet. Such a client is refused rather than served
// with less than it asked for.
type Demands struct {
	Pushed bool `json:"require_pushed_authorization_requests"`      // RFC 9126
	Signed bool `json:"require_signed_request_object"`              // RFC 9101
	DPoP   bool `json:"dpop_bound_access_tokens"`                   // RFC 9449
	Cert   bool `json:"tls_client_certificate_bound_access_tokens"` // RFC 8705
}

// A Secret of a client: only its hash is kept. Instants are ms; 0: none.
type Secret struct {
	ID        ID
	Hash      Hash
	LastFour  string
	CreatedAt int64
	ExpiresAt int64
	EndedAt   int64
	RetiresAt int64 // when one that was replaced opens nothing more
	Replaces  ID    // whose place it takes, until it was seen; then 0
}

// Live reports whether the secret still opens at now (ms).
func (s Secret) Live(now int64) bool {
	return s.EndedAt == 0 && (s.ExpiresAt == 0 || now < s.ExpiresAt) && (s.RetiresAt == 0 || now < s.RetiresAt)
}

// A ClientToken is a secret of a workspace in the Chronos contract: who signs
// in shows it beside their password.
type ClientToken struct {
	Secret
	Workspace string
}

// Public reports whether the client has no secret (RFC 6749, 2.1).
func (c *Client) Public() bool { return c.AuthMethod == "none" }

// Grants reports whether the client is registered for a grant type.
func (c *Client) Grants(grant string) bool { return slices.Contains(c.GrantTypes, grant) }

// MayOpen reports whether the client may be installed in a workspace.
func (c *Client) MayOpen(workspace string) bool {
	return workspace == c.Workspace || c.Distribution == "public" || slices.Contains(c.Workspaces, workspace)
}

// A Person is a user and every membership that lives or lived.
type Person struct {
	ID          string
	Number      int64 // HubSpot's user_id
	Email       string
	Name        string
	Password    string // Argon2id, encoded; empty: cannot sign in by password
	Locale      string
	CreatedAt   int64
	UpdatedAt   int64
	Version     int64
	DisabledAt  int64
	Memberships []Membership
	Cutoffs     Cutoffs
}

// A Membership is a person inside a workspace.
type Membership struct {
	ID             string // for contracts that list memberships
	Person         string
	Workspace      string
	Role           string
	Scopes         Scopes // narrows its ordinary scopes; meaningless unless Narrowed
	Narrowed       bool
	Teams          []string
	Spaces         []string
	MayImpersonate bool
	Version        int64
	CreatedAt      int64
	UpdatedAt      int64
	RemovedAt      int64
	Cutoffs        Cutoffs
}

// Live reports whether the person is a member now.
func (m *Membership) Live() bool { return m != nil && m.RemovedAt == 0 }

// IsAdmin reports whether the membership may administrate the workspace.
func (m *Membership) IsAdmin() bool { return m.Live() && (m.Role == Admin || m.Role == SuperAdmin) }

// In returns the person's membership of a workspace, live or removed, or nil.
func (p *Person) In(workspace string) *Membership {
	for i := range p.Memberships {
		if p.Memberships[i].Workspace == workspace {
			return &p.Memberships[i]
		}
	}
	return nil
}

// Live returns the memberships that live now.
func (p *Person) Live() []*Membership {
	var live []*Membership
	for i := range p.Memberships {
		if p.Memberships[i].Live() {
			live = append(live, &p.Memberships[i])
		}
	}
	return live
}

// A Grant is a family: what one consent, install or exchange gave, and all
// tokens that fall with it.
type Grant struct {
	ID        ID
	Contract  string
	Client    string
	Person    string // who consented; empty for a client's own
	Workspace string
	Scopes    Scopes
	Installed bool // belongs to the workspace and survives Person
	CreatedAt int64
	EndedAt   int64
	EndReason string
	Cutoffs   Cutoffs
}

// MayHold reports whether a member may hold a scope in a workspace: ordinary
// scopes by workspace, role and membership, administration by role alone, the
// vendors' always.
func (w *Workspace) MayHold(m *Membership, scope string) bool {
	if !m.Live() || w.DisabledAt != 0 {
		return false
	}
	if IsAdmin(scope) {
		return m.IsAdmin()
	}
	if IsVendor(scope) {
		return true
	}
	if !w.AllScopes && !w.Scopes.Has(scope) {
		return false
	}
	if m.Narrowed && !m.Scopes.Has(scope) {
		return false
	}
	switch m.Role {
	case Member, Admin, SuperAdmin:
		return true
	}
	for i := range w.Roles {
		if w.Roles[i].Name == m.Role {
			return w.Roles[i].Scopes.Has(scope)
		}
	}
	return false
}

// Has reports whether the workspace has a scope at all.
func (w *Workspace) Has(scope string) bool {
	return IsVendor(scope) || w.AllScopes || w.Scopes.Has(scope)
}
