package token

import (
	"errors"
	"fmt"
	"time"
)

// A Code says what kind of refusal a caller met. The words are RFC 6749's,
// RFC 6750's and RFC 7662's where those have one; faces map a code to their
// status and shape in one table.
type Code string

// The codes. Each comment says when it is used.
const (
	InvalidRequest       Code = "invalid_request"           // malformed, missing, repeated (RFC 6749, 5.2)
	InvalidClient        Code = "invalid_client"            // unknown client or wrong secret, never told apart
	InvalidGrant         Code = "invalid_grant"             // code or refresh token unknown, ended, or somebody else's
	UnauthorizedClient   Code = "unauthorized_client"       // the client may not use this grant
	UnsupportedGrantType Code = "unsupported_grant_type"    // no such grant here
	UnsupportedResponse  Code = "unsupported_response_type" // only code is served
	InvalidScope         Code = "invalid_scope"             // unknown, or more than is allowed
	InvalidTarget        Code = "invalid_target"            // unknown resource (RFC 8707)
	AccessDenied         Code = "access_denied"             // the person, or the person's rights, said no
	LoginRequired        Code = "login_required"            // prompt=none without a session
	ConsentRequired      Code = "consent_required"          // prompt=none without a consent
	InvalidToken         Code = "invalid_token"             // RFC 6750, 3.1
	InsufficientScope    Code = "insufficient_scope"        // RFC 6750, 3.1; Refusal.Scope names what is missing
	WorkspaceRequired    Code = "workspace_required"        // the token opens several: name one
	Forbidden            Code = "forbidden"                 // known caller without the right
	NotFound             Code = "not_found"                 // unknown, or another tenant's: never told apart
	Invalid              Code = "invalid_value"             // understood but not acceptable; Refusal.Fields says where
	Conflict             Code = "conflict"                  // the state it would leave is not the state it is in
	Outdated             Code = "precondition_failed"       // it is not as it was when the caller read it (RFC 9110, 13.1.1)
	TooMany              Code = "too_many_requests"         // Refusal.RetryAfter says when
	TooLarge             Code = "request_too_large"         // a bound of the edge
	MethodNotAllowed     Code = "method_not_allowed"        // the path exists, not for this method
	UnsupportedMedia     Code = "unsupported_media_type"    // the body is of a type this route does not read
	Unavailable          Code = "temporarily_unavailable"   // cannot know now: never a yes
	OutcomeUnknown       Code = "outcome_unknown"           // the commit's fate could not be learned
)

// A Field names one value of a request and what is wrong with it.
type Field struct {
	Name string `json:"field"`
	Text string `json:"message"`
}

// A Refusal is the caller's business: it has a code and a sentence fit to be
// read by the caller. It never carries a secret.
type Refusal struct {
	Code       Code
	Text       string
	Reason     Reason        // finer than Code, for contracts that tell more apart
	Fields     []Field       // for Invalid and InvalidRequest
	Scope      Scopes        // for InsufficientScope: what is missing
	RetryAfter time.Duration // for TooMany and Unavailable
	Cause      error         // the fault behind an Unavailable: for the log, never for the caller
}

// A Reason refines a Code for the contracts that tell more apart than the
// RFCs do (HubSpot's status words, a page's advice). Empty when there is none.
type Reason string

// The reasons.
const (
	UnknownCode      Reason = "unknown_code"
	ExpiredCode      Reason = "expired_code"
	UsedCode         Reason = "used_code"
	UnknownRefresh   Reason = "unknown_refresh_token"
	OtherClient      Reason = "issued_to_another_client"
	RedirectMismatch Reason = "redirect_uri_mismatch"
	UnknownClient    Reason = "unknown_client_id" // only where a contract owes the distinction and no secret was tried
	BadVerifier      Reason = "bad_code_verifier"
	Expired          Reason = "expired"
	Ended            Reason = "ended"
	Suspended        Reason = "suspended"
	WrongWorkspace   Reason = "wrong_workspace"
	WrongAudience    Reason = "wrong_audience"
	WrongAddress     Reason = "wrong_address"
	MissingToken     Reason = "missing_token"
	ScopesTooFew     Reason = "scopes_insufficient" // a required scope was not asked for
	ScopesMismatch   Reason = "scopes_mismatch"     // a scope the client is not registered for
	NeedsSuperAdmin  Reason = "needs_super_admin"
	NeedsAdmin       Reason = "needs_admin"
	WorkspaceLacks   Reason = "workspace_lacks_scopes" // so that nobody in it may give them
	NotAnew          Reason = "not_anew"               // the provider did not ask the person anew
	Unverified       Reason = "unverified_email"       // the provider does not vouch for the address
	NotAdded         Reason = "not_added"              // nobody here has the address
	Disabled         Reason = "disabled"               // who may not sign in
	OtherAccount     Reason = "linked_to_another"      // to another account at the provider
	Stale            Reason = "stale"                  // a support changed while the token was minted: read again
	Clash            Reason = "clash"                  // an id or key exists: mint again
	Lost             Reason = "lost"                   // another racer left the state first
)

// Error returns the sentence with its code, and the cause, for logs.
func (r *Refusal) Error() string {
	text := string(r.Code) + ": " + r.Text
	if r.Cause != nil {
		text += ": " + r.Cause.Error()
	}
	return text
}

// Unwrap returns the fault behind the refusal, nil if there is none.
func (r *Refusal) Unwrap() error { return r.Cause }

// Unreachable makes the refusal of a request that needed something which does
// not answer now: never a yes, and never a no that could be taken for one.
func Unreachable(cause error) *Refusal {
	return &Refusal{
		Code: Unavailable, Text: "the database cannot be used at the moment; try again soon", RetryAfter: time.Second, Cause: cause,
	}
}

// Errorf makes a refusal.
func Errorf(code Code, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Text: fmt.Sprintf(format, args...)}
}

// Because returns the refusal with its finer reason set.
func (r *Refusal) Because(why Reason) *Refusal { r.Reason = why; return r }

// AtField makes the refusal of one named value (HTTP 422 on /v1).
func AtField(name, format string, args ...any) *Refusal {
	text := fmt.Sprintf(format, args...)
	return &Refusal{Code: Invalid, Text: name + ": " + text, Fields: []Field{{Name: name, Text: text}}}
}

// AsRefusal returns the refusal in err's chain, or nil when err is nil or a fault.
func AsRefusal(err error) *Refusal {
	r, _ := errors.AsType[*Refusal](err)
	return r
}

// Is reports whether err is a refusal with that code.
func Is(err error, code Code) bool {
	r := AsRefusal(err)
	return r != nil && r.Code == code
}
