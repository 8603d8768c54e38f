package store

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/pressly/goose/v3/database"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// An engine is what truly differs between SQLite and PostgreSQL. Everything
// else is one SQL text.
type engine interface {
	name() string
	shared() bool
	dialect() database.Dialect
	// ddl fits the migrations' text to the engine.
	ddl(text string) string
	openReads(ctx context.Context) (*sql.DB, error)
	// openLookUps returns the pool for rows that are read by their key, which may
	// be that of all reads.
	openLookUps(reads *sql.DB) (*sql.DB, error)
	// readers is how many of them may be read at a time.
	readers() int
	openWriter(ctx context.Context) (*session, error)
	schema(ctx context.Context, migrate bool) error
	// listener connects to hear the wake-ups of other nodes; nil where there are none.
	listener(ctx context.Context) (*pgx.Conn, error)
	// begin is the statement that opens a writing transaction.
	begin() string
	// again reports whether the same transaction may succeed if run again.
	again(err error) bool
	// down reports whether the database did not answer, rather than refuse; unable
	// whether it could not do what it would do at another time.
	down(err error) bool
	unable(err error) bool
	// there refuses a database that is not where it was opened any more.
	there() error
	// leave ends the silent connections to a server that is not there.
	leave(ctx context.Context)
	// lasting is a commit that changes nothing and is as durable as any other.
	lasting() string
	// shrink is the statement that gives back what a connection keeps of the
	// database in memory; empty where that is the server's to keep.
	shrink() string
	// among and alone wait until a transaction may do its part of the work that
	// $1 names: among others that do the same, or while nobody else does. They
	// are empty where only one transaction writes.
	among() string
	alone() string
	// spare is how many rows may be written twice, without effect, rather than
	// say another statement.
	spare() int
	// clock is the query of the database server's own clock in milliseconds;
	// empty where that is ours.
	clock() string
	close() error
}

func newEngine(cfg Config) (engine, error) {
	kind, rest, _ := strings.Cut(cfg.Database, ":")
	switch kind {
	case "sqlite":
		return &sqlite{path: rest, driver: cmp.Or(cfg.Driver, "sqlite")}, nil
	case "postgres", "postgresql":
		return &postgres{address: cfg.Database, driver: cmp.Or(cfg.Driver, "pgx"), primary: primary{now: cfg.Now}}, nil
	}
	return nil, errors.New(`database: use "sqlite:PATH" or "postgres://USER@HOST/NAME"`)
}

// sqlite has one writer and several readers on one file.
type sqlite struct {
	path   string
	driver string
	db     *sql.DB // the writer's
	opened os.FileInfo
}

func (e *sqlite) name() string              { return "sqlite" }
func (e *sqlite) shared() bool              { return false }
func (e *sqlite) dialect() database.Dialect { return database.DialectSQLite3 }
func (e *sqlite) begin() string             { return "BEGIN IMMEDIATE" }
func (e *sqlite) again(error) bool          { return false }
func (e *sqlite) clock() string             { return "" }

func (e *sqlite) lasting() string { return "SELECT 1" }
func (e *sqlite) shrink() string  { return "PRAGMA shrink_memory" }
func (e *sqlite) among() string   { return "" }
func (e *sqlite) alone() string   { return "" }

func (e *sqlite) spare() int   { return 2 }
func (e *sqlite) readers() int { return min(runtime.GOMAXPROCS(0), 8) }

func (e *sqlite) leave(context.Context) {}

func (e *sqlite) listener(context.Context) (*pgx.Conn, error) { return nil, nil }

// down: no room left on the disk, the disk fails, the file may not be written or
// is none any more, or another program keeps it locked.
func (e *sqlite) down(err error) bool {
	var lite interface{ Code() int }
	if !errors.As(err, &lite) {
		return false
	}
	const busy, readOnly, ioErr, corrupt, full, cannotOpen, noDatabase = 5, 8, 10, 11, 13, 14, 26 // sqlite.org/rescode.html
	switch lite.Code() & 0xff {                                                                   // extended codes keep the primary one in the low byte
	case busy, readOnly, ioErr, corrupt, full, cannotOpen, noDatabase:
		return true
	}
	return false
}

func (e *sqlite) unable(err error) bool { return e.down(err) }

// ddl makes a BIGINT key the row's own number, which saves a second tree.
func (e *sqlite) ddl(text string) string {
	return strings.ReplaceAll(text, "BIGINT PRIMARY KEY", "INTEGER PRIMARY KEY")
}

// address returns the data source name. synchronous=FULL: in WAL mode NORMAL
// may lose the last commits at power loss (sqlite.org/pragma.html).
func (e *sqlite) address(pragmas ...string) string {
	q := url.Values{"_pragma": append([]string{
		"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(10000)", "temp_store(MEMORY)",
	}, pragmas...)}
	return "file:" + (&url.URL{Path: e.path}).EscapedPath() + "?" + q.Encode()
}

func (e *sqlite) openReads(ctx context.Context) (*sql.DB, error) {
	if err := os.MkdirAll(filepath.Dir(e.path), 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	w, err := sql.Open(e.driver, e.address("cache_size(-16384)"))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", e.path, err)
	}
	w.SetMaxOpenConns(1)
	if err := w.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", e.path, err), w.Close())
	}
	e.db = w
	if e.opened, err = os.Stat(e.path); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", e.path, err), w.Close())
	}
	r, err := sql.Open(e.driver, e.address("query_only(1)", "cache_size(-2048)"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", e.path, err), w.Close())
	}
	r.SetMaxOpenConns(8)
	r.SetMaxIdleConns(8)
	r.SetConnMaxIdleTime(time.Minute) // with what it keeps in memory
	return r, nil
}

func (e *sqlite) openLookUps(reads *sql.DB) (*sql.DB, error) { return reads, nil }

func (e *sqlite) openWriter(ctx context.Context) (*session, error) {
	return newSession(ctx, e, e.db)
}

func (e *sqlite) schema(ctx context.Context, migrate bool) error {
	return schema(ctx, e, e.db, migrate)
}
func (e *sqlite) close() error { return e.db.Close() }

// postgres has any number of writers; each node has one connection for group
// commits and a pool for the rest.
type postgres struct {
	address string
	driver  string
	primary primary
	config  *pgx.ConnConfig
	known   []string // the configs' names among the driver's
	db      *sql.DB
	looks   *sql.DB
}

func (e *postgres) name() string              { return "postgres" }
func (e *postgres) shared() bool              { return true }
func (e *postgres) dialect() database.Dialect { return database.DialectPostgres }
func (e *postgres) begin() string             { return "BEGIN" }
func (e *postgres) clock() string {
	return "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
}

// again: serialization failure, deadlock, or a connection that was lost before
// anything was sent.
func (e *postgres) again(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "40001" || pg.Code == "40P01"
	}
	return pgconn.SafeToRetry(err) || errors.Is(err, driver.ErrBadConn)
}

// down: the connection is lost or refused, or the server is going away
// (postgresql.org/docs/15/errcodes-appendix.html, classes 08, 53 and 57P).
func (e *postgres) down(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return strings.HasPrefix(pg.Code, "08") || strings.HasPrefix(pg.Code, "53") || strings.HasPrefix(pg.Code, "57P")
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// unable: down, or the server gives up what it is asked for the time that it
// takes or the lock that it waits for, may only be read, or fails itself (classes
// 25006, 55P03, 57014 and 58).
func (e *postgres) unable(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (pg.Code == "25006" || pg.Code == "55P03" || pg.Code == "57014" || strings.HasPrefix(pg.Code, "58")) {
		return true
	}
	return e.down(err)
}

// ddl partitions the short tokens by day, so that a day ends by dropping it.
func (e *postgres) ddl(text string) string {
	return strings.ReplaceAll(text, ") /* daily ranges */;",
		") PARTITION BY RANGE (id);\nCREATE TABLE tokens_short_rest PARTITION OF tokens_short DEFAULT;")
}

// pooled and looking are how many connections a node has at most, for all and
// for what is read by key.
const (
	pooled  = 20
	looking = 8
)

func (e *postgres) openReads(ctx context.Context) (*sql.DB, error) {
	var err error
	if e.config, err = e.primary.config(e.address); err != nil {
		return nil, err
	}
	db, err := e.pool(e.config, pooled)
	if err != nil {
		return nil, err
	}
	ask, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var version int
	if err := db.QueryRowContext(ask, `SELECT CAST(current_setting('server_version_num') AS BIGINT)`).Scan(&version); err != nil {
		return nil, errors.Join(fmt.Errorf("reach the database: %w: check the address, the server and its rights", err), db.Close())
	}
	if version < 150000 {
		return nil, errors.Join(errors.New("PostgreSQL is older than 15: upgrade it"), db.Close())
	}
	e.db = db
	return db, nil
}

func (e *postgres) pool(cfg *pgx.ConnConfig, most int) (*sql.DB, error) {
	name := stdlib.RegisterConnConfig(cfg)
	e.known = append(e.known, name)
	db, err := sql.Open(e.driver, name)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db, nil
}

func (e *postgres) openLookUps(*sql.DB) (_ *sql.DB, err error) {
	cfg := e.config.Copy()
	cfg.AfterConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		_, err := conn.Exec(ctx, planOnce).ReadAll()
		return err //nolint:wrapcheck // the driver tells what it was about
	}
	e.looks, err = e.pool(cfg, looking)
	return e.looks, err
}

// planOnce tells the planner that whatever is said on a connection finds its rows
// by key. It would else plan an ending or a reading anew each time, for every
// day's table and every size, which costs more than to carry it out; and a plan
// that it makes once, when a day's table is empty, would read that table as a
// whole later.
const planOnce = `SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off`

// openWriter passes by the connections of the pool that died while they lay
// idle, as all do when their server does.
func (e *postgres) openWriter(ctx context.Context) (*session, error) {
	for passed := 0; ; passed++ {
		s, err := newSession(ctx, e, e.db)
		if err != nil {
			return nil, err
		}
		if _, err = s.exec(ctx, planOnce); err == nil {
			return s, nil
		}
		err = errors.Join(err, s.close())
		if passed == pooled || ctx.Err() != nil || !e.down(err) {
			return nil, err
		}
	}
}

func (e *postgres) schema(ctx context.Context, migrate bool) error {
	return schema(ctx, e, e.db, migrate)
}

func (e *postgres) lasting() string { return "SELECT pg_logical_emit_message(true, 'ficha', '')" }

func (e *postgres) shrink() string { return "" }
func (e *postgres) spare() int     { return 16 }
func (e *postgres) readers() int   { return looking / 2 }

func (e *postgres) among() string {
	return "SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))"
}

func (e *postgres) alone() string { return "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))" }

// leave asks first: a commit may wait for a standby while all else is answered.
func (e *postgres) leave(ctx context.Context) { e.primary.leave(ctx) }

func (e *postgres) listener(ctx context.Context) (*pgx.Conn, error) {
	return pgx.ConnectConfig(ctx, e.config)
}

func (e *postgres) close() error {
	for _, name := range e.known {
		stdlib.UnregisterConnConfig(name)
	}
	if e.looks == nil {
		return nil
	}
	return e.looks.Close()
}
