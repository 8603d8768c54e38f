package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"

	"github.com/fichadev/ficha/internal/token"
)

// A Tx is one rare deed: what it writes is committed together with its audit
// rows, its deliveries and its position, or not at all. It belongs to the
// function it was given to.
type Tx struct {
	*session
	now       int64
	changes   []token.Change
	cutoffs   []token.Cutoff
	ends      []token.Ending
	secrets   []JournalSecret
	suspended []JournalSuspension
	leaves    bool // something in the outbox
	hopeful   bool // counts what a batch writes in place of asking which rows

	mute     bool // letters are not written
	unposted int  // the letters that were not
	closed   Closed

	position int64 // after the commit, if it advanced
	mark     string
}

// Now returns the instant of the transaction in milliseconds: the clock is
// read once.
func (tx *Tx) Now() int64 { return tx.now }

// Changed says that the judge may now say something else of a thing.
func (tx *Tx) Changed(c ...token.Change) { tx.changes = append(tx.changes, c...) }

// Cut ends every token that stands on the support and was born before the
// position of this transaction.
func (tx *Tx) Cut(c token.Cutoff) {
	tx.cutoffs = append(tx.cutoffs, c)
	tx.Changed(c.Support.Change())
}

// Do runs f in a transaction of its own and commits it. f may be run again
// after a serialization failure, or when an id that it made was taken, so it
// changes nothing but what it is given.
// When Do returns nil the deed is durable and this process's judge knows; after
// a refusal with OutcomeUnknown it may be.
func (s *Store) Do(ctx context.Context, f func(*Tx) error) error {
	for try := 0; ; try++ {
		err := s.do(ctx, f)
		if err == nil || try == 3 || !s.repeatable(err) {
			return err
		}
	}
}

func (s *Store) repeatable(err error) bool {
	r := token.AsRefusal(err)
	if r != nil && r.Code == token.OutcomeUnknown {
		return false // though a lost connection is among its causes
	}
	return s.engine.again(err) || r != nil && r.Reason == token.Clash
}

func (s *Store) do(ctx context.Context, f func(*Tx) error) (err error) {
	defer func() { s.noted(err) }()
	on, done, err := s.transaction(ctx)
	if err != nil {
		return err
	}
	defer done()
	tx := &Tx{session: on, now: s.now(), mute: s.cfg.NoMail != nil, closed: s.closed}
	if err = f(tx); err == nil {
		err = tx.advance(ctx)
	}
	if err != nil {
		tx.rollback(ctx)
		return err
	}
	// Past this point the caller must learn the outcome, even if it left.
	in, cancel := s.patient(ctx)
	defer cancel()
	if _, err = tx.conn.ExecContext(in, "COMMIT"); err != nil {
		tx.rollback(ctx)
		if err = s.commitError(err, tx); errors.As(err, new(*unknownError)) {
			err = lost(err)
		}
		return err
	}
	s.done(ctx, tx)
	return nil
}

// transaction opens one, on SQLite on the one writer's connection, on
// PostgreSQL on one of the pool, past those that died while they lay idle.
func (s *Store) transaction(ctx context.Context) (on *session, done func(), err error) {
	for passed := 0; ; passed++ {
		if on, done, err = s.exclusive(ctx); err != nil {
			return nil, nil, err
		}
		if _, err = on.conn.ExecContext(ctx, s.engine.begin()); err == nil {
			return on, done, nil
		}
		done()
		if passed == pooled || ctx.Err() != nil || !s.engine.shared() || !s.engine.down(err) {
			return nil, nil, on.told(fmt.Errorf("begin: %w", err))
		}
	}
}

// exclusive returns a connection that nobody else writes on until done.
func (s *Store) exclusive(ctx context.Context) (on *session, done func(), err error) {
	if !s.engine.shared() {
		s.mu.Lock()
		return s.writer, s.mu.Unlock, nil
	}
	if on, err = newSession(ctx, s.engine, s.db); err != nil {
		return nil, nil, err
	}
	return on, func() { on.close() }, nil //nolint:errcheck // it goes back to the pool
}

// rollback undoes what is left to undo: SQLite may have rolled back by itself,
// and a lost connection has too.
func (tx *Tx) rollback(ctx context.Context) {
	tx.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") //nolint:errcheck // as above
}

// done follows a commit: the journal remembers, the judge hears, and letters
// that nobody will send are counted.
func (s *Store) done(ctx context.Context, tx *Tx) {
	s.note(ctx, tx)
	s.tell(tx.changes)
	if tx.leaves {
		s.outgoing()
	}
	if tx.unposted > 0 {
		s.cfg.NoMail(tx.unposted)
	}
}

// tell lets this process's judge hear of a commit, and other nodes wake up.
func (s *Store) tell(changes []token.Change) {
	if len(changes) == 0 {
		return
	}
	s.hear(changes)
	if s.engine.shared() {
		s.wakeUp()
	}
}

const insertCutoff = `INSERT INTO cutoffs (kind, id, n, issued_before, reason, at) VALUES ($1, $2, $3, $4, $5, $6)
	ON CONFLICT DO NOTHING`

var insertChanges = &rowsText{
	again: true,
	head:  "INSERT INTO changes (n, i, mark, what, id, at) VALUES ",
	tail:  onFree,
	types: []string{"BIGINT", "BIGINT", "TEXT", "TEXT", "TEXT", "BIGINT"},
}

// advance advances the position if the transaction changed what the judge may
// say, and writes what changed: the last statements before COMMIT, since the
// row is locked from here on.
func (tx *Tx) advance(ctx context.Context) error {
	if len(tx.changes) == 0 {
		return nil
	}
	mark := newMark()
	n, err := one(ctx, tx, `UPDATE position SET n = n + 1, mark = $1 WHERE one = 1 RETURNING n`, scanInt, mark)
	if err != nil {
		return fmt.Errorf("advance the position: %w", err)
	}
	tx.position, tx.mark = n, mark
	rows := make([]any, 0, len(tx.changes)*len(insertChanges.types))
	for i := range tx.changes {
		c := &tx.changes[i]
		c.Position, c.Mark = n, mark
		rows = append(rows, n, i, mark, string(c.What), c.ID, tx.now)
	}
	written, err := insertChanges.write(ctx, tx.statements, rows)
	if err != nil {
		return fmt.Errorf("write changes: %w", err)
	}
	if written != len(tx.changes) {
		return fmt.Errorf("write changes: position %d was there before: the database went back", n)
	}
	for i := range tx.cutoffs {
		c := &tx.cutoffs[i]
		c.Position, c.At = n, tx.now
		if _, err := tx.exec(ctx, insertCutoff, string(c.Support.Kind), c.Support.ID, n, c.IssuedBefore, c.Reason, tx.now); err != nil {
			return fmt.Errorf("write a cutoff: %w", err)
		}
	}
	return nil
}

func newMark() string { return rand.Text()[:16] }

func scanInt(r *sql.Rows) (n int64, err error) {
	err = r.Scan(&n)
	return n, err
}

func scanText(r *sql.Rows) (s string, err error) {
	err = r.Scan(&s)
	return s, err
}
