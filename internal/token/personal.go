package token

import "math"

// A PersonalQuery asks for a page of personal tokens, newest first: of Person,
// or, where that is empty, of the live members of Workspace as far as they open
// it. With both, of the person's those that are bound to the workspace. The
// spans narrow it further; one that asks for all is Always.
type PersonalQuery struct {
	Person    string
	Workspace string

	ID      ID     // this one alone; 0: all
	Search  string // a part of the name in any case, or the last four
	Created Span
	Expires Span // a token that never expires does so at the end of time
	Used    Span // as far as it was written down; never used is 0
	Revoked Span // not revoked is 0

	Skip, Limit int
}

// A Span is a stretch of instants in ms, with both its ends.
type Span struct{ From, To int64 }

// Never is the instant after all others.
const Never = math.MaxInt64

// Always returns the span that holds every instant, and those that are not.
func Always() Span { return Span{0, Never} }

// And returns what both spans hold.
func (s Span) And(other Span) Span { return Span{max(s.From, other.From), min(s.To, other.To)} }

// A PersonalToken is what a page tells of one: never its hash. Instants are ms,
// 0 is none.
type PersonalToken struct {
	ID         ID
	Credential ID
	Person     string
	Name       string
	LastFour   string
	Scopes     Scopes
	ExpiresAt  int64
	RevokedAt  int64 // when it ended by an act: its own ending, or its person's or their membership's
	UsedAt     int64 // when it was last used, as far as it was written down
}
