package store

import (
	"context"
	"database/sql"

	"github.com/fichadev/ficha/internal/token"
)

// Calendar returns the calendar whose address has that hash, nil if there is
// none.
func (s *Store) Calendar(ctx context.Context, hash token.Hash) (*token.Calendar, error) {
	return one(ctx, s.reads, `SELECT person, workspace, hash, born, created_at FROM calendars WHERE hash = $1`, func(r *sql.Rows) (*token.Calendar, error) {
		var c token.Calendar
		err := r.Scan(&c.Person, &c.Workspace, &c.Hash, &c.Born, &c.CreatedAt)
		return &c, err
	}, hash[:])
}

// PutCalendar gives a person's calendar of a workspace its address, in place of
// the one that it had.
func (tx *Tx) PutCalendar(ctx context.Context, c token.Calendar) error {
	_, err := tx.exec(ctx, `INSERT INTO calendars (person, workspace, hash, born, created_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (person, workspace) DO UPDATE SET hash = excluded.hash, born = excluded.born, created_at = excluded.created_at`,
		c.Person, c.Workspace, c.Hash[:], c.Born, c.CreatedAt)
	return err
}

// EndCalendar ends a person's calendar of a workspace; it reports whether there
// was one.
func (tx *Tx) EndCalendar(ctx context.Context, person, workspace string) (bool, error) {
	return tx.affects(ctx, `DELETE FROM calendars WHERE person = $1 AND workspace = $2`, person, workspace)
}
