package authority

import (
	"context"
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
	case token.Forbidden, token.NotFound, token.AccessDenied, token.InvalidScope:
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
	return token.Errorf(token.NotFound, "on_behalf_of: there is no such member in this workspace")
}

// mayActAs keeps an impersonation within what the program was trusted with. It is
// part of the check of every order, whoever makes it.
func mayActAs(o *Order, s supports) error {
	switch {
	case s.person == nil || s.workspace == nil || o.Actor == "" || o.Reason == "":
		return token.Errorf(token.Forbidden, "an impersonation names who acts, for whom, where and why")
	case s.client == nil || !s.client.MayImpersonate:
		return token.Errorf(token.Forbidden, "this client may not impersonate; a super admin can give it the right")
	case s.person.In(o.Workspace).IsAdmin():
		return token.Errorf(token.Forbidden, "an administrator cannot be impersonated by a program")
	}
	return nil
}

// noteRefused puts on record that somebody tried to act as somebody else.
func (a *Authority) noteRefused(ctx context.Context, who token.Actor, o *Order, subject *token.Person, why *token.Refusal) error {
	on := audit.Target{Kind: "user", ID: "unknown"}
	if subject != nil {
		on.ID, on.Name, who.For = subject.ID, subject.Email, subject.ID
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
