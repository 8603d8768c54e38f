package identity

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/factor"
	"github.com/fichadev/ficha/internal/keys"
	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/store"
	"github.com/fichadev/ficha/internal/token"
)

// ledger is the real store, as this room sees it. It remembers the audit rows of
// what was committed, and refuses to write any while broken.
type ledger struct {
	*store.Store
	mu     sync.Mutex
	events []*token.Event
	outbox []token.Delivery
	broken bool
}

func (l *ledger) Do(ctx context.Context, f func(Tx) error) error {
	var rows []*token.Event
	var outbox []token.Delivery
	err := l.Store.Do(ctx, func(tx *store.Tx) error {
		rows, outbox = nil, nil
		return f(recording{tx, l, &rows, &outbox})
	})
	if err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.events, l.outbox = append(l.events, rows...), append(l.outbox, outbox...)
	}
	return err
}

type recording struct {
	*store.Tx
	ledger *ledger
	rows   *[]*token.Event
	outbox *[]token.Delivery
}

var errBroken = errors.New("the ledger is broken")

func (r recording) Record(ctx context.Context, e *token.Event, outbox []token.Delivery) error {
	if r.ledger.broken {
		return errBroken
	}
	*r.rows, *r.outbox = append(*r.rows, e), append(*r.outbox, outbox...)
	return r.Tx.Record(ctx, e, outbox)
}

// site is where the people of these tests are.
const site = "https://tokens.example.com"

// clock is one that a test moves; it may be read by many.
type clock struct{ ms atomic.Int64 }

func (c *clock) now() time.Time       { return time.UnixMilli(c.ms.Load()) }
func (c *clock) move(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// A world is the room on a real store, with a workspace or more in it.
type world struct {
	*Identity
	t     *testing.T
	ctx   context.Context
	store *ledger
	clock *clock
	slept chan time.Duration // each wait of a slowed account
}

func newWorld(t *testing.T, database string) *world {
	t.Helper()
	if database == "sqlite" {
		database = "sqlite:" + filepath.Join(t.TempDir(), "ficha.db")
	}
	w := &world{t: t, ctx: t.Context(), clock: &clock{}, slept: make(chan time.Duration, 100)}
	w.clock.ms.Store(1790000000000)
	log := slog.New(slog.DiscardHandler)
	s, err := store.Open(w.ctx, store.Config{Database: database, Now: w.clock.now, Log: log}, true)
	if err != nil {
		t.Fatal(err)
	}
	w.store = &ledger{Store: s}
	master, err := keys.LoadMaster(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	passkeys, err := factor.NewPasskeys(site)
	if err != nil {
		t.Fatal(err)
	}
	w.Identity, err = New(Config{Store: w.store, Judge: s, Sealer: master, Passkeys: passkeys, Now: w.clock.now, Log: log, After: func(d time.Duration) <-chan time.Time {
		w.slept <- d
		done := make(chan time.Time)
		close(done)
		return done
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.Identity.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	w.workspace(&token.Workspace{ID: "ws1", Name: "Acme", Number: 1, Scopes: token.Scopes{"a:read", "a:write"},
		Teams: []token.Group{{ID: "editors"}}, Spaces: []token.Group{{ID: "blog"}}})
	w.workspace(&token.Workspace{ID: "ws2", Name: "Other", Number: 2, AllScopes: true})
	return w
}

func eachEngine(t *testing.T, test func(*testing.T, *world)) {
	t.Run("sqlite", func(t *testing.T) { test(t, newWorld(t, "sqlite")) })
	if pgtest.Available() {
		t.Run("postgres", func(t *testing.T) { test(t, newWorld(t, pgtest.Start(t).Database(t))) })
	}
}

var apply = token.Actor{Kind: token.System, ID: "apply"}

// as returns the actor that a person is in a workspace.
func as(p *token.Person, workspace string) token.Actor {
	return token.Actor{Kind: token.User, ID: p.ID, Name: p.Email, Workspace: workspace, Address: "192.0.2.7"}
}

func (w *world) do(f func(tx Tx) error) {
	w.t.Helper()
	if err := w.store.Do(w.ctx, f); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) workspace(ws *token.Workspace) {
	w.t.Helper()
	w.do(func(tx Tx) error { return tx.PutWorkspace(w.ctx, ws) })
}

// put writes what this room never does.
func (w *world) put(f func(tx *store.Tx) error) {
	w.t.Helper()
	if err := w.store.Store.Do(w.ctx, f); err != nil {
		w.t.Fatal(err)
	}
}

// user makes a person without password, member of ws1 with a role ("": none).
func (w *world) user(email, role string) *token.Person {
	w.t.Helper()
	p, out, err := w.PutUser(w.ctx, apply, Declared{Email: email}, Options{})
	if err != nil || out != Created {
		w.t.Fatalf("PutUser(%s) = %s, %v; want created", email, out, err)
	}
	if role != "" {
		w.member(p, DeclaredMembership{Workspace: "ws1", Role: role})
	}
	return w.person(p.ID)
}

func (w *world) member(p *token.Person, d DeclaredMembership) {
	w.t.Helper()
	if out, err := w.PutMembership(w.ctx, apply, p.ID, d, Options{}); err != nil || out != Created {
		w.t.Fatalf("PutMembership(%s, %+v) = %s, %v; want created", p.Email, d, out, err)
	}
}

// withPassword makes a person who signs in, member of ws1.
func (w *world) withPassword(email, password string) *token.Person {
	w.t.Helper()
	p, _, err := w.PutUser(w.ctx, apply, Declared{Email: email, Password: password}, Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.member(p, DeclaredMembership{Workspace: "ws1"})
	return w.person(p.ID)
}

// person reads a person from the database.
func (w *world) person(id string) *token.Person {
	w.t.Helper()
	p, err := w.store.Person(w.ctx, id)
	if err != nil || p == nil {
		w.t.Fatalf("Person(%s) = %v, %v", id, p, err)
	}
	return p
}

func (w *world) position() int64 {
	w.t.Helper()
	c, err := w.store.Position(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	return c.Position
}

// token puts a token of a person into the memory, as the mint would do now.
func (w *world) token(p *token.Person, workspace string) *token.Token {
	w.t.Helper()
	id := token.NewID(w.clock.now(), token.Long)
	tok := &token.Token{ID: id, Credential: id, Kind: token.Personal, Contract: "test", Hash: token.HashOf(id.String()), LastFour: "abcd",
		Name: "test", Person: p.ID, Workspace: workspace, Born: w.position(), IssuedAt: w.clock.now().UnixMilli()}
	if err := w.store.Commit(w.ctx, &token.Deed{Issue: []*token.Token{tok}}); err != nil {
		w.t.Fatal(err)
	}
	return tok
}

// opens reports whether the judge lets a token open a workspace now.
func (w *world) opens(tok *token.Token, workspace string) bool {
	w.t.Helper()
	ws, err := w.store.Workspace(w.ctx, workspace)
	if err != nil {
		w.t.Fatal(err)
	}
	r := &token.Record{Token: tok, Person: w.person(tok.Person), Opened: ws}
	if tok.Workspace != "" {
		r.Workspace = ws
	}
	_, err = token.MayUse(r, token.Use{Now: w.clock.now().UnixMilli(), Surface: token.AtAPI, Workspace: workspace})
	return err == nil
}

// refused checks that an error is a refusal of a code, with advice to follow.
func refused(t *testing.T, err error, code token.Code) {
	t.Helper()
	if r := token.AsRefusal(err); r == nil || r.Code != code || len(r.Text) < 15 {
		t.Errorf("got %v, want a refusal %s with a sentence", err, code)
	}
}

// news returns the audit rows since the last call, one word each.
func (w *world) news() []*token.Event {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	news := w.store.events
	w.store.events = nil
	return news
}

// recorded checks that exactly these actions were written since the last look.
func (w *world) recorded(actions ...string) []*token.Event {
	w.t.Helper()
	news := w.news()
	var got []string
	for _, e := range news {
		got = append(got, e.Action)
	}
	if !slices.Equal(got, actions) {
		w.t.Errorf("the audit has %q, want %q", got, actions)
	}
	return news
}
