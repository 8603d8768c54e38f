package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// pending is a deed that waits for its commit.
type pending struct {
	deed *token.Deed
	done chan error
	keys []any // the rows it touches: members that share one never share a batch
	out  error // the answer, told after the commit
}

// Commit makes a hot deed durable together with whatever else arrives at the
// same moment. It returns nil when it is on disk and this process's judge
// knows; a refusal with reason Lost, Stale or Clash when nothing of it was
// done; OutcomeUnknown when the commit's fate could not be learned; a fault
// otherwise.
func (s *Store) Commit(ctx context.Context, d *token.Deed) error {
	p := &pending{deed: d, done: make(chan error, 1)}
	select {
	case s.queue <- p: // with room in it nobody's deadline need be watched
	default:
		select {
		case s.queue <- p:
		case <-ctx.Done():
			return fmt.Errorf("wait for the writer: %w", ctx.Err())
		case <-s.stopped:
			return errors.New("the store is closed")
		}
	}
	// From here on the deed may happen: its caller stays to hear.
	select {
	case err := <-p.done:
		return err
	case <-s.stopped:
		select {
		case err := <-p.done:
			return err
		default:
			return errors.New("the store is closed")
		}
	}
}

// write is the loop of group commits: it commits at once when idle; what
// arrives during a commit is the next batch.
func (s *Store) write(ctx context.Context) {
	defer close(s.stopped)
	var held []*pending
	for {
		batch, rest, ok := s.gather(ctx, held)
		if !ok {
			return
		}
		held = rest
		s.commit(context.WithoutCancel(ctx), batch)
		if s.cfg.Batch != nil {
			s.cfg.Batch(len(batch))
		}
		s.callers = len(batch) + len(held) + len(s.queue)
	}
}

// A gathering is the next batch while it forms. Deeds that touch a row of it
// are held for the one after.
type gathering struct {
	batch, rest []*pending
	touched     map[any]bool
}

func (g *gathering) take(p *pending) {
	for _, k := range p.touches() {
		if g.touched[k] {
			g.rest = append(g.rest, p)
			return
		}
	}
	for _, k := range p.keys {
		g.touched[k] = true
	}
	g.batch = append(g.batch, p)
}

// gather takes what waits, up to 512 deeds. Where many call, it waits a moment
// for all of them: those who were just answered come again, and would otherwise
// be a batch of their own beside those who came meanwhile, for twice the
// commits.
func (s *Store) gather(ctx context.Context, held []*pending) (batch, rest []*pending, ok bool) {
	g := &gathering{touched: map[any]bool{}}
	for _, p := range held {
		g.take(p)
	}
	if len(g.batch) == 0 {
		select {
		case p := <-s.queue:
			g.take(p)
		case <-ctx.Done():
			return s.last()
		}
	}
	// The first deed woke us before others that are as far: on a busy processor
	// every commit would be of one or two.
	for yield := true; yield; yield = s.drain(g) {
		runtime.Gosched()
	}
	if s.callers > 8 {
		s.await(g)
	}
	return g.batch, g.rest, true
}

// drain takes what waits now; it reports false when nothing more came.
func (s *Store) drain(g *gathering) bool {
	before := len(g.batch) + len(g.rest)
	for len(g.batch) < most {
		select {
		case p := <-s.queue:
			g.take(p)
			continue
		default:
		}
		break
	}
	return len(g.batch)+len(g.rest) > before
}

// await takes what comes within a millisecond, until as many are there as
// called at the last commit.
func (s *Store) await(g *gathering) {
	company := time.NewTimer(time.Millisecond)
	defer company.Stop()
	for len(g.batch) < most && len(g.batch)+len(g.rest) < s.callers {
		select {
		case p := <-s.queue:
			g.take(p)
		case <-company.C:
			return
		}
	}
}

// last drains the queue when the store closes.
func (s *Store) last() (batch, rest []*pending, ok bool) {
	select {
	case p := <-s.queue:
		return []*pending{p}, nil, true
	default:
		return nil, nil, false
	}
}

// touches names the rows that the deed changes.
func (p *pending) touches() []any {
	if p.keys == nil {
		for _, e := range p.deed.End {
			p.keys = append(p.keys, e.ID)
		}
		if p.deed.Extended != nil {
			p.keys = append(p.keys, p.deed.Extended.ID)
		}
		if p.deed.Answer != nil {
			p.keys = append(p.keys, p.deed.Answer.Key)
		}
		for _, q := range p.deed.Quotas {
			q.Most = 0
			p.keys = append(p.keys, q)
		}
		if p.deed.Rotation != nil {
			p.keys = append(p.keys, p.deed.Rotation.Credential)
		}
	}
	return p.keys
}

// commit applies a batch and answers each of its members.
func (s *Store) commit(ctx context.Context, batch []*pending) {
	err := s.attempt(ctx, batch)
	if err != nil && len(batch) > 1 && !forAll(err) {
		for _, p := range batch {
			// A refusal is p.out already; nil here says only that nothing failed.
			if err := s.attempt(ctx, []*pending{p}); err != nil {
				p.out = err
			}
			p.done <- p.out
		}
		return
	}
	for _, p := range batch {
		if err != nil {
			p.out = err
		}
		p.done <- p.out
	}
}

// forAll reports whether an error is the answer to every member of a batch: one
// by one they would wait as long each for a database that is away, or be done
// twice where nobody knows whether they were done.
func forAll(err error) bool {
	r := token.AsRefusal(err)
	return r != nil && (r.Code == token.Unavailable || r.Code == token.OutcomeUnknown)
}

// How long a shared database may take: for a batch or a COMMIT before it is
// taken for gone without a word, to be connected to anew, and to tell what
// became of a commit.
const (
	commitPatience  = 5 * time.Second
	revivePatience  = 4 * time.Second
	inquirePatience = 5 * time.Second
)

// patient bounds what a caller waits for without a deadline of its own.
func (s *Store) patient(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx = context.WithoutCancel(ctx)
	if !s.engine.shared() {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, commitPatience)
}

// attempt runs a batch, again after a serialization failure, a deadlock or a
// connection that was lost before COMMIT, and looks for its rows after a
// commit whose fate is unknown.
func (s *Store) attempt(ctx context.Context, batch []*pending) error {
	for try := 0; ; try++ {
		in, cancel := s.patient(ctx)
		err := s.batch(in, batch)
		cancel()
		s.noted(err)
		if err == nil {
			return nil
		}
		if errors.Is(err, context.DeadlineExceeded) {
			s.engine.leave(ctx)
		}
		var unknown *unknownError
		if errors.As(err, &unknown) {
			return s.settle(ctx, batch, unknown)
		}
		was := s.writer
		if r := s.revive(ctx); r != nil {
			return token.Unreachable(errors.Join(err, r))
		}
		// A transaction goes with its connection: nothing of it was done.
		if try == 3 || !s.engine.again(err) && was == s.writer {
			return err
		}
	}
}

// revive replaces the writing connection if it was lost.
func (s *Store) revive(ctx context.Context) error {
	if !s.engine.shared() {
		return nil
	}
	ask, cancel := context.WithTimeout(ctx, revivePatience)
	defer cancel()
	if s.writer.conn.PingContext(ask) == nil {
		return nil
	}
	s.writer.close() //nolint:errcheck // it is lost
	on, err := s.engine.openWriter(ask)
	if err != nil {
		return err
	}
	s.writer = on
	return nil
}

// unknownError: the connection was lost after COMMIT was sent for tx.
type unknownError struct {
	error
	tx *Tx
}

func (u *unknownError) Unwrap() error { return u.error }

// commitError tells what a failed COMMIT means: the transaction is undone, or
// nobody knows. A connection that was lost leaves it unknown even where the
// driver calls that safe to repeat: it also does so after it sent the text.
func (s *Store) commitError(err error, tx *Tx) error {
	err = fmt.Errorf("commit: %w", err)
	if s.engine.shared() && s.engine.down(err) {
		return &unknownError{err, tx}
	}
	if s.engine.unable(err) {
		return token.Unreachable(err)
	}
	return err
}

// settle learns what became of a batch by looking for what it would have
// written. What is not there may still come: the server may be about to write
// it for the connection that was lost. So that is told as unknown, as is what
// cannot be learned. What is there may have been let go without reaching the
// standby; when a commit after it is acknowledged, it has. Then all is told as
// it is of a commit that was answered.
func (s *Store) settle(ctx context.Context, batch []*pending, cause *unknownError) error {
	ask, cancel := context.WithTimeout(ctx, inquirePatience)
	defer cancel()
	if err := s.revive(ask); err != nil {
		return lost(cause)
	}
	done, err := s.reached(ask, batch)
	if err != nil || !done {
		return lost(cause)
	}
	if _, err := s.writer.exec(ask, s.engine.lasting()); err != nil {
		return lost(cause)
	}
	s.done(ask, cause.tx)
	return nil
}

func lost(cause error) error {
	r := token.Errorf(token.OutcomeUnknown, "the database did not say whether this was done; look before you try again")
	r.Cause = cause
	return r
}
