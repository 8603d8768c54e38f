package verifier

import (
	"sync"

	"github.com/fichadev/ficha/internal/token"
)

// uses merges uses in memory; somebody flushes them now and then. The path of
// a question writes nothing.
type uses struct{ shards [16]useShard }

type useShard struct {
	sync.Mutex
	seen map[token.ID]token.Seen
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

// TakeUses returns what was noted since the last call, and forgets it.
func (v *Verifier) TakeUses() map[token.ID]token.Seen {
	all := map[token.ID]token.Seen{}
	for i := range v.uses.shards {
		s := &v.uses.shards[i]
		s.Lock()
		for id, one := range s.seen {
			all[id] = one
		}
		s.seen = nil
		s.Unlock()
	}
	return all
}

// Seen returns what this process has noted of a secret, by its row, since the
// last flush.
func (v *Verifier) Seen(secret token.ID) (token.Seen, bool) {
	s := v.uses.of(secret)
	s.Lock()
	defer s.Unlock()
	one, ok := s.seen[secret]
	return one, ok
}
