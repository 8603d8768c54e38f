package authority

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/fichadev/ficha/internal/policy"
	"github.com/fichadev/ficha/internal/token"
)

const (
	// mostSimulated is how many tokens a simulation looks at.
	mostSimulated = 100_000
	simulatedPage = 2000
	mostRefused   = 100 // in each list of the answer
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
}

// An OwnerCount is how many tokens of an owner would be refused; Owner is empty
// for those of nobody.
type OwnerCount struct {
	Owner string
	Count int
}

// A Refused is a live token that would be refused, and why.
type Refused struct {
	Token *token.Token // not the whole row
	Why   []policy.Breach
}

// Simulate returns what a policy would refuse of the tokens that live in a
// workspace. It writes nothing, and looks at a bounded number of them.
func (a *Authority) Simulate(ctx context.Context, workspace string, p token.Policy) (*Simulation, error) {
	if err := policy.Check(&p); err != nil {
		return nil, err
	}
	now := a.cfg.Now().UnixMilli()
	s := &simulator{p: &p, owned: map[string]int64{}, byOwner: map[string]int{}, Simulation: &Simulation{
		From: max(now, p.EnforceFrom), ByRule: map[policy.Rule]int{},
	}}
	for at := (&token.Place{}); ; {
		page, next, err := a.cfg.Store.Survey(ctx, workspace, *at, simulatedPage)
		if err != nil {
			return nil, err
		}
		for _, t := range page {
			s.look(t)
		}
		s.walked += len(page)
		if next == nil {
			s.Whole = true
			return s.done(), nil
		}
		if s.walked >= mostSimulated {
			return s.done(), nil
		}
		at = next
	}
}

type simulator struct {
	*Simulation
	p       *token.Policy
	walked  int              // rows, dead ones too
	owned   map[string]int64 // tokens by kind and owner
	byOwner map[string]int   // refused ones
}

// done returns what was found.
func (s *simulator) done() *Simulation {
	for owner, n := range s.byOwner {
		s.Owners = append(s.Owners, OwnerCount{owner, n})
	}
	slices.SortFunc(s.Owners, func(a, b OwnerCount) int { return cmp.Or(b.Count-a.Count, strings.Compare(a.Owner, b.Owner)) })
	s.Owners = s.Owners[:min(len(s.Owners), mostRefused)]
	return s.Simulation
}

// look judges one token, if it lives now and will at the instant asked about.
func (s *simulator) look(t *token.Surveyed) {
	if t.EndedAt != 0 || t.RetiresAt != 0 || t.ExpiresAt != 0 && t.ExpiresAt <= s.From {
		return
	}
	s.Looked++
	why := append(policy.Breaches(s.p, &t.Token), policy.Used(s.p, &t.Token, t.Last, s.From)...)
	if most := s.p.MaxPerOwner[t.Kind]; most > 0 && t.Owner != "" {
		key := string(t.Kind) + " " + t.Owner
		if s.owned[key]++; s.owned[key] > most {
			why = append(why, policy.Breach{Rule: policy.PerOwner, Field: "owner", Text: "its owner has more than " + strconv.FormatInt(most, 10)})
		}
	}
	if len(why) == 0 {
		return
	}
	s.Refused++
	s.byOwner[cmp.Or(t.Owner, t.Person)]++
	counted := make([]policy.Rule, 0, len(why))
	for _, b := range why {
		if !slices.Contains(counted, b.Rule) {
			counted = append(counted, b.Rule)
			s.ByRule[b.Rule]++
		}
	}
	if len(s.First) < mostRefused {
		s.First = append(s.First, Refused{&t.Token, why})
	}
}
