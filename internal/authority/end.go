package authority

import (
	"context"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// Revoke ends one token with all its secrets at once, on every surface, also
// those that took the place of the one we know. It reports Conflict with reason
// Lost if none of them lived.
func (a *Authority) Revoke(ctx context.Context, who token.Actor, t *token.Token, reason string) error {
	if reason == "" {
		reason = "revoked"
	}
	if err := CheckText("reason", reason, 200); err != nil {
		return err
	}
	if t.Whole() != 0 {
		return a.revokeWhole(ctx, who, t, reason)
	}
	w, err := a.cfg.Judge.Workspace(ctx, t.Workspace)
	if err != nil {
		return err
	}
	return a.commit(ctx, func() (*token.Deed, error) {
		now := a.cfg.Now()
		e := audit.Note(now, who, t.Workspace, "token.revoked", targetOf(t), map[string]any{"kind": t.Kind, "reason": reason})
		out, err := audit.Deliveries(w, e)
		return &token.Deed{
			End:    []token.Ending{{ID: t.ID, At: now.UnixMilli(), Reason: reason, By: by(who), Quiet: !cachedKind(t.Kind)}},
			Events: []*token.Event{e},
			Outbox: out,
		}, err
	})
}

func (a *Authority) revokeWhole(ctx context.Context, who token.Actor, t *token.Token, reason string) error {
	return a.cfg.Store.Do(ctx, func(tx Tx) error {
		if won, err := endWhole(ctx, tx, who, t, reason); err != nil || !won {
			return orElse(err, token.Errorf(token.Conflict, "it had already ended").Because(token.Lost))
		}
		w, err := tx.Workspace(ctx, t.Workspace)
		if err != nil {
			return err
		}
		return note(ctx, tx, who, w, "token.revoked", targetOf(t), map[string]any{"kind": t.Kind, "reason": reason})
	})
}

// commit makes a deed and commits it; it is made again with fresh knowledge
// when a support changed meanwhile, and with other ids when one was taken.
func (a *Authority) commit(ctx context.Context, deed func() (*token.Deed, error)) error {
	return a.anew(ctx, func() error {
		d, err := deed()
		if err != nil {
			return err
		}
		return a.cfg.Store.Commit(ctx, d)
	})
}

// anew does a deed, and does it again where it was refused because what it
// stands on changed, which is then known, or because an id was taken.
func (a *Authority) anew(ctx context.Context, deed func() error) error {
	for try := 0; ; try++ {
		err := deed()
		r := token.AsRefusal(err)
		if r == nil || try == 3 || r.Reason != token.Stale && r.Reason != token.Clash {
			return err
		}
		if r.Reason == token.Stale {
			if err := a.cfg.Judge.Poll(ctx); err != nil {
				return err
			}
		}
	}
}

// cachedKind mirrors what the judge holds in memory: the ending of a kind that
// it always reads changes no cached verdict.
func cachedKind(k token.Kind) bool { return k != token.AuthCode && k != token.Refresh }

func targetOf(t *token.Token) audit.Target {
	return audit.Target{Kind: "token", ID: t.Credential.String(), Name: t.Name}
}

func by(who token.Actor) string { return string(who.Kind) + ":" + who.ID }

// RevokeSecret ends the token behind a secret for the client that holds it
// (RFC 7009). A refresh token ends its whole grant, also one that was replaced:
// who gives it up may not have heard of its successor. A face whose contract ends
// refresh tokens alone names that contract, and reaches no other's tokens.
// Garbage and tokens of others change nothing and are no refusal.
func (a *Authority) RevokeSecret(ctx context.Context, who token.Actor, c *token.Client, secret, alone string) error {
	r, err := a.cfg.Judge.Find(ctx, secret)
	if token.Is(err, token.InvalidToken) {
		return nil
	}
	if err != nil {
		return err
	}
	if r.Token.Client != c.ID || alone != "" && r.Token.Contract != alone {
		return nil
	}
	whole := r.Token.Kind == token.Refresh && r.Grant != nil && alone == ""
	switch {
	case whole && (r.Token.EndedAt == 0 || r.Token.EndReason == "rotated"):
		return a.EndGrant(ctx, who, r.Grant, "revoked")
	case r.Token.EndedAt != 0:
		return nil
	}
	err = a.Revoke(ctx, who, r.Token, "revoked")
	if token.Is(err, token.Conflict) {
		return nil // it had ended: what was asked for is so
	}
	return err
}

// EndGrant ends a family with every token of it. It is no refusal if it had
// ended.
func (a *Authority) EndGrant(ctx context.Context, who token.Actor, g *token.Grant, reason string) error {
	return a.cfg.Store.Do(ctx, func(tx Tx) error { return endGrant(ctx, tx, who, g, reason) })
}

func endGrant(ctx context.Context, tx Tx, who token.Actor, g *token.Grant, reason string) error {
	action := "consent.revoked"
	switch {
	case g.Installed:
		action = "app.uninstalled"
	case g.Person == "":
		action = "grant.revoked"
	}
	won, err := tx.EndGrant(ctx, g.ID, reason)
	if err != nil || !won {
		return err
	}
	w, err := tx.Workspace(ctx, g.Workspace)
	if err != nil {
		return err
	}
	e := audit.Note(time.UnixMilli(tx.Now()), who, g.Workspace, action, audit.Target{Kind: "grant", ID: g.ID.String(), Name: g.Client},
		map[string]any{"client": g.Client, "person": g.Person, "reason": reason})
	return record(ctx, tx, w, e)
}

// endFamily ends a family because a copy of one of its secrets was seen. We
// cannot tell thief from owner, so both lose (RFC 9700, 4.14.2).
func (a *Authority) endFamily(ctx context.Context, who token.Actor, g *token.Grant, t *token.Token, reason string) error {
	if err := a.EndGrant(ctx, who, g, reason); err != nil {
		return err
	}
	if t.Kind == token.AuthCode {
		return token.Errorf(token.InvalidGrant, "the authorization code was used before; its tokens have been ended").Because(token.UsedCode)
	}
	return token.Errorf(token.InvalidGrant, "refresh token is invalid, expired or revoked").Because(token.UnknownRefresh)
}

// record writes an audit row and its deliveries.
func record(ctx context.Context, tx Tx, w *token.Workspace, e *token.Event) error {
	out, err := audit.Deliveries(w, e)
	if err != nil {
		return err
	}
	return tx.Record(ctx, e, out)
}

// Suspend stops a token, with all its secrets, from opening anything until it is resumed, or until an
// instant (ms; 0: until resumed). It does not stop the clock.
func (a *Authority) Suspend(ctx context.Context, who token.Actor, t *token.Token, until int64, reason string) error {
	return a.suspend(ctx, who, t, a.cfg.Now().UnixMilli(), until, "token.suspended", reason)
}

// Resume lets a suspended token open again what no cutoff has ended meanwhile.
// Conflict says that it has ended, or waits for an approval.
func (a *Authority) Resume(ctx context.Context, who token.Actor, t *token.Token) error {
	if t.Approval == token.ApprovalWaiting {
		return token.Errorf(token.Conflict, "the token waits to be approved; it was not suspended")
	}
	return a.suspend(ctx, who, t, 0, 0, "token.resumed", "")
}

func (a *Authority) suspend(ctx context.Context, who token.Actor, t *token.Token, at, until int64, action, reason string) error {
	if err := CheckText("reason", reason, 200); err != nil {
		return err
	}
	return a.cfg.Store.Do(ctx, func(tx Tx) error {
		if lives, err := suspendWhole(ctx, tx, t, at, until); err != nil || !lives {
			return orElse(err, token.Errorf(token.Conflict, "the token has already ended").Because(token.Lost))
		}
		w, err := tx.Workspace(ctx, t.Workspace)
		if err != nil {
			return err
		}
		e := audit.Note(time.UnixMilli(tx.Now()), who, t.Workspace, action, targetOf(t), map[string]any{"reason": reason, "until": until})
		return record(ctx, tx, w, e)
	})
}

// suspendWhole suspends a token with every live secret of its credential, or, at
// 0, resumes it; it reports whether one lives. It goes on until it finds none
// that is new to it: a rotation for which it waited has brought one in.
func suspendWhole(ctx context.Context, tx Tx, t *token.Token, at, until int64) (bool, error) {
	lives, err := tx.Suspend(ctx, t.ID, at, until)
	if err != nil || t.Whole() == 0 {
		return lives, err
	}
	done := map[token.ID]bool{t.ID: true}
	for fresh := true; fresh; {
		all, err := tx.Secrets(ctx, t.Credential)
		if err != nil {
			return false, err
		}
		fresh = false
		for _, one := range all {
			if done[one.ID] || one.EndedAt != 0 {
				continue
			}
			also, err := tx.Suspend(ctx, one.ID, at, until)
			if err != nil {
				return false, err
			}
			lives, fresh, done[one.ID] = lives || also, true, true
		}
	}
	return lives, nil
}
