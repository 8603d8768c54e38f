package token

// A Surveyed is a token as a policy asks about it, with the instant and the
// address of its last use. It is not the whole row.
type Surveyed struct {
	Token
	Last Seen
}

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
