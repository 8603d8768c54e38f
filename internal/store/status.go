package store

import (
	"context"

	"github.com/fichadev/ficha/internal/token"
)

// TakeStatus takes n places in the status lists and returns the first.
func (tx *Tx) TakeStatus(ctx context.Context, n int64) (int64, error) {
	end, err := one(ctx, tx, `UPDATE status_places SET free = free + $1 WHERE one = 1 RETURNING free`, scanInt, n)
	return end - n, err
}

// SQLite begins a walk at the bound that it reads first: the one that names the
// partial index stands last.
const (
	inStatus       = ` WHERE status_index >= $1 AND status_index < $2 AND status_index > 0`
	tokensByStatus = `SELECT ` + tokenAll + ` FROM tokens_short` + inStatus + ` UNION ALL SELECT ` + tokenAll + ` FROM tokens_long` + inStatus
)

// TokensByStatus returns the tokens with places from one on and before another.
func (s *Store) TokensByStatus(ctx context.Context, from, before int64) ([]*token.Token, error) {
	return all(ctx, s.reads, tokensByStatus, scanToken, from, before)
}
