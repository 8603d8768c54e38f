package verifier

import (
	"cmp"
	"slices"
	"sync"

	"github.com/fichadev/ficha/internal/token"
)

// refused is who was refused because a token is suspended since that was last
// taken, by secret: what a brown-out is made to find out.
type refused struct {
	mu   sync.Mutex
	seen map[suspension]map[whence]token.Seen
}

// suspension is one suspension of a secret, from an instant on (ms).
type suspension struct {
	secret token.ID
	since  int64
}

// whence is one holder, as far as a request tells.
type whence struct{ address, agent string }

// mostRefused bounds the suspensions that are told apart between two flushes;
// who needs another comes again.
const mostRefused = 1024

// note notes a refusal if the token's suspension is the reason.
func (f *refused) note(t *token.Token, u token.Use, refusal error) {
	if r := token.AsRefusal(refusal); r == nil || r.Reason != token.Suspended {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen == nil {
		f.seen = map[suspension]map[whence]token.Seen{}
	}
	key := suspension{t.ID, t.SuspendedAt}
	of, ok := f.seen[key]
	if !ok {
		if len(f.seen) >= mostRefused {
			return
		}
		of = map[whence]token.Seen{}
		f.seen[key] = of
	}
	from := whence{u.Address, u.Agent}
	if _, ok := of[from]; !ok && len(of) >= token.MostNeeds {
		from = whence{} // the rest are counted together
	}
	of[from] = of[from].And(token.Seen{First: u.Now, Last: u.Now, Count: 1, Address: from.address, Agent: from.agent, Route: u.Route})
}

// TakeRefused returns who was refused on this node because a secret is suspended
// since it was last asked, in a fixed order. Nothing is written when that
// happens.
func (v *Verifier) TakeRefused() []token.Need {
	v.refused.mu.Lock()
	defer v.refused.mu.Unlock()
	var all []token.Need
	for key, of := range v.refused.seen {
		for _, s := range of {
			all = append(all, token.Need{Secret: key.secret, Since: key.since, Seen: s})
		}
	}
	v.refused.seen = nil
	slices.SortFunc(all, func(a, b token.Need) int {
		return cmp.Or(cmp.Compare(a.Secret, b.Secret), cmp.Compare(a.Since, b.Since), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Agent, b.Agent))
	})
	return all
}

// Refused returns those of one suspension of a secret that nobody has taken yet.
func (v *Verifier) Refused(secret token.ID, since int64) []token.Seen {
	v.refused.mu.Lock()
	defer v.refused.mu.Unlock()
	var all []token.Seen
	for _, s := range v.refused.seen[suspension{secret, since}] {
		all = append(all, s)
	}
	return all
}
