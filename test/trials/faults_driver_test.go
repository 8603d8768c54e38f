package trials

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/stdlib"
)

// A fault is what happens at the n-th statement.
type fault string

const (
	// refused: the database answers with an error and does nothing.
	refused fault = "refused"
	// broken: the connection ends before the statement is sent.
	broken fault = "broken"
	// lost: the connection ends after a commit was carried out, so that nobody
	// hears of it. Only commits count.
	lost fault = "lost"
)

// faults makes one statement of all that pass through its driver fail. It is
// safe for use by many at once.
type faults struct {
	mu    sync.Mutex
	what  fault
	left  int // statements until then; 0: not armed
	fired bool
	at    string // the statement that failed
}

// arm lets the n-th statement from now on fail.
func (f *faults) arm(what fault, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.what, f.left, f.fired, f.at = what, n, false, ""
}

// disarm ends it and reports whether a statement failed, and which.
func (f *faults) disarm() (fired bool, at string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = 0
	return f.fired, f.at
}

// next reports what happens to a statement. A rollback is not refused: it takes
// neither disk nor promise, and goes with a connection that ends.
func (f *faults) next(text string) (fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left == 0 || f.what == refused && text == "ROLLBACK" || f.what == lost && text != "COMMIT" {
		return "", false
	}
	f.left--
	if f.left > 0 {
		return "", false
	}
	f.fired, f.at = true, text
	return f.what, true
}

// errDisk is SQLite's answer of a disk that fails (sqlite.org/rescode.html).
type errDisk struct{}

func (errDisk) Error() string { return "disk I/O error (injected)" }

// Code is SQLITE_IOERR.
func (errDisk) Code() int { return 10 }

// register makes the faults a driver in front of another one and returns its
// name.
func (f *faults) register(t *testing.T, behind string) string {
	t.Helper()
	db, err := sql.Open(behind, "")
	if err != nil {
		t.Fatal(err)
	}
	name := "faulty-" + rand.Text()
	sql.Register(name, faultyDriver{db.Driver(), f})
	return name
}

type faultyDriver struct {
	driver.Driver
	faults *faults
}

// Open opens a connection whose statements may fail.
func (d faultyDriver) Open(name string) (driver.Conn, error) {
	c, err := d.Driver.Open(name)
	if err != nil {
		return nil, err
	}
	whole, ok := c.(wholeConn)
	if !ok {
		return nil, errors.Join(errors.New("the driver is of another kind than ours"), c.Close())
	}
	return &faultyConn{whole, d.faults}, nil
}

// A wholeConn is what the drivers of both engines are.
type wholeConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
}

type faultyConn struct {
	wholeConn
	faults *faults
}

// through carries out a statement, or what happens instead.
func through[T any](c *faultyConn, text string, do func() (T, error)) (T, error) {
	what, now := c.faults.next(text)
	var none T
	if !now {
		return do()
	}
	switch what {
	case broken:
		return none, errors.Join(io.ErrUnexpectedEOF, c.sever())
	case lost:
		_, err := do()
		return none, errors.Join(io.ErrUnexpectedEOF, err, c.sever())
	}
	if pg, ok := c.wholeConn.(*stdlib.Conn); ok && text == "COMMIT" {
		_, err := pg.ExecContext(context.Background(), "ROLLBACK", nil) // a COMMIT that fails ends the transaction
		return none, errors.Join(errDisk{}, err)
	}
	return none, errDisk{}
}

// sever ends the connection as a network does: without a farewell.
func (c *faultyConn) sever() error {
	pg, ok := c.wholeConn.(*stdlib.Conn)
	if !ok {
		return errors.New("only a connection over a network can be severed")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return errors.Join(pg.Conn().PgConn().Conn().Close(), pg.Conn().Close(ctx))
}

// PrepareContext prepares a statement that may fail later.
func (c *faultyConn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	st, err := c.wholeConn.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	whole, ok := st.(wholeStmt)
	if !ok {
		return nil, errors.New("the statement is of another kind than ours")
	}
	return &faultyStmt{whole, c, text}, nil
}

// ExecContext carries out a statement, or not.
func (c *faultyConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	return through(c, text, func() (driver.Result, error) { return c.wholeConn.ExecContext(ctx, text, args) })
}

// QueryContext carries out a query, or not.
func (c *faultyConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	return through(c, text, func() (driver.Rows, error) { return c.wholeConn.QueryContext(ctx, text, args) })
}

// CheckNamedValue leaves values to the driver behind, if it looks at them.
func (c *faultyConn) CheckNamedValue(v *driver.NamedValue) error {
	if n, ok := c.wholeConn.(driver.NamedValueChecker); ok {
		return n.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

type wholeStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type faultyStmt struct {
	wholeStmt
	conn *faultyConn
	text string
}

// ExecContext carries out the statement, or not.
func (s *faultyStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return through(s.conn, s.text, func() (driver.Result, error) { return s.wholeStmt.ExecContext(ctx, args) })
}

// QueryContext carries out the query, or not.
func (s *faultyStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return through(s.conn, s.text, func() (driver.Rows, error) { return s.wholeStmt.QueryContext(ctx, args) })
}
