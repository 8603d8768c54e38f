package authority

import (
	"context"
	"crypto/subtle"
	"slices"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// An exposure is a secret of this server that somebody else has: of a token, of
// a client, of a webhook, or of a workspace in the Chronos contract.
type exposure struct {
	what      token.Rotating
	kind      string
	target    audit.Target
	workspace *token.Workspace // nil: of none
	secret    token.Secret
	over      bool          // it opened nothing before
	token     *token.Record // where it is a token's
	host      string        // where it is a webhook's: of its address
}

func (x *exposure) home() string {
	if x.workspace == nil {
		return ""
	}
	return x.workspace.ID
}

// memberships are those by which a token opens workspaces that it does not name.
func (x *exposure) memberships() []*token.Membership {
	if x.token == nil || x.token.Token.Workspace != "" || x.token.Person == nil {
		return nil
	}
	return x.token.Person.Live()
}

// opens reports whether the secret is one of a workspace's.
func (x *exposure) opens(workspace string) bool {
	return x.home() == workspace || slices.ContainsFunc(x.memberships(), func(m *token.Membership) bool { return m.Workspace == workspace })
}

// exposed returns whose secret a text is, whatever its state; nil if nobody's.
// Secrets of clients that people made up are not looked for: they can be
// guessed, and who guesses one must not be able to end it.
func (a *Authority) exposed(ctx context.Context, secret string) (*exposure, error) {
	r, err := a.cfg.Judge.Find(ctx, secret)
	switch {
	case err == nil:
		return a.exposedToken(ctx, r)
	case !token.Is(err, token.InvalidToken):
		return nil, err
	}
	shape, ours := token.ShapeOf(secret)
	if !ours {
		return nil, nil
	}
	if shape.Form == token.Whsec {
		return a.exposedWebhook(ctx, token.HashOf(secret), token.LastFour(secret))
	}
	return a.exposedHash(ctx, shape.Form, token.HashOf(secret))
}

func (a *Authority) exposedHash(ctx context.Context, form token.Form, hash token.Hash) (*exposure, error) {
	if form == token.Hex {
		return a.exposedClientToken(ctx, hash)
	}
	ids, err := a.cfg.Store.Holders(ctx, hash)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		x, err := a.exposedSecret(ctx, id, hash)
		if err != nil || x != nil {
			return x, err
		}
	}
	return nil, nil
}

func (a *Authority) exposedToken(ctx context.Context, r *token.Record) (*exposure, error) {
	t := r.Token
	x := &exposure{what: token.RotatesToken, kind: string(t.Kind), target: targetOf(t), token: r, secret: token.Secret{ID: t.ID, LastFour: t.LastFour}}
	home := t.Workspace
	if all := x.memberships(); len(all) == 1 {
		home = all[0].Workspace // as the judge infers it
	}
	var err error
	if x.workspace, err = a.cfg.Judge.Workspace(ctx, home); err != nil {
		return nil, err
	}
	now := a.cfg.Now().UnixMilli()
	x.over = t.EndedAt != 0 || t.ExpiresAt != 0 && now >= t.ExpiresAt || t.RetiresAt != 0 && now >= t.RetiresAt
	return x, nil
}

func (a *Authority) exposedSecret(ctx context.Context, client string, hash token.Hash) (*exposure, error) {
	c, err := a.cfg.Judge.Client(ctx, client)
	if err != nil || c == nil {
		return nil, err
	}
	i := slices.IndexFunc(c.Secrets, func(s token.Secret) bool { return subtle.ConstantTimeCompare(s.Hash[:], hash[:]) == 1 })
	if i < 0 {
		return nil, nil
	}
	x := &exposure{what: token.RotatesClientSecret, kind: string(token.ClientSecret), target: clientTarget(c), secret: c.Secrets[i]}
	x.over = !x.secret.Live(a.cfg.Now().UnixMilli())
	x.workspace, err = a.cfg.Judge.Workspace(ctx, c.Workspace)
	return x, err
}

func (a *Authority) exposedClientToken(ctx context.Context, hash token.Hash) (*exposure, error) {
	c, err := a.cfg.Store.ClientToken(ctx, hash)
	if err != nil || c == nil {
		return nil, err
	}
	x := &exposure{what: token.RotatesClientToken, kind: string(token.RotatesClientToken), secret: c.Secret, over: !c.Live(a.cfg.Now().UnixMilli())}
	if x.workspace, err = a.cfg.Judge.Workspace(ctx, c.Workspace); err != nil {
		return nil, err
	}
	x.target = audit.Target{Kind: "client_token", ID: c.ID.String(), Name: "…" + c.LastFour}
	return x, nil
}

// endExposed ends what the secret belongs to, and puts that on record; it
// reports false if it had ended. A refresh token ends with all that was, or
// could be, got for it.
func (a *Authority) endExposed(ctx context.Context, tx Tx, who token.Actor, x *exposure) (won bool, err error) {
	const reason = "leaked"
	if x.over {
		return false, nil
	}
	switch x.what {
	case token.RotatesWebhookSecret:
		return false, nil // see exposedWebhook
	case token.RotatesClientSecret:
		if won, err = tx.EndSecret(ctx, x.target.ID, x.secret.ID); err != nil || !won {
			return false, err
		}
		if err := a.settleTurn(ctx, tx, who, x.what, x.target.ID, x.secret.ID); err != nil {
			return false, err
		}
		return true, note(ctx, tx, who, x.workspace, "client.secret_ended", x.target, secretDetail(x.secret))
	case token.RotatesClientToken:
		if won, err = tx.EndClientToken(ctx, x.home(), x.secret.Hash); err != nil || !won {
			return false, err
		}
		if err := a.settleTurn(ctx, tx, who, x.what, x.secret.ID.String(), x.secret.ID); err != nil {
			return false, err
		}
		return true, note(ctx, tx, who, x.workspace, "client_token.ended", onClientToken(x.workspace), nil)
	}
	if won, err = endWhole(ctx, tx, who, x.token.Token, reason); err != nil || !won {
		return false, err
	}
	if t := x.token.Token; t.Kind == token.Refresh && x.token.Grant != nil {
		if err := endGrant(ctx, tx, who, x.token.Grant, reason); err != nil {
			return false, err
		}
	}
	return true, note(ctx, tx, who, x.workspace, "token.revoked", x.target, map[string]any{"kind": x.token.Token.Kind, "reason": reason})
}

// endWhole ends a token with every other live secret of its credential.
func endWhole(ctx context.Context, tx Tx, who token.Actor, t *token.Token, reason string) (bool, error) {
	return tx.End(ctx, token.Ending{ID: t.ID, At: tx.Now(), Reason: reason, By: by(who), Quiet: !cachedKind(t.Kind), Whole: t.Whole()})
}

// toldOf returns the users who get a letter of a leak: who answers for the
// secret, and administrators.
func (a *Authority) toldOf(ctx context.Context, x *exposure) (to []string, err error) {
	if x.token != nil {
		if to, err = a.answerable(ctx, x.token.Token, asked{}); err != nil {
			return nil, err
		}
	}
	if x.workspace == nil {
		return to, nil
	}
	more, err := a.adminsOf(ctx, x.workspace.ID)
	for _, id := range more {
		if !slices.Contains(to, id) {
			to = append(to, id)
		}
	}
	return to, err
}
