package token

// An Authorization is an authorize request that waits for its person.
type Authorization struct {
	ID        ID
	Session   ID // of the person who was signed in
	Client    string
	Contract  string
	Request   string // what was asked, JSON
	State     AuthorizationState
	Grant     ID    // what was given, 0 until approved
	ExpiresAt int64 // ms
}

// An AuthorizationState says what became of an authorize request.
type AuthorizationState string

// The states. A request is answered once.
const (
	Pending  AuthorizationState = "pending"
	Approved AuthorizationState = "approved"
	Denied   AuthorizationState = "denied"
)
