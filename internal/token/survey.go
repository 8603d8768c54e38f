package token

import "net/netip"

// A Surveyed is what a policy asks of a token, and of its last use where that
// was asked for.
type Surveyed struct {
	ID          ID
	Kind        Kind
	Owner       string
	Purpose     string // "-" where it has one
	Scopes      Scopes
	Addresses   []netip.Prefix
	ExpiresAt   int64 // ms
	Gone        bool  // ended, or replaced by another secret
	LastAt      int64 // ms
	LastAddress string
}

// Token returns a row with what was surveyed, and nothing else.
func (s *Surveyed) Token() Token {
	return Token{
		ID: s.ID, Kind: s.Kind, Owner: s.Owner, Purpose: s.Purpose, Scopes: s.Scopes, Addresses: s.Addresses,
		IssuedAt: s.ID.Time().UnixMilli(), ExpiresAt: s.ExpiresAt,
	}
}

// Live reports whether the row itself lives at an instant (ms).
func (s *Surveyed) Live(at int64) bool { return !s.Gone && (s.ExpiresAt == 0 || at < s.ExpiresAt) }

// A Place is how far a survey of a workspace came: over its own tokens, then,
// where Person is set, over those that its members made for all of theirs.
type Place struct {
	Person string
	After  ID
}

// A Walk is work on all live tokens of a workspace, done in steps. Instants are
// ms.
type Walk struct {
	Workspace string
	What      WalkKind
	Due       int64
	Began     int64 // tells one walk from another; younger tokens are not walked
	Place
}

// A WalkKind says what is done on the way.
type WalkKind string

// The kinds of walk.
const (
	WalkWarn WalkKind = "warn" // tell who holds what a new policy will not allow
	WalkTurn WalkKind = "turn" // let the new policy take the old one's place
	WalkEnd  WalkKind = "end"  // end what it does not allow
	WalkIdle WalkKind = "idle" // end what is not used
)
