package store

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// advised adds what to do to an error of a database that opens as it should
// not: the engines say neither which file they mean nor what stands between.
func advised(err error, database string) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		// A statement that is there twice, or not at all (errcodes-appendix.html,
		// 42P05 and 26000): the connection is not the one that prepared it.
		if pg.Code == "42P05" || pg.Code == "26000" {
			return fmt.Errorf("%w: a pooler gives this connection to others between transactions: use session pooling (PgBouncer: pool_mode = session)", err)
		}
		return err
	}
	var lite interface{ Code() int }
	if !errors.As(err, &lite) {
		return err
	}
	const readOnly, cannotOpen = 8, 14 // sqlite.org/rescode.html; extended codes keep the primary one in the low byte
	if code := lite.Code() & 0xff; code != readOnly && code != cannotOpen {
		return err
	}
	path := strings.TrimPrefix(database, "sqlite:")
	return fmt.Errorf("write to the database %s: %w: the user who runs ficha must own it, its -wal and -shm and their folder, which must be mounted for writing", path, err)
}
