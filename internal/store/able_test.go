package store

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/token"
)

func unavailable(err error) bool { return token.Is(err, token.Unavailable) }

// Who watches hears that nothing can be issued for as long as that is so, and
// callers hear one answer for it, whichever way the deed went.
func TestFullDiskIsToldUntilThereIsRoom(t *testing.T) {
	ctx := t.Context()
	s := open(t, "sqlite")
	now := time.Now()
	s.cfg.Now = func() time.Time { return now }
	must(t, s.Able(ctx))
	pages, err := one(ctx, s.writer, `PRAGMA page_count`, scanInt)
	must(t, err)
	limit := func(n int64) {
		if _, err := s.writer.conn.ExecContext(ctx, `PRAGMA max_page_count = `+strconv.FormatInt(n, 10)); err != nil {
			t.Fatal(err)
		}
	}
	limit(pages)
	big := strings.Repeat("x", 100_000)
	rare := func() error {
		return s.Do(ctx, func(tx *Tx) error { return tx.SetMeta(ctx, "big", []byte(big)) })
	}
	k := newToken(token.Long)
	k.Name = big
	hot := func() error { return s.Commit(ctx, &token.Deed{Issue: []*token.Token{k}}) }
	for name, deed := range map[string]func() error{"rare": rare, "hot": hot} {
		if err := deed(); !unavailable(err) {
			t.Errorf("%s: %v, want unavailable", name, err)
		}
	}
	if err := s.Able(ctx); err != nil {
		t.Errorf("a small row fits, and that was not found out: %v", err)
	}
	must(t, fails(hot))
	if err := s.Able(ctx); !unavailable(err) {
		t.Errorf("within a second: %v, want unavailable", err)
	}
	limit(1 << 30)
	now = now.Add(time.Second)
	must(t, s.Able(ctx))
	must(t, hot())
}

// fails reports a deed that did not fail.
func fails(deed func() error) error {
	if deed() == nil {
		return os.ErrExist
	}
	return nil
}

func TestDatabaseThatWasTakenAwayIsTold(t *testing.T) {
	dir := t.TempDir()
	s, j := kept(t, dir)
	defer shut(t, s, j)
	must(t, s.Able(t.Context()))
	must(t, os.Remove(filepath.Join(dir, "ficha.db")))
	if err := s.Able(t.Context()); !unavailable(err) {
		t.Errorf("got %v, want unavailable", err)
	}
}

// A server that may only be read, or gives a statement up, is a database that
// cannot be used now, and no fault of ours.
func TestServerThatDoesNotWriteIsUnavailable(t *testing.T) {
	if !pgtest.Available() {
		return // a file does
	}
	s := open(t, pgtest.Start(t).Database(t))
	set := func(setting string) {
		if _, err := s.writer.conn.ExecContext(context.Background(), "SET "+setting); err != nil {
			t.Fatal(err)
		}
	}
	set("default_transaction_read_only = on")
	if err := s.Commit(t.Context(), &token.Deed{Issue: []*token.Token{newToken(token.Long)}}); !unavailable(err) {
		t.Errorf("read only: %v, want unavailable", err)
	}
	set("default_transaction_read_only = off")
	set("statement_timeout = 1")
	if _, err := s.writer.exec(context.Background(), `SELECT pg_sleep(1)`); !unavailable(err) {
		t.Errorf("given up: %v, want unavailable", err)
	}
}
