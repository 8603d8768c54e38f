package identity

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// turns lets few work at once. Of those who wait the sources take turns: whoever
// comes from many places at once waits for themselves, and somebody else for one
// of each of those. Safe for use by many.
type turns struct {
	mu    sync.Mutex
	free  int
	lines map[string][]chan struct{} // who waits, by source
	order []string                   // whose turn is next
}

func newTurns(n int) *turns { return &turns{free: n, lines: map[string][]chan struct{}{}} }

// take waits for a turn of a source, and refuses with Unavailable when ctx ends
// first. The caller gives it back.
func (t *turns) take(ctx context.Context, source string) (giveBack func(), err error) {
	t.mu.Lock()
	if t.free > 0 {
		t.free--
		t.mu.Unlock()
		return t.next, nil
	}
	mine := make(chan struct{})
	if len(t.lines[source]) == 0 {
		t.order = append(t.order, source)
	}
	t.lines[source] = append(t.lines[source], mine)
	t.mu.Unlock()
	select {
	case <-mine:
		return t.next, nil
	case <-ctx.Done():
		t.leave(source, mine)
		return nil, &token.Refusal{Code: token.Unavailable, Text: "too many people sign in at this moment; try again", RetryAfter: time.Second}
	}
}

// next gives a turn to the source that is next, or keeps it.
func (t *turns) next() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.order) == 0 {
		t.free++
		return
	}
	source := t.order[0]
	t.order = t.order[1:]
	line := t.lines[source]
	close(line[0])
	if t.lines[source] = line[1:]; len(line) > 1 {
		t.order = append(t.order, source)
	} else {
		delete(t.lines, source)
	}
}

// leave takes somebody out of a line, or gives on the turn that came meanwhile.
func (t *turns) leave(source string, mine chan struct{}) {
	t.mu.Lock()
	line := t.lines[source]
	for i, one := range line {
		if one != mine {
			continue
		}
		t.lines[source] = append(line[:i:i], line[i+1:]...)
		if len(line) == 1 {
			delete(t.lines, source)
			t.order = slices.DeleteFunc(t.order, func(s string) bool { return s == source })
		}
		t.mu.Unlock()
		return
	}
	t.mu.Unlock()
	t.next()
}
