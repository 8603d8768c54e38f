package store

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// family enters a family of an instant with its first token, which may end it.
func family(t *testing.T, s *Store, at time.Time, n uint32, change func(*token.Grant), first *token.Token) token.ID {
	t.Helper()
	g := &token.Grant{ID: token.MakeID(at, token.Long, n), Contract: "oauth2", Client: "c1", Person: "ana", Workspace: "ws1", CreatedAt: at.UnixMilli()}
	if change != nil {
		change(g)
	}
	first.Grant, first.Name = g.ID, ""
	must(t, s.Commit(t.Context(), &token.Deed{Grant: g, Issue: []*token.Token{first}}))
	return g.ID
}

func lapsed(t *testing.T, s *Store) (ids []token.ID) {
	t.Helper()
	list, err := s.LapsedGrants(t.Context(), 10)
	must(t, err)
	for _, g := range list {
		ids = append(ids, g.ID)
	}
	return ids
}

// TestFamilyLapsesWithItsLastRefreshToken: with the one that was not replaced,
// once that is purged, and never an install.
func TestFamilyLapsesWithItsLastRefreshToken(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		month := 30 * oneDay
		refresh := func(n uint32, d time.Duration) *token.Token { return life(spring, token.Refresh, d, n) }
		over := family(t, s, spring, 1, nil, refresh(1, month))
		family(t, s, spring, 2, func(g *token.Grant) { g.Installed = true }, refresh(2, month))
		family(t, s, spring, 3, nil, refresh(3, 0)) // for ever
		turned := refresh(4, month)
		going := family(t, s, spring, 4, nil, turned)
		c.pass(20 * oneDay)
		next := life(c.now(), token.Refresh, month, 5)
		next.Grant, next.Name = going, ""
		must(t, s.Commit(t.Context(), &token.Deed{Issue: []*token.Token{next}, End: []token.Ending{{
			ID: turned.ID, At: c.now().UnixMilli(), Reason: "rotated", Successor: next.ID,
		}}}))
		c.pass(10*oneDay + keepNamed - time.Second)
		purgeAll(t, s)
		if ids := lapsed(t, s); len(ids) != 0 || !there(t, s, next.ID) {
			t.Errorf("%v lapsed while their tokens were kept", ids)
		}
		c.pass(2 * time.Second)
		purgeAll(t, s)
		if ids := lapsed(t, s); !slices.Equal(ids, []token.ID{over}) {
			t.Errorf("%v lapsed, want %v", ids, over)
		}
		c.pass(20 * oneDay)
		purgeAll(t, s)
		if ids := lapsed(t, s); !slices.Equal(ids, []token.ID{over, going}) {
			t.Errorf("%v lapsed, want %v and %v", ids, over, going)
		}
		lapse := func(tx *Tx) (bool, error) { return tx.LapseGrant(t.Context(), going) }
		before, err := s.Position(t.Context())
		must(t, err)
		wins(t, s, "lapse", true, lapse)
		wins(t, s, "lapse", false, lapse)
		after, err := s.Position(t.Context())
		must(t, err)
		if g, err := s.Grant(t.Context(), going); err != nil || g.EndedAt != c.now().UnixMilli() || g.EndReason != "lapsed" || len(g.Cutoffs) != 0 {
			t.Errorf("ended as %+v, %v; want no cutoff", g, err)
		}
		if after.Position != before.Position+1 {
			t.Errorf("other nodes hear of %d changes, want 1", after.Position-before.Position)
		}
		drop := func(id token.ID) func(tx *Tx) (bool, error) {
			return func(tx *Tx) (bool, error) { return tx.DropGrant(t.Context(), id) }
		}
		wins(t, s, "drop", false, drop(going))
		wins(t, s, "drop", true, drop(over))
		if ids := lapsed(t, s); len(ids) != 0 {
			t.Errorf("%v lapse again", ids)
		}
		if s.engine.shared() {
			return
		}
		if plan := explain(t, s, lapsedGrants, []any{1, 2}); !strings.Contains(plan, "grants_lapsed") {
			t.Errorf("they are looked for by\n%s", plan)
		}
	})
}

// TestFamilyWithoutARefreshTokenLapsesByItsCode, when all that the code could
// bring is over; one whose code brought a refresh token does not.
func TestFamilyWithoutARefreshTokenLapsesByItsCode(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		must(t, s.EnsurePartitions(t.Context(), c.now(), 1))
		code := func(n uint32) *token.Token {
			return life(spring.Add(time.Duration(n)*time.Millisecond), token.AuthCode, time.Minute, n)
		}
		bare := family(t, s, spring, 1, nil, code(1))
		with := code(2)
		family(t, s, spring, 2, nil, with)
		must(t, s.Commit(t.Context(), &token.Deed{End: []token.Ending{{ID: with.ID, At: c.now().UnixMilli(), Reason: "redeemed", Successor: 7}}}))
		family(t, s, spring, 3, func(g *token.Grant) { g.Installed = true }, code(3))
		family(t, s, spring, 4, func(g *token.Grant) { g.Person = "" }, code(4))
		c.pass(3 * oneDay)
		purgeAll(t, s)
		purgeAll(t, s)
		c.pass(keepNamed - oneDay - time.Second)
		purgeAll(t, s)
		if ids := lapsed(t, s); len(ids) != 0 {
			t.Errorf("%v lapsed while a token of theirs could live, or was kept", ids)
		}
		c.pass(2 * time.Second)
		if ids := lapsed(t, s); !slices.Equal(ids, []token.ID{bare}) {
			t.Errorf("%v lapsed, want %v", ids, bare)
		}
	})
}
