package store

import (
	"context"
	"database/sql"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// lookUps read rows of tokens by id for all who ask at the same moment by one
// statement: to say it costs more than to find a row. Whoever finds nobody
// reading reads, for themselves and for those who came meanwhile; then one of
// those who wait does. It is safe for use by many at once.
type lookUps struct {
	on   *session
	text *rowsText
	most int // who may read at a time

	mu      sync.Mutex
	readers int
	waiting []*lookUp
}

// A lookUp is one who asks.
type lookUp struct {
	id    token.ID
	told  chan struct{} // that there is an answer, or that it is their turn to read
	turn  bool
	found plain
	err   error
}

// Whoever is read for waits no longer than lookUpPatience, and no more than
// mostLookedUp are read for at once.
const (
	lookUpPatience = 5 * time.Second
	mostLookedUp   = 64
)

func newLookUps(on *statements, class token.Class, most int) *lookUps {
	return &lookUps{on: &session{statements: on}, most: most, text: &rowsText{
		again: true,
		head:  "SELECT " + tokenBare + ", " + isPlain + " FROM " + tables[class] + " WHERE id IN (",
		tail:  ")",
		types: []string{"BIGINT"},
	}}
}

// find returns what one look tells of a row, nothing if there is none.
func (l *lookUps) find(ctx context.Context, id token.ID) (plain, error) {
	a := &lookUp{id: id, told: make(chan struct{}, 1)}
	if !l.join(a) {
		select {
		case <-a.told:
		case <-ctx.Done():
			l.leave(a)
			return plain{}, fmt.Errorf("wait for a look-up: %w", ctx.Err())
		}
		if !a.turn {
			return a.found, a.err
		}
	}
	// Others are as far as we are: let them come to the same reading.
	runtime.Gosched()
	l.read(ctx, a)
	return a.found, a.err
}

// join reports whether it is their turn already; otherwise they wait.
func (l *lookUps) join(a *lookUp) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.readers < l.most {
		l.readers++
		return true
	}
	l.waiting = append(l.waiting, a)
	return false
}

// leave takes one out of the line; a turn that they had is the next one's.
func (l *lookUps) leave(a *lookUp) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a.turn {
		l.pass()
		return
	}
	l.waiting = slices.DeleteFunc(l.waiting, func(other *lookUp) bool { return other == a })
}

// pass gives a reader's turn to who has waited longest.
func (l *lookUps) pass() {
	if len(l.waiting) == 0 {
		l.readers--
		return
	}
	next := l.waiting[0]
	l.waiting = l.waiting[1:]
	next.turn = true
	next.told <- struct{}{}
}

// read looks up what one who has the turn asks for, and what those in front of
// the line do.
func (l *lookUps) read(ctx context.Context, a *lookUp) {
	l.mu.Lock()
	n := min(len(l.waiting), mostLookedUp-1)
	group := append([]*lookUp{a}, l.waiting[:n]...)
	l.waiting = l.waiting[n:]
	l.mu.Unlock()
	found, err := l.ask(ctx, group)
	for _, one := range group {
		one.found, one.err = found[one.id], err
		if one != a {
			one.told <- struct{}{}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pass()
}

// ask reads the rows of a group. That one of them leaves does not end it.
func (l *lookUps) ask(ctx context.Context, group []*lookUp) (map[token.ID]plain, error) {
	ctx = context.WithoutCancel(ctx)
	if l.on.engine.shared() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, lookUpPatience)
		defer cancel()
	}
	ids := make([]any, len(group))
	for i, a := range group {
		ids[i] = int64(a.id)
	}
	found := make(map[token.ID]plain, len(group))
	err := l.text.run(ctx, l.on, ids, func(r *sql.Rows) error {
		p, err := scanPlain(r)
		if err == nil {
			found[p.token.ID] = p
		}
		return err
	})
	return found, err
}
