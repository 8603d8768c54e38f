package token

import (
	"strings"
	"time"
)

// A Deed is one hot change of state, as a value: rows to insert and rows to
// end, with the records and deliveries that belong to them. The store applies
// all of a deed or nothing, many deeds in one commit, and answers each alone.
type Deed struct {
	End []Ending // each conditional on the state it leaves; one lost, the deed is lost
	// Extended moves the end of one row on, if it has not ended.
	Extended *Extension
	Grant    *Grant     // a family to insert before its tokens
	Issue    []*Token   // rows to insert
	Events   []*Event   // the audit rows
	Outbox   []Delivery // what subscribers will hear
	Answer   *Answer    // the sealed answer for a retry
	Renewed  *Renewed   // the same for a refresh
	Quotas   []Quota    // places that the tokens take; one lacking, the deed is refused
	Letters  []Letter   // what people will read
	Cutoffs  []Cutoff   // supports to cut off in the same commit; Position is the store's to fill

	SignedIn *SignedIn // where a person is signed in by the session that the deed makes

	// Rotation opens beside the new secret of a token. While another one of the
	// credential is open, or the old secret has ended, the deed is lost; one that
	// is over at once closes what is open instead.
	Rotation *Rotation
}

// An Ending is one row that leaves its live state.
type Ending struct {
	ID        ID
	At        int64  // ms
	Reason    string // revoked, rotated, redeemed
	By        string // who
	Successor ID     // the token that replaces it, 0 if none
	// Whole ends, with the row, every other live secret of its credential.
	Whole ID
	// Quiet is set where no cached verdict can depend on the row: codes and
	// refresh tokens, which are always judged by the row itself.
	Quiet bool
}

// An Extension moves the end of a row that has not ended to a later instant. No
// cached verdict may depend on the row: it is one of a refresh token.
type Extension struct {
	ID        ID
	ExpiresAt int64 // ms
}

// A Delivery is one outbox row: an event on its way to one subscription. It is
// claimed by state, never by a cursor.
type Delivery struct {
	ID      ID
	Webhook ID
	Event   ID
	Type    string
	Subject string // the event's target: what happens to one is told in order
	Body    []byte
	At      int64 // ms
}

// An Answer is what a retry of the same request is given again: sealed, for a
// while, then wiped.
type Answer struct {
	Key         Hash   // what names the request: caller, route and idempotency key
	Request     Hash   // of the request's body: another body under the same key is a mistake
	Sealed      []byte // AES-256-GCM
	Tokens      []ID   // the answer is wiped when one of them is used
	MadeAt      int64  // ms
	SealedUntil int64  // ms: from then on, or once a token of it is used, nothing is sealed in it
	ExpiresAt   int64  // ms: from then on the request is not known to have been made
}

// RenewalLife is for how long a replaced refresh token gets its successor again.
const RenewalLife = 30 * time.Second

// A Renewed is what a refresh token was replaced by, for who asks by it again:
// sealed under a key that only the replaced secret opens, for a while and a
// number of times, then forgotten. What was given is of one instant, and tells
// its age.
type Renewed struct {
	Given  ID     // the refresh token that was given: it names the rest
	Access ID     // what was given beside it; once either is used nothing is given again
	Sealed []byte // AES-256-GCM
}

// A Change names one thing of which the judge may now say something else.
type Change struct {
	Mark     string // of the position: tells one history from another
	Position int64
	What     ChangeKind
	ID       string
}

// A ChangeKind tells tokens, supports and the lists apart.
type ChangeKind string

// What can change. The id of a support is its own; of a token, its number.
const (
	ChangedToken     ChangeKind = "token"
	ChangedWorkspace ChangeKind = "workspace"
	ChangedClient    ChangeKind = "client"
	ChangedPerson    ChangeKind = "person"
	ChangedGrant     ChangeKind = "grant"
	ChangedKeys      ChangeKind = "keys"
	ChangedCatalogue ChangeKind = "catalogue"
	ChangedImports   ChangeKind = "imports"
	Genesis          ChangeKind = "genesis" // the first position of a database
)

// Change returns which cached thing a change of the support is about: a
// membership is part of its person, a key part of the ring.
func (s Support) Change() Change {
	switch s.Kind {
	case OnMembership:
		person, _, _ := strings.Cut(s.ID, " ")
		return Change{What: ChangedPerson, ID: person}
	case OnPerson:
		return Change{What: ChangedPerson, ID: s.ID}
	case OnClient:
		return Change{What: ChangedClient, ID: s.ID}
	case OnGrant:
		return Change{What: ChangedGrant, ID: s.ID}
	case OnKey:
		return Change{What: ChangedKeys, ID: s.ID}
	}
	return Change{What: ChangedWorkspace, ID: s.ID}
}

// StandsOn reports whether a change touches what a token stands on; the mint
// then reads again before it commits.
func (t *Token) StandsOn(c Change) bool {
	switch c.What {
	case ChangedWorkspace:
		return t.Workspace == c.ID
	case ChangedClient:
		return t.Client == c.ID
	case ChangedPerson:
		return t.Person == c.ID || t.Sponsor == c.ID
	case ChangedGrant:
		return t.Grant != 0 && GrantSupport(t.Grant).ID == c.ID
	case ChangedKeys:
		return t.Key != ""
	}
	return false
}
