package token

// An Invitation is a membership that waits for its person's word. Until they
// give it, they are no member and nothing of theirs changes.
type Invitation struct {
	Workspace      string
	Person         string
	Email          string // as it was invited: all that the workspace knows of them
	Role           string
	Scopes         Scopes // where Narrowed
	Narrowed       bool
	Teams          []string
	Spaces         []string
	MayImpersonate bool
	ByKind         ActorKind // who invited: they must still be allowed to when it is accepted
	By             string
	ByName         string
	CreatedAt      int64
	ExpiresAt      int64
}
