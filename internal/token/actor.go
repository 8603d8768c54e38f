package token

import "strings"

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

// ActorOf returns who acts when a token is used as a verdict allows: its
// person, whoever impersonates them, or the program that holds it, as it does an
// install. Where and by which request is the caller's to add.
func ActorOf(r *Record, v Verdict) Actor {
	t := r.Token
	who := Actor{Kind: App, ID: t.Subject(), Workspace: v.Workspace, Token: t.Credential}
	switch {
	case t.Actor != "":
		kind, id, _ := strings.Cut(t.Actor, ":")
		who.Kind, who.ID, who.For = ActorKind(kind), id, t.Person
	case r.installed():
		who.ID = t.Client
		if r.Client != nil {
			who.Name = r.Client.Name
		}
	case t.Person != "":
		who.Kind = User
		if r.Person != nil {
			who.Name = r.Person.Email
		}
	case t.Client != "" && r.Client != nil:
		who.Name = r.Client.Name
	default:
		who.Name = t.Name
	}
	return who
}
