package verifier

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/store"
	"github.com/fichadev/ficha/internal/token"
)

// shared runs a test with two nodes on one PostgreSQL.
func shared(t *testing.T, test func(w *world, a, b *store.Store, va, vb *Verifier)) {
	if !pgtest.Available() {
		t.Skip("PostgreSQL is not installed; make test requires it")
	}
	w := newWorld(t)
	dsn := pgtest.Start(t).Database(t)
	a, va := w.node(dsn)
	b, vb := w.node(dsn)
	test(w, a, b, va, vb)
}

func TestOtherNodeHearsOfARevocation(t *testing.T) {
	shared(t, func(w *world, a, _ *store.Store, va, vb *Verifier) {
		must(t, workspace(a, "ws1"))
		must(t, errors.Join(va.Poll(context.Background()), vb.Poll(context.Background())))
		secret, tok := w.issue(a, va.Applied(), nil)
		must(t, errors.Join(ask(va, secret), ask(vb, secret)))
		must(t, a.Commit(context.Background(), end(tok)))
		if err := ask(va, secret); !token.Is(err, token.InvalidToken) {
			t.Errorf("the node that revoked: got %v, want invalid_token at once", err)
		}
		must(t, vb.Poll(context.Background()))
		if err := ask(vb, secret); !token.Is(err, token.InvalidToken) {
			t.Errorf("the other, once it heard: got %v, want invalid_token", err)
		}
	})
}

// A node that has not heard for a second asks the database before it answers:
// the bound holds without any wake-up at all.
func TestDeafNodeAsksBeforeItAnswers(t *testing.T) {
	shared(t, func(w *world, a, _ *store.Store, va, vb *Verifier) {
		must(t, workspace(a, "ws1"))
		must(t, errors.Join(va.Poll(context.Background()), vb.Poll(context.Background())))
		secret, tok := w.issue(a, va.Applied(), nil)
		must(t, ask(vb, secret))
		must(t, a.Commit(context.Background(), end(tok)))
		w.move(deaf + time.Millisecond)
		if err := ask(vb, secret); !token.Is(err, token.InvalidToken) {
			t.Errorf("got %v, want invalid_token: a second had passed", err)
		}
	})
}

func TestMintOnStaleKnowledgeIsRefusedOnAnotherNode(t *testing.T) {
	shared(t, func(w *world, a, b *store.Store, va, vb *Verifier) {
		must(t, workspace(a, "ws1"))
		must(t, errors.Join(va.Poll(context.Background()), vb.Poll(context.Background())))
		born := vb.Applied()
		must(t, a.Do(context.Background(), func(tx *store.Tx) error {
			tx.Cut(token.Cutoff{Support: token.Support{Kind: token.OnWorkspace, ID: "ws1"}})
			return nil
		}))
		id := token.NewID(w.now(), token.Long)
		err := b.Commit(context.Background(), &token.Deed{Issue: []*token.Token{{ID: id, Credential: id, Kind: token.Service, Workspace: "ws1", Born: born}}})
		if r := token.AsRefusal(err); r == nil || r.Reason != token.Stale {
			t.Errorf("got %v, want a refusal with reason stale", err)
		}
	})
}

func TestNodeWithoutItsDatabaseNeverSaysYes(t *testing.T) {
	if !pgtest.Available() {
		t.Skip("PostgreSQL is not installed; make test requires it")
	}
	w := newWorld(t)
	link := pgtest.Proxy(t, pgtest.Start(t).Database(t))
	s, v := w.node(link.DSN)
	must(t, workspace(s, "ws1"))
	must(t, v.Poll(context.Background()))
	secret, _ := w.issue(s, v.Applied(), nil)
	must(t, ask(v, secret))
	link.Cut()
	w.move(deaf + time.Millisecond)
	for range 5 {
		if err := ask(v, secret); !token.Is(err, token.Unavailable) {
			t.Fatalf("cut off: got %v, want temporarily_unavailable", err)
		}
	}
	link.Heal()
	var err error
	for range 50 { // the pool finds out about its dead connections one by one
		if err = ask(v, secret); err == nil {
			return
		}
	}
	t.Errorf("healed: got %v, want yes", err)
}

func TestNodeWhoseHistoryIsLostAnswersNothing(t *testing.T) {
	shared(t, func(w *world, a, _ *store.Store, va, vb *Verifier) {
		must(t, workspace(a, "ws1"))
		must(t, errors.Join(va.Poll(context.Background()), vb.Poll(context.Background())))
		secret, _ := w.issue(a, va.Applied(), nil)
		must(t, ask(vb, secret))
		vb.feed.mark = "of another history"
		if err := vb.Poll(context.Background()); !token.Is(err, token.Unavailable) {
			t.Errorf("got %v, want temporarily_unavailable", err)
		}
		if err := ask(vb, secret); !token.Is(err, token.Unavailable) {
			t.Errorf("got %v, want temporarily_unavailable for good", err)
		}
		if n := vb.Cached(); n != 0 {
			t.Errorf("got %d tokens in memory, want 0", n)
		}
	})
}

func TestNodeThatIsFarBehindForgetsAndReadsAgain(t *testing.T) {
	shared(t, func(w *world, a, b *store.Store, va, vb *Verifier) {
		must(t, vb.Poll(context.Background()))
		secret, _ := w.issue(a, va.Applied(), func(tok *token.Token) { tok.Workspace = "" })
		ask(vb, secret) //nolint:errcheck // it is there to be held in memory
		for i := range 3 {
			must(t, a.Do(context.Background(), func(tx *store.Tx) error {
				for j := range 9000 {
					tx.Changed(token.Change{What: token.ChangedClient, ID: fmt.Sprint(i, j)})
				}
				return nil
			}))
		}
		must(t, vb.Poll(context.Background()))
		last, err := b.Position(context.Background())
		must(t, err)
		if vb.Applied() != last.Position {
			t.Errorf("got position %d, want %d", vb.Applied(), last.Position)
		}
		if n := vb.Cached(); n != 0 {
			t.Errorf("got %d tokens in memory, want 0", n)
		}
	})
}
