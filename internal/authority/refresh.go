package authority

import (
	"context"
	"slices"
	"time"

	"github.com/fichadev/ficha/internal/policy"
	"github.com/fichadev/ficha/internal/token"
)

// renewalMost is how often a replaced refresh token gets its successor again:
// parallel tabs are honest.
const renewalMost = 20

// Renewal asks for a new access token by a refresh token.
type Renewal struct {
	Contract  string // the face that asks: a refresh token is worth nothing at another
	Secret    string
	Scopes    token.Scopes // fewer than were granted; nil: all
	Form      Form
	Resources []string // fewer than were granted; empty: all
}

// Refresh exchanges a refresh token (RFC 6749, 6). The answer always carries a
// refresh token: a new one where the client's are replaced at each use, the
// same otherwise. Of those who race with one token all get the same successor.
// A token that was replaced before, and whose successor was used, means that a
// copy exists: the whole family ends (RFC 9700, 4.14.2).
func (a *Authority) Refresh(ctx context.Context, who token.Actor, c *token.Client, ask Renewal) (*Issued, error) {
	r, err := a.refreshToken(ctx, c, ask)
	if err != nil {
		return nil, err
	}
	if r.Token.EndedAt != 0 {
		return a.afterRotation(ctx, who, r, c, ask)
	}
	order, err := a.renewal(ctx, who, r, c, ask)
	if err != nil {
		return nil, err
	}
	out, err := a.mint(ctx, who, order)
	if refusal := token.AsRefusal(err); refusal != nil && refusal.Reason == token.Lost {
		if r, err = a.refreshToken(ctx, c, ask); err != nil {
			return nil, err
		}
		return a.afterRotation(ctx, who, r, c, ask)
	}
	if err != nil {
		return nil, asGrant(err)
	}
	if out.RefreshSecret == "" {
		out.RefreshSecret = ask.Secret
	}
	return out, nil
}

// refreshToken finds the refresh token of a client. Unknown and foreign are
// one refusal for those who hold nothing; a foreign client learns that it is
// not its own only because it holds the secret. Another contract's is unknown.
func (a *Authority) refreshToken(ctx context.Context, c *token.Client, ask Renewal) (*token.Record, error) {
	r, err := a.cfg.Judge.Find(ctx, ask.Secret)
	if token.Is(err, token.InvalidToken) || err == nil && r.Token.Kind != token.Refresh {
		return nil, badRefresh()
	}
	if err != nil {
		return nil, err
	}
	if r.Token.Client != c.ID {
		return nil, token.Errorf(token.InvalidGrant, "refresh token was not issued to this client").Because(token.OtherClient)
	}
	if r.Token.Contract != ask.Contract && r.Token.Contract != imported {
		return nil, badRefresh()
	}
	return r, nil
}

func badRefresh() *token.Refusal {
	return token.Errorf(token.InvalidGrant, "refresh token is invalid, expired or revoked").Because(token.UnknownRefresh)
}

// renewal makes the order that a live refresh token is worth, and that says what
// becomes of it.
func (a *Authority) renewal(ctx context.Context, who token.Actor, r *token.Record, c *token.Client, ask Renewal) (Order, error) {
	o, err := a.worth(ctx, who, r, c, ask)
	if err != nil {
		return Order{}, err
	}
	if policy.Rotates(c) {
		o.Refresh = true
		o.Replaces = &Replaced{Token: r.Token, Reason: "rotated", Secret: ask.Secret}
	} else {
		o.Keeps = r.Token
	}
	return o, nil
}

// worth makes the order for the access token that a refresh token is worth.
func (a *Authority) worth(ctx context.Context, who token.Actor, r *token.Record, c *token.Client, ask Renewal) (Order, error) {
	t := r.Token
	v, err := a.cfg.Judge.Weigh(ctx, r, token.Use{Now: a.cfg.Now().UnixMilli(), Surface: token.AtToken, Address: who.Address, Proof: t.Proof})
	if err != nil {
		return Order{}, asGrant(err)
	}
	if lost := v.Scopes.Missing(t.Scopes); lost != nil {
		return Order{}, token.Errorf(token.InvalidGrant, "the person no longer holds scope %s; ask for consent again", lost)
	}
	if !c.Grants("refresh_token") && !policy.TermsOf(ask.Contract).Refreshes {
		return Order{}, token.Errorf(token.UnauthorizedClient, "the client is not registered for refresh_token")
	}
	scopes := t.Scopes
	if ask.Scopes != nil {
		if more := t.Scopes.Missing(ask.Scopes); more != nil {
			return Order{}, token.Errorf(token.InvalidScope, "scope %s was not granted", more)
		}
		scopes = ask.Scopes
	}
	to, err := a.aim(ctx, c, t, scopes, ask.Resources, ask.Form)
	if err != nil {
		return Order{}, err
	}
	return Order{
		Kind: token.Access, Contract: ask.Contract, Form: to.Form, Client: t.Client, Workspace: t.Workspace, Person: t.Person,
		Scopes: to.Scopes, Audience: to.Audience, Grant: r.Grant,
	}, nil
}

// asGrant turns what the judge or the mint refuses into the one refusal that
// the token endpoint has for a grant that is no longer good.
func asGrant(err error) error {
	r := token.AsRefusal(err)
	if r == nil {
		return err
	}
	switch r.Code {
	case token.InvalidToken, token.AccessDenied:
		return badRefresh()
	case token.Forbidden:
		return token.Errorf(token.InvalidGrant, "%s", r.Text).Because(r.Reason)
	}
	return err
}

// afterRotation answers for a refresh token that has ended: with the same
// successor if it was just replaced and nobody used that; by ending the family
// if it is a copy; else with no.
func (a *Authority) afterRotation(ctx context.Context, who token.Actor, r *token.Record, c *token.Client, ask Renewal) (*Issued, error) {
	t := r.Token
	if t.EndReason != "rotated" || r.Grant == nil || r.Grant.EndedAt != 0 {
		return nil, badRefresh()
	}
	stolen, err := a.isReuse(ctx, t)
	if err != nil {
		return nil, err
	}
	if stolen {
		return nil, a.endFamily(ctx, who, r.Grant, t, "refresh token reused")
	}
	return a.again(ctx, who, r, c, ask)
}

// isReuse reports whether a replaced token is older than the immediate
// predecessor, or its successor was used.
func (a *Authority) isReuse(ctx context.Context, t *token.Token) (bool, error) {
	next, err := a.row(ctx, t.Successor)
	if err != nil {
		return false, err
	}
	if next == nil || next.EndedAt != 0 {
		return true, nil
	}
	access, _ := token.ParseID(next.Data)
	return a.used(ctx, []token.ID{next.ID, access})
}

// again gives the successor of a just replaced token once more, with the access
// token that it was given with: or, to who asks for other scopes or resources
// than that one has, with another.
func (a *Authority) again(ctx context.Context, who token.Actor, r *token.Record, c *token.Client, ask Renewal) (*Issued, error) {
	order, err := a.worth(ctx, who, alive(r), c, ask)
	if err != nil {
		return nil, err
	}
	had, err := a.cfg.Store.Renewal(ctx, r.Token.Successor)
	if err != nil || had == nil {
		return nil, orElse(err, badRefresh())
	}
	out, err := a.openAnswer(ctx, had.Sealed, []token.ID{had.Access, had.Given}, token.RenewalLife, func(sealed []byte) ([]byte, error) {
		return a.cfg.Master.OpenWith(ask.Secret, "refresh", sealed, boundTo(r.Token))
	})
	if err != nil || out == nil {
		return nil, orElse(err, badRefresh())
	}
	var may bool
	err = a.cfg.Store.Do(ctx, func(tx Tx) (err error) {
		may, err = tx.ServeRenewal(ctx, had.Given, renewalMost)
		return err
	})
	if err != nil || !may {
		return nil, orElse(err, badRefresh())
	}
	if out.Token.Audience == order.Audience && slices.Equal(out.Token.Scopes, order.Scopes) {
		return out, nil
	}
	other, err := a.mint(ctx, who, order)
	if err != nil {
		return nil, asGrant(err)
	}
	other.Refresh, other.RefreshSecret = out.Refresh, out.RefreshSecret
	return other, nil
}

// alive is the record as it was before the rotation: the supports and the
// expiry are judged, not that the token was replaced.
func alive(r *token.Record) *token.Record {
	t, copied := *r.Token, *r
	t.EndedAt, t.EndReason = 0, ""
	copied.Token = &t
	return &copied
}

// sealRenewal seals what a replaced refresh token was exchanged for: only who
// presents that token again, as the same client, can open it.
func (a *Authority) sealRenewal(old *Replaced, now time.Time, out *Issued) (*token.Renewed, error) {
	sealed, err := sealAnswer(out, now, func(plain []byte) ([]byte, error) {
		return a.cfg.Master.SealWith(old.Secret, "refresh", plain, boundTo(old.Token))
	})
	return &token.Renewed{Given: out.Refresh.ID, Access: out.Token.ID, Sealed: sealed}, err
}

func boundTo(t *token.Token) []byte {
	return []byte(t.ID.String() + "\x00" + t.Client + "\x00" + t.Proof)
}
