package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/fichadev/ficha/internal/token"
)

// leftBehind reads the live service tokens of a workspace ($1) that stand on a
// person's rights or are theirs to answer for ($2), each by its own index.
func leftBehind(table string) string {
	which := ` AND workspace = $1 AND kind = 'service' AND ended_at = 0 AND (expires_at = 0 OR expires_at > $3) AND (retires_at = 0 OR retires_at > $3) AND id > $4`
	return `SELECT ` + tokenAll + ` FROM ` + table + ` WHERE sponsor = $2 AND sponsor <> ''` + which + `
		UNION ALL SELECT ` + tokenAll + ` FROM ` + table + ` WHERE owner = $2 AND owner <> '' AND sponsor <> $2` + which + `
		ORDER BY id LIMIT $5`
}

// actingBy reads the live tokens of a workspace ($1) by which a person ($2) acts
// as somebody else. They live for an hour at most.
const actingBy = `SELECT ` + tokenAll + ` FROM tokens_short WHERE sponsor = $2 AND sponsor <> '' AND ended_at = 0 AND id > $4
	AND workspace = $1 AND kind = 'impersonated' AND expires_at > $3 ORDER BY id LIMIT $5`

var (
	leftBehindTexts = [2]string{token.Short: leftBehind("tokens_short"), token.Long: leftBehind("tokens_long")}
	handOverTexts   = [2]string{token.Short: handOver("tokens_short"), token.Long: handOver("tokens_long")}
)

// LeftBehind returns, in the order of their ids and after one, the secrets of the
// live service tokens of a workspace that stand on a person's rights or are
// theirs to answer for.
func (s *Store) LeftBehind(ctx context.Context, workspace, person string, after token.ID, limit int) ([]*token.Token, error) {
	return leftBehindOf(ctx, s.reads, s.now(), workspace, person, after, limit)
}

// LeftBehind returns the same as the transaction sees it.
func (tx *Tx) LeftBehind(ctx context.Context, workspace, person string, after token.ID, limit int) ([]*token.Token, error) {
	return leftBehindOf(ctx, tx, tx.now, workspace, person, after, limit)
}

func leftBehindOf(ctx context.Context, q querier, now int64, workspace, person string, after token.ID, limit int) ([]*token.Token, error) {
	var found []*token.Token
	for _, text := range leftBehindTexts {
		rows, err := all(ctx, q, text, scanToken, workspace, person, now, int64(after), limit)
		if err != nil {
			return nil, fmt.Errorf("list what somebody leaves behind: %w", err)
		}
		found = append(found, rows...)
	}
	slices.SortFunc(found, func(a, b *token.Token) int { return cmp.Compare(a.ID, b.ID) })
	return found[:min(limit, len(found))], nil
}

// ActingBy returns, in the order of their ids, up to limit live tokens of a
// workspace by which a person acts as somebody else.
func (tx *Tx) ActingBy(ctx context.Context, workspace, person string, limit int) ([]*token.Token, error) {
	return all(ctx, tx, actingBy, scanToken, workspace, person, tx.now, int64(0), limit)
}

func handOver(table string) string {
	return `UPDATE ` + table + ` SET owner = $4, sponsor = $5, expires_at = $6, data = $7
		WHERE id = $1 AND owner = $2 AND sponsor = $3 AND ended_at = 0`
}

// HandOver gives a secret to somebody else to answer for. It reports false, and
// changes nothing, if the secret has ended or is not as it was read.
func (tx *Tx) HandOver(ctx context.Context, t *token.Token, h token.Handover) (bool, error) {
	next := t.Handed(h)
	won, err := tx.affects(ctx, handOverTexts[t.ID.Class()], int64(t.ID), t.Owner, t.Sponsor, next.Owner, next.Sponsor, next.ExpiresAt, next.Data)
	if won {
		tx.Changed(tokenChange(t.ID))
	}
	return won, err
}
