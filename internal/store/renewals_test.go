package store

import (
	"context"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// newRenewal is what a refresh gives at that instant, the nth of it.
func newRenewal(at time.Time, n uint32) *token.Renewed {
	return &token.Renewed{Given: token.MakeID(at, token.Long, n), Access: token.MakeID(at, token.Short, n), Sealed: []byte("sealed")}
}

// has reports whether a renewal would be given again.
func (s *Store) has(t *testing.T, r *token.Renewed) bool {
	t.Helper()
	got, err := s.Renewal(t.Context(), r.Given)
	must(t, err)
	if got != nil && (got.Access != r.Access || string(got.Sealed) != "sealed") {
		t.Errorf("got %+v, want %+v", got, r)
	}
	return got != nil
}

func TestRenewalIsGivenForItsLifeAndSoOften(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		r := newRenewal(c.now(), 1)
		must(t, s.Commit(t.Context(), &token.Deed{Renewed: r}))
		serve := func() (may bool) {
			do(t, s, func(tx *Tx) (err error) {
				may, err = tx.ServeRenewal(t.Context(), r.Given, 2)
				return err
			})
			return may
		}
		if !s.has(t, r) || !serve() || !serve() {
			t.Error("it is not given twice")
		}
		if serve() {
			t.Error("it is given a third time")
		}
		late := newRenewal(c.now(), 2)
		must(t, s.Commit(t.Context(), &token.Deed{Renewed: late}))
		c.pass(token.RenewalLife)
		purgeAll(t, s)
		if r = late; !s.has(t, r) || !serve() {
			t.Error("it is not given at the end of its life")
		}
		c.pass(time.Millisecond)
		if s.has(t, r) || serve() {
			t.Error("it is given past its life")
		}
	})
}

func TestRenewalIsForgottenOnceATokenOfItIsUsed(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		// More than are looked at together, the used ones at both ends of an instant
		// and in its middle.
		var list []*token.Renewed
		seen := map[token.ID]token.Seen{token.MakeID(c.now().Add(-time.Hour), token.Long, 1): {Count: 1}}
		forgotten := map[int]bool{0: true, 1: true, 4999: true} // none among those that are looked at second
		at := c.now()
		for i := range 5000 {
			r := newRenewal(at.Add(time.Duration(i/2500)*time.Millisecond), uint32(i))
			list = append(list, r)
			if forgotten[i] {
				seen[[]token.ID{r.Given, r.Access}[i%2]] = token.Seen{Count: 1}
			}
		}
		do(t, s, func(tx *Tx) error {
			var batch []*pending
			for _, r := range list {
				batch = append(batch, &pending{deed: &token.Deed{Renewed: r}})
			}
			return tx.keepRenewals(t.Context(), batch)
		})
		must(t, s.FlushUses(t.Context(), usedOf(seen), unheard))
		for i, r := range list {
			if s.has(t, r) == forgotten[i] {
				t.Fatalf("renewal %d is there: %v", i, !forgotten[i])
			}
		}
		c.pass(token.RenewalLife + time.Second)
		purgeAll(t, s)
		if n, err := one(t.Context(), s.reads, "SELECT COUNT(*) FROM renewals", scanInt); err != nil || n != 0 {
			t.Errorf("%d are left past their life, %v", n, err)
		}
	})
}

// A refresh token whose id another one has just chosen is no lost race: the deed
// is made again with other ids, and what came first stays.
func TestRenewalsOfOneIDClash(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		for n := range 3 {
			first, second := newRenewal(c.now(), uint32(n)), newRenewal(c.now(), uint32(n))
			second.Access++
			batch := []*pending{{deed: &token.Deed{Renewed: first}}, {deed: &token.Deed{Renewed: second}}}
			for i := range n { // among others
				batch = append(batch, &pending{deed: &token.Deed{Renewed: newRenewal(c.now(), uint32(100+10*n+i))}})
			}
			for _, p := range batch {
				p.done = make(chan error, 1)
			}
			s.commit(context.Background(), batch)
			for i, p := range batch {
				r := token.AsRefusal(<-p.done)
				if (r == nil) != (i != 1) || r != nil && r.Reason != token.Clash {
					t.Errorf("member %d of %d: %v", i, len(batch), r)
				}
			}
			if !s.has(t, first) {
				t.Error("what came first is gone")
			}
		}
	})
}
