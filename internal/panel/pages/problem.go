package pages

import "io"

// A ProblemCode says what stopped a request that must end on a page of ours,
// because it may not be answered by a redirect.
type ProblemCode string

// The problems. Any other value is shown as Unexpected.
const (
	UnknownClient      ProblemCode = "unknown_client"      // client_id names no app here
	BadRedirect        ProblemCode = "bad_redirect"        // redirect_uri is not registered
	BadRequest         ProblemCode = "bad_request"         // malformed or incomplete
	ScopesInsufficient ProblemCode = "scopes_insufficient" // HubSpot: a required scope was not asked for
	ScopesMismatch     ProblemCode = "scopes_mismatch"     // HubSpot: a scope the app is not set up for
	WorkspaceLacks     ProblemCode = "workspace_lacks"     // the workspace has no scope that the app requires
	MissingRights      ProblemCode = "missing_rights"      // the person may not do this
	ExpiredRequest     ProblemCode = "expired_request"     // the pending authorization is over, or somebody else's
	NoWorkspace        ProblemCode = "no_workspace"        // the person belongs nowhere, so nothing opens
	Refused            ProblemCode = "refused"             // the person said no, and no redirect follows
	InstallAsked       ProblemCode = "install_asked"       // those who can install the app were written to
	SetupEnded         ProblemCode = "setup_ended"         // the one-time link was used or is too old
	NotFound           ProblemCode = "not_found"           // no such page
	TooFrequent        ProblemCode = "too_frequent"        // the person did it often of late
	Conflicting        ProblemCode = "conflicting"         // it does not go as things stand
	Unavailable        ProblemCode = "unavailable"         // what is needed does not answer; nothing was done
	Unclear            ProblemCode = "unclear"             // whether it was done could not be learned
	Unexpected         ProblemCode = "unexpected"          // our fault
)

// keys returns the title's and the explanation's.
func (c ProblemCode) keys() (title, text string) {
	switch c {
	case UnknownClient:
		return "problem.unknown_client.title", "problem.unknown_client.text"
	case BadRedirect:
		return "problem.bad_redirect.title", "problem.bad_redirect.text"
	case BadRequest:
		return "problem.bad_request.title", "problem.bad_request.text"
	case ScopesInsufficient:
		return "problem.connection.title", "problem.scopes_insufficient.text"
	case ScopesMismatch:
		return "problem.connection.title", "problem.scopes_mismatch.text"
	case WorkspaceLacks:
		return "problem.workspace_lacks.title", "problem.workspace_lacks.text"
	case MissingRights:
		return "problem.missing_rights.title", "problem.missing_rights.text"
	case ExpiredRequest:
		return "problem.expired_request.title", "problem.expired_request.text"
	case NoWorkspace:
		return "problem.no_workspace.title", "problem.no_workspace.text"
	case Refused:
		return "problem.refused.title", "problem.refused.text"
	case InstallAsked:
		return "problem.install_asked.title", "problem.install_asked.text"
	case SetupEnded:
		return "problem.setup_ended.title", "problem.setup_ended.text"
	case NotFound:
		return "problem.not_found.title", "problem.not_found.text"
	case TooFrequent:
		return "problem.too_frequent.title", "problem.too_frequent.text"
	case Conflicting:
		return "problem.conflicting.title", "problem.conflicting.text"
	case Unavailable:
		return "problem.unavailable.title", "problem.unavailable.text"
	case Unclear:
		return "problem.unclear.title", "problem.unclear.text"
	}
	return "problem.unexpected.title", "problem.unexpected.text"
}

// Problem is the page for what cannot go on. It repeats nothing of the request
// by itself.
type Problem struct {
	Code    ProblemCode
	Status  int    // the HTTP status it is sent with; shown from 400 on
	Request string // its id, to quote to whoever looks after the server
}

type problemView struct {
	Problem
	TitleKey, TextKey string
	Calm              bool // nothing went wrong: the person said no
}

// Problem writes the page for what cannot go on.
func (s *Set) Problem(w io.Writer, lang Lang, v Problem) error {
	title, text := v.Code.keys()
	view := problemView{Problem: v, TitleKey: title, TextKey: text, Calm: v.Code == Refused || v.Code == InstallAsked}
	return s.render(w, lang, "problem", "", view)
}
