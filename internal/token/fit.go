package token

import "slices"

// confidentAfter is how many days of record it takes to trust a proposal: two
// weeks have every day of the week twice.
const confidentAfter = 14

// A Fit holds what a token was granted against what it used.
type Fit struct {
	Proposal  Scopes // sorted: those that it used; all that it has where none is known to be needed
	Unused    Scopes
	Since     int64 // ms: the record begins; 0: there is none
	Days      int64 // whole ones of record
	Confident bool
}

// Fit returns how well the token's scopes fit its use. Uses that named no scope
// may have needed any: then there is no confidence. Of a wide scope of which a
// part is used, the part is proposed.
func (t *Token) Fit(use ScopeUse, now int64) Fit {
	f := Fit{Since: use.Since(t.IssuedAt)}
	for _, s := range use.Scopes {
		f.Proposal = append(f.Proposal, s.Name)
	}
	slices.Sort(f.Proposal)
	f.Unused = t.Scopes.Filter(func(s string) bool { return !slices.Contains(f.Proposal, s) })
	if f.Since > 0 {
		f.Days = (now - f.Since) / (24 * 3600_000)
	}
	f.Confident = f.Days >= confidentAfter && len(use.Scopes) > 0 && use.Unscoped == 0
	if len(f.Proposal) == 0 {
		f.Proposal = t.Scopes
	}
	return f
}
