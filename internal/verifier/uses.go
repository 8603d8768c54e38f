package verifier

import (
	"context"
	"sync"

	"github.com/fichadev/ficha/internal/token"
)

// uses merges uses in memory; somebody flushes them now and then. The path of
// a question writes nothing.
type uses struct{ shards [16]useShard }

type useShard struct {
	sync.Mutex
	seen map[token.ID]*token.Seen
	// taken is what was noted before; what of it is written has a Count of 0, and
	// left counts the rest.
	taken map[token.ID]*token.Seen
	left  int
}

// of returns the shard that knows of a secret.
func (u *uses) of(secret token.ID) *useShard {
	return &u.shards[uint64(secret)%uint64(len(u.shards))] //nolint:gosec // ids are positive
}

// mostSeen bounds one shard between two flushes.
const mostSeen = 1 << 16

func (u *uses) note(secret token.ID, use token.Use) {
	s := u.of(secret)
	s.Lock()
	defer s.Unlock()
	one := s.noted(secret, use.Now)
	if one == nil {
		return
	}
	one.Count++
	one.Used(use.Scopes)
	if len(use.Scopes) == 0 && (use.Surface == token.AtVerify || use.Surface == token.AtIntrospect) {
		one.Unscoped++
	}
	one.Last, one.Address, one.Agent, one.Route = use.Now, use.Address, use.Agent, use.Route
}

// noted returns what was noted of a secret since the last flush, nil if there is
// no room for it.
func (s *useShard) noted(secret token.ID, first int64) *token.Seen {
	one := s.seen[secret]
	if one == nil && len(s.seen) < mostSeen {
		if s.seen == nil {
			s.seen = map[token.ID]*token.Seen{}
		}
		one = &token.Seen{First: first}
		s.seen[secret] = one
	}
	return one
}

// Note notes the use of a secret that is shown elsewhere than to Judge.
func (v *Verifier) Note(secret token.ID, u token.Use) { v.uses.note(secret, u) }

// merge adds uses that were seen elsewhere, and maybe a while ago.
func (u *uses) merge(secret token.ID, more token.Seen) {
	s := u.of(secret)
	s.Lock()
	defer s.Unlock()
	if more.Count == 0 {
		return
	}
	if one := s.noted(secret, more.First); one != nil {
		*one = one.And(more)
	}
}

// Needed says which scopes a use needed that Judge was asked about without
// naming them.
func (v *Verifier) Needed(secret token.ID, scopes token.Scopes) {
	s := v.uses.of(secret)
	s.Lock()
	defer s.Unlock()
	if one := s.seen[secret]; one != nil { // else it was taken since, and the next use says so
		one.Used(scopes)
	}
}

// WriteUses hands what was noted and is not written yet to one who writes it and
// says which of it is written. Seen knows of the rest, and the next writing is
// handed it again. It belongs to one caller at a time.
func (v *Verifier) WriteUses(ctx context.Context, write func(ctx context.Context, uses []token.Used, wrote func(some []token.Used)) error) error {
	return write(ctx, v.uses.take(), func(some []token.Used) {
		for _, one := range some {
			v.uses.of(one.Secret).wrote(one.Seen)
		}
	})
}

func (s *useShard) wrote(one *token.Seen) {
	s.Lock()
	defer s.Unlock()
	*one = token.Seen{}
	if s.left--; s.left == 0 {
		s.taken = nil
	}
}

// take returns what is not written.
func (u *uses) take() []token.Used {
	var all []token.Used
	for i := range u.shards {
		s := &u.shards[i]
		s.Lock()
		s.take()
		for id, one := range s.taken {
			if one.Count != 0 {
				all = append(all, token.Used{Secret: id, Seen: one})
			}
		}
		s.Unlock()
	}
	return all
}

// take makes what was noted a part of what is to be written.
func (s *useShard) take() {
	if s.left == 0 {
		s.taken, s.left, s.seen = s.seen, len(s.seen), nil
		return
	}
	for id, one := range s.seen {
		switch had := s.taken[id]; {
		case had != nil && had.Count != 0:
			*had = had.And(*one)
		case s.left < mostSeen:
			s.taken[id] = one
			s.left++
		}
	}
	s.seen = nil
}

// Seen returns what this process has noted of a secret, by its row, and has
// maybe not written yet.
func (v *Verifier) Seen(secret token.ID) (token.Seen, bool) {
	s := v.uses.of(secret)
	s.Lock()
	defer s.Unlock()
	var all token.Seen
	for _, one := range [...]*token.Seen{s.taken[secret], s.seen[secret]} {
		if one != nil {
			all = all.And(*one)
		}
	}
	return all, all.Count != 0
}
