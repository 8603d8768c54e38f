package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/fichadev/ficha/internal/token"
)

// errAlone says that a member was half done: its batch is rolled back, and it
// is run again alone, where its own outcome is the batch's. errFewer says that
// fewer rows were written than were to be: the batch is run again, and asks
// which.
var (
	errAlone = errors.New("a deed lost a race within its batch")
	errFewer = errors.New("somebody was first")
)

// batch applies deeds in one transaction. Hot statements cannot fail on data;
// what a racer did first shows in how many rows they write, and then in which.
func (s *Store) batch(ctx context.Context, batch []*pending) error {
	if !s.engine.shared() {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	err := s.transact(ctx, batch, len(batch) > 1 && s.doubts == 0)
	s.doubts = max(0, s.doubts-1)
	if errors.Is(err, errFewer) {
		s.doubts = doubted
		err = s.transact(ctx, batch, false)
	}
	return err
}

// doubted is how many batches ask at once after one that had to be run again: who
// races for a row once does so again, and all the others would pay for it.
const doubted = 16

func (s *Store) transact(ctx context.Context, batch []*pending, hopeful bool) error {
	tx := &Tx{session: s.writer, now: s.now(), mute: s.cfg.NoMail != nil, closed: s.closed, hopeful: hopeful}
	if _, err := tx.exec(ctx, s.engine.begin()); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := tx.apply(ctx, batch); err != nil {
		tx.exec(ctx, "ROLLBACK") //nolint:errcheck // the connection is looked after by revive
		if r := token.AsRefusal(err); r != nil && len(batch) == 1 && !s.engine.unable(err) {
			batch[0].out = r
			return nil
		}
		return err
	}
	if _, err := tx.exec(ctx, "COMMIT"); err != nil {
		tx.exec(ctx, "ROLLBACK") //nolint:errcheck // a failed COMMIT may leave the transaction open
		return s.commitError(err, tx)
	}
	s.done(ctx, tx)
	return nil
}

// apply writes the deeds, tables in one order and rows by key.
func (tx *Tx) apply(ctx context.Context, batch []*pending) error {
	for _, p := range batch {
		p.out = nil
	}
	if err := tx.refuseStale(ctx, batch); err != nil {
		return err
	}
	for _, step := range []func(context.Context, []*pending) error{
		tx.takePlaces, tx.endRows, tx.endWhole, tx.extendRows, tx.openRotations, tx.keepAnswers, tx.keepRenewals, tx.insertGrants, tx.insertTokens, tx.listSessions, tx.insertRecords,
	} {
		if err := step(ctx, live(batch)); err != nil {
			return err
		}
	}
	for _, p := range live(batch) {
		tx.changes = append(tx.changes, changesOf(p.deed)...)
		tx.cutoffs = append(tx.cutoffs, p.deed.Cutoffs...)
		tx.ends = append(tx.ends, p.deed.End...)
	}
	return tx.advance(ctx)
}

// live are the members that nothing has refused yet.
func live(batch []*pending) []*pending {
	if !slices.ContainsFunc(batch, func(p *pending) bool { return p.out != nil }) {
		return batch
	}
	return slices.DeleteFunc(slices.Clone(batch), func(p *pending) bool { return p.out != nil })
}

// changesOf lists what the judge may say something else of after a deed.
func changesOf(d *token.Deed) (changes []token.Change) {
	for _, e := range d.End {
		if !e.Quiet {
			changes = append(changes, tokenChange(e.ID))
		}
	}
	for _, c := range d.Cutoffs {
		changes = append(changes, c.Support.Change())
	}
	return changes
}

// mostChanges is how far behind a mint may be before it reads again whatever
// changed.
const mostChanges = 10_000

// refuseStale refuses a mint whose knowledge is older than a change of what
// its token stands on: the mint reads again. What commits after this look is
// seen by the judge, since the token was born before it.
func (tx *Tx) refuseStale(ctx context.Context, batch []*pending) error {
	oldest := int64(-1)
	for _, p := range batch {
		for _, t := range p.deed.Issue {
			if oldest < 0 || t.Born < oldest {
				oldest = t.Born
			}
		}
	}
	if oldest < 0 {
		return nil
	}
	n, err := one(ctx, tx, `SELECT n FROM position WHERE one = 1`, scanInt)
	if err != nil || n <= oldest {
		return err
	}
	changes, err := all(ctx, tx, changesAfter, scanChange, oldest+1, mostChanges)
	if err != nil {
		return err
	}
	for _, p := range batch {
		if len(changes) == mostChanges || p.stale(changes) {
			p.out = token.Errorf(token.Unavailable, "what the token stands on has just changed; try again").Because(token.Stale)
		}
	}
	return nil
}

func (p *pending) stale(changes []token.Change) bool {
	for _, t := range p.deed.Issue {
		for _, c := range changes {
			if c.Position > t.Born && t.StandsOn(c) {
				return true
			}
		}
	}
	return false
}

// endRows ends rows, each only if it still is in the state that it leaves.
func (tx *Tx) endRows(ctx context.Context, batch []*pending) error {
	ended := wrote[token.ID]{}
	for _, class := range []token.Class{token.Short, token.Long} {
		var ends []token.Ending
		for _, p := range batch {
			for _, e := range p.deed.End {
				if e.ID.Class() == class {
					ends = append(ends, e)
				}
			}
		}
		args := inOrder(ends, func(e token.Ending) token.ID { return e.ID }, endText[class], appendEnding)
		if err := ended.by(ctx, tx, endText[class], args); err != nil {
			return fmt.Errorf("end tokens: %w", err)
		}
	}
	for _, p := range batch {
		won := p.won(ended)
		if won == len(p.deed.End) {
			continue
		}
		p.out = token.Errorf(token.Conflict, "it had already ended").Because(token.Lost)
		if won > 0 {
			return tx.alone(batch, p)
		}
	}
	return nil
}

func (tx *Tx) extendRows(ctx context.Context, batch []*pending) error {
	var later [2][]token.Extension // by class
	for _, p := range batch {
		if e := p.deed.Extended; e != nil {
			later[e.ID.Class()] = append(later[e.ID.Class()], *e)
		}
	}
	for class, rows := range later {
		text := extendText[class]
		args := inOrder(rows, func(e token.Extension) token.ID { return e.ID }, text, func(args []any, e token.Extension) []any {
			return append(args, int64(e.ID), e.ExpiresAt)
		})
		if _, err := text.write(ctx, tx.statements, args); err != nil {
			return fmt.Errorf("extend tokens: %w", err)
		}
	}
	return nil
}

// won counts the rows that the deed itself has ended.
func (p *pending) won(ended wrote[token.ID]) (n int) {
	for _, e := range p.deed.End {
		if ended.has(e.ID) {
			n++
		}
	}
	return n
}

// alone makes a half-done member roll its batch back: alone, its refusal is
// the outcome; with others, all are run again one by one.
func (tx *Tx) alone(batch []*pending, p *pending) error {
	if len(batch) == 1 {
		return p.out
	}
	return errAlone
}

func (tx *Tx) keepAnswers(ctx context.Context, batch []*pending) error {
	var args []any
	for _, p := range batch {
		if p.deed.Answer != nil {
			args = append(args, answerArgs(p.deed.Answer)...)
		}
	}
	kept := wrote[token.Hash]{}
	if err := kept.by(ctx, tx, insertAnswers, args); err != nil {
		return fmt.Errorf("keep answers: %w", err)
	}
	for _, p := range batch {
		if p.deed.Answer == nil || kept.has(p.deed.Answer.Key) {
			continue
		}
		p.out = token.Errorf(token.Conflict, "this request was made before").Because(token.Lost)
		if len(p.deed.End) > 0 || p.deed.Rotation != nil {
			return tx.alone(batch, p)
		}
	}
	return nil
}

func (tx *Tx) insertGrants(ctx context.Context, batch []*pending) error {
	var args []any
	for _, p := range batch {
		if g := p.deed.Grant; g != nil {
			args = append(args, grantArgs(g)...)
		}
	}
	return tx.insert(ctx, batch, insertGrants, args, func(d *token.Deed) (ids []token.ID) {
		if d.Grant != nil {
			ids = append(ids, d.Grant.ID)
		}
		return ids
	})
}

// insert inserts rows of fresh ids, which each deed names.
func (tx *Tx) insert(ctx context.Context, batch []*pending, text *rowsText, args []any, ids func(*token.Deed) []token.ID) error {
	got := wrote[token.ID]{}
	if err := got.by(ctx, tx, text, args); err != nil {
		return fmt.Errorf("%s: %w", text.head, err)
	}
	return tx.clashes(batch, got, ids)
}

// clashes refuses the deed whose id exists: it is made again with others.
func (tx *Tx) clashes(batch []*pending, got wrote[token.ID], ids func(*token.Deed) []token.ID) error {
	if !got.fewer {
		return nil
	}
	for _, p := range batch {
		for _, id := range ids(p.deed) {
			if !got.has(id) {
				p.out = clash()
				return tx.alone(batch, p)
			}
		}
	}
	// Two of the batch chose the same id, or one deed did so twice.
	if len(batch) == 1 {
		batch[0].out = clash()
	}
	return tx.alone(batch, batch[0])
}

func clash() *token.Refusal {
	return token.Errorf(token.Conflict, "the id is taken").Because(token.Clash)
}

// insertTokens inserts the rows. An id that exists is found here, and its deed
// is minted again with others.
func (tx *Tx) insertTokens(ctx context.Context, batch []*pending) error {
	var rows [2][3][]*token.Token // by class and fullness
	for _, p := range batch {
		for _, t := range p.deed.Issue {
			class, full := t.ID.Class(), fullnessOf(t)
			rows[class][full] = append(rows[class][full], t)
		}
	}
	got := wrote[token.ID]{}
	for class := range rows {
		for full, rows := range rows[class] {
			text := insertToken[class][full]
			args := inOrder(rows, func(t *token.Token) token.ID { return t.ID }, text, func(args []any, t *token.Token) []any {
				return appendToken(args, t, fullness(full))
			})
			if err := got.by(ctx, tx, text, args); err != nil {
				return fmt.Errorf("insert tokens: %w", err)
			}
		}
	}
	return tx.clashes(batch, got, func(d *token.Deed) (ids []token.ID) {
		for _, t := range d.Issue {
			ids = append(ids, t.ID)
		}
		return ids
	})
}

func (tx *Tx) insertRecords(ctx context.Context, batch []*pending) error {
	var events, outbox []any
	for _, p := range batch {
		for _, e := range p.deed.Events {
			args, err := eventArgs(e)
			if err != nil {
				return err
			}
			events = append(events, args...)
		}
		for _, d := range p.deed.Outbox {
			outbox = append(outbox, deliveryArgs(d)...)
		}
	}
	tx.leaves = tx.leaves || len(outbox) > 0
	for _, p := range batch {
		if err := tx.Post(ctx, p.deed.Letters...); err != nil {
			return err
		}
	}
	err := tx.insert(ctx, batch, insertEvents, events, func(d *token.Deed) (ids []token.ID) {
		for _, e := range d.Events {
			ids = append(ids, e.ID)
		}
		return ids
	})
	if err != nil {
		return err
	}
	return tx.insert(ctx, batch, insertOutbox, outbox, func(d *token.Deed) (ids []token.ID) {
		for _, o := range d.Outbox {
			ids = append(ids, o.ID)
		}
		return ids
	})
}

// reached reports whether a batch of unknown fate was committed: its first
// marker is there. A batch is one transaction, so one marker speaks for all.
func (s *Store) reached(ctx context.Context, batch []*pending) (bool, error) {
	for _, p := range batch {
		if p.out != nil {
			continue
		}
		switch d := p.deed; {
		case len(d.Issue) > 0:
			t, err := s.Token(ctx, d.Issue[0].ID)
			return t != nil, err
		case len(d.Events) > 0:
			n, err := one(ctx, s.reads, `SELECT COUNT(*) FROM events WHERE id = $1`, scanInt, int64(d.Events[0].ID))
			return n > 0, err
		case len(d.End) > 0:
			t, err := s.Token(ctx, d.End[0].ID)
			return t != nil && t.EndedAt == d.End[0].At && t.EndedBy == d.End[0].By, err
		}
	}
	return false, errors.New("the batch left no marker")
}
