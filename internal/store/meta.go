package store

import (
	"context"
	"database/sql"
)

const readMeta = `SELECT value FROM meta WHERE name = $1`

func scanBytes(r *sql.Rows) (v []byte, err error) {
	err = r.Scan(&v)
	return v, err
}

// Meta returns a named value as the transaction sees it, nil if there is none.
func (tx *Tx) Meta(ctx context.Context, name string) ([]byte, error) {
	return one(ctx, tx, readMeta, scanBytes, name)
}

// SetMeta writes a named value over the one that stands.
func (tx *Tx) SetMeta(ctx context.Context, name string, value []byte) error {
	_, err := tx.exec(ctx, `INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
	return err
}

// DropMeta removes a named value if it is still this one; it reports whether
// this call did, so that of two racers one wins.
func (tx *Tx) DropMeta(ctx context.Context, name string, value []byte) (bool, error) {
	return tx.affects(ctx, `DELETE FROM meta WHERE name = $1 AND value = $2`, name, value)
}

// LockMeta returns a named value, empty if there was none, and makes others who
// lock it wait until the transaction ends.
func (tx *Tx) LockMeta(ctx context.Context, name string) ([]byte, error) {
	if _, err := tx.exec(ctx, `INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`, name, []byte{}); err != nil {
		return nil, err
	}
	if _, err := tx.exec(ctx, `UPDATE meta SET value = value WHERE name = $1`, name); err != nil {
		return nil, err
	}
	return tx.Meta(ctx, name)
}
