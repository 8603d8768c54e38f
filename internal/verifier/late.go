package verifier

import (
	"sync"

	"github.com/fichadev/ficha/internal/token"
)

// late are the uses of expired tokens that were refused since they were taken.
type late struct {
	mu   sync.Mutex
	seen map[token.ID]token.Seen
}

// mostLate bounds their memory; what comes beyond is seen when it comes again.
const mostLate = 4096

// note notes a refusal if the token's expiry is the reason.
func (l *late) note(t *token.Token, u token.Use, refusal error) {
	if r := token.AsRefusal(refusal); r == nil || r.Reason != token.Expired {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	one, ok := l.seen[t.ID]
	if !ok && len(l.seen) >= mostLate {
		return
	}
	if l.seen == nil {
		l.seen = map[token.ID]token.Seen{}
	}
	l.seen[t.ID] = one.And(token.Seen{First: u.Now, Last: u.Now, Count: 1, Address: u.Address, Agent: u.Agent, Route: u.Route})
}

// TakeLate returns which expired tokens were shown and refused on this node
// since it was last asked, by secret. Nothing is written when that happens.
func (v *Verifier) TakeLate() map[token.ID]token.Seen {
	v.late.mu.Lock()
	defer v.late.mu.Unlock()
	taken := v.late.seen
	v.late.seen = nil
	return taken
}
