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
// statement: to say it costs more than to find a row. What comes while all
// readings that may be are under way is the next one. It is safe for use by many
// at once.
type lookUps struct {
	on   *statements
	text *rowsText
	most int // readings at a time

	mu       sync.Mutex
	readings int
	waiting  []*lookUp
}

// A lookUp is one who asks.
type lookUp struct {
	id    token.ID
	told  chan struct{} // that the answer is there
	found plain
	err   error
}

// A reading lasts no longer than lookUpPatience, and is for no more than
// mostLookedUp at once.
const (
	lookUpPatience = 5 * time.Second
	mostLookedUp   = 64
)

func newLookUps(on *statements, class token.Class, most int) *lookUps {
	return &lookUps{on: on, most: most, text: &rowsText{
		again: true,
		head:  "SELECT " + tokenBare + ", " + isPlain + " FROM " + tables[class] + " WHERE id IN (",
		tail:  ")",
		types: []string{"BIGINT"},
	}}
}

// find returns what one look tells of a row, nothing if there is none. Nobody
// waits past their own deadline for what others ask.
func (l *lookUps) find(ctx context.Context, id token.ID) (plain, error) {
	a := &lookUp{id: id, told: make(chan struct{})}
	switch begins := l.join(a); {
	case begins && l.on.engine.shared():
		go l.read()
	case begins:
		// Others are as far as we are: let them come to the same reading. A file is
		// read sooner than anybody else would be woken to do it.
		runtime.Gosched()
		l.read()
	}
	select {
	case <-a.told:
		return a.found, a.err
	case <-ctx.Done():
		l.leave(a)
		return plain{}, fmt.Errorf("wait for a look-up: %w", ctx.Err())
	}
}

// join reports whether one has to begin a reading; otherwise they wait.
func (l *lookUps) join(a *lookUp) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, a)
	begins := l.readings < l.most
	if begins {
		l.readings++
	}
	return begins
}

// leave takes one out of the line; who is being read for is told in vain.
func (l *lookUps) leave(a *lookUp) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = slices.DeleteFunc(l.waiting, func(other *lookUp) bool { return other == a })
}

// read answers those in front of the line, and has the next reading begin if
// there are others.
func (l *lookUps) read() {
	group := l.next()
	var found map[token.ID]plain
	var err error
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("look up tokens: %v", fault) // nobody is to wait for ever
		}
		for _, a := range group {
			a.found, a.err = found[a.id], err
			close(a.told)
		}
		l.pass()
	}()
	if len(group) > 0 {
		found, err = l.ask(group)
	}
}

func (l *lookUps) next() []*lookUp {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(len(l.waiting), mostLookedUp)
	group := l.waiting[:n:n]
	l.waiting = l.waiting[n:]
	return group
}

func (l *lookUps) pass() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		l.readings--
		return
	}
	go l.read()
}

// ask reads the rows of a group, again where the connection broke: that is
// nothing to tell so many.
func (l *lookUps) ask(group []*lookUp) (map[token.ID]plain, error) {
	ctx := context.Background()
	if l.on.engine.shared() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, lookUpPatience)
		defer cancel()
	}
	found, err := l.rows(ctx, group)
	if err != nil && l.on.engine.down(err) && ctx.Err() == nil {
		found, err = l.rows(ctx, group)
	}
	return found, err
}

func (l *lookUps) rows(ctx context.Context, group []*lookUp) (map[token.ID]plain, error) {
	ids := make([]any, len(group))
	for i, a := range group {
		ids[i] = int64(a.id)
	}
	found := make(map[token.ID]plain, len(group))
	return found, l.text.run(ctx, l.on, ids, func(r *sql.Rows) error {
		p, err := scanPlain(r)
		if err == nil {
			found[p.token.ID] = p
		}
		return err
	})
}
