package authority

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/keys"
	"github.com/fichadev/ficha/internal/policy"
	"github.com/fichadev/ficha/internal/token"
)

// Issued is what a caller is given. The secrets exist here and in the reply.
type Issued struct {
	Token         *token.Token
	Secret        string
	Refresh       *token.Token // nil if there is none
	RefreshSecret string
	Warnings      []string // what a coming policy will not allow
}

// Issue makes the ordered token durable and returns it. It refuses with
// InvalidScope, AccessDenied, Invalid (a field), or what the support's state
// asks for; Lost when what it replaces had ended.
func (a *Authority) Issue(ctx context.Context, who token.Actor, o Order) (*Issued, error) {
	if o.Retry != nil {
		return a.once(ctx, who, o)
	}
	return a.mint(ctx, who, o)
}

// mint is the one place where a token comes to exist.
func (a *Authority) mint(ctx context.Context, who token.Actor, o Order) (out *Issued, err error) {
	err = a.commit(ctx, func() (deed *token.Deed, err error) {
		if o.Family != nil {
			family := *o.Family
			family.ID = token.NewID(a.cfg.Now(), token.Long)
			o.Family = &family
		}
		out, deed, err = a.prepare(ctx, who, &o)
		return deed, err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// prepare fills an order: its tokens, and the deed that makes them durable.
func (a *Authority) prepare(ctx context.Context, who token.Actor, o *Order) (*Issued, *token.Deed, error) {
	s, err := a.read(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	if err := a.check(o, s); err != nil {
		return nil, nil, err
	}
	if err := a.checkAudience(ctx, o, s); err != nil {
		return nil, nil, err
	}
	now := a.cfg.Now()
	out := &Issued{}
	deed := &token.Deed{Grant: o.Family, Quotas: quotas(o, s)}
	if out.Token, out.Secret, err = a.make(ctx, o, s, now); err != nil {
		return nil, nil, err
	}
	deed.Issue = append(deed.Issue, out.Token)
	if o.Kind == token.Session {
		deed.SignedIn = &token.SignedIn{Token: out.Token.ID, Person: o.Person, ExpiresAt: out.Token.ExpiresAt, Address: who.Address, Agent: who.Agent}
	}
	if o.Turn != nil {
		a.turnInto(who, o, now, out.Token, deed)
	}
	if o.Refresh {
		a.makeRefresh(o, s, now, out)
		deed.Issue = append(deed.Issue, out.Refresh)
	}
	if o.Keeps != nil {
		out.Refresh, deed.Extended = prolonged(o, s, now)
	}
	if err := a.replace(o, now, out, deed); err != nil {
		return nil, nil, err
	}
	if err := a.tell(who, o, s, now, out, deed); err != nil {
		return nil, nil, err
	}
	if err := a.noteStarted(who, s, now, out.Token, deed); err != nil {
		return nil, nil, err
	}
	if err := a.foresee(who, s, now, out, deed); err != nil {
		return nil, nil, err
	}
	if err := a.wantApproval(ctx, who, s, now, out.Token, deed); err != nil {
		return nil, nil, err
	}
	return out, deed, a.remember(o, now, out, deed)
}

// make makes the row and the secret of the ordered token.
func (a *Authority) make(ctx context.Context, o *Order, s supports, now time.Time) (*token.Token, string, error) {
	life, err := lifetime(o, s)
	if err != nil {
		return nil, "", err
	}
	if o.Form == Signed && (life == 0 || life > policy.SignedMost) {
		return nil, "", token.AtField("ttl", "a signed token may live at most %d days; ask for an opaque one", policy.SignedMost/(24*time.Hour))
	}
	id := token.NewID(now, o.class(life))
	t := &token.Token{
		ID: id, Credential: id, Kind: o.Kind, Contract: o.Contract, Name: o.Name, Purpose: o.Purpose, Owner: o.Owner,
		Workspace: o.Workspace, Client: o.Client, Person: o.Person, Sponsor: o.Sponsor, Actor: o.Actor, Reason: o.Reason,
		Scopes: o.Scopes, Audience: o.Audience, Data: o.Data, IssuedAt: now.UnixMilli(), Born: s.born, MaxUses: o.MaxUses,
		Grant: family(o), Addresses: o.Addresses,
	}
	if life > 0 {
		t.ExpiresAt = now.Add(life).UnixMilli()
	}
	if o.approved(s) {
		t.Approval, t.SuspendedAt = token.ApprovalWaiting, t.IssuedAt
	}
	if o.Turn != nil {
		o.Turn.shape(t)
	}
	secret, err := a.secret(ctx, o, s, t)
	if err != nil {
		return nil, "", err
	}
	t.Hash, t.LastFour = token.HashOf(secret), token.LastFour(secret)
	return t, secret, nil
}

// class returns where a token of a lifetime is kept; the secrets of one
// credential are kept together, so that they are found and ended together.
func (o *Order) class(life time.Duration) token.Class {
	if o.Turn != nil {
		return o.Turn.Token.Credential.Class()
	}
	return token.ClassFor(life)
}

func family(o *Order) token.ID {
	switch {
	case o.Family != nil:
		return o.Family.ID
	case o.Grant != nil:
		return o.Grant.ID
	}
	return 0
}

// secret makes the secret in the ordered form.
func (a *Authority) secret(ctx context.Context, o *Order, s supports, t *token.Token) (string, error) {
	switch o.Form {
	case Hex:
		return a.cfg.Format.MintHex(t.ID), nil
	case Contentful:
		return a.cfg.Format.MintWith(token.ContentfulPrefix, t.ID), nil
	case Signed:
		return a.sign(ctx, s, t)
	}
	return a.cfg.Format.Mint(t.Kind, t.ID), nil
}

// statusAfter is the lifetime from which a signed token names its place in a
// status list: a shorter one is over before a list would be read.
const statusAfter = 5 * time.Minute

// sign writes the token as a JWT (RFC 9068).
func (a *Authority) sign(ctx context.Context, s supports, t *token.Token) (string, error) {
	alg := keys.ES256
	if s.client != nil && s.client.SigningAlg != "" {
		alg = s.client.SigningAlg
	}
	signer, err := a.cfg.Ring.Signer(alg)
	if errors.Is(err, keys.ErrNoKey) {
		if err = a.cfg.Keeper.EnsureAlg(ctx, alg); err == nil {
			signer, err = a.cfg.Ring.Signer(alg)
		}
	}
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	t.Key = signer.Key()
	claims := keys.Claims{
		ID: t.ID, Issuer: a.cfg.Issuer, Subject: t.Subject(), Audience: t.Audience, Client: t.Client, IssuedAt: t.IssuedAt,
		ExpiresAt: t.ExpiresAt, Scopes: t.Scopes, Workspace: t.Workspace, Kind: t.Kind, Actor: t.Actor,
	}
	if t.ExpiresAt-t.IssuedAt > statusAfter.Milliseconds() {
		if t.StatusIndex, err = a.status.next(ctx, a.cfg.Store); err != nil {
			return "", err
		}
		claims.StatusIndex, claims.StatusURI = t.StatusIndex%StatusListLen, a.StatusListURI(t.StatusIndex/StatusListLen)
	}
	var buf [2048]byte
	jws, err := signer.Sign(nil, keys.AppendPayload(buf[:0], claims))
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return string(jws), nil
}

// makeRefresh makes the refresh token of the same family beside an access
// token.
func (a *Authority) makeRefresh(o *Order, s supports, now time.Time, out *Issued) {
	began := now
	if o.Grant != nil {
		began = time.UnixMilli(o.Grant.CreatedAt)
	}
	life, most := policy.Refresh(s.client, s.workspace, o.Contract, began, now)
	class := token.ClassFor(life)
	if !policy.Rotates(s.client) {
		class = token.ClassFor(most) // its end moves on with its use
	}
	if o.Replaces != nil && o.Replaces.Token.Kind == token.Refresh && o.Replaces.Token.ID.Class() == token.Long {
		class = token.Long // so that the purge sees the last of a family that was kept for as long
	}
	id := token.NewID(now, class)
	t := &token.Token{
		ID: id, Credential: id, Kind: token.Refresh, Contract: o.Contract, Workspace: o.Workspace, Client: o.Client, Person: o.Person,
		Scopes: o.Scopes, Audience: o.Audience, IssuedAt: now.UnixMilli(), Born: s.born, Grant: family(o), Data: out.Token.ID.String(),
	}
	if o.Grant != nil {
		t.Scopes = o.Grant.Scopes // a refresh may narrow its access token, never itself (RFC 6749, 6)
	}
	if o.Replaces != nil {
		t.Audience = o.Replaces.Token.Audience // nor whom it is for (RFC 8707, 2.2)
	}
	if life > 0 {
		t.ExpiresAt = now.Add(life).UnixMilli()
	}
	out.RefreshSecret = a.cfg.Format.Mint(token.Refresh, id)
	t.Hash, t.LastFour = token.HashOf(out.RefreshSecret), token.LastFour(out.RefreshSecret)
	out.Refresh = t
}

// mostSlack is how much earlier than promised a refresh token that is kept may
// end for want of use: its row is written at most once in so long.
const mostSlack = time.Hour

// prolonged returns the refresh token that an order keeps, and moves its end on
// where it ends if it is not used. The end of an imported one is its importer's.
func prolonged(o *Order, s supports, now time.Time) (*token.Token, *token.Extension) {
	t := o.Keeps
	if t.ExpiresAt == 0 || t.Contract == imported || o.Grant == nil {
		return t, nil
	}
	life, _ := policy.Refresh(s.client, s.workspace, o.Contract, time.UnixMilli(o.Grant.CreatedAt), now)
	end := now.Add(life)
	if last := t.ID.Time().Add(token.ShortLife); t.ID.Class() == token.Short && last.Before(end) {
		end = last // it is dropped with its day
	}
	if gained := end.Sub(time.UnixMilli(t.ExpiresAt)); life == 0 || gained <= min(mostSlack, life/10) {
		return t, nil
	}
	later := *t
	later.ExpiresAt = end.UnixMilli()
	return &later, &token.Extension{ID: t.ID, ExpiresAt: later.ExpiresAt}
}

// replace ends the code or refresh token that the order is filled for, in the
// same commit; it loses if somebody ended it first.
func (a *Authority) replace(o *Order, now time.Time, out *Issued, deed *token.Deed) error {
	if o.Replaces == nil {
		return nil
	}
	old := o.Replaces
	end := token.Ending{ID: old.Token.ID, At: now.UnixMilli(), Reason: old.Reason, By: o.Client, Quiet: true}
	if out.Refresh != nil {
		end.Successor = out.Refresh.ID
	}
	deed.End = append(deed.End, end)
	if old.Token.Kind != token.Refresh {
		return nil
	}
	renewal, err := a.sealRenewal(old, now, out)
	deed.Renewed = renewal
	return err
}

// tell writes the audit row of a governing deed, and the deliveries of any.
func (a *Authority) tell(who token.Actor, o *Order, s supports, now time.Time, out *Issued, deed *token.Deed) error {
	listens := s.workspace != nil && len(s.workspace.Webhooks) > 0
	routine := !governed(o.Kind) && out.Token.ID.Class() == token.Short && who.Kind != token.User
	if routine && !listens {
		return nil // the token's own row is the record
	}
	notes := []*token.Event{noteIssued(now, who, out.Token)}
	if deed.Rotation != nil {
		notes = notesOfTurn(now, who, deed.Rotation)
	}
	if !routine {
		deed.Events = append(deed.Events, notes...)
	}
	if !listens {
		return nil
	}
	told, err := deliveriesOf(s.workspace, notes)
	deed.Outbox = append(deed.Outbox, told...)
	return err
}

func noteIssued(now time.Time, who token.Actor, t *token.Token) *token.Event {
	detail := map[string]any{"kind": t.Kind, "scopes": t.Scopes, "contract": t.Contract, "expires_at": t.ExpiresAt}
	for name, value := range map[string]string{
		"client": t.Client, "person": t.Person, "purpose": t.Purpose, "owner": t.Owner, "act": t.Actor, "reason": t.Reason, "last_four": t.LastFour,
	} {
		if value != "" {
			detail[name] = value
		}
	}
	e := audit.Note(now, who, t.Workspace, "token.issued", targetOf(t), detail)
	if t.Kind == token.Impersonated {
		e.Actor.For = t.Person
	}
	return e
}
