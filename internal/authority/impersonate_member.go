package authority

import (
	"context"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// ImpersonateAs is Impersonate for a member who has the right to, by a session
// or a personal token of theirs. The order says for whom, where and why; it may
// name scopes (nil: all ordinary ones that both hold) and a lifetime. What the
// token opens is no wider than what was shown for it, and ends with the
// membership and the right of either party. It refuses as Impersonate; who acts
// already for somebody else, who would act as themselves or as somebody with
// more rights, is Forbidden.
func (a *Authority) ImpersonateAs(ctx context.Context, who token.Actor, p Parent, o Order) (*Issued, error) {
	if err := CheckText("ticket", o.Purpose, 200); err != nil {
		return nil, err
	}
	subject, err := a.subject(ctx, who, &o)
	if no := MayImpersonate(p); no != nil {
		err = no // and not whether there is such a member
	} else if err == nil {
		err = a.borrow(ctx, p, subject, &o)
	}
	return a.lend(ctx, who, o, subject, err)
}

// MayImpersonate refuses, with Forbidden, who may not act as a member whoever
// that is: by what they show, or for want of the right.
func MayImpersonate(p Parent) error {
	switch {
	case p.Record == nil || p.Record.Token.Kind != token.Session && p.Record.Token.Kind != token.Personal || p.Record.Token.Actor != "":
		return token.Errorf(token.Forbidden, "a person acts as somebody else: sign in, or use a personal token; a program asks for a token of the type impersonated")
	case !p.Opens.Membership.Live() || !p.Opens.Membership.MayImpersonate:
		return withoutRight()
	}
	return nil
}

func withoutRight() error {
	return token.Errorf(token.Forbidden, "your membership may not impersonate; a super admin can give it the right")
}

// borrow fills an order with what a person shows.
func (a *Authority) borrow(ctx context.Context, p Parent, subject *token.Person, o *Order) error {
	t := p.Record.Token
	o.Kind, o.Person, o.Sponsor, o.Owner, o.Actor = token.Impersonated, subject.ID, t.Person, t.Person, "user:"+t.Person
	o.Name, o.Addresses, o.Audience = "acts as "+subject.Email, t.Addresses, t.Audience
	if o.Scopes == nil {
		var err error
		if o.Scopes, err = a.shared(ctx, p, subject, o.Workspace); err != nil {
			return err
		}
		if len(o.Scopes) == 0 {
			return token.Errorf(token.InvalidScope, "no ordinary scope is held by the member, by you and by the token that asks: ask with one that holds some")
		}
	}
	if t.Kind != token.Personal {
		return nil
	}
	if missing := p.Opens.Scopes.Missing(o.Scopes); missing != nil {
		return &token.Refusal{Code: token.InsufficientScope, Text: "a token may not make one with more than its own scopes: " + missing.String(), Scope: missing}
	}
	if t.ExpiresAt == 0 {
		return nil
	}
	left := time.UnixMilli(t.ExpiresAt).Sub(a.cfg.Now()).Truncate(time.Second)
	if left <= 0 || o.TTL > left {
		return token.AtField("minutes", "is longer than what is left of the token that asks")
	}
	if o.TTL == 0 {
		var err error
		o.TTL, err = a.unasked(ctx, o, left)
		return err
	}
	return nil
}

// shared returns the ordinary scopes that both parties hold, and a personal token
// that was shown.
func (a *Authority) shared(ctx context.Context, p Parent, subject *token.Person, workspace string) (token.Scopes, error) {
	w, err := a.cfg.Judge.Workspace(ctx, workspace)
	if err != nil || w == nil {
		return nil, orElse(err, noWorkspace())
	}
	rules := w.Policy.At(a.cfg.Now().UnixMilli())
	scopes, err := a.AllScopes(ctx, workspace, subject.In(workspace))
	return scopes.Filter(func(s string) bool {
		return w.MayHold(p.Opens.Membership, s) && rules.Allows(token.Impersonated, s) && (p.Record.Token.Kind == token.Session || p.Opens.Scopes.Has(s))
	}), err
}

// memberMayActAs refuses a member without the right, and one who would act as
// themselves or as somebody with more rights.
func (a *Authority) memberMayActAs(o *Order, s supports) error {
	actor, subject := s.sponsor.In(o.Workspace), s.person.In(o.Workspace)
	switch {
	case o.Actor != "user:"+s.sponsor.ID || !actor.Live() || !actor.MayImpersonate:
		return withoutRight()
	case s.sponsor.ID == s.person.ID:
		return token.Errorf(token.Forbidden, "you are that person: use a token of your own")
	case height(subject) > height(actor):
		return token.Errorf(token.Forbidden, "a person with a higher role than yours cannot be impersonated")
	}
	for name := range *a.known.Load() {
		if s.workspace.MayHold(subject, name) && !s.workspace.MayHold(actor, name) {
			return token.Errorf(token.Forbidden, "a person who may hold scopes that you may not cannot be impersonated")
		}
	}
	return nil
}

// height orders memberships by what they may administrate.
func height(m *token.Membership) int {
	switch {
	case !m.IsAdmin():
		return 0
	case m.Role == token.Admin:
		return 1
	}
	return 2
}
