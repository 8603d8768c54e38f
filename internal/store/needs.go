package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/fichadev/ficha/internal/token"
)

const needColumns = `secret, since, address, agent, first_at, last_at, count, route`

// upsertNeed adds what one node saw to what all nodes saw before.
const upsertNeed = `INSERT INTO suspended_uses (` + needColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
	ON CONFLICT (secret, since, address, agent) DO UPDATE SET
	first_at = CASE WHEN excluded.first_at < suspended_uses.first_at THEN excluded.first_at ELSE suspended_uses.first_at END,
	last_at  = CASE WHEN excluded.last_at >= suspended_uses.last_at THEN excluded.last_at ELSE suspended_uses.last_at END,
	count    = suspended_uses.count + excluded.count,
	route    = CASE WHEN excluded.last_at >= suspended_uses.last_at THEN excluded.route ELSE suspended_uses.route END`

// roomForNeed tells whether somebody has a row of their own or may get one.
const roomForNeed = `SELECT COUNT(*) FROM suspended_uses WHERE secret = $1 AND since = $2 AND NOT (address = $3 AND agent = $4)`

// WriteNeeds adds those who were refused because a secret is suspended, in one
// commit. Of one suspension some 64 are told apart; the others share a row.
func (s *Store) WriteNeeds(ctx context.Context, needs []token.Need) error {
	if len(needs) == 0 {
		return nil
	}
	err := s.Do(ctx, func(tx *Tx) error {
		for _, n := range needs {
			others, err := one(ctx, tx, roomForNeed, scanInt, int64(n.Secret), n.Since, n.Address, n.Agent)
			if err != nil {
				return err
			}
			if others >= token.MostNeeds {
				n.Address, n.Agent = "", ""
			}
			if _, err := tx.exec(ctx, upsertNeed, int64(n.Secret), n.Since, n.Address, n.Agent, n.First, n.Last, n.Count, n.Route); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write who needs suspended secrets: %w", err)
	}
	return nil
}

// Needs returns who was refused in one suspension of a secret, as far as the
// nodes have written it down.
func (s *Store) Needs(ctx context.Context, secret token.ID, since int64) ([]token.Seen, error) {
	return all(ctx, s.reads, `SELECT first_at, last_at, count, address, agent, route FROM suspended_uses WHERE secret = $1 AND since = $2 LIMIT 200`,
		func(r *sql.Rows) (n token.Seen, err error) {
			err = r.Scan(&n.First, &n.Last, &n.Count, &n.Address, &n.Agent, &n.Route)
			return n, err
		}, int64(secret), since)
}

const overNeeds = `DELETE FROM suspended_uses WHERE (secret, since, address, agent) IN
	(SELECT secret, since, address, agent FROM suspended_uses WHERE last_at <= $1 ORDER BY last_at LIMIT $2)`

func purgeNeeds(ctx context.Context, tx *Tx) (int, error) {
	return tx.count(ctx, overNeeds, tx.now-keepNamed.Milliseconds(), purgeStep)
}
