// Package store knows the memory: one SQL text on SQLite or PostgreSQL, its
// migrations, the group commit of hot deeds, and the position that tells every
// node what changed. It decides nothing about tokens; it keeps what it is told
// or says that it could not.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// Config says where the memory is. Now and Log are required.
type Config struct {
	// Database is "sqlite:PATH" or a postgres:// address.
	Database string
	Now      func() time.Time
	Log      *slog.Logger
	// Batch is told the size of every group commit; nil: nobody is.
	Batch func(deeds int)
	// Journal remembers endings beside the database; nil: nothing does.
	Journal *Journal
	// NoMail is set where no mail is sent: letters are then not written, and it is
	// told how many of each commit were not.
	NoMail func(letters int)
	// Driver is another registered database/sql driver in place of the engine's
	// own, for tests that inject faults; empty: the engine's own.
	Driver string
}

// A Store is the memory of one process. It is safe for use by many at once.
type Store struct {
	cfg    Config
	engine engine
	db     *sql.DB // reads; on PostgreSQL also rare deeds
	reads  *statements
	byKey  *statements // reads of rows by their key
	rows   [2]*lookUps // of tokens, by class

	queue   chan *pending
	stopped chan struct{}
	woken   chan struct{} // a wake-up of other nodes is due
	stop    context.CancelFunc
	close   sync.Once

	mu       sync.Mutex // guards writer on SQLite: one writer at a time
	writer   *session   // the writing connection of group commits
	hear     func([]token.Change)
	outgoing func()
	closed   Closed
	callers  int // who waited for the last group commit, or came during it
	doubts   int // how many batches are to ask which rows they wrote
	able     ability
}

// Open opens the database, brings its schema up to date if migrate is set, and
// refuses one that is older or newer than this program. The caller closes it.
func Open(ctx context.Context, cfg Config, migrate bool) (_ *Store, err error) {
	defer func() { err = advised(err, cfg.Database) }()
	e, err := newEngine(cfg)
	if err != nil {
		return nil, err
	}
	if migrate {
		if err := private(cfg); err != nil {
			return nil, err
		}
	}
	db, err := e.openReads(ctx)
	if err != nil {
		return nil, err
	}
	if err := e.schema(ctx, migrate); err != nil {
		return nil, errors.Join(err, db.Close(), e.close())
	}
	looks, err := e.openLookUps(db)
	if err != nil {
		return nil, errors.Join(err, db.Close(), e.close())
	}
	s := &Store{
		cfg: cfg, engine: e, db: db, reads: newStatements(e, db), byKey: newStatements(e, looks),
		queue: make(chan *pending, 1024), stopped: make(chan struct{}), woken: make(chan struct{}, 1),
		hear: func([]token.Change) {}, outgoing: func() {},
	}
	for class := range s.rows {
		s.rows[class] = newLookUps(s.byKey, token.Class(class), e.readers())
	}
	if s.writer, err = e.openWriter(ctx); err != nil {
		return nil, errors.Join(err, db.Close(), e.close())
	}
	if err := s.begin(ctx); err != nil {
		return nil, errors.Join(err, s.writer.close(), db.Close(), e.close())
	}
	loop, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = cancel
	go s.write(loop)
	if e.shared() {
		go s.wakeOthers(loop)
	}
	return s, nil
}

// OnChange names who hears, after the commit and before its caller is
// answered, what a local commit changed. It is called once, before the first
// deed.
func (s *Store) OnChange(hear func([]token.Change)) { s.hear = hear }

// OnOutbox names who is woken after a local commit that left something in the
// outbox. It must not wait. It is called once, before the first deed.
func (s *Store) OnOutbox(wake func()) { s.outgoing = wake }

// Closed writes the record of a rotation that ended because all secrets of its
// credential did; the workspace is nil if it is not there.
type Closed func(at time.Time, w *token.Workspace, r *token.Rotation) (*token.Event, []token.Delivery, error)

// OnClosed names who writes such records, which are part of the deed's commit.
// It is called once, before the first deed.
func (s *Store) OnClosed(closed Closed) { s.closed = closed }

// Shared reports whether other processes may write to the same database, so
// that changes have to be asked for.
func (s *Store) Shared() bool { return s.engine.shared() }

// Engine returns "sqlite" or "postgres".
func (s *Store) Engine() string { return s.engine.name() }

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	return s.db.QueryRowContext(ctx, "SELECT 1").Scan(&one)
}

// Skew returns how far the database server's clock is ahead of ours, to the
// length of one question; 0 where the clock is the same. The shortest of three
// questions counts: a process that was stopped in the middle of one would take
// half of that time for a clock that is wrong.
func (s *Store) Skew(ctx context.Context) (skew time.Duration, err error) {
	if s.engine.clock() == "" {
		return 0, nil
	}
	shortest := time.Duration(math.MaxInt64)
	for range 3 {
		before := s.cfg.Now()
		theirs, err := one(ctx, s.reads, s.engine.clock(), scanInt)
		if err != nil {
			return 0, fmt.Errorf("ask the database for its clock: %w", err)
		}
		took := s.cfg.Now().Sub(before)
		if took < shortest {
			shortest, skew = took, time.UnixMilli(theirs).Sub(before.Add(took/2))
		}
	}
	return skew, nil
}

// Shrink gives back the memory that the writer keeps of the database; what it
// needs is read again.
func (s *Store) Shrink(ctx context.Context) error {
	if s.engine.shrink() == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.writer.conn.ExecContext(ctx, s.engine.shrink())
	return err
}

// Close finishes the deeds that wait and closes the database. Closing twice
// is harmless.
func (s *Store) Close() error {
	var err error
	s.close.Do(func() {
		s.stop()
		<-s.stopped
		err = errors.Join(s.writer.close(), s.reads.close(), s.byKey.close(), s.db.Close(), s.engine.close())
	})
	return err
}

// begin writes the first position of a new database.
func (s *Store) begin(ctx context.Context) error {
	return s.Do(ctx, func(tx *Tx) error {
		mark := newMark()
		won, err := tx.affects(ctx, `INSERT INTO position (one, n, mark) VALUES (1, 1, $1) ON CONFLICT DO NOTHING`, mark)
		if err != nil || !won {
			return err
		}
		return insertChanges.run(ctx, tx.statements, []any{1, 0, mark, string(token.Genesis), "", s.now()}, nil)
	})
}

func (s *Store) now() int64 { return s.cfg.Now().UnixMilli() }

// Meta returns a named value of the database, nil if there is none.
func (s *Store) Meta(ctx context.Context, name string) ([]byte, error) {
	return one(ctx, s.reads, `SELECT value FROM meta WHERE name = $1`, func(r *sql.Rows) (v []byte, err error) {
		err = r.Scan(&v)
		return v, err
	}, name)
}

// SetMetaOnce writes a named value unless there is one, and returns the one
// that stands: two nodes that start together agree.
func (s *Store) SetMetaOnce(ctx context.Context, name string, value []byte) ([]byte, error) {
	err := s.Do(ctx, func(tx *Tx) error {
		_, err := tx.exec(ctx, `INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`, name, value)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", name, err)
	}
	return s.Meta(ctx, name)
}
