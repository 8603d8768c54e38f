package authority

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// lapsedStep is how many families LapseGrants reads at once.
const lapsedStep = 100

// LapseGrants ends the families that nothing is left of: no token of theirs has
// lived for as long as ended tokens are kept, and none can be made any more. What
// a person gave ends with its record, so that it leaves the list of what they
// may take back; a client's own is forgotten with its tokens, whose totals
// remain. Installs stay until somebody takes them away. Each family is a commit
// of its own: if we die between two, the next run goes on. One that cannot be
// ended keeps no other from it.
func (a *Authority) LapseGrants(ctx context.Context, _ time.Time) error {
	for ctx.Err() == nil {
		page, err := a.cfg.Store.LapsedGrants(ctx, lapsedStep)
		if err != nil {
			return err
		}
		var faults []error // those that fail are read again, before the others
		for _, g := range page {
			if err := a.lapse(ctx, g); err != nil {
				faults = append(faults, fmt.Errorf("end family %v, of which nothing is left: %w", g.ID, err))
			}
		}
		if len(page) < lapsedStep || len(faults) == len(page) {
			return errors.Join(faults...)
		}
	}
	return ctx.Err()
}

func (a *Authority) lapse(ctx context.Context, g *token.Grant) error {
	return a.cfg.Store.Do(ctx, func(tx Tx) error {
		if g.Person == "" {
			_, err := tx.DropGrant(ctx, g.ID)
			return err
		}
		won, err := tx.LapseGrant(ctx, g.ID)
		if err != nil || !won {
			return err
		}
		w, err := tx.Workspace(ctx, g.Workspace)
		if err != nil {
			return err
		}
		return note(ctx, tx, token.Actor{Kind: token.System, ID: "grants"}, w, "consent.lapsed",
			audit.Target{Kind: "grant", ID: g.ID.String(), Name: g.Client}, map[string]any{"client": g.Client, "person": g.Person})
	})
}
