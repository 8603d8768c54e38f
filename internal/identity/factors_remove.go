package identity

import (
	"context"

	"github.com/fichadev/ficha/internal/token"
)

// RemoveFactors takes a person's app, recovery codes, passkeys and accounts
// elsewhere away, for who has lost them all: their password alone signs them in
// then. It takes whom DisableUser takes, so that no workspace opens the door of
// another one. It is no refusal if there were none.
func (i *Identity) RemoveFactors(ctx context.Context, who token.Actor, personID, reason string) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	return i.store.Do(ctx, func(tx Tx) error {
		p, err := governed(ctx, tx, who, personID)
		if err != nil {
			return err
		}
		had, err := tx.DropAuthenticator(ctx, p.ID)
		if err != nil {
			return err
		}
		keys, err := tx.Passkeys(ctx, p.ID)
		if err != nil {
			return err
		}
		for _, k := range keys {
			if _, err := tx.DropPasskey(ctx, p.ID, k.ID); err != nil {
				return err
			}
		}
		if had || len(keys) > 0 {
			d := deed{who: who, workspace: home(who, p), action: "user.factor_removed", person: p, detail: map[string]any{"factor": "all", "reason": reason}}
			if err := record(ctx, tx, d); err != nil {
				return err
			}
		}
		return unlink(ctx, tx, who, p, map[string]any{"reason": reason})
	})
}
