package verifier

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// A feed keeps the cache right. On a database of our own the writer tells us
// after each commit; on a shared one we ask every 250 ms and when woken.
type feed struct {
	applied atomic.Int64 // the position up to which we know everything
	heard   atomic.Int64 // ms: the moment before the last reading began
	lost    atomic.Bool  // the database's history is not ours
	unread  atomic.Bool  // the small lists may hold a no that could not be read
	lists   sync.Mutex   // an older reading of them must not replace a newer one
	mu      sync.Mutex   // one reading at a time
	mark    string       // of the applied position; guarded by mu
	wake    chan struct{}
	stop    context.CancelFunc
	stopped chan struct{}
}

const (
	// asks is how often a shared database is asked for changes.
	asks = 250 * time.Millisecond
	// deaf is how long after the last reading an answer may still be given.
	deaf = time.Second
)

func (f *feed) begin(ctx context.Context, v *Verifier) error {
	at := v.cfg.Now()
	last, err := v.cfg.Store.Position(ctx)
	if err != nil {
		return fmt.Errorf("read the position: %w", err)
	}
	f.mark, f.wake = last.Mark, make(chan struct{}, 1)
	f.applied.Store(last.Position)
	f.heard.Store(at.UnixMilli())
	return v.reloadLists(ctx)
}

// reloadLists reads the two small lists that the judge holds whole. Until it has
// succeeded, they are unread.
func (v *Verifier) reloadLists(ctx context.Context) (err error) {
	v.feed.lists.Lock()
	defer v.feed.lists.Unlock()
	defer func() { v.feed.unread.Store(err != nil) }()
	n, err := v.cfg.Store.Imports(ctx)
	if err != nil {
		return fmt.Errorf("count imported tokens: %w", err)
	}
	cuts, err := v.cfg.Store.KeyCutoffs(ctx)
	if err != nil {
		return fmt.Errorf("read ended keys: %w", err)
	}
	byKey := map[string]token.Cutoffs{}
	for _, c := range cuts {
		byKey[c.Support.ID] = append(byKey[c.Support.ID], c)
	}
	v.keyCuts.Store(&byKey)
	v.imports.Store(n)
	return nil
}

// Applied returns the position up to which this judge knows everything: what
// is minted on that knowledge is born there. Read it before what it is
// minted from.
func (v *Verifier) Applied() int64 { return v.feed.applied.Load() }

// Heard returns the instant as of which the judge has heard of every change.
func (v *Verifier) Heard() time.Time { return time.UnixMilli(v.feed.heard.Load()) }

// Hear applies what a commit of this process changed, before its caller is
// answered. It is the store's to call, in the order of commits.
func (v *Verifier) Hear(changes []token.Change) {
	v.apply(changes)
	if !v.cfg.Store.Shared() {
		last := changes[len(changes)-1]
		v.feed.mu.Lock()
		defer v.feed.mu.Unlock()
		v.feed.mark = last.Mark
		v.feed.applied.Store(last.Position)
	}
}

func (v *Verifier) apply(changes []token.Change) {
	var lists []token.ChangeKind
	for _, c := range changes {
		switch c.What {
		case token.ChangedToken:
			if n, err := strconv.ParseInt(c.ID, 10, 64); err == nil {
				v.tokens.drop(token.ID(n))
			}
		case token.ChangedWorkspace:
			v.workspaces.changed(c.ID)
		case token.ChangedClient:
			v.clients.changed(c.ID)
		case token.ChangedPerson:
			v.people.changed(c.ID)
		case token.ChangedGrant:
			v.grants.changed(c.ID)
		case token.ChangedKeys, token.ChangedImports, token.ChangedCatalogue:
			if !slices.Contains(lists, c.What) {
				lists = append(lists, c.What)
			}
		}
	}
	if lists != nil {
		v.heardOf(lists)
	}
}

// listPatience bounds a reading of the small lists.
const listPatience = 5 * time.Second

// heardOf reads the small lists again. Where that fails, who asks next tries it.
func (v *Verifier) heardOf(lists []token.ChangeKind) {
	ctx, cancel := context.WithTimeout(context.Background(), listPatience)
	defer cancel()
	if err := v.reloadLists(ctx); err != nil {
		v.cfg.Log.Error("read keys and imports", slog.Any("error", err))
	}
	for _, what := range lists {
		if v.cfg.Heard != nil {
			v.cfg.Heard(what)
		}
	}
}

// fresh reports whether the judge knows enough to answer, after asking the
// database itself if the last reading is too old, or could not be done in full.
func (v *Verifier) fresh(ctx context.Context) error {
	f := &v.feed
	if f.lost.Load() {
		return token.Errorf(token.Unavailable, "this node cannot tell what has ended; try another")
	}
	if v.cfg.Store.Shared() && v.cfg.Now().UnixMilli()-f.heard.Load() > deaf.Milliseconds() {
		_, err, _ := v.reading.Do("feed", func() (any, error) { return nil, v.Poll(context.WithoutCancel(ctx)) })
		if err != nil {
			return token.Unreachable(err)
		}
	}
	if f.unread.Load() {
		return v.readLists(ctx)
	}
	return nil
}

// readLists reads the small lists that could not be read when they changed.
func (v *Verifier) readLists(ctx context.Context) error {
	_, err, _ := v.reading.Do("lists", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), listPatience)
		defer cancel()
		return nil, v.reloadLists(ctx)
	})
	if err != nil {
		return token.Unreachable(err)
	}
	return nil
}

// mostHeard is how many changes are heard one by one; past that it is cheaper
// to forget everything and read again what is asked for.
const mostHeard = 20_000

// Poll reads what changed since the applied position and applies it.
func (v *Verifier) Poll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	f := &v.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	began, from := v.cfg.Now(), f.applied.Load()
	changes, err := v.cfg.Store.Changes(ctx, from, mostHeard+1)
	if err != nil {
		return fmt.Errorf("read changes: %w", err)
	}
	if len(changes) == 0 || changes[0].Position != from || changes[0].Mark != f.mark {
		v.loseHistory(from)
		return token.Errorf(token.Unavailable, "the database's history is not this node's")
	}
	last := changes[len(changes)-1]
	if len(changes) > mostHeard {
		if last, err = v.cfg.Store.Position(ctx); err != nil {
			return fmt.Errorf("read the position: %w", err)
		}
		v.forget()
		changes = everyList
	}
	v.apply(changes)
	f.mark = last.Mark
	f.applied.Store(last.Position)
	f.heard.Store(began.UnixMilli())
	return nil
}

// everyList are changes of all that is held whole rather than by id.
var everyList = []token.Change{{What: token.ChangedKeys}, {What: token.ChangedImports}, {What: token.ChangedCatalogue}}

// forget empties the cache.
func (v *Verifier) forget() {
	v.tokens.clear()
	v.workspaces.boxes.clear()
	v.clients.boxes.clear()
	v.people.boxes.clear()
	v.grants.boxes.clear()
}

// loseHistory: the first row read must be our own last position with the same
// mark. It was not, so the database was replaced or rolled back under us, and
// what had ended may look alive in it. Nothing is answered from here on.
func (v *Verifier) loseHistory(at int64) {
	if v.feed.lost.Swap(true) {
		return
	}
	v.cfg.Log.Error("the database was replaced or rolled back under this node: it refuses to answer; restore the right database, then start it again",
		slog.Int64("position", at))
	v.forget()
}

// Start begins to listen for changes on a shared database; woken delivers
// wake-ups, of which any may be lost or repeated. On a database of our own it
// does nothing.
func (v *Verifier) Start(woken <-chan struct{}) {
	if !v.cfg.Store.Shared() {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	v.feed.stop, v.feed.stopped = cancel, make(chan struct{})
	go v.listen(ctx, woken)
}

func (v *Verifier) listen(ctx context.Context, woken <-chan struct{}) {
	defer close(v.feed.stopped)
	tick := time.NewTicker(asks)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-woken:
		}
		if err := v.Poll(ctx); err != nil && ctx.Err() == nil {
			v.cfg.Log.Warn("cannot read what changed", slog.Any("error", err))
		}
	}
}

// Stop ends the listening. Stopping twice, or before starting, is fine.
func (v *Verifier) Stop() {
	if v.feed.stop != nil {
		v.feed.stop()
		<-v.feed.stopped
	}
}
