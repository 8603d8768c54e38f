package sink_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/keys"
	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/sink"
	"github.com/fichadev/ficha/internal/store"
	"github.com/fichadev/ficha/internal/token"
)

// A world is a store with a sealer and a clock that tests move.
type world struct {
	*store.Store
	sealer *audit.Sealer
	ms     atomic.Int64
	n      uint32
	failed atomic.Int64
}

func (w *world) now() time.Time { return time.UnixMilli(w.ms.Load()).UTC() }

func eachWorld(t *testing.T, test func(*testing.T, *world)) {
	run := func(t *testing.T, database string) {
		w := &world{}
		w.ms.Store(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC).UnixMilli())
		var err error
		w.Store, err = store.Open(t.Context(), store.Config{Database: database, Now: w.now, Log: slog.New(slog.DiscardHandler)}, true)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		})
		master, err := keys.LoadMaster(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		k := &keys.Keeper{Store: w.Store, Master: master, Ring: keys.NewRing(master), Now: w.now, Life: 24 * time.Hour}
		if err := errors.Join(k.Ensure(t.Context()), k.EnsureAlg(t.Context(), keys.ES256)); err != nil {
			t.Fatal(err)
		}
		w.sealer = &audit.Sealer{Seals: w.Store, Signer: func() (audit.Signer, error) { return k.Ring.Signer(keys.ES256) }}
		test(t, w)
	}
	t.Run("sqlite", func(t *testing.T) { run(t, "sqlite:"+filepath.Join(t.TempDir(), "ficha.db")) })
	if pgtest.Available() {
		t.Run("postgres", func(t *testing.T) { run(t, pgtest.Start(t).Database(t)) })
	}
}

// sealed records deeds in turn in three workspaces, seals them and returns
// their ids.
func (w *world) sealed(t *testing.T, many int) []string {
	t.Helper()
	var ids []string
	deed := &token.Deed{}
	for range many {
		w.n++
		e := audit.Note(w.now(), token.Actor{Kind: token.User, ID: "u1", Name: "ana@example.test"}, []string{"ws1", "ws2", ""}[w.n%3], "token.issued",
			audit.Target{Kind: "token", ID: "t1", Name: "línea\n\"<&>"}, map[string]any{"n": w.n})
		e.ID = token.MakeID(w.now(), token.Long, w.n)
		deed.Events, ids = append(deed.Events, e), append(ids, e.ID.String())
	}
	if err := w.Commit(t.Context(), deed); err != nil {
		t.Fatal(err)
	}
	w.ms.Add(time.Minute.Milliseconds())
	if err := w.sealer.Run(t.Context(), w.now()); err != nil {
		t.Fatal(err)
	}
	return ids
}

// feeder returns what feeds one sink.
func (w *world) feeder(t *testing.T, address string, ledger sink.Ledger) *sink.Feeder {
	t.Helper()
	all, err := sink.Parse([]string{address}, "host.example")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.SeeSink(t.Context(), all[0].Name); err != nil {
		t.Fatal(err)
	}
	return &sink.Feeder{Sink: all[0], Ledger: ledger, Log: slog.New(slog.DiscardHandler), Failed: func(string) { w.failed.Add(1) }}
}

// drain feeds until nothing waits.
func drain(t *testing.T, f *sink.Feeder) {
	t.Helper()
	for more := true; more; {
		var err error
		if more, err = f.Feed(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// ids reads the ids out of JSON Lines.
func ids(t *testing.T, lines string) []string {
	t.Helper()
	var all []string
	for text := range strings.Lines(lines) {
		var v struct {
			ID       string
			Metadata struct{ UID string }
		}
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatalf("line %q: %v", text, err)
		}
		all = append(all, v.ID+v.Metadata.UID)
	}
	return all
}
