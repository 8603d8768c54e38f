package main

import (
	"fmt"
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
		synctest.Wait() // and no moment
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
		synctest.Wait()
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

// stalled is a pipe that nobody reads until it is released.
type stalled struct {
	pipe
	read chan struct{}
}

func (s *stalled) Write(b []byte) (int, error) {
	<-s.read
	return s.pipe.Write(b)
}

func TestLogThatNobodyReadsStopsNobodyAndSaysWhatIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stalled{read: make(chan struct{})}
		l := &lines{out: out}
		line := []byte(strings.Repeat("x", 1023) + "\n")
		const sent = 3 << 10
		for range sent {
			if n, err := l.Write(line); n != len(line) || err != nil {
				t.Fatalf("got %d, %v", n, err)
			}
		}
		start := time.Now()
		if err := l.Flush(); err == nil || time.Since(start) != flushWithin {
			t.Errorf("flushing took %v and says %v, want an error after a second", time.Since(start), err)
		}
		close(out.read)
		synctest.Wait()
		text, _ := out.seen()
		kept := strings.Count(text, string(line))
		want := fmt.Sprintf(`"lines":%d}`, sent-kept)
		if kept < mostKept/len(line) || !strings.HasSuffix(text, want+"\n") || l.Dropped() != float64(sent-kept) {
			t.Errorf("%d lines were kept, and the end is %q, want %s", kept, text[len(text)-150:], want)
		}
		if err := l.Flush(); err != nil {
			t.Errorf("once it is read: %v", err)
		}
	})
}
