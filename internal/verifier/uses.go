package verifier

import (
	"context"
	"maps"
	"sync"

	"github.com/fichadev/ficha/internal/token"
)

// uses merges uses in memory; somebody flushes them now and then. The path of
// a question writes nothing.
type uses struct{ shards [16]useShard }

type useShard struct {
	sync.Mutex
	seen  map[token.ID]token.Seen
	taken map[token.ID]token.Seen // what was noted before and is not written yet
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
	if s.seen == nil {
		s.seen = map[token.ID]token.Seen{}
	}
	one, ok := s.seen[secret]
	if !ok && len(s.seen) >= mostSeen {
		return
	}
	if !ok {
		one.First = use.Now
	}
	one.Count++
	one.Used(use.Scopes)
	if len(use.Scopes) == 0 && (use.Surface == token.AtVerify || use.Surface == token.AtIntrospect) {
		one.Unscoped++
	}
	one.Last, one.Address, one.Agent, one.Route = use.Now, use.Address, use.Agent, use.Route
	s.seen[secret] = one
}

// Note notes the use of a secret that is shown elsewhere than to Judge.
func (v *Verifier) Note(secret token.ID, u token.Use) { v.uses.note(secret, u) }

// merge adds uses that were seen elsewhere, and maybe a while ago.
func (u *uses) merge(secret token.ID, more token.Seen) {
	s := u.of(secret)
	s.Lock()
	defer s.Unlock()
	one, ok := s.seen[secret]
	if !ok && len(s.seen) >= mostSeen {
		return
	}
	if s.seen == nil {
		s.seen = map[token.ID]token.Seen{}
	}
	s.seen[secret] = one.And(more)
}

// Needed says which scopes a use needed that Judge was asked about without
// naming them.
func (v *Verifier) Needed(secret token.ID, scopes token.Scopes) {
	s := v.uses.of(secret)
	s.Lock()
	defer s.Unlock()
	if one, ok := s.seen[secret]; ok { // else it was taken since, and the next use says so
		one.Used(scopes)
		s.seen[secret] = one
	}
}

// WriteUses hands what was noted and is not written yet to one who writes it and
// says which of it is written. Seen knows of the rest, and the next writing is
// handed it again. It belongs to one caller at a time.
func (v *Verifier) WriteUses(ctx context.Context, write func(ctx context.Context, uses map[token.ID]token.Seen, wrote func(secrets []token.ID)) error) error {
	return write(ctx, v.uses.take(), func(secrets []token.ID) {
		for _, id := range secrets {
			s := v.uses.of(id)
			s.Lock()
			delete(s.taken, id)
			if len(s.taken) == 0 {
				s.taken = nil // an emptied map keeps its room
			}
			s.Unlock()
		}
	})
}

// take returns what is not written.
func (u *uses) take() map[token.ID]token.Seen {
	all := map[token.ID]token.Seen{}
	for i := range u.shards {
		s := &u.shards[i]
		s.Lock()
		if len(s.taken) == 0 {
			s.taken, s.seen = s.seen, nil
		}
		for id, one := range s.seen {
			if had, ok := s.taken[id]; ok || len(s.taken) < mostSeen {
				s.taken[id] = had.And(one)
			}
		}
		s.seen = nil
		maps.Copy(all, s.taken)
		s.Unlock()
	}
	return all
}

// Seen returns what this process has noted of a secret, by its row, and has
// maybe not written yet.
func (v *Verifier) Seen(secret token.ID) (token.Seen, bool) {
	s := v.uses.of(secret)
	s.Lock()
	defer s.Unlock()
	one, ok := s.seen[secret]
	had, waits := s.taken[secret]
	return had.And(one), ok || waits
}
