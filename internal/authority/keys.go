package authority

import (
	"context"
	"fmt"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/keys"
	"github.com/fichadev/ficha/internal/token"
)

// RotateKey publishes the next signing key of an algorithm before its time; it
// takes over once every copy of the key set that others keep must hold it. It is
// an operator's. Conflict says that the next one is there already.
func (a *Authority) RotateKey(ctx context.Context, who token.Actor, alg string) error {
	if err := onlyOperator(who); err != nil {
		return err
	}
	if _, err := a.cfg.Ring.Signer(alg); err != nil {
		return token.Errorf(token.NotFound, "no key signs with this algorithm")
	}
	key, err := keys.Generate(a.cfg.Master, alg, a.cfg.Now())
	if err != nil {
		return fmt.Errorf("make a signing key: %w", err)
	}
	err = a.cfg.Store.Do(ctx, func(tx Tx) error {
		added, err := tx.AddKey(ctx, key)
		if err != nil || !added {
			return orElse(err, token.Errorf(token.Conflict, "the next %s key is published already and takes over by itself", alg))
		}
		return RecordKey(ctx, tx, who, key, "")
	})
	if err != nil {
		return err
	}
	return a.cfg.Keeper.Turn(ctx, a.cfg.Now())
}

// EndKey ends a signing key at once, with every token that it signed: it has
// leaked. The next token that is signed gets a new one. It is an operator's.
// NotFound says that there is no such key that has not ended, Conflict that it was
// turned over at the same moment.
func (a *Authority) EndKey(ctx context.Context, who token.Actor, id, reason string) error {
	if err := onlyOperator(who); err != nil {
		return err
	}
	if err := CheckText("reason", reason, 200); err != nil {
		return err
	}
	if reason == "" {
		return token.AtField("reason", "is required: every token that the key signed ends with it")
	}
	alg := ""
	err := a.cfg.Store.Do(ctx, func(tx Tx) error {
		key, err := tx.Key(ctx, id)
		alg = key.Alg
		if err != nil || key.ID == "" || key.State == keys.Ended {
			return orElse(err, token.Errorf(token.NotFound, "there is no such signing key that has not ended"))
		}
		won, err := tx.SetKeyState(ctx, id, key.State, keys.Ended, tx.Now())
		if err != nil || !won {
			return orElse(err, token.Errorf(token.Conflict, "the key was turned over at the same moment: end it again").Because(token.Lost))
		}
		tx.Cut(token.Cutoff{Support: token.Support{Kind: token.OnKey, ID: id}, Reason: reason})
		key.State = keys.Ended
		return RecordKey(ctx, tx, who, key, reason)
	})
	if err == nil {
		err = a.cfg.Keeper.Turn(ctx, a.cfg.Now())
	}
	if err == nil {
		err = a.cfg.Keeper.EnsureAlg(ctx, alg)
	}
	return err
}

// RecordKey writes the record of a signing key that came to be, took over, or
// went, and tells every workspace that listens: all of them trust it.
func RecordKey(ctx context.Context, tx Tx, who token.Actor, key token.SigningKey, reason string) error {
	detail := map[string]any{"alg": key.Alg, "state": key.State}
	if reason != "" {
		detail["reason"] = reason
	}
	e := audit.Note(time.UnixMilli(tx.Now()), who, "", "key.rotated", audit.Target{Kind: "key", ID: key.ID}, detail)
	all, err := tx.Subscriptions(ctx)
	if err != nil {
		return err
	}
	return record(ctx, tx, &token.Workspace{Webhooks: all}, e)
}
