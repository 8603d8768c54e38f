package store

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// unwritable is SQLite on a file that may only be read, which the superuser of a
// test would not meet otherwise.
type unwritable struct{ driver.Driver }

func (d unwritable) Open(name string) (driver.Conn, error) {
	return d.Driver.Open(name + "&_pragma=query_only(1)") //nolint:wrapcheck // it stands for the driver
}

var registerUnwritable = sync.OnceFunc(func() {
	db, err := sql.Open("sqlite", "")
	if err != nil {
		panic(err)
	}
	defer db.Close()
	sql.Register("sqlite-unwritable", unwritable{db.Driver()})
})

func TestDatabaseThatMayOnlyBeReadIsNamedWithWhatToCheck(t *testing.T) {
	registerUnwritable()
	database := "sqlite:" + filepath.Join(t.TempDir(), "ficha.db")
	cfg := Config{Database: database, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	s, err := Open(t.Context(), cfg, true)
	must(t, err)
	must(t, s.Close())
	cfg.Driver = "sqlite-unwritable"
	_, err = Open(t.Context(), cfg, true)
	if err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(database, "sqlite:")) || !strings.Contains(err.Error(), "must own it") {
		t.Errorf("got %v, want the path and what to check", err)
	}
}

// PgBouncer's own answers in pool_mode = transaction.
func TestPoolerThatTakesConnectionsAwayIsNamedWithWhatToSet(t *testing.T) {
	for _, code := range []string{"42P05", "26000"} {
		err := advised(fmt.Errorf("reach the database: %w", &pgconn.PgError{Code: code}), "postgres://")
		if !strings.Contains(err.Error(), "pool_mode = session") {
			t.Errorf("%s: got %v, want what to set", code, err)
		}
	}
	err := advised(&pgconn.PgError{Code: "28P01"}, "postgres://")
	if strings.Contains(err.Error(), "pool_mode") {
		t.Errorf("a wrong password: got %v, want nothing of a pooler", err)
	}
}
