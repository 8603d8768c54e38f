package store

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/fichadev/ficha/internal/token"
)

// mostKept is how many changes one step of KeepJournal reads.
const mostKept = 10_000

// KeepJournal writes to the log of endings what it lacks of the positions up to
// the database's: what other nodes committed, and what a crash or a full disk
// kept from being written. Where the database no longer knows what changed, the
// log begins anew there. So any node's log alone tells what a restore has to end
// again, and a node that ended nothing itself knows a database that was rolled
// back. It reads nothing but the position while the log is complete.
func (s *Store) KeepJournal(ctx context.Context) error {
	j := s.cfg.Journal
	if j == nil {
		return nil
	}
	for ctx.Err() == nil {
		at, err := s.Position(ctx)
		if err != nil || at.Position <= j.level() {
			return err
		}
		changes, err := all(ctx, s.reads, changesAfter, scanChange, j.level()+1, mostKept)
		if err != nil {
			return err
		}
		if len(changes) == 0 || changes[0].Position != j.level()+1 {
			return j.Append(JournalLine{Position: at.Position, Mark: at.Mark, Anchor: true})
		}
		if err := s.keepChanges(ctx, changes); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// keepChanges writes a line for each position of which all changes were read and
// the log has none.
func (s *Store) keepChanges(ctx context.Context, changes []token.Change) error {
	whole := len(changes) < mostKept // else the last position may have more
	for rest := len(changes); len(changes) > 0; {
		n := slices.IndexFunc(changes, func(c token.Change) bool { return c.Position != changes[0].Position })
		switch {
		case n > 0:
		case whole || len(changes) == rest: // one of 10,000 changes and more is told as far as it was read
			n = len(changes)
		default:
			return nil
		}
		if !s.cfg.Journal.has(changes[0].Position) {
			l, err := s.lineOf(ctx, changes[:n])
			if err != nil {
				return err
			}
			if err := s.cfg.Journal.Append(l); err != nil {
				return err
			}
		}
		changes = changes[n:]
	}
	return nil
}

// lineOf reads from the database what the changes of one position ended. What
// ended since is told with it: it has a line of its own that says the same.
func (s *Store) lineOf(ctx context.Context, changes []token.Change) (JournalLine, error) {
	l := JournalLine{Position: changes[0].Position, Mark: changes[0].Mark}
	for _, c := range changes {
		var err error
		switch c.What {
		case token.ChangedToken:
			err = s.addToken(ctx, &l, c.ID)
		case token.ChangedClient:
			if l.Secrets, err = all(ctx, s.reads, endedSecrets, scanEndedSecret, c.ID); err == nil {
				err = s.addCutoffs(ctx, &l, token.Support{Kind: token.OnClient, ID: c.ID})
			}
		case token.ChangedPerson:
			err = s.addPerson(ctx, &l, c.ID)
		case token.ChangedWorkspace:
			err = s.addCutoffs(ctx, &l, token.Support{Kind: token.OnWorkspace, ID: c.ID})
		case token.ChangedGrant:
			err = s.addCutoffs(ctx, &l, token.Support{Kind: token.OnGrant, ID: c.ID})
		case token.ChangedKeys:
			err = s.addCutoffs(ctx, &l, token.Support{Kind: token.OnKey, ID: c.ID})
		case token.ChangedCatalogue, token.ChangedImports, token.Genesis: // end nothing
		}
		if err != nil {
			return l, err
		}
	}
	return l, nil
}

func (s *Store) addToken(ctx context.Context, l *JournalLine, text string) error {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return err
	}
	t, err := s.Token(ctx, token.ID(n))
	switch {
	case err != nil || t == nil:
	case t.EndedAt != 0:
		l.Ends = append(l.Ends, JournalEnding{ID: t.ID, At: t.EndedAt, Reason: t.EndReason, By: t.EndedBy})
	default:
		l.Suspended = append(l.Suspended, JournalSuspension{ID: t.ID, At: t.SuspendedAt, Until: t.SuspendedUntil})
	}
	return err
}

func (s *Store) addPerson(ctx context.Context, l *JournalLine, id string) error {
	if err := s.addCutoffs(ctx, l, token.Support{Kind: token.OnPerson, ID: id}); err != nil {
		return err
	}
	workspaces, err := all(ctx, s.reads, `SELECT workspace FROM memberships WHERE person = $1`, scanText, id)
	for _, w := range workspaces {
		if err == nil {
			err = s.addCutoffs(ctx, l, token.Support{Kind: token.OnMembership, ID: token.MembershipID(id, w)})
		}
	}
	return err
}

func (s *Store) addCutoffs(ctx context.Context, l *JournalLine, of token.Support) error {
	cuts, err := cutoffsOf(ctx, s.reads, of.Kind, of.ID)
	for _, c := range cuts {
		if c.Position == l.Position {
			l.Cuts = append(l.Cuts, c)
		}
	}
	return err
}

// A coverage finds out whether a journal tells all that happened since a
// position.
type coverage struct {
	from token.Change
	same bool // the journal is of this history: it knows the position by its mark
	told map[int64]bool
	lost int64 // the last position before which something may be missing
	last int64 // that the journal knows, 0 if none
}

func (c *coverage) add(l JournalLine) {
	c.last = max(c.last, l.Position)
	c.same = c.same || l.Position == c.from.Position && l.Mark == c.from.Mark
	switch {
	case l.Lost:
		c.lost = max(c.lost, l.Position)
	case l.Position > c.from.Position && !l.Anchor:
		c.told[l.Position] = true
	}
}

func (c *coverage) whole() bool {
	return c.same && (c.lost == 0 || c.lost < c.from.Position) && int64(len(c.told)) == c.last-c.from.Position // same: last is no earlier
}

// cover reads how far a journal tells what happened since a position.
func (j *Journal) cover(from token.Change) (*coverage, error) {
	c := &coverage{from: from, told: map[int64]bool{}}
	err := j.Lines(func(l JournalLine) error {
		c.add(l)
		return nil
	})
	return c, err
}

// A reach is how far a journal is complete: through at, and beyond it for those
// positions that were written ahead of others.
type reach struct {
	at    int64
	ahead map[int64]bool
}

func (r *reach) add(l JournalLine) {
	switch {
	case l.Lost || l.Position <= r.at:
	case l.Anchor:
		r.at = l.Position
		maps.DeleteFunc(r.ahead, func(n int64, _ bool) bool { return n <= r.at })
	default:
		if r.ahead == nil {
			r.ahead = map[int64]bool{}
		}
		r.ahead[l.Position] = true
	}
	for r.ahead[r.at+1] {
		r.at++
		delete(r.ahead, r.at)
	}
}

// level returns the position up to which the journal tells everything since it
// began.
func (j *Journal) level() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.reach.at
}

// has reports whether the journal tells of a position.
func (j *Journal) has(n int64) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return n <= j.reach.at || j.reach.ahead[n]
}
