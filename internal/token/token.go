package token

import "net/netip"

// A Token is one row: one secret, its facts, and how it ended. Instants are
// milliseconds since 1970 in UTC; 0 means none. A Token that has been handed
// out is never changed; a change makes a new one.
type Token struct {
	ID         ID     // the row's address, the jti of a signed token
	Credential ID     // the id of the first secret: what lists, audit and webhooks show
	Kind       Kind   //
	Contract   string // the face that issued it: oauth2, v1, hubspot, contentful, fanbase, chronos, panel, import
	Hash       Hash   // of the secret
	LastFour   string // of the secret

	Name    string // what people call it
	Purpose string // why it exists
	Owner   string // who answers for it: a user id, or free text such as a team

	Workspace   string // the workspace it opens; empty: wherever Person is a member
	Client      string // the client it was issued to; empty for tokens that people make
	Person      string // the user it acts as; empty for programs
	Sponsor     string // the user on whose rights it stands beside Person: maker of a service token, actor of an impersonation
	Actor       string // who acts, when Person is impersonated: "user:ID" or "client:ID"
	Reason      string // why Person is impersonated
	Grant       ID     // the family it falls with; 0 if none
	Scopes      Scopes //
	Audience    string // resources it is for, separated by spaces; empty: any of the workspace
	Proof       string // thumbprint of the key it is bound to; empty: a bearer token
	Key         string // id of the key that signed it; empty: opaque
	StatusIndex int64  // its place in the status lists, of signed tokens that live over 5 minutes
	Data        string // facts of a code: redirect URI, challenge (JSON); of a refresh token: the access token beside it; of a service token: "final" if it is Final

	IssuedAt  int64 // ms
	ExpiresAt int64 // ms; valid iff now < ExpiresAt; 0: never
	Born      int64 // the position up to which its minter knew everything
	MaxUses   int64 // 0: any number
	Uses      int64 // counted only where MaxUses is set

	EndedAt        int64  // ms
	EndReason      string // revoked, rotated, redeemed, reuse, uninstalled, …
	EndedBy        string // who ended it
	SuspendedAt    int64  // ms
	SuspendedUntil int64  // ms; 0: until resumed
	Successor      ID     // the refresh token that replaced it

	Replaces     ID     // the secret of the same credential whose place it takes; 0: none
	ConfirmedAt  int64  // ms; when a secret that replaces another was first used
	RetiresAt    int64  // ms; when a secret that was replaced opens nothing more; 0: not replaced
	NarrowedFrom Scopes // what the secret before it held: a use that needs more than Scopes brings that one back

	Addresses []netip.Prefix // networks it may be used from; none: any
	Approval  string         // "": nobody is asked; ApprovalWaiting; or the actor who approved it
}

// ApprovalWaiting is the approval of a token that opens nothing before an
// administrator says yes. Until then it is suspended.
const ApprovalWaiting = "waiting"

// Live reports whether the row itself says that it is neither ended, nor
// expired, nor suspended at now (ms). Its supports may still say no.
func (t *Token) Live(now int64) bool {
	return t.EndedAt == 0 && (t.ExpiresAt == 0 || now < t.ExpiresAt) && !t.retired(now) && !t.suspended(now)
}

// SecondsLeft returns how long a token that expires still lives at now (ms), as
// the answer that gives it says, rounded down. The milliseconds between its
// making and its answer do not count: 30 minutes are 1800 seconds. A repeated
// answer says what is left.
func (t *Token) SecondsLeft(now int64) int64 {
	if now-t.IssuedAt < 1000 {
		now = t.IssuedAt
	}
	return max(t.ExpiresAt-now, 0) / 1000
}

// Whole returns the credential of a token that may have several secrets, all of
// which end together; 0 for others.
func (t *Token) Whole() ID {
	if t.Kind == Service || t.Kind == Personal {
		return t.Credential
	}
	return 0
}

// Pending reports whether the secret waits for its first use, which starts the
// end of the one it replaces.
func (t *Token) Pending() bool { return t.Replaces != 0 && t.ConfirmedAt == 0 }

func (t *Token) retired(now int64) bool { return t.RetiresAt != 0 && now >= t.RetiresAt }

func (t *Token) suspended(now int64) bool {
	return t.Approval == ApprovalWaiting || t.SuspendedAt != 0 && (t.SuspendedUntil == 0 || now < t.SuspendedUntil)
}

// Subject returns the sub of the token: the person, or the program itself.
func (t *Token) Subject() string {
	switch {
	case t.Person != "":
		return t.Person
	case t.Client != "":
		return t.Client
	default:
		return t.Credential.String()
	}
}

// Status is the one word that lists show, by order of priority.
func (t *Token) Status(now int64) string {
	switch {
	case t.EndedAt != 0:
		return "revoked"
	case t.ExpiresAt != 0 && now >= t.ExpiresAt:
		return "expired"
	case t.retired(now):
		return "retired"
	case t.suspended(now) && t.Approval == ApprovalWaiting:
		return "waiting"
	case t.suspended(now):
		return "suspended"
	case t.RetiresAt != 0:
		return "retiring"
	case t.Pending():
		return "pending"
	default:
		return "active"
	}
}
