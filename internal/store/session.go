package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/fichadev/ficha/internal/token"
)

// A runner is a connection or a pool.
type runner interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// statements keeps every text prepared once; plain is set where the driver
// does so itself for each connection (pgx). spare is how many rows may be said
// twice rather than say another statement.
type statements struct {
	on     runner
	engine engine
	plain  bool
	spare  int

	mu    sync.RWMutex
	known map[string]*sql.Stmt
}

func newStatements(e engine, on runner) *statements {
	return &statements{on: on, engine: e, plain: e.shared(), spare: e.spare(), known: map[string]*sql.Stmt{}}
}

// told returns the error that a caller hears: one that means that the database
// does not answer, or cannot do it now, is a refusal that says so, with its cause.
func (s *statements) told(err error) error {
	if err != nil && s.engine.unable(err) {
		return token.Unreachable(err)
	}
	return err
}

func (s *statements) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	s.mu.RLock()
	st, ok := s.known[text]
	s.mu.RUnlock()
	if ok {
		return st, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if st, ok := s.known[text]; ok {
		return st, nil
	}
	st, err := s.on.PrepareContext(ctx, text) //nolint:sqlclosecheck // kept until close
	if err == nil {
		s.known[text] = st
	}
	return st, err
}

func (s *statements) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if s.plain {
		rows, err := s.on.QueryContext(ctx, text, args...)
		return rows, s.told(err)
	}
	st, err := s.prepare(ctx, text) //nolint:sqlclosecheck // kept until close
	if err != nil {
		return nil, s.told(err)
	}
	rows, err := st.QueryContext(ctx, args...)
	return rows, s.told(err)
}

func (s *statements) exec(ctx context.Context, text string, args ...any) (sql.Result, error) {
	if s.plain {
		res, err := s.on.ExecContext(ctx, text, args...)
		return res, s.told(err)
	}
	st, err := s.prepare(ctx, text) //nolint:sqlclosecheck // kept until close
	if err != nil {
		return nil, s.told(err)
	}
	res, err := st.ExecContext(ctx, args...)
	return res, s.told(err)
}

// affects reports whether the statement touched a row.
func (s *statements) affects(ctx context.Context, text string, args ...any) (bool, error) {
	res, err := s.exec(ctx, text, args...)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

func (s *statements) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for _, st := range s.known {
		err = errors.Join(err, st.Close())
	}
	clear(s.known)
	return err
}

// A session is one connection with its prepared statements.
type session struct {
	*statements
	conn *sql.Conn
}

func newSession(ctx context.Context, e engine, db *sql.DB) (*session, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, token.Unreachable(fmt.Errorf("connect: %w", err))
	}
	return &session{statements: newStatements(e, conn), conn: conn}, nil
}

func (s *session) close() error { return errors.Join(s.statements.close(), s.conn.Close()) }

// A querier is whatever can be asked: the pool of readers, or a transaction.
type querier interface {
	query(ctx context.Context, text string, args ...any) (*sql.Rows, error)
	told(err error) error
}

// all reads every row of a query.
func all[T any](ctx context.Context, q querier, text string, scan func(*sql.Rows) (T, error), args ...any) ([]T, error) {
	rows, err := q.query(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, q.told(rows.Err())
}

// one reads the first row of a query, or the zero value if there is none.
func one[T any](ctx context.Context, q querier, text string, scan func(*sql.Rows) (T, error), args ...any) (T, error) {
	var zero T
	rows, err := q.query(ctx, text, args...)
	if err != nil {
		return zero, err
	}
	defer rows.Close()
	if !rows.Next() {
		return zero, q.told(rows.Err())
	}
	v, err := scan(rows)
	if err != nil {
		return zero, err
	}
	return v, rows.Close()
}
