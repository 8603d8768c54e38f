package token

// An Alert is one incident in a workspace: from the minute in which a rule was
// first broken until it is resolved. Instants are ms, 0 where not yet.
type Alert struct {
	ID         ID
	Workspace  string
	Rule       string // by name
	Class      string // Internal | External
	Severity   string // page | ticket
	State      AlertState
	Since      int64 // when the rule was first broken
	FiredAt    int64
	CalmSince  int64 // firing, but kept again since then
	ResolvedAt int64
	Detail     map[string]any // what was measured when it fired
}

// An AlertState says how far an incident has come; empty: there is none.
type AlertState string

// The states of an incident.
const (
	AlertPending  AlertState = "pending" // broken, not yet for long enough
	AlertFiring   AlertState = "firing"
	AlertResolved AlertState = "resolved"
)

// An AlertQuery asks for the incidents of a workspace, newest first. The zero
// value of a filter asks for all.
type AlertQuery struct {
	Workspace string
	State     AlertState
	Rule      string
	Before    ID  // the last id of the page before; 0: the newest page
	Limit     int // at most MostListed, which 0 means too
}
