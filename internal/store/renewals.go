package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

var insertRenewals = &rowsText{
	again: true,
	tail:  onFree, returns: " RETURNING given",
	head:  "INSERT INTO renewals (given, access, sealed) VALUES ",
	types: []string{"BIGINT", "BIGINT", "BYTEA"},
}

// keepRenewals keeps what refresh tokens were replaced by. Its key is an id that
// the deed issues as well: where it is taken, the deed is made again with others.
func (tx *Tx) keepRenewals(ctx context.Context, batch []*pending) error {
	var rows []*token.Renewed
	for _, p := range batch {
		if p.deed.Renewed != nil {
			rows = append(rows, p.deed.Renewed)
		}
	}
	args := inOrder(rows, func(r *token.Renewed) token.ID { return r.Given }, insertRenewals, func(args []any, r *token.Renewed) []any {
		return append(args, int64(r.Given), int64(r.Access), r.Sealed)
	})
	return tx.insert(ctx, batch, insertRenewals, args, func(d *token.Deed) (ids []token.ID) {
		if d.Renewed != nil {
			ids = append(ids, d.Renewed.Given)
		}
		return ids
	})
}

// Renewal returns what was given for a refresh token together with another, nil
// if that is no longer given, or one of the two was used.
func (s *Store) Renewal(ctx context.Context, given token.ID) (*token.Renewed, error) {
	if given < oldestRenewal(s.now()) {
		return nil, nil
	}
	return one(ctx, s.reads, `SELECT access, sealed FROM renewals WHERE given = $1`, func(r *sql.Rows) (*token.Renewed, error) {
		n := &token.Renewed{Given: given}
		if err := r.Scan(&n.Access, &n.Sealed); err != nil {
			return nil, fmt.Errorf("read a renewal: %w", err)
		}
		return n, nil
	}, int64(given))
}

// oldestRenewal is the lowest id of a refresh token that is still given again at
// an instant (ms).
func oldestRenewal(now int64) token.ID {
	return token.FirstID(time.UnixMilli(now).Add(-token.RenewalLife))
}

// ServeRenewal counts one more giving, and reports whether there may be one: the
// renewal is there, and was given fewer than most times.
func (tx *Tx) ServeRenewal(ctx context.Context, given token.ID, most int64) (bool, error) {
	return tx.affects(ctx, `UPDATE renewals SET served = served + 1 WHERE given = $1 AND served < $2 AND given >= $3`,
		int64(given), most, int64(oldestRenewal(tx.now)))
}

// overRenewals deletes what is no longer given. No row is behind the oldest of
// them, so that a step begins there.
const overRenewals = `DELETE FROM renewals WHERE given IN (SELECT given FROM renewals WHERE given < $1 ORDER BY given LIMIT $2)`

func purgeRenewals(ctx context.Context, tx *Tx) (int, error) {
	return tx.count(ctx, overRenewals, int64(oldestRenewal(tx.now)), purgeStep)
}

var dropRenewals = &rowsText{head: "DELETE FROM renewals WHERE given IN (", tail: ")", types: []string{"BIGINT"}}

// renewalsFrom walks those of some time.
const renewalsFrom = `SELECT given, access FROM renewals WHERE given > $1 AND given < $2 ORDER BY given LIMIT 2048`

// dropRenewalsOf deletes what names one of the tokens: whoever used it has
// received it. ids are in order. Both tokens of a renewal are of one instant, so
// that only those of the time of the used ones are looked at.
func (s *Store) dropRenewalsOf(ctx context.Context, ids []token.ID) error {
	if ids = from(ids, oldestRenewal(s.now())); len(ids) == 0 {
		return nil
	}
	after, until := token.FirstID(ids[0].Time())-1, token.FirstID(ids[len(ids)-1].Time().Add(time.Millisecond))
	for {
		page, err := all(ctx, s.reads, renewalsFrom, scanPair, int64(after), int64(until))
		if err != nil || len(page) == 0 {
			return err
		}
		after = page[len(page)-1][0]
		var args []any
		for _, pair := range page {
			if anyOf(ids, pair[:]) {
				args = append(args, int64(pair[0]))
			}
		}
		if len(args) == 0 {
			continue
		}
		if err := s.Do(ctx, func(tx *Tx) error { return dropRenewals.run(ctx, tx.statements, args, nil) }); err != nil {
			return err
		}
	}
}

func scanPair(r *sql.Rows) (pair [2]token.ID, err error) {
	err = r.Scan(&pair[0], &pair[1])
	return pair, err
}
