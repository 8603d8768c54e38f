package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/fichadev/ficha/internal/token"
)

const keyColumns = `id, alg, state, private, public, created_at, active_at, retire_at, ended_at`

func scanKey(r *sql.Rows) (token.SigningKey, error) {
	var k token.SigningKey
	if err := r.Scan(&k.ID, &k.Alg, &k.State, &k.Private, &k.Public, &k.CreatedAt, &k.ActiveAt, &k.RetireAt, &k.EndedAt); err != nil {
		return k, fmt.Errorf("read a key: %w", err)
	}
	return k, nil
}

// Keys returns every signing key, ended ones too.
func (s *Store) Keys(ctx context.Context) ([]token.SigningKey, error) {
	return all(ctx, s.reads, `SELECT `+keyColumns+` FROM keys ORDER BY created_at, id`, scanKey)
}

// AddKey enters a signing key unless its id, or another key of its algorithm
// that is next or active as it is, is there; it reports whether it did.
func (s *Store) AddKey(ctx context.Context, k token.SigningKey) (added bool, err error) {
	err = s.Do(ctx, func(tx *Tx) error {
		added, err = tx.AddKey(ctx, k)
		return err
	})
	return added, err
}

// AddKey does what Store.AddKey does, inside a deed.
func (tx *Tx) AddKey(ctx context.Context, k token.SigningKey) (bool, error) {
	added, err := tx.affects(ctx, `INSERT INTO keys (`+keyColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
		k.ID, k.Alg, k.State, k.Private, k.Public, k.CreatedAt, k.ActiveAt, k.RetireAt, k.EndedAt)
	if added {
		tx.Changed(token.Change{What: token.ChangedKeys, ID: k.ID})
	}
	return added, err
}

const moveKey = `UPDATE keys SET state = $3,
	active_at = CASE WHEN $3 = 'active' THEN $4 ELSE active_at END,
	retire_at = CASE WHEN $3 = 'retiring' THEN $4 ELSE retire_at END,
	ended_at = CASE WHEN $3 = 'ended' THEN $4 ELSE ended_at END
	WHERE id = $1 AND state = $2`

// SetKeyState moves a signing key from one state to another at an instant (ms)
// and reports whether it was in the first. A second active key of an algorithm
// is a fault.
func (s *Store) SetKeyState(ctx context.Context, id, from, to string, at int64) (moved bool, err error) {
	err = s.Do(ctx, func(tx *Tx) error {
		moved, err = tx.SetKeyState(ctx, id, from, to, at)
		return err
	})
	return moved, err
}

// SetKeyState does what Store.SetKeyState does, inside a deed.
func (tx *Tx) SetKeyState(ctx context.Context, id, from, to string, at int64) (bool, error) {
	moved, err := tx.affects(ctx, moveKey, id, from, to, at)
	if moved {
		tx.Changed(token.Change{What: token.ChangedKeys, ID: id})
	}
	return moved, err
}

// Key returns a signing key as the transaction sees it, without an id if there
// is none.
func (tx *Tx) Key(ctx context.Context, id string) (token.SigningKey, error) {
	return one(ctx, tx, `SELECT `+keyColumns+` FROM keys WHERE id = $1`, scanKey, id)
}

// Subscriptions returns every live subscription of every workspace, for what
// concerns all of them.
func (tx *Tx) Subscriptions(ctx context.Context) ([]token.Webhook, error) {
	return all(ctx, tx, `SELECT `+webhookColumns+` FROM webhooks WHERE ended_at = 0 ORDER BY id`, scanWebhook)
}

// KeyCutoffs returns the cutoffs of all signing keys: there are few, and the
// judge holds them whole.
func (s *Store) KeyCutoffs(ctx context.Context) (token.Cutoffs, error) {
	return all(ctx, s.reads, `SELECT id, n, issued_before, reason, at FROM cutoffs WHERE kind = $1 ORDER BY id, n`, func(r *sql.Rows) (c token.Cutoff, err error) {
		c.Support.Kind = token.OnKey
		err = r.Scan(&c.Support.ID, &c.Position, &c.IssuedBefore, &c.Reason, &c.At)
		return c, err
	}, string(token.OnKey))
}
