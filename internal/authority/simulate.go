package authority

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/policy"
	"github.com/fichadev/ficha/internal/token"
)

const (
	// mostSimulated is how many rows a quick simulation looks at: less than a
	// tenth of a second.
	mostSimulated = 25_000
	// wholeSimulated is how long a whole one may take, of the ten seconds that a
	// request has: some two million rows. Of many at once one is done.
	wholeSimulated = 8 * time.Second
	simulatedPage  = 2000
	mostRefused    = 100 // in each list of the answer
)

// A Simulation says what a policy would refuse if it were enforced at an
// instant.
type Simulation struct {
	From    int64 // ms
	Looked  int   // live tokens looked at
	Whole   bool  // all of them were; otherwise the counts are at least so much
	Refused int
	ByRule  map[policy.Rule]int // a token may break several
	Owners  []OwnerCount        // up to 100, who has the most first
	First   []Refused           // up to 100, the oldest first

	// Lacking are up to 100 members who would have to set a second factor up;
	// MoreLack says that there are others.
	Lacking  []*token.Person
	MoreLack bool
}

// An OwnerCount is how many tokens of an owner would be refused; Owner is empty
// for those of nobody.
type OwnerCount struct {
	Owner string
	Count int
}

// A Refused is a live token that would be refused, and why.
type Refused struct {
	Token *token.Token
	Why   []policy.Breach
}

// Simulate returns what a policy would refuse of the tokens that live in a
// workspace. It writes nothing. A quick one looks at a bounded number of them; a
// whole one goes on page by page until it has seen all, or its time is over, and
// refuses with Conflict while this node does another.
func (a *Authority) Simulate(ctx context.Context, workspace string, p token.Policy, whole bool) (*Simulation, error) {
	if err := policy.Check(&p); err != nil {
		return nil, err
	}
	if whole {
		if !a.simulating.TryLock() {
			return nil, token.Errorf(token.Conflict, "a whole simulation is under way; try again when it is done, or ask for a quick one")
		}
		defer a.simulating.Unlock()
	}
	timed, cancel := context.WithTimeout(ctx, wholeSimulated)
	defer cancel()
	now := a.cfg.Now().UnixMilli()
	s := &simulator{p: &p, owned: map[string]int64{}, byOwner: map[string]int{}, Simulation: &Simulation{
		From: max(now, p.EnforceFrom), ByRule: map[policy.Rule]int{},
	}}
	for at := (&token.Place{}); ; {
		page, next, err := a.cfg.Store.Survey(ctx, workspace, *at, len(p.Addresses)+len(p.IdleExpiry) > 0, simulatedPage)
		if err != nil {
			return nil, err
		}
		for i := range page {
			s.look(&page[i])
		}
		s.walked += len(page)
		s.Whole = next == nil
		if s.Whole || !whole && s.walked >= mostSimulated || timed.Err() != nil {
			s.countOwners()
			if err := a.findLacking(ctx, workspace, s); err != nil {
				return nil, err
			}
			return s.Simulation, a.fillRefused(ctx, s.First)
		}
		at = next
	}
}

// findLacking finds the members who would have to set a second factor up.
func (a *Authority) findLacking(ctx context.Context, workspace string, s *simulator) error {
	if s.p.SecondFactor == "" {
		return nil
	}
	found, err := a.cfg.Store.OneFactor(ctx, workspace, s.p.SecondFactor == token.SecondForAdmins, a.cfg.Upstream, mostRefused+1)
	s.Lacking, s.MoreLack = found[:min(len(found), mostRefused)], len(found) > mostRefused
	return err
}

// fillRefused reads the rows of those that are named.
func (a *Authority) fillRefused(ctx context.Context, first []Refused) error {
	for i, r := range first {
		row, err := a.row(ctx, r.Token.ID)
		if err != nil {
			return err
		}
		if row != nil {
			first[i].Token = row
		}
	}
	return nil
}

type simulator struct {
	*Simulation
	p       *token.Policy
	walked  int              // rows, dead ones too
	owned   map[string]int64 // tokens by kind and owner
	byOwner map[string]int   // refused ones
	row     token.Token      // that is looked at: one for all of them
}

// countOwners lists those of whose tokens most would be refused.
func (s *simulator) countOwners() {
	for owner, n := range s.byOwner {
		s.Owners = append(s.Owners, OwnerCount{owner, n})
	}
	slices.SortFunc(s.Owners, func(a, b OwnerCount) int { return cmp.Or(b.Count-a.Count, strings.Compare(a.Owner, b.Owner)) })
	s.Owners = s.Owners[:min(len(s.Owners), mostRefused)]
}

// look judges one token, if it lives now and will at the instant asked about.
func (s *simulator) look(t *token.Surveyed) {
	if !t.Live(s.From) {
		return
	}
	s.Looked++
	row := &s.row
	*row = t.Token()
	why := append(policy.Breaches(s.p, row), policy.Used(s.p, row, token.Seen{Last: t.LastAt, Address: t.LastAddress}, s.From)...)
	if most := s.p.MaxPerOwner[t.Kind]; most > 0 && t.Owner != "" {
		key := string(t.Kind) + " " + t.Owner
		if s.owned[key]++; s.owned[key] > most {
			why = append(why, policy.Breach{Rule: policy.PerOwner, Policy: s.p, Token: row})
		}
	}
	if len(why) == 0 {
		return
	}
	s.Refused++
	s.byOwner[t.Owner]++
	for i, b := range why {
		if !slices.ContainsFunc(why[:i], func(one policy.Breach) bool { return one.Rule == b.Rule }) {
			s.ByRule[b.Rule]++
		}
	}
	if len(s.First) < mostRefused {
		kept := *row
		for i := range why {
			why[i].Token = &kept
		}
		s.First = append(s.First, Refused{&kept, why})
	}
}
