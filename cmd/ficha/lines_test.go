package main

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipe is where a log goes; it counts the writes.
type pipe struct {
	mu     sync.Mutex
	text   strings.Builder
	writes int
}

func (p *pipe) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writes++
	return p.text.Write(b)
}

func (p *pipe) seen() (text string, writes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String(), p.writes
}

func TestLinesOfOneMomentAreWrittenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &pipe{}
		log := slog.New(slog.NewJSONHandler(&lines{out: out}, nil))
		for range 3 {
			log.Info("request")
		}
		if text, _ := out.seen(); text != "" {
			t.Errorf("written before the moment was over: %s", text)
		}
		time.Sleep(holdLines)
		synctest.Wait()
		if text, writes := out.seen(); strings.Count(text, "\n") != 3 || writes != 1 {
			t.Errorf("%d writes of %q, want three lines in one", writes, text)
		}
		log.Info("another")
		time.Sleep(holdLines)
		synctest.Wait()
		if text, writes := out.seen(); strings.Count(text, "\n") != 4 || writes != 2 {
			t.Errorf("%d writes of %q, want a fourth line in a second", writes, text)
		}
	})
}

func TestErrorIsWrittenAtOnceAndInItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &pipe{}
		log := slog.New(slog.NewJSONHandler(&lines{out: out}, nil))
		log.Info("first")
		log.Error("second")
		text, _ := out.seen()
		if first, second := strings.Index(text, "first"), strings.Index(text, "second"); first < 0 || second < first {
			t.Errorf("the log is %q, want both lines in order", text)
		}
	})
}

func TestHeldLinesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &pipe{}
		l := &lines{out: out}
		if _, err := l.Write([]byte(strings.Repeat("x", mostHeld))); err != nil {
			t.Fatal(err)
		}
		if text, _ := out.seen(); len(text) != mostHeld {
			t.Errorf("%d bytes written, want all %d", len(text), mostHeld)
		}
	})
}

func TestFlushWritesWhatIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &pipe{}
		l := &lines{out: out}
		for range 2 { // of nothing, nothing is written
			if _, err := l.Write([]byte("last words\n")); err != nil {
				t.Fatal(err)
			}
			if err := l.Flush(); err != nil {
				t.Fatal(err)
			}
			if err := l.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		if text, writes := out.seen(); text != "last words\nlast words\n" || writes != 2 {
			t.Errorf("%d writes of %q, want two of one line", writes, text)
		}
	})
}
