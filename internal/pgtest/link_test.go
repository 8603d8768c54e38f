package pgtest_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/fichadev/ficha/internal/pgtest"
)

func linked(t *testing.T) (*pgtest.Link, *pgx.Conn) {
	t.Helper()
	need(t)
	l := pgtest.Proxy(t, pgtest.Start(t).Database(t))
	return l, connect(t, l.DSN)
}

func TestLinkCarriesBothWays(t *testing.T) {
	_, conn := linked(t)
	if got := ask(t, conn, "SELECT repeat('x', 1000000)"); len(got) != 1000000 {
		t.Errorf("%d bytes came through the link, want 1000000", len(got))
	}
}

func TestCutEndsConnectionsAndRefusesNewOnes(t *testing.T) {
	l, conn := linked(t)
	l.Cut()
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("a cut connection answers")
	}
	if _, err := pgx.Connect(t.Context(), l.DSN); err == nil {
		t.Error("a cut link accepts a connection")
	}
	l.Heal()
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("healing revived a cut connection")
	}
	run(t, connect(t, l.DSN), "SELECT 1")
}

// wait is long enough for an answer on this machine and short enough for a test.
const wait = 100 * time.Millisecond

func TestStallHangsUntilHealed(t *testing.T) {
	l, conn := linked(t)
	l.Stall()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	if c, err := pgx.Connect(ctx, l.DSN); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("connecting over a stalled link: %v, %v; want a deadline", c, err)
	}
	answer := make(chan error, 1)
	go func() { answer <- conn.Ping(t.Context()) }()
	select {
	case err := <-answer:
		t.Errorf("a stalled connection answered: %v", err)
	case <-time.After(wait):
	}
	l.Heal()
	if err := <-answer; err != nil {
		t.Errorf("the connection did not survive the stall: %v", err)
	}
}

func TestCutEndsAStall(t *testing.T) {
	l, conn := linked(t)
	l.Stall()
	answer := make(chan error, 1)
	go func() { answer <- conn.Ping(t.Context()) }()
	l.Cut()
	if err := <-answer; err == nil {
		t.Error("a cut connection answers")
	}
}

func TestLinkOutlivesItsServer(t *testing.T) {
	need(t)
	s := pgtest.New(t, "fsync=off")
	l := pgtest.Proxy(t, s.Database(t))
	connect(t, l.DSN)
	s.Kill(t)
	if _, err := pgx.Connect(t.Context(), l.DSN); err == nil {
		t.Error("a killed server answers over the link")
	}
	s.Restart(t)
	connect(t, l.DSN)
}

func TestLinkIsBrokenByManyAtOnce(t *testing.T) {
	need(t)
	l := pgtest.Proxy(t, pgtest.Start(t).Database(t))
	var work sync.WaitGroup
	for _, deed := range []func(){l.Cut, l.Stall, l.Heal} {
		work.Go(func() {
			for range 50 {
				deed()
			}
		})
	}
	for range 4 {
		work.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			defer cancel()
			if conn, err := pgx.Connect(ctx, l.DSN); err == nil { // whether it works is up to the others
				_ = conn.Close(ctx)
			}
		})
	}
	work.Wait()
	l.Heal()
	run(t, connect(t, l.DSN), "SELECT 1")
}
