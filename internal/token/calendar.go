package token

// A Calendar is what a person subscribed to in a workspace: the expiries that
// come. Whoever has its address reads it, since a calendar program shows nothing
// else; only the hash of what is secret in the address is kept.
type Calendar struct {
	Person    string
	Workspace string
	Hash      Hash
	Born      int64 // the position at which it was made: what ends the membership ends it
	CreatedAt int64 // ms
}
