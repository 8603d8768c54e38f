package authority

import (
	"context"
	"time"

	"github.com/fichadev/ficha/internal/policy"
	"github.com/fichadev/ficha/internal/token"
)

// mostGrace bounds how long an old secret works beside the one that was seen.
const mostGrace = 90 * 24 * time.Hour

// UsualGrace is how long the old secret works after the first use of the new
// one unless the caller says otherwise: time for a second place that holds it.
const UsualGrace = 24 * time.Hour

// A Turn asks for a new secret of a token. The old one works on until the new
// one was seen and a grace has passed.
type Turn struct {
	Token  *token.Token  // the secret whose place is taken
	Asker  *token.Token  // what the caller showed; nil: the secret of the client that issued it
	Grace  time.Duration // after the first use of the new secret; 0: the old one ends now, which needs a Reason
	Reason string        // up to 200 characters
	Scopes token.Scopes  // fewer than it has; nil: the same
	// RollBack lets the old secret stay when the new one is refused for a scope
	// that the old one had.
	RollBack bool
	Retry    *Retry
}

// Rotate gives a service or personal token a new secret with a full lifetime of
// its own; the credential keeps its id. It refuses with Conflict while another
// rotation of it is open, or when it has ended; with Forbidden who may not hold
// what it opens; with Invalid a grace of 0 without a reason; and as Issue, whose
// rules the new secret meets anew.
func (a *Authority) Rotate(ctx context.Context, who token.Actor, turn Turn) (*Issued, *token.Rotation, error) {
	out, err := a.turnedBefore(ctx, turn.Retry)
	if out == nil && err == nil {
		out, err = a.turnNow(ctx, who, &turn)
	}
	if err != nil {
		return nil, nil, err
	}
	r, err := a.cfg.Store.RotationTo(ctx, out.Token.ID)
	if err == nil && r == nil {
		err = token.Errorf(token.Conflict, "the rotation was not kept")
	}
	return out, r, err
}

// turnedBefore returns what the same request was answered before, nil if it is
// new: by it the old secret may have ended, which a rotation would be refused
// for.
func (a *Authority) turnedBefore(ctx context.Context, r *Retry) (*Issued, error) {
	if r == nil || r.Key == "" {
		return nil, nil
	}
	return a.answered(ctx, r, r.name())
}

func (a *Authority) turnNow(ctx context.Context, who token.Actor, turn *Turn) (*Issued, error) {
	if err := a.checkTurn(ctx, turn); err != nil {
		return nil, err
	}
	o, err := a.turnOrder(ctx, turn)
	if err != nil {
		return nil, err
	}
	return a.Issue(ctx, who, o)
}

func (a *Authority) checkTurn(ctx context.Context, turn *Turn) error {
	t := turn.Token
	if err := a.turns(t); err != nil {
		return err
	}
	if err := CheckGrace(turn.Grace, turn.Reason); err != nil {
		return err
	}
	if missing := t.Scopes.Missing(turn.Scopes); missing != nil {
		return token.Errorf(token.InvalidScope, "a rotation never widens: the token does not have %s", missing)
	}
	return a.mayTurn(ctx, turn)
}

// MayRotate refuses, before anybody says so, what Rotate would refuse to who
// shows asker: what has no other secret, what they may not hold, and what is
// being rotated.
func (a *Authority) MayRotate(ctx context.Context, asker, t *token.Token) error {
	if err := a.turns(t); err != nil {
		return err
	}
	open, err := a.cfg.Store.Rotations(ctx, token.RotationQuery{Workspace: t.Workspace, What: token.RotatesToken, Credential: t.Credential.String(), OpenOnly: true, Limit: 1})
	if err != nil {
		return err
	}
	if len(open) > 0 {
		return token.Errorf(token.Conflict, "it is being rotated: finish or cancel that first")
	}
	return a.mayTurn(ctx, &Turn{Token: t, Asker: asker})
}

// turns refuses what gets no other secret.
func (a *Authority) turns(t *token.Token) error {
	if t.Kind != token.Service && t.Kind != token.Personal {
		return token.Errorf(token.Conflict, "only service and personal tokens rotate; get a new %s token as this one was got", t.Kind)
	}
	if !t.Live(a.cfg.Now().UnixMilli()) {
		return token.Errorf(token.Conflict, "the token is %s: a secret is replaced while it works; issue a new token", t.Status(a.cfg.Now().UnixMilli())).Because(token.Lost)
	}
	if t.Final() {
		return token.Errorf(token.Conflict, "the token was kept until %s after its maker left and gets no other secret; issue a new token", policy.Instant(t.ExpiresAt))
	}
	return nil
}

// CheckGrace refuses what would end a secret at once without saying why.
func CheckGrace(grace time.Duration, reason string) error {
	switch {
	case grace < 0 || grace > mostGrace:
		return token.AtField("grace_seconds", "must be from 0 to %d", mostGrace/time.Second)
	case grace%time.Second != 0:
		return token.AtField("grace_seconds", "must be a whole number of seconds")
	case grace == 0 && reason == "":
		return token.AtField("reason", "is required with grace_seconds 0, which ends the old secret at once")
	}
	return CheckText("reason", reason, 200)
}

// mayTurn refuses who would get more by the new secret than is theirs: a
// personal token acts as its person, a service token as far as its scopes.
func (a *Authority) mayTurn(ctx context.Context, turn *Turn) error {
	t, asker := turn.Token, turn.Asker
	if asker == nil || asker.Credential == t.Credential {
		return MayTurn(asker, t)
	}
	if t.Kind == token.Personal {
		if asker.Kind == token.Session && asker.Person == t.Person {
			return nil
		}
		return token.Errorf(token.Forbidden, "a personal token is rotated by its person on the pages, or with the token itself")
	}
	id := asker.Person
	if id == "" {
		id = asker.Sponsor
	}
	p, err := a.cfg.Judge.Person(ctx, id)
	if err != nil {
		return err
	}
	w, err := a.cfg.Judge.Workspace(ctx, t.Workspace)
	if err != nil {
		return err
	}
	for _, scope := range t.Scopes {
		if p == nil || w == nil || !w.MayHold(p.In(w.ID), scope) {
			return token.Errorf(token.Forbidden, "your role does not hold %s, which the new secret would open", scope)
		}
	}
	return nil
}

// MayTurn refuses a secret that another one takes the place of: it may be known
// to those for whom the place was changed, and must not get itself a new one.
// asker is what was shown, nil for none; t is the token's current secret.
func MayTurn(asker, t *token.Token) error {
	if asker != nil && asker.Credential == t.Credential && asker.ID != t.ID {
		return token.Errorf(token.Forbidden, "the secret is being replaced; use the one that takes its place")
	}
	return nil
}

// turnOrder orders a token that is what the old one is.
func (a *Authority) turnOrder(ctx context.Context, turn *Turn) (Order, error) {
	t := turn.Token
	o := Order{
		Kind: t.Kind, Contract: t.Contract, Form: formOf(t), Client: t.Client, Workspace: t.Workspace, Person: t.Person, Sponsor: t.Sponsor,
		Scopes: t.Scopes, Name: t.Name, Purpose: t.Purpose, Owner: t.Owner, Audience: t.Audience, Retry: turn.Retry, Turn: turn,
	}
	if turn.Scopes != nil {
		o.Scopes = turn.Scopes
	}
	if t.ExpiresAt != 0 {
		o.TTL = time.Duration(t.ExpiresAt-t.IssuedAt) * time.Millisecond
	}
	w, err := a.cfg.Judge.Workspace(ctx, t.Workspace)
	if err != nil {
		return o, err
	}
	// A workspace that allows less than it did when the token was made gives as
	// much as it allows now.
	if most := policy.Longest(t.Kind, w); most > 0 && o.TTL > most {
		o.TTL = most
	}
	return o, nil
}

// formOf returns the form in which a token's secret was written.
func formOf(t *token.Token) Form {
	switch {
	case t.Key != "":
		return Signed
	case t.Contract == "contentful":
		return Contentful
	}
	return Opaque
}

// turnInto makes a new row a secret of the credential that it takes a place in,
// and writes the rotation into the deed.
func (a *Authority) turnInto(who token.Actor, o *Order, now time.Time, t *token.Token, deed *token.Deed) {
	turn, old := o.Turn, o.Turn.Token
	r := &token.Rotation{
		ID: token.NewID(now, token.Long), What: token.RotatesToken, Workspace: t.Workspace, Credential: old.Credential.String(), Name: t.Name,
		Old: old.ID, New: t.ID, OldExpires: old.ExpiresAt, NewExpires: t.ExpiresAt, State: token.RotationPending, Grace: int64(turn.Grace / time.Second),
		Reason: turn.Reason, MadeBy: by(who), CreatedAt: now.UnixMilli(),
	}
	deed.Rotation = r
	if turn.Grace > 0 {
		return
	}
	r.State, r.ConfirmedAt, r.RetiresAt, r.EndedAt = token.RotationRetired, r.CreatedAt, r.CreatedAt, r.CreatedAt
	deed.End = append(deed.End, token.Ending{ID: old.ID, At: r.CreatedAt, Reason: turn.Reason, By: by(who), Whole: old.Credential})
}

// shape gives a new row what only a secret of a credential has.
func (turn *Turn) shape(t *token.Token) {
	old := turn.Token
	t.Credential, t.Addresses, t.Approval, t.SuspendedAt = old.Credential, old.Addresses, old.Approval, 0
	if turn.Grace == 0 {
		return
	}
	t.Replaces = old.ID
	if turn.RollBack && len(t.Scopes) < len(old.Scopes) {
		t.NarrowedFrom = old.Scopes
	}
}
