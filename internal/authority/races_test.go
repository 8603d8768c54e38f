package authority_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

// onEachEngine runs a test in a house on SQLite, and in one on PostgreSQL where
// there is one: there deeds see what others have committed meanwhile.
func onEachEngine(t *testing.T, resources string, test func(*testing.T, *servertest.House)) {
	t.Run("sqlite", func(t *testing.T) { test(t, servertest.Start(t, resources, nil)) })
	if pgtest.Available() {
		t.Run("postgres", func(t *testing.T) {
			database := pgtest.Start(t).Database(t)
			test(t, servertest.Start(t, resources, func(c *server.Config) { c.Database = database }))
		})
	}
}

// together runs a deed n times at once and returns how many were done. What is
// not done is refused with Conflict.
func together(t *testing.T, n int, deed func(i int) error) (done int) {
	t.Helper()
	var all sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		all.Go(func() { errs[i] = deed(i) })
	}
	all.Wait()
	for i, err := range errs {
		switch {
		case err == nil:
			done++
		case !token.Is(err, token.Conflict):
			t.Errorf("%d: %v", i, err)
		}
	}
	return done
}

func TestApprovalIsGivenOrDenied(t *testing.T) {
	onEachEngine(t, policyHouse, func(t *testing.T, house *servertest.House) {
		h := &policed{house, t}
		h.put(token.Policy{Approval: []token.Kind{token.Service}})
		super := h.as("super@example.test")
		decide := []func(ctx context.Context, t *token.Token) error{
			func(ctx context.Context, t *token.Token) error { return h.Authority.ApproveToken(ctx, super, t) },
			func(ctx context.Context, t *token.Token) error { return h.Authority.DenyToken(ctx, super, t, "no") },
		}
		for range 10 {
			out := h.issue(service(nil))
			if done := together(t, 6, func(i int) error { return decide[i%2](t.Context(), out.Token) }); done != 1 {
				t.Errorf("%d decisions about one token", done)
			}
		}
	})
}

// A suspension without an end is not turned into one that ends by itself.
func TestBrownoutOpensNothingThatOthersSuspended(t *testing.T) {
	onEachEngine(t, policyHouse, func(t *testing.T, house *servertest.House) {
		h := &policed{house, t}
		super := h.as("super@example.test")
		for range 10 {
			out := h.issue(service(nil))
			together(t, 6, func(i int) error {
				if i == 0 {
					return h.Authority.Suspend(t.Context(), super, out.Token, 0, "seen abroad")
				}
				return h.Authority.Brownout(t.Context(), super, out.Token, time.Minute)
			})
			row, err := h.Store.Token(t.Context(), out.Token.ID)
			if err != nil || row.SuspendedAt == 0 || row.SuspendedUntil != 0 {
				t.Errorf("suspended at %d until %d, %v; want without an end", row.SuspendedAt, row.SuspendedUntil, err)
			}
		}
	})
}
