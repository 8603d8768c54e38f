package store

import (
	"context"
	"database/sql"

	"github.com/fichadev/ficha/internal/token"
)

const clientTokenColumns = secretOfClientToken + `, workspace`

// secretOfClientToken are the columns of a secret: a client token has no expiry.
const secretOfClientToken = `id, hash, last_four, created_at, 0 AS expires_at, ended_at, retires_at, replaces`

func scanClientToken(r *sql.Rows) (*token.ClientToken, error) {
	var c token.ClientToken
	err := r.Scan(&c.ID, &c.Hash, &c.LastFour, &c.CreatedAt, &c.ExpiresAt, &c.EndedAt, &c.RetiresAt, &c.Replaces, &c.Workspace)
	return &c, err
}

// ClientToken returns a client token of the Chronos contract, live or not; nil
// if there is none.
func (s *Store) ClientToken(ctx context.Context, hash token.Hash) (*token.ClientToken, error) {
	return clientTokenOf(ctx, s.reads, hash)
}

// ClientToken returns what Store.ClientToken does, as the transaction sees it.
func (tx *Tx) ClientToken(ctx context.Context, hash token.Hash) (*token.ClientToken, error) {
	return clientTokenOf(ctx, tx, hash)
}

func clientTokenOf(ctx context.Context, q querier, hash token.Hash) (*token.ClientToken, error) {
	return one(ctx, q, `SELECT `+clientTokenColumns+` FROM client_tokens WHERE hash = $1`, scanClientToken, hash[:])
}

const clientTokensOf = `SELECT ` + clientTokenColumns + ` FROM client_tokens WHERE workspace = $1 AND id > $2 ORDER BY id LIMIT $3`

// ClientTokens returns a page of the client tokens of a workspace, live or not,
// oldest first, after one.
func (s *Store) ClientTokens(ctx context.Context, workspace string, after token.ID, limit int) ([]*token.ClientToken, error) {
	return all(ctx, s.reads, clientTokensOf, scanClientToken, workspace, int64(after), limit)
}

// ClientTokens returns the client tokens of a workspace as the transaction sees
// them.
func (tx *Tx) ClientTokens(ctx context.Context, workspace string) ([]*token.ClientToken, error) {
	return all(ctx, tx, clientTokensOf, scanClientToken, workspace, 0, most)
}

// PutClientToken enters a client token unless its hash is there; it reports
// whether it was new.
func (tx *Tx) PutClientToken(ctx context.Context, c *token.ClientToken) (bool, error) {
	return tx.affects(ctx, `INSERT INTO client_tokens (id, hash, workspace, last_four, created_at, replaces) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		int64(c.ID), c.Hash[:], c.Workspace, c.LastFour, c.CreatedAt, int64(c.Replaces))
}

// EndClientToken ends a live client token of a workspace; it reports whether
// this call did.
func (tx *Tx) EndClientToken(ctx context.Context, workspace string, hash token.Hash) (bool, error) {
	return tx.endSecret(ctx, token.RotatesClientToken, `UPDATE client_tokens SET ended_at = $3 WHERE hash = $1 AND workspace = $2 AND ended_at = 0`,
		hash[:], workspace, tx.now)
}

// RestoreClientToken lets an ended client token of a workspace work again; it
// reports whether this call did.
func (tx *Tx) RestoreClientToken(ctx context.Context, workspace string, hash token.Hash) (bool, error) {
	return tx.affects(ctx, `UPDATE client_tokens SET ended_at = 0, retires_at = 0, replaces = 0 WHERE hash = $1 AND workspace = $2 AND (ended_at <> 0 OR retires_at <> 0)`,
		hash[:], workspace)
}

const setClientToken = ` WHERE workspace = $1 AND id = $2 AND ended_at = 0`

// ConfirmClientToken writes down that a client token was seen.
func (tx *Tx) ConfirmClientToken(ctx context.Context, workspace string, id token.ID) (bool, error) {
	return tx.affects(ctx, `UPDATE client_tokens SET replaces = 0`+setClientToken, workspace, int64(id))
}

// RetireClientToken lets a client token open nothing from an instant on (ms); 0
// lets it stay. It reports whether it lives.
func (tx *Tx) RetireClientToken(ctx context.Context, workspace string, id token.ID, at int64) (bool, error) {
	return tx.affects(ctx, `UPDATE client_tokens SET retires_at = $3`+setClientToken, workspace, int64(id), at)
}

// DropClientToken ends a client token of a workspace that is known by its id.
func (tx *Tx) DropClientToken(ctx context.Context, workspace string, id token.ID) (bool, error) {
	return tx.endSecret(ctx, token.RotatesClientToken, `UPDATE client_tokens SET ended_at = $3`+setClientToken, workspace, int64(id), tx.now)
}
