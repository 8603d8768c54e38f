package verifier

import (
	"github.com/fichadev/ficha/internal/token"
)

// notes are uses by secret, in rows without pointers: a hundred thousand of them
// are nothing that the garbage collector would have to look at.
type notes struct {
	at    map[token.ID]int32 // where in rows
	rows  []note
	words words
	left  int // rows that still count
}

// A note is a token.Seen whose texts are places in words. One with a count of 0
// is as if it were not there.
type note struct {
	secret                        token.ID
	first, last, count, unscoped  int64
	address, agent, route, scopes int32
}

// words keeps each text once, the empty one at 0.
type words struct {
	at   map[string]int32
	list []string
}

func newWords() words { return words{at: map[string]int32{"": 0}, list: []string{""}} }

// of returns the place of a text, which stays the same. had is where it most
// likely is.
func (w *words) of(text string, had int32) int32 {
	if int(had) < len(w.list) && w.list[had] == text {
		return had
	}
	at, ok := w.at[text]
	if !ok {
		at = int32(len(w.list)) //nolint:gosec // tidy keeps it near 8*mostSeen
		w.at[text], w.list = at, append(w.list, text)
	}
	return at
}

// row returns the row of a secret, nil where there is none and no room for
// another. It is good until the next call.
func (n *notes) row(secret token.ID) *note {
	at, ok := n.at[secret]
	if !ok {
		if len(n.rows) >= mostSeen {
			return nil
		}
		if n.at == nil {
			n.at, n.words = map[token.ID]int32{}, newWords()
		}
		at = int32(len(n.rows)) //nolint:gosec // below mostSeen
		n.at[secret], n.rows = at, append(n.rows, note{secret: secret})
	}
	return &n.rows[at]
}

// add notes one use.
func (n *notes) add(secret token.ID, use token.Use) {
	r := n.row(secret)
	if r == nil {
		return
	}
	if r.count++; r.count == 1 {
		n.left++
		r.first = use.Now
	}
	if len(use.Scopes) == 0 && (use.Surface == token.AtVerify || use.Surface == token.AtIntrospect) {
		r.unscoped++
	}
	n.needs(r, use.Scopes)
	r.last = use.Now
	r.address, r.agent, r.route = n.words.of(use.Address, r.address), n.words.of(use.Agent, r.agent), n.words.of(use.Route, r.route)
	n.tidy()
}

// tidy forgets the texts that no row has any more, once they are as many as
// those that rows can have: who shows another agent at each use fills no memory.
func (n *notes) tidy() {
	if len(n.words.list) <= 8*len(n.rows)+1000 {
		return
	}
	was := n.words.list
	n.words = newWords()
	for i := range n.rows {
		r := &n.rows[i]
		for _, at := range [...]*int32{&r.address, &r.agent, &r.route, &r.scopes} {
			*at = n.words.of(was[*at], 0)
		}
	}
}

// needs adds scopes that uses named.
func (n *notes) needs(r *note, scopes token.Scopes) {
	if len(scopes) > 0 {
		one := n.seen(r)
		one.Used(scopes)
		r.scopes = n.words.of(one.Scopes, r.scopes)
		n.tidy()
	}
}

// merge adds what was seen elsewhere, or before.
func (n *notes) merge(secret token.ID, more token.Seen) {
	if more.Count == 0 {
		return
	}
	r := n.row(secret)
	if r == nil {
		return
	}
	if r.count == 0 {
		n.left++
	}
	all := n.seen(r).And(more)
	r.first, r.last, r.count, r.unscoped = all.First, all.Last, all.Count, all.Unscoped
	r.address, r.agent = n.words.of(all.Address, r.address), n.words.of(all.Agent, r.agent)
	r.route, r.scopes = n.words.of(all.Route, r.route), n.words.of(all.Scopes, r.scopes)
	n.tidy()
}

// seen returns what a row says.
func (n *notes) seen(r *note) token.Seen {
	if r.count == 0 {
		return token.Seen{}
	}
	text := func(at int32) string { return n.words.list[at] }
	return token.Seen{
		First: r.first, Last: r.last, Count: r.count, Unscoped: r.unscoped,
		Address: text(r.address), Agent: text(r.agent), Route: text(r.route), Scopes: text(r.scopes),
	}
}

// of returns what is noted of a secret; a Count of 0: nothing.
func (n *notes) of(secret token.ID) token.Seen {
	at, ok := n.at[secret]
	if !ok {
		return token.Seen{}
	}
	return n.seen(&n.rows[at])
}

// read returns what the row at a place says, if it still is there.
func (n *notes) read(p place) token.Seen {
	if !n.has(p) {
		return token.Seen{}
	}
	return n.seen(&n.rows[p.at])
}

func (n *notes) has(p place) bool { return int(p.at) < len(n.rows) && n.rows[p.at].secret == p.secret }

// drop forgets a row. What is left when the last one is dropped is nothing: an
// emptied map would keep its room.
func (n *notes) drop(p place) {
	if !n.has(p) || n.rows[p.at].count == 0 {
		return
	}
	n.rows[p.at] = note{secret: p.secret}
	if n.left--; n.left == 0 {
		*n = notes{}
	}
}
