package authority_test

import (
	"encoding/hex"
	"sync"
	"testing"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

// TestRunLeavesNoSecretOfATokenThatIsRotatedMeanwhile, though four writers on two
// nodes rotate it without pause.
func TestRunLeavesNoSecretOfATokenThatIsRotatedMeanwhile(t *testing.T) {
	nodes := nodesOf(t)
	for round := range 6 {
		first := minted(t, nodes[0], authority.Order{})
		over := make(chan struct{})
		var writers sync.WaitGroup
		for n := range 4 {
			writers.Go(func() {
				for {
					select {
					case <-over:
						return
					default:
						rotateNewest(t, nodes[n%len(nodes)], first.Token.Credential)
					}
				}
			})
		}
		for made := 0; made < 4; { // rotations are under way
			secrets, err := nodes[0].Store.Secrets(t.Context(), first.Token.Credential)
			if err != nil {
				t.Fatal(err)
			}
			made = len(secrets)
		}
		_, err := nodes[0].Authority.Sweep(t.Context(), apply, authority.Sweep{
			Workspace: "w", Act: token.Revoke, By: token.Predicate{Kind: token.Service}, Reason: "all",
		})
		close(over)
		writers.Wait()
		if err != nil {
			t.Fatal(err)
		}
		secrets, err := nodes[0].Store.Secrets(t.Context(), first.Token.Credential)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range secrets {
			if s.EndedAt == 0 {
				t.Errorf("round %d: of %d secrets, %v still opens", round, len(secrets), s.ID)
			}
		}
	}
}

// TestTokenThatTwoGiveAwayAtOnceIsRecordedFromHandToHand: what the one records as
// its former owner is whom the other gave it to.
func TestTokenThatTwoGiveAwayAtOnceIsRecordedFromHandToHand(t *testing.T) {
	nodes := nodesOf(t)
	for round := range 10 {
		first := minted(t, nodes[0], authority.Order{Owner: "nobody yet"}).Token
		var givers sync.WaitGroup
		for n, owner := range []string{"billing", "shop", "media", "search"} {
			givers.Go(func() {
				if err := nodes[n%len(nodes)].Authority.Describe(t.Context(), apply, first, token.Description{Owner: &owner}); err != nil {
					t.Error(err)
				}
			})
		}
		givers.Wait()
		former := map[string]int{}
		events, err := nodes[0].Store.Events(t.Context(), token.Trail{Workspace: "w", Target: "token:" + first.Credential.String(), Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if who, ok := e.Detail["former_owner"].(string); ok {
				former[who]++
			}
		}
		for who, times := range former {
			if times != 1 {
				t.Errorf("round %d: %s gave it away %d times", round, who, times)
			}
		}
		if len(former) != 4 {
			t.Errorf("round %d: it was given away by %v", round, former)
		}
	}
}

// nodesOf starts one server, or two on one database where that can be.
func nodesOf(t *testing.T) []*servertest.House {
	t.Helper()
	if !pgtest.Available() {
		return []*servertest.House{servertest.Start(t, twoTenants, nil)}
	}
	key := token.HashOf("their master key")
	database := pgtest.Start(t).Database(t)
	node := func() *servertest.House {
		return servertest.Start(t, twoTenants, func(c *server.Config) { c.Database, c.MasterKey = database, hex.EncodeToString(key[:]) })
	}
	return []*servertest.House{node(), node()}
}

// rotateNewest puts another in the place of the secret that lives, at once. That
// it loses to others, or to the run, is no matter.
func rotateNewest(t *testing.T, h *servertest.House, credential token.ID) {
	t.Helper()
	secrets, err := h.Store.Secrets(t.Context(), credential)
	if err != nil {
		t.Error(err)
		return
	}
	for _, s := range secrets {
		if s.EndedAt == 0 {
			_, _, err = h.Authority.Rotate(t.Context(), apply, authority.Turn{Token: s, Reason: "once more"})
		}
	}
	if err != nil && token.AsRefusal(err) == nil {
		t.Error(err)
	}
}
