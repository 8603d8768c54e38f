// Package resources knows the format of the resources file: what a server
// should hold, written by people in YAML or JSON. It reads the text into typed
// declarations and checks them; it opens no file, reads no environment and
// touches no database but through the functions it is handed. Everything in it
// may be used by many at once.
package resources

import (
	"slices"

	"github.com/fichadev/ficha/internal/token"
)

// A File is what one resources file declares, in the order of the file.
type File struct {
	Environment string // "" where the file does not say
	Scopes      []Scope
	Workspaces  []Workspace
	Roles       []Role
	Users       []User
	Clients     []Client
	Resources   []Resource
	Tokens      []Import
	Webhooks    []Webhook
}

// An Entry is where a declaration stands and what it says: absent and empty
// are different things for one who applies a file twice.
type Entry struct {
	Line int      // in the file, from 1
	Keys []string // the keys that the file gives, in its order
}

// Gives reports whether the declaration has a key, even with an empty value.
func (e Entry) Gives(key string) bool { return slices.Contains(e.Keys, key) }

// A Scope is one entry of the catalogue. Texts are by language tag, lower
// case; a text without a language stands under "".
type Scope struct {
	Entry
	Name        string
	Description map[string]string
	Use         map[string]string // what it is suggested for
}

// A Workspace is the tenant.
type Workspace struct {
	Entry
	ID           string
	Name         string
	Number       int64  // HubSpot's hub_id; 0: to be assigned
	Domain       string // HubSpot's hub_domain
	Scopes       token.Scopes
	AllScopes    bool // the file lists none: the whole catalogue
	Policy       token.Policy
	ClientTokens []string // Chronos's; secrets
	Teams        []token.Group
	Spaces       []token.Group
}

// A Role beside member, admin and super_admin.
type Role struct {
	Entry
	Workspace string
	Name      string
	Scopes    token.Scopes
}

// A User is a person with memberships.
type User struct {
	Entry
	Email       string // in lower case
	Name        string
	Number      int64  // HubSpot's user_id; 0: to be assigned
	Password    string // a secret; "" where the file gives none
	Memberships []Membership
}

// A Membership is a user inside a workspace.
type Membership struct {
	Entry
	Workspace      string
	Role           string       // member where the file does not say
	Scopes         token.Scopes // meaningless unless Narrowed
	Narrowed       bool
	Teams          []string
	Spaces         []string
	MayImpersonate bool
}

// A Client is a program. The typed fields hold what is in force, defaults
// included; Metadata holds what the file says.
type Client struct {
	Entry
	ID             string
	Secret         string // "" where the file gives none
	Workspace      string // its home
	Number         int64  // HubSpot's app_id; 0: to be assigned
	Name           string
	Description    string
	AuthMethod     string // token_endpoint_auth_method, client_secret_basic where the file does not say
	RedirectURIs   []string
	GrantTypes     []string // [authorization_code] where the file gives none but redirect URIs; else empty
	Scope          token.Scopes
	OptionalScope  token.Scopes
	Distribution   string   // private | public | listed
	Workspaces     []string // where Distribution is listed
	InstallableBy  string   // super_admin | admin | member | ""
	Introspect     string   // own | workspace
	MayImpersonate bool
	AccessTTL      int64          // seconds; 0: the default
	AccessFormat   string         // opaque | jwt | "": the default
	SigningAlg     string         // ES256 | EdDSA | RS256 | "": the default
	RefreshPolicy  string         // rotate | keep | "": by whether it has a secret
	RefreshTTL     int64          // seconds; 0: the default
	RefreshIdleTTL int64          // seconds; 0: the default
	Metadata       map[string]any // registered fields as given, but client_id and client_secret; fit for encoding/json
}

// A Resource is a resource server: who tokens are for (RFC 8707).
type Resource struct {
	Entry
	Identifier          string
	Workspace           string
	Scopes              token.Scopes
	TokenFormat         string // opaque | jwt | "": the client's
	IntrospectionClient string // a client id, or ""
}

// An Import is a token that exists elsewhere and goes on working.
type Import struct {
	Entry
	Kind      token.Kind
	Workspace string
	User      string // e-mail in lower case
	Client    string
	Name      string
	Purpose   string
	Owner     string
	Audience  []string
	Secret    string
	Scopes    token.Scopes
	ExpiresAt int64 // ms since 1970; 0: the file does not say
}

// A Webhook is a subscription of a workspace.
type Webhook struct {
	Entry
	Workspace string
	URL       string
	Events    []string // names, or a prefix and ".*", or "*"
	Secret    string   // "" where the file gives none
}
