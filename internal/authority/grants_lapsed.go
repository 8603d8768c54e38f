package authority

import (
	"context"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// lapsedStep is how many families LapseGrants reads at once.
const lapsedStep = 100

// LapseGrants ends the families that nothing is left of: no token of theirs has
// lived for as long as ended tokens are kept, and none can be made any more. What
// a person gave ends with its record, so that it leaves the list of what they
// may take back; a client's own is forgotten with its tokens, whose totals
// remain. Installs stay until somebody takes them away. Each family is a commit
// of its own: if we die between two, the next run goes on.
func (a *Authority) LapseGrants(ctx context.Context, _ time.Time) error {
	for ctx.Err() == nil {
		page, err := a.cfg.Store.LapsedGrants(ctx, lapsedStep)
		if err != nil {
			return err
		}
		for _, g := range page {
			if err := a.lapse(ctx, g); err != nil {
				return err
			}
		}
		if len(page) < lapsedStep {
			return nil
		}
	}
	return ctx.Err()
}

func (a *Authority) lapse(ctx context.Context, g *token.Grant) error {
	if g.Person != "" {
		return a.EndGrant(ctx, token.Actor{Kind: token.System, ID: "grants"}, g, "lapsed")
	}
	return a.cfg.Store.Do(ctx, func(tx Tx) error {
		_, err := tx.DropGrant(ctx, g.ID)
		return err
	})
}
