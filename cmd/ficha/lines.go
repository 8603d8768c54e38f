package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// lines gathers the log's lines for a moment before they are written: a system
// call for each would cost a busy server a tenth of its time. Errors go out at
// once. Nobody who logs waits for who reads: one goroutine writes, and what finds
// no room meanwhile is dropped and counted. It is safe for use by many at once.
type lines struct {
	out io.Writer

	mu      sync.Mutex
	held    []byte
	spare   []byte        // what was held before, to be filled again
	timer   *time.Timer   // set while lines are held and nobody writes
	writer  chan struct{} // closed when who writes now is done; nil: nobody does
	urgent  bool          // what is held is not to wait
	missing int           // lines that were dropped and not told of
	dropped int           // lines that were dropped ever
}

const (
	holdLines   = 50 * time.Millisecond
	mostHeld    = 64 << 10 // bytes, before they are written
	mostKept    = 1 << 20  // bytes, while nobody reads them
	flushWithin = time.Second
)

// Write takes one line. It never waits, and a line that is dropped is no error.
func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.held)+len(line) > mostKept {
		l.missing++
		l.dropped++
		return len(line), nil
	}
	l.held = append(l.held, line...)
	l.urgent = l.urgent || len(l.held) >= mostHeld || bytes.Contains(line, []byte(`"level":"ERROR"`))
	l.settle()
	return len(line), nil
}

// Flush writes what is held, or gives up after a second in which nobody read it.
func (l *lines) Flush() error {
	l.mu.Lock()
	l.urgent = true
	l.settle()
	writer := l.writer
	l.mu.Unlock()
	if writer == nil {
		return nil
	}
	late := time.NewTimer(flushWithin)
	defer late.Stop()
	select {
	case <-writer:
		return nil
	case <-late.C:
		return errors.New("nobody reads the log: its last lines are lost")
	}
}

// Dropped returns how many lines found no room.
func (l *lines) Dropped() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return float64(l.dropped)
}

// settle has what is held written, now or in a moment.
func (l *lines) settle() {
	switch {
	case l.writer != nil: // who writes looks again when it is done
	case len(l.held) == 0 && l.missing == 0:
		l.urgent = false
	case l.urgent:
		if l.timer != nil {
			l.timer.Stop()
			l.timer = nil
		}
		l.writer = make(chan struct{})
		go l.write(l.writer)
	case l.timer == nil:
		l.timer = time.AfterFunc(holdLines, l.moment)
	}
}

// moment ends the time for which lines are held.
func (l *lines) moment() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer, l.urgent = nil, true
	l.settle()
}

// write writes until nothing is urgent.
func (l *lines) write(done chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.urgent && len(l.held)+l.missing > 0 {
		text := l.held
		if l.missing > 0 { // they came after what is held
			text = fmt.Appendf(text, `{"time":%q,"level":"WARN","msg":"lines of the log were dropped: nobody read them in time","lines":%d}`+"\n",
				time.Now().Format(time.RFC3339Nano), l.missing)
		}
		l.held, l.missing, l.urgent = l.spare[:0], 0, false
		l.mu.Unlock()
		_, _ = l.out.Write(text) // a log that cannot be written has nowhere to say so
		l.mu.Lock()
		l.spare = text
		l.urgent = l.urgent || len(l.held) >= mostHeld
	}
	l.writer = nil
	close(done)
	l.settle()
}
