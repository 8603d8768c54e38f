package token

// A UseRecord is one use of a secret, or one that was refused. Its id tells the
// instant. It never carries a path or a query.
type UseRecord struct {
	ID         ID
	Workspace  string // the one that was opened; empty where none was
	Secret     ID     // the row that was shown
	Credential ID
	Route      string // the pattern or the declared name
	Method     string // empty where it is not known
	Status     int    // what the service answered; 0 where it is not known
	Address    string
	Agent      string
	Scope      string // the scopes that were asked for, or that the service used
	Outcome    string // UseAllowed, UseReported, or the code of the refusal
	Actor      string // who acted, as ActorOf says
	For        string // for whom, if for somebody else
}

// Outcomes of a use that are no refusals.
const (
	UseAllowed  = "allowed"
	UseReported = "reported" // a service that judges by itself told of it
)

// A UseQuery asks for the recorded uses of a credential, newest first. Instants
// are ms; zero values ask for all.
type UseQuery struct {
	Credential  ID
	Workspace   string // empty: in any
	From, Until int64  // until itself is left out

	Before ID // the last id of the page before
	Limit  int
}

// A Report is a request that a service judged by itself, as it tells of it.
type Report struct {
	Request
	Method, Address, Agent string
	Scopes                 Scopes // those that the request made use of
}

// Passed reports whether the service let the token in, whatever came of it.
func (r *Report) Passed() bool { return r.Status != 401 && r.Status != 403 }
