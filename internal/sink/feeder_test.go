package sink_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/sink"
	"github.com/fichadev/ficha/internal/token"
)

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

func TestFileHasEveryRecordThroughRotation(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		path := filepath.Join(t.TempDir(), "audit.jsonl")
		f := w.feeder(t, "file:"+path, w.Store)
		read := func(path string) []string {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			return sorted(ids(t, string(text)))
		}
		first := w.sealed(t, 7)
		drain(t, f)
		if got := read(path); !slices.Equal(got, sorted(first)) {
			t.Errorf("the file has %v, want %v", got, first)
		}
		if err := os.Rename(path, path+".1"); err != nil {
			t.Fatal(err)
		}
		second := w.sealed(t, 4)
		drain(t, f)
		if err := os.Remove(path + ".1"); err != nil {
			t.Fatal(err)
		}
		if got := read(path); !slices.Equal(got, sorted(second)) {
			t.Errorf("after the rotation the file has %v, want %v", got, second)
		}
		// The machine failed in the middle of a line; another process goes on.
		if err := os.WriteFile(path, []byte(`{"id":"half`), 0o600); err != nil {
			t.Fatal(err)
		}
		third := w.sealed(t, 2)
		drain(t, w.feeder(t, "file:"+path, w.Store))
		text, err := os.ReadFile(path)
		_, whole, _ := strings.Cut(string(text), "\n")
		if got := sorted(ids(t, whole)); err != nil || !slices.Equal(got, sorted(third)) {
			t.Errorf("after a broken line the file has %v, %v; want %v", got, err, third)
		}
	})
}

// TestLineIsWhatSealsAreOver: who keeps the file can hold it against the seals.
func TestLineIsWhatSealsAreOver(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		path := filepath.Join(t.TempDir(), "audit.jsonl")
		w.sealed(t, 3)
		drain(t, w.feeder(t, "file:"+path, w.Store))
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids(t, string(text)) {
			n, _ := token.ParseID(id)
			for _, workspace := range []string{"", "ws1", "ws2"} {
				e, err := w.Event(t.Context(), workspace, n)
				if err != nil {
					t.Fatal(err)
				}
				if e == nil {
					continue
				}
				if line, err := e.Canonical(); err != nil || !strings.Contains(string(text), string(line)+"\n") {
					t.Errorf("record %s is not there in its canonical bytes", id)
				}
			}
		}
	})
}

// dying is a ledger of a process that dies between the sink's yes and its own
// note of it.
type dying struct{ sink.Ledger }

var errDied = errors.New("killed")

func (dying) MoveSink(context.Context, string, int64, int64) (bool, error) { return false, errDied }

func TestWhatWasNotNotedIsSentAgain(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		path := filepath.Join(t.TempDir(), "audit.jsonl")
		want := w.sealed(t, 5)
		if _, err := w.feeder(t, "file:"+path, dying{w.Store}).Feed(t.Context()); !errors.Is(err, errDied) {
			t.Fatalf("err = %v", err)
		}
		drain(t, w.feeder(t, "file:"+path, w.Store))
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got := ids(t, string(text))
		if len(got) != 10 || !slices.Equal(slices.Compact(sorted(got)), sorted(want)) {
			t.Errorf("%d lines of %d records, want each of %d twice", len(got), len(slices.Compact(sorted(got))), len(want))
		}
	})
}

// TestHangingSinkDelaysNoDeed: while a sink holds a batch, deeds commit and
// records are sealed.
func TestHangingSinkDelaysNoDeed(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		c := newReceiver(t)
		held, release := make(chan struct{}), make(chan struct{})
		c.answer = func(http.ResponseWriter, *http.Request, int) {
			held <- struct{}{}
			<-release
		}
		f := w.feeder(t, c.URL, w.Store)
		want := w.sealed(t, 3)
		done := make(chan error)
		go func() {
			_, err := f.Feed(t.Context())
			done <- err
		}()
		<-held
		want = append(want, w.sealed(t, 3)...) // commits and seals while the sink hangs
		lag, _, err := sink.Lag(t.Context(), w.Store, f.Sink.Name, w.now())
		if err != nil || lag < time.Minute {
			t.Errorf("the lag is %v, %v; want over a minute", lag, err)
		}
		close(release)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		c.answer = nil
		drain(t, f)
		if got := ids(t, c.text()); !slices.Equal(sorted(got), sorted(want)) {
			t.Errorf("the collector has %d records, want %d", len(got), len(want))
		}
		if lag, lost, err := sink.Lag(t.Context(), w.Store, f.Sink.Name, w.now()); lag != 0 || lost != 0 || err != nil {
			t.Errorf("when it has all, the lag is %v, %d lost, %v", lag, lost, err)
		}
	})
}

// pages is a ledger in memory: seals of one record each, and a sink that is at
// one of them.
type pages struct{ many, at int64 }

func (p *pages) SeeSink(context.Context, string) error    { return nil }
func (p *pages) PlaceSeals(context.Context) (bool, error) { return false, nil }
func (p *pages) Sink(context.Context, string) (token.SinkState, error) {
	return token.SinkState{Place: p.at}, nil
}

func (p *pages) Waiting(_ context.Context, after int64) ([]*token.Event, int64, error) {
	if after >= p.many {
		return nil, after, nil
	}
	return []*token.Event{audit.Note(time.Unix(1.8e9, 0), token.Actor{}, "ws1", "token.issued", audit.Target{}, nil)}, after + 1, nil
}

func (p *pages) MoveSink(_ context.Context, _ string, from, to int64) (bool, error) {
	moved := p.at == from
	p.at = to
	return moved, nil
}

func TestSinkThatFailsIsTriedLessAndLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// A folder stands where the file should.
		all, err := sink.Parse([]string{"file:" + t.TempDir()}, "")
		if err != nil {
			t.Fatal(err)
		}
		var at []time.Duration
		began := time.Now()
		p := &pages{many: 3}
		f := &sink.Feeder{Sink: all[0], Ledger: p, Log: slog.New(slog.DiscardHandler), Failed: func(string) { at = append(at, time.Since(began)) }}
		if err := f.Run(t.Context(), began); err == nil || p.at != 0 {
			t.Errorf("the turn ends with %v at %d, want a fault at 0", err, p.at)
		}
		want := []time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second, 15 * time.Second, 31 * time.Second, 47 * time.Second}
		if !slices.Equal(at, want) || time.Since(began) != time.Minute {
			t.Errorf("tries at %v until %v, want %v until a minute", at, time.Since(began), want)
		}
	})
}

func TestTurnOfASinkEndsAtOnceWhenTheServerStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "audit.jsonl")
		all, err := sink.Parse([]string{"file:" + path}, "")
		if err != nil {
			t.Fatal(err)
		}
		p := &pages{many: 4}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			done <- (&sink.Feeder{Sink: all[0], Ledger: p, Log: slog.New(slog.DiscardHandler), Failed: func(string) {}}).Run(ctx, time.Now())
		}()
		synctest.Wait()
		if p.at != 4 {
			t.Errorf("the sink is at %d, want at 4 without waiting", p.at)
		}
		stop()
		if err := <-done; err != nil {
			t.Errorf("err = %v", err)
		}
	})
}
