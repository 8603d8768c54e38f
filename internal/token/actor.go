package token

// An Actor is who acts, for whom, and from where. The zero value is nobody.
type Actor struct {
	Kind      ActorKind
	ID        string // user id, client id, or the name of a system actor
	Name      string // e-mail, client name: for people who read the audit
	Workspace string // the workspace it acts in, if one
	Token     ID     // the credential it acted with, 0 if none
	For       string // the subject it acts for, when impersonating
	Address   string // the network address, without port
	Agent     string // the User-Agent, cut to 200 bytes
	Request   string // the request's id
}

// An ActorKind tells people, programs and the server itself apart.
type ActorKind string

// The kinds of actor.
const (
	Nobody ActorKind = ""
	User   ActorKind = "user"
	App    ActorKind = "client"
	System ActorKind = "system" // ID says which: apply, sealer, purge, setup
)
