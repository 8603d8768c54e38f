package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/fichadev/ficha/internal/token"
)

var upsertScopes = &rowsText{
	head: "INSERT INTO used_scopes (secret, scope, first_at, last_at) VALUES ",
	tail: ` ON CONFLICT (secret, scope) DO UPDATE SET
		first_at = CASE WHEN excluded.first_at < used_scopes.first_at THEN excluded.first_at ELSE used_scopes.first_at END,
		last_at  = CASE WHEN excluded.last_at > used_scopes.last_at THEN excluded.last_at ELSE used_scopes.last_at END`,
	types: []string{"BIGINT", "TEXT", "BIGINT", "BIGINT"},
}

// ScopeUse returns what is on disk of the scopes that a secret made use of, by
// name; of one that was never used the zero value.
func (s *Store) ScopeUse(ctx context.Context, secret token.ID) (token.ScopeUse, error) {
	use, err := one(ctx, s.reads, `SELECT first_at, scopes_from, count, unscoped FROM uses WHERE credential = $1`, func(r *sql.Rows) (u token.ScopeUse, err error) {
		err = r.Scan(&u.First, &u.From, &u.Count, &u.Unscoped)
		return u, err
	}, int64(secret))
	if err != nil {
		return use, fmt.Errorf("read uses: %w", err)
	}
	use.Scopes, err = all(ctx, s.reads, `SELECT scope, first_at, last_at FROM used_scopes WHERE secret = $1 ORDER BY scope`, func(r *sql.Rows) (u token.UsedScope, err error) {
		err = r.Scan(&u.Name, &u.First, &u.Last)
		return u, err
	}, int64(secret))
	if err != nil {
		return use, fmt.Errorf("read used scopes: %w", err)
	}
	return use, nil
}
