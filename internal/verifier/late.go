package verifier

import (
	"sync"

	"github.com/fichadev/ficha/internal/token"
)

// late are the uses of expired secrets that were refused since they were taken.
type late struct {
	mu   sync.Mutex
	seen map[token.ID]token.Seen
}

// mostLate bounds their memory; what comes beyond is seen when it comes again.
const mostLate = 4096

// judged notes a refusal if the token's expiry is the reason.
func (l *late) judged(t *token.Token, u token.Use, refusal error) {
	if r := token.AsRefusal(refusal); r != nil && r.Reason == token.Expired {
		l.note(t.ID, u)
	}
}

func (l *late) note(id token.ID, u token.Use) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one, ok := l.seen[id]
	if !ok && len(l.seen) >= mostLate {
		return
	}
	if l.seen == nil {
		l.seen = map[token.ID]token.Seen{}
	}
	l.seen[id] = one.And(token.Seen{First: u.Now, Last: u.Now, Count: 1, Address: u.Address, Agent: u.Agent, Route: u.Route})
}

// NoteLate counts a use of an expired secret that is no token, such as a
// client's: whoever refused it knew it to be right.
func (v *Verifier) NoteLate(secret token.ID, u token.Use) { v.late.note(secret, u) }

// TakeLate returns which expired secrets were shown and refused on this node
// since it was last asked. Nothing is written when that happens.
func (v *Verifier) TakeLate() map[token.ID]token.Seen {
	v.late.mu.Lock()
	defer v.late.mu.Unlock()
	taken := v.late.seen
	v.late.seen = nil
	return taken
}
