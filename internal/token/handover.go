package token

// A Handover is what changes of a service token when somebody else answers for
// it.
type Handover struct {
	Owner     string // who answers for it from then on
	Sponsor   string // on whose rights it stands from then on; empty: on nobody's
	ExpiresAt int64  // ms; 0: never
	Final     bool   // it gets no other secret
}

// finalSecret is the Data of a service token that gets no other secret.
const finalSecret = "final"

// Handed returns the token as a handover leaves it.
func (t *Token) Handed(h Handover) *Token {
	next := *t
	next.Owner, next.Sponsor, next.ExpiresAt = h.Owner, h.Sponsor, h.ExpiresAt
	if h.Final {
		next.Data = finalSecret
	}
	return &next
}

// Final reports whether the token gets no other secret: it lives on for a while
// after the person whom it was made by has left, and a rotation would make that
// for ever.
func (t *Token) Final() bool { return t.Kind == Service && t.Data == finalSecret }
