package verifier

import (
	"cmp"
	"slices"
	"sync"

	"github.com/fichadev/ficha/internal/token"
)

// refused is who was refused because a token is suspended, by secret, since this
// node began: what a brownout is made to find out.
type refused struct {
	mu   sync.Mutex
	seen map[token.ID]map[whence]token.Seen
}

// whence is one holder, as far as a request tells.
type whence struct{ address, agent string }

// The bounds of their memory: secrets, and holders of each. When there are more
// secrets all are forgotten, since they are kept for a look soon after.
const (
	mostRefused = 1024
	mostHolders = 64
)

// note notes a refusal if the token's suspension is the reason.
func (f *refused) note(t *token.Token, u token.Use, refusal error) {
	if r := token.AsRefusal(refusal); r == nil || r.Reason != token.Suspended {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	of, ok := f.seen[t.ID]
	if !ok {
		if f.seen == nil || len(f.seen) >= mostRefused {
			f.seen = map[token.ID]map[whence]token.Seen{}
		}
		of = map[whence]token.Seen{}
		f.seen[t.ID] = of
	}
	from := whence{u.Address, u.Agent}
	if _, ok := of[from]; !ok && len(of) >= mostHolders {
		from = whence{} // the rest are counted together
	}
	of[from] = of[from].And(token.Seen{First: u.Now, Last: u.Now, Count: 1, Address: from.address, Agent: from.agent, Route: u.Route})
}

// Refused returns who was refused on this node from an instant on (ms) because
// the secret is suspended, whoever was refused last first. At most 64 are told
// apart; the others are one without address and agent.
func (v *Verifier) Refused(secret token.ID, from int64) []token.Seen {
	v.refused.mu.Lock()
	defer v.refused.mu.Unlock()
	var all []token.Seen
	for _, s := range v.refused.seen[secret] {
		if s.Last >= from {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b token.Seen) int {
		return cmp.Or(cmp.Compare(b.Last, a.Last), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Agent, b.Agent))
	})
	return all
}
