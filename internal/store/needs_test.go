package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// Who needs a suspended secret is told apart as far as there is room, whichever
// node writes it down, and forgotten with what else was named.
func TestWhoNeedsASuspendedSecretIsKeptAsFarAsThereIsRoom(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		ctx, at := t.Context(), c.now().UnixMilli()
		need := func(since int64, agent string, last int64) token.Need {
			return token.Need{Secret: 7, Since: since, Seen: token.Seen{First: last, Last: last, Count: 1, Address: "192.0.2.7", Agent: agent, Route: fmt.Sprint("r", last-at)}}
		}
		must(t, s.WriteNeeds(ctx, nil))
		must(t, s.WriteNeeds(ctx, []token.Need{need(at, "one", at+2), need(at, "two", at+3), need(at+50, "one", at+60)}))
		must(t, s.WriteNeeds(ctx, []token.Need{need(at, "one", at+1)}))
		list, err := s.Needs(ctx, 7, at)
		must(t, err)
		for _, n := range list {
			if n.Agent == "one" && (n.Count != 2 || n.First != at+1 || n.Last != at+2 || n.Route != "r2") {
				t.Errorf("merged: %+v", n)
			}
		}
		if len(list) != 2 {
			t.Errorf("%d in the first suspension, want 2: %+v", len(list), list)
		}
		var many []token.Need
		for i := range 2 * token.MostNeeds {
			many = append(many, need(at, fmt.Sprintf("robot %03d", i), at+5))
		}
		must(t, s.WriteNeeds(ctx, many))
		list, err = s.Needs(ctx, 7, at)
		must(t, err)
		sum, rest := int64(0), int64(0)
		for _, n := range list {
			sum += n.Count
			if n.Agent == "" {
				rest = n.Count
			}
		}
		if len(list) != token.MostNeeds+1 || sum != 3+2*token.MostNeeds || rest != token.MostNeeds+2 {
			t.Errorf("%d are told apart, %d refusals, %d of the rest", len(list), sum, rest)
		}
		c.pass(keepNamed + time.Second)
		if _, err := s.Purge(ctx); err != nil {
			t.Fatal(err)
		}
		if list, err = s.Needs(ctx, 7, at); err != nil || len(list) != 0 {
			t.Errorf("90 days later %d, %v", len(list), err)
		}
	})
}
