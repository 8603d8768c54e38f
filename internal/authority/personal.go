package authority

import (
	"context"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// A Parent is what was shown to make another token, a personal one or, to act as
// somebody else, a session as well, with what it was found to open.
type Parent struct {
	Record *token.Record
	Opens  token.Verdict
}

// IssueFrom makes a personal token by the right of another one of the same
// person, and no wider in anything: scopes, workspace, audience, networks and lifetime.
// An order that asks for no lifetime gets what is left of the parent's, or less
// where a policy says so. It
// refuses with Forbidden a parent that is not personal, with InsufficientScope
// scopes that it lacks, with Invalid at addresses or ttl more networks or a
// longer lifetime, and as Issue.
func (a *Authority) IssueFrom(ctx context.Context, who token.Actor, p Parent, o Order) (*Issued, error) {
	t := p.Record.Token
	if t.Kind != token.Personal {
		return nil, token.Errorf(token.Forbidden, "only a personal token may make another one; this one is %s", t.Kind)
	}
	if missing := p.Opens.Scopes.Missing(o.Scopes); missing != nil {
		return nil, &token.Refusal{Code: token.InsufficientScope, Text: "a token may not make one with more than its own scopes: " + missing.String(), Scope: missing}
	}
	if o.Addresses == nil {
		o.Addresses = t.Addresses
	}
	if !token.Within(o.Addresses, t.Addresses) {
		return nil, token.AtField("addresses", "a token may not make one that may be used from more networks than itself")
	}
	o.Kind, o.Person, o.Owner, o.Workspace, o.Audience = token.Personal, t.Person, t.Person, t.Workspace, t.Audience
	if t.ExpiresAt != 0 {
		// Whole seconds, so that the time until the mint's own reading of the
		// clock does not carry it past its parent.
		left := time.UnixMilli(t.ExpiresAt).Sub(a.cfg.Now()).Truncate(time.Second)
		if left <= 0 || o.TTL > left {
			return nil, token.AtField("ttl", "may be at most the %d seconds that are left of the token that makes it", int64(left/time.Second))
		}
		if o.TTL == 0 {
			var err error
			if o.TTL, err = a.unasked(ctx, &o, left); err != nil {
				return nil, err
			}
		}
	}
	return a.Issue(ctx, who, o)
}

// unasked returns the lifetime of an order that names none and may not outlive
// what was shown for it: what it would get anyway, if that is less. It is never
// more than a policy allows, which would refuse what nobody asked for.
func (a *Authority) unasked(ctx context.Context, o *Order, left time.Duration) (time.Duration, error) {
	s, err := a.read(ctx, o)
	if err != nil {
		return 0, err
	}
	life, err := lifetime(o, s)
	if err != nil { // it has to expire, and it does: with what was shown
		life = longest(o, s)
	}
	if life == 0 {
		return left, nil
	}
	return min(left, life), nil
}
