package policy

import "time"

// Terms are what a contract promises on its own page, where neither the client
// nor the workspace says otherwise.
type Terms struct {
	Access  time.Duration // how long an access token lives; 0: as the kind does
	Refresh time.Duration // how long a family of refresh tokens lives; 0: as OAuth's do
	// Refreshes is set where every client of the contract may refresh, also one
	// that is not registered for it: the contract has no such registration.
	Refreshes bool
}

// terms are the contracts with terms of their own (docs/contracts).
var terms = map[string]Terms{
	"chronos": {Access: 15 * day},
	"fanbase": {Access: time.Hour, Refresh: 30 * day, Refreshes: true},
}

// TermsOf returns the terms of a contract, by its name in a token's row.
func TermsOf(contract string) Terms { return terms[contract] }
