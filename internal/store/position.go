package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/fichadev/ficha/internal/token"
)

const changesAfter = `SELECT n, mark, what, id FROM changes WHERE n >= $1 ORDER BY n, i LIMIT $2`

func scanChange(r *sql.Rows) (token.Change, error) {
	var c token.Change
	var what string
	err := r.Scan(&c.Position, &c.Mark, &what, &c.ID)
	c.What = token.ChangeKind(what)
	return c, err
}

// Position returns the last position and its mark.
func (s *Store) Position(ctx context.Context) (token.Change, error) {
	return one(ctx, s.reads, `SELECT n, mark FROM position WHERE one = 1`, func(r *sql.Rows) (c token.Change, err error) {
		err = r.Scan(&c.Position, &c.Mark)
		return c, err
	})
}

// Changes returns what changed from a position on, that position included: its
// row and mark show that the reader and the database share one history. At
// most limit come, which may end in the middle of a position.
//
// A server that does not tell in the time that ctx leaves is looked after: this
// is asked all the time and soon told, and where people only read, nobody else
// would notice that it is gone without a word.
func (s *Store) Changes(ctx context.Context, from int64, limit int) ([]token.Change, error) {
	changes, err := all(ctx, s.reads, changesAfter, scanChange, from, limit)
	if errors.Is(err, context.DeadlineExceeded) {
		s.engine.leave(context.WithoutCancel(ctx))
	}
	return changes, err
}

// PurgeChanges deletes positions that every node has heard of for long, but
// never the last one.
func (tx *Tx) PurgeChanges(ctx context.Context, before int64, limit int) (int64, error) {
	res, err := tx.exec(ctx, `DELETE FROM changes WHERE n IN (SELECT n FROM (SELECT n, at FROM changes ORDER BY n LIMIT $2) AS oldest
		WHERE at < $1 AND n < (SELECT n FROM position WHERE one = 1))`, before, limit)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
