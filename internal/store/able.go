package store

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// An ability remembers whether the last commit failed for a reason that lies in
// the database and not in the deed: until one succeeds, nothing can be issued.
type ability struct {
	mu    sync.Mutex
	fault error     // nil: the last commit succeeded, or was never tried
	tried time.Time // when that was last looked at
}

// noted takes what became of a commit.
func (s *Store) noted(err error) {
	lies := err != nil && (s.engine.unable(err) || errors.Is(err, context.DeadlineExceeded))
	if err != nil && !lies {
		return // the deed's own
	}
	s.able.mu.Lock()
	defer s.able.mu.Unlock()
	s.able.fault = err
}

// Able refuses, with Unavailable, while the database cannot be written: after a
// commit that failed for a reason of the database's, until one succeeds, which it
// tries itself once a second at most. It writes nothing while all is well.
func (s *Store) Able(ctx context.Context) error {
	if err := s.engine.there(); err != nil {
		return token.Unreachable(err)
	}
	s.able.mu.Lock()
	fault, now := s.able.fault, s.cfg.Now()
	due := fault != nil && now.Sub(s.able.tried).Abs() >= time.Second
	if due {
		s.able.tried = now
	}
	s.able.mu.Unlock()
	if due {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		fault = s.Do(ctx, func(tx *Tx) error { return tx.SetMeta(ctx, "able", []byte(now.UTC().Format(time.RFC3339))) })
	}
	if fault != nil {
		return token.Unreachable(fault)
	}
	return nil
}

// there refuses a database whose file was taken away, or is another one, while we
// go on writing to what nobody will open again.
func (e *sqlite) there() error {
	now, err := os.Stat(e.path)
	if err == nil && !os.SameFile(e.opened, now) {
		err = errors.New(e.path + " is not the file that was opened: start again on the right one")
	}
	return err
}

func (e *postgres) there() error { return nil }
