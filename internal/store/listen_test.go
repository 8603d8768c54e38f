package store

import (
	"context"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/token"
)

// wait fails the test if no word arrives.
func wait(t *testing.T, woken <-chan struct{}) {
	t.Helper()
	select {
	case <-woken:
	case <-time.After(30 * time.Second):
		t.Fatal("nobody was woken")
	}
}

func change(t *testing.T, s *Store) {
	t.Helper()
	do(t, s, func(tx *Tx) error { tx.Changed(token.Change{What: token.ChangedCatalogue}); return nil })
}

func TestOtherNodesAreWoken(t *testing.T) {
	if !pgtest.Available() {
		return // there is nothing to listen to
	}
	server := pgtest.New(t, "fsync=off")
	address := server.Database(t)
	one, two := open(t, address), open(t, address)
	woken := two.Listen(t.Context())
	wait(t, woken) // it listens
	change(t, one)
	wait(t, woken)

	// Everything that talks to the server is cut off; who listens comes back.
	server.Restart(t)
	wait(t, woken)
	if err := one.Ping(t.Context()); err != nil {
		t.Logf("the first question after the restart: %v", err)
	}
	change(t, one)
	wait(t, woken)
}

func TestNobodyIsWokenOnSQLite(t *testing.T) {
	if woken := open(t, "sqlite").Listen(t.Context()); woken != nil {
		t.Error("a file that nobody shares has wake-ups")
	}
}

func TestListeningEndsWithItsContext(t *testing.T) {
	if !pgtest.Available() {
		return // there is nothing to listen to
	}
	s := open(t, pgtest.Start(t).Database(t))
	ctx, cancel := context.WithCancel(t.Context())
	woken, ended := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(ended)
		s.listen(ctx, woken)
	}()
	wait(t, woken)
	cancel()
	wait(t, ended)
}
