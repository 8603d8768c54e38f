package authority

import (
	"context"
	"strconv"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// Impersonate is Issue for a token with which a client acts as one of its
// workspace's members. A person who is unknown, or no member there, is NotFound;
// the client without the right, and a person with more rights than a program
// may borrow, are Forbidden; a scope that either party does not hold is
// InvalidScope. What is refused so is on record as well.
func (a *Authority) Impersonate(ctx context.Context, who token.Actor, o Order) (*Issued, error) {
	subject, err := a.subject(ctx, who, &o)
	return a.lend(ctx, who, o, subject, err)
}

// lend issues the order unless it was refused, and puts on record what was
// refused for want of a right.
func (a *Authority) lend(ctx context.Context, who token.Actor, o Order, subject *token.Person, err error) (*Issued, error) {
	var out *Issued
	if err == nil {
		out, err = a.Issue(ctx, who, o)
	}
	if r := token.AsRefusal(err); r != nil && lacksRight(r.Code) {
		if fault := a.noteRefused(ctx, who, &o, subject, r); fault != nil {
			return nil, fault
		}
	}
	return out, err
}

// lacksRight tells the refusals that say no to who asks or for whom from those
// that find a mistake in the order.
func lacksRight(code token.Code) bool {
	switch code {
	case token.Forbidden, token.NotFound, token.AccessDenied, token.InvalidScope, token.InsufficientScope:
		return true
	}
	return false
}

// subject returns the member whom the order acts as, beside the refusal too
// where the workspace knows them.
func (a *Authority) subject(ctx context.Context, who token.Actor, o *Order) (*token.Person, error) {
	if o.Reason == "" {
		return nil, token.AtField("reason", "is required: it stands in the audit beside every use")
	}
	if err := CheckText("reason", o.Reason, 500); err != nil {
		return nil, err
	}
	p, err := a.cfg.Judge.Person(ctx, o.Person)
	if err != nil {
		return nil, err
	}
	switch {
	case p == nil || p.In(o.Workspace) == nil:
		return nil, noSubject() // also a member of other workspaces only: their existence is not told
	case !p.In(o.Workspace).Live() || p.DisabledAt != 0:
		return p, noSubject()
	case who.For != "":
		return p, token.Errorf(token.Forbidden, "who acts for somebody else cannot act for a third")
	}
	return p, nil
}

func noSubject() error {
	return token.Errorf(token.NotFound, "there is no such member in this workspace, to act on behalf of")
}

// mayActAs keeps an impersonation within what was entrusted to who acts. It is
// part of the check of every order, whoever makes it.
func (a *Authority) mayActAs(o *Order, s supports) error {
	if s.person == nil || s.workspace == nil || o.Actor == "" || o.Reason == "" {
		return token.Errorf(token.Forbidden, "an impersonation names who acts, for whom, where and why")
	}
	for _, r := range s.rules {
		if r.Impersonation == token.ImpersonationOff {
			return token.Errorf(token.Forbidden, "the policy of this workspace lets nobody act as a member")
		}
	}
	for _, scope := range o.Scopes {
		if token.IsAdmin(scope) {
			return token.Errorf(token.InvalidScope, "who acts for somebody else administrates nothing: leave out %s", scope)
		}
	}
	if s.sponsor != nil {
		return a.memberMayActAs(o, s)
	}
	switch {
	case s.client == nil || !s.client.MayImpersonate:
		return token.Errorf(token.Forbidden, "this client may not impersonate; a super admin can give it the right")
	case s.person.In(o.Workspace).IsAdmin():
		return token.Errorf(token.Forbidden, "an administrator cannot be impersonated by a program")
	}
	return nil
}

// noteStarted tells subscribers that somebody acts as a member, and, where that
// is a person, the member. What programs do for members by the thousand nobody
// would read.
func (a *Authority) noteStarted(who token.Actor, s supports, now time.Time, t *token.Token, deed *token.Deed) error {
	if t.Kind != token.Impersonated {
		return nil
	}
	who.For = t.Person
	e := audit.Note(now, who, t.Workspace, "impersonation.started", targetOf(t), map[string]any{
		"user": t.Person, "reason": t.Reason, "ticket": t.Purpose, "scopes": t.Scopes, "expires_at": t.ExpiresAt,
	})
	if s.sponsor != nil {
		deed.Letters = append(deed.Letters, token.Letter{To: t.Person, Kind: token.LetterImpersonated, Workspace: t.Workspace, Data: map[string]string{
			"by": s.sponsor.Email, "reason": t.Reason, "expires_at": strconv.FormatInt(t.ExpiresAt, 10),
		}})
	}
	return attach(deed, s.workspace, e)
}

// noteRefused puts on record that somebody tried to act as somebody else.
func (a *Authority) noteRefused(ctx context.Context, who token.Actor, o *Order, subject *token.Person, why *token.Refusal) error {
	on := audit.Target{Kind: "user", ID: "unknown"}
	if subject != nil {
		on.ID, on.Name = subject.ID, subject.Email
		if who.For == "" {
			who.For = subject.ID
		}
	}
	return a.cfg.Store.Do(ctx, func(tx Tx) error {
		w, err := tx.Workspace(ctx, o.Workspace)
		if err != nil {
			return err
		}
		e := audit.Note(time.UnixMilli(tx.Now()), who, o.Workspace, "impersonation.refused", on,
			map[string]any{"client": o.Client, "reason": o.Reason, "refusal": why.Text})
		e.Outcome = token.Refused
		return record(ctx, tx, w, e)
	})
}
