package authority

import (
	"context"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// Witness writes what must be on disk before the judge says yes: the first use
// of a secret that replaces another, the use of an impersonated token as an
// audit row that names actor and subject, and one use less of a token that has a
// number of them.
func (a *Authority) Witness(ctx context.Context, r *token.Record, u token.Use) error {
	t := r.Token
	if t.Pending() {
		if err := a.confirmUse(ctx, r, u); err != nil || t.MaxUses == 0 && t.Kind != token.Impersonated {
			return err
		}
	}
	return a.cfg.Store.Do(ctx, func(tx Tx) error {
		if t.MaxUses > 0 {
			if left, err := tx.CountUse(ctx, t.ID); err != nil || !left {
				return orElse(err, token.Errorf(token.InvalidToken, "the token was used as often as it may be").Because(token.Ended))
			}
		}
		if t.Kind != token.Impersonated {
			return nil
		}
		return noteImpersonated(ctx, tx, r, u)
	})
}

// noteImpersonated writes the audit row of one use of an impersonated token.
func noteImpersonated(ctx context.Context, tx Tx, r *token.Record, u token.Use) error {
	t := r.Token
	kind, id, _ := strings.Cut(t.Actor, ":")
	who := token.Actor{
		Kind: token.ActorKind(kind), ID: id, Workspace: t.Workspace, Token: t.Credential, For: t.Person, Address: u.Address, Agent: u.Agent,
	}
	e := audit.Note(time.UnixMilli(tx.Now()), who, t.Workspace, "impersonation.used", targetOf(t), map[string]any{"route": u.Route, "reason": t.Reason})
	return record(ctx, tx, r.Workspace, e)
}
