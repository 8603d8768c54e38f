package verifier

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/fichadev/ficha/internal/token"
)

// uses merges uses in memory; somebody flushes them now and then. The path of
// a question writes nothing.
type uses struct{ shards [16]useShard }

type useShard struct {
	sync.Mutex
	seen  notes
	taken notes // what was noted before and is not written yet
}

// of returns the shard that knows of a secret.
func (u *uses) of(secret token.ID) *useShard {
	return &u.shards[uint64(secret)%uint64(len(u.shards))] //nolint:gosec // ids are positive
}

const (
	mostSeen = 1 << 16 // in one shard between two flushes
	portion  = 512     // handed to be written at a time
)

func (u *uses) note(secret token.ID, use token.Use) {
	s := u.of(secret)
	s.Lock()
	defer s.Unlock()
	s.seen.add(secret, use)
}

// Note notes the use of a secret that is shown elsewhere than to Judge.
func (v *Verifier) Note(secret token.ID, u token.Use) { v.uses.note(secret, u) }

// merge adds uses that were seen elsewhere, and maybe a while ago.
func (u *uses) merge(secret token.ID, more token.Seen) {
	s := u.of(secret)
	s.Lock()
	defer s.Unlock()
	s.seen.merge(secret, more)
}

// Needed says which scopes a use needed that Judge was asked about without
// naming them.
func (v *Verifier) Needed(secret token.ID, scopes token.Scopes) {
	s := v.uses.of(secret)
	s.Lock()
	defer s.Unlock()
	if at, ok := s.seen.at[secret]; ok { // else it was taken since, and the next use says so
		s.seen.needs(&s.seen.rows[at], scopes)
	}
}

// Seen returns what this process has noted of a secret, by its row, and has
// maybe not written yet.
func (v *Verifier) Seen(secret token.ID) (token.Seen, bool) {
	s := v.uses.of(secret)
	s.Lock()
	defer s.Unlock()
	all := s.taken.of(secret).And(s.seen.of(secret))
	return all, all.Count != 0
}

// WriteUses hands what was noted and is not written yet to one who writes it and
// says, as it goes, how many more of it are written. Seen knows of the rest, and
// the next writing is handed it again. It belongs to one caller at a time.
func (v *Verifier) WriteUses(ctx context.Context, write func(ctx context.Context, uses token.Uses, wrote func(more int)) error) error {
	list := v.uses.take()
	written := 0
	return write(ctx, token.Uses{Len: len(list), Portions: v.uses.portions(list)}, func(more int) {
		for _, p := range list[written : written+more] {
			v.uses.of(p.secret).wrote(p)
		}
		written += more
	})
}

// waiting returns what is not written of a secret.
func (s *useShard) waiting(p place) token.Seen {
	s.Lock()
	defer s.Unlock()
	return s.taken.read(p)
}

func (s *useShard) wrote(p place) {
	s.Lock()
	defer s.Unlock()
	s.taken.drop(p)
}

// A place is where the row of a secret is in its shard.
type place struct {
	secret token.ID
	at     int32
}

// take returns what is not written, in the order of the secrets.
func (u *uses) take() []place {
	var list []place
	for i := range u.shards {
		s := &u.shards[i]
		s.Lock()
		s.take()
		for at := range s.taken.rows {
			if r := &s.taken.rows[at]; r.count != 0 {
				list = append(list, place{r.secret, int32(at)})
			}
		}
		s.Unlock()
	}
	slices.SortFunc(list, func(a, b place) int { return cmp.Compare(a.secret, b.secret) })
	return list
}

// take makes what was noted a part of what is to be written.
func (s *useShard) take() {
	if s.taken.left > 0 { // some could not be written
		var all notes
		for _, n := range []*notes{&s.taken, &s.seen} {
			for i := range n.rows {
				all.merge(n.rows[i].secret, n.seen(&n.rows[i]))
			}
		}
		s.seen = all
	}
	s.taken, s.seen = s.seen, notes{}
}

// portions returns the uses at places, made anew in one room as they are asked
// for.
func (u *uses) portions(list []place) iter.Seq[[]token.Used] {
	return func(yield func([]token.Used) bool) {
		room := make([]token.Used, 0, portion)
		for some := range slices.Chunk(list, portion) {
			room = room[:0]
			for _, p := range some {
				room = append(room, token.Used{Secret: p.secret, Seen: u.of(p.secret).waiting(p)})
			}
			if !yield(room) {
				return
			}
		}
	}
}
