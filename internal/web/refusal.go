package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// ServerError is the code under which a caller hears of a fault.
const ServerError token.Code = "server_error"

// uriTooLong refuses a request line that is too long.
const uriTooLong token.Code = "uri_too_long"

// Status returns the HTTP status of a code: the one table for all contracts
// that do not owe another.
func Status(code token.Code) int {
	switch code {
	case token.InvalidClient, token.InvalidToken:
		return http.StatusUnauthorized
	case token.InsufficientScope, token.Forbidden, token.AccessDenied, token.WorkspaceRequired:
		return http.StatusForbidden
	case token.NotFound:
		return http.StatusNotFound
	case token.MethodNotAllowed:
		return http.StatusMethodNotAllowed
	case token.Conflict:
		return http.StatusConflict
	case token.Outdated:
		return http.StatusPreconditionFailed
	case token.TooLarge:
		return http.StatusRequestEntityTooLarge
	case uriTooLong:
		return http.StatusRequestURITooLong
	case token.UnsupportedMedia:
		return http.StatusUnsupportedMediaType
	case token.Invalid:
		return http.StatusUnprocessableEntity
	case token.TooMany:
		return http.StatusTooManyRequests
	case token.Unavailable, token.OutcomeUnknown:
		return http.StatusServiceUnavailable
	case ServerError:
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// fail answers an error in the shape of the route. Where the answer has begun
// it can no longer be changed; it is torn off, so that nobody takes the half
// for the whole.
func (c *Call) fail(err error) {
	refusal := token.AsRefusal(err)
	if refusal == nil {
		c.fault = err
		refusal = hide(err)
	} else if refusal.Cause != nil {
		c.fault = err
	}
	c.code = refusal.Code
	if c.status != 0 {
		c.abort = true
		return
	}
	c.prepare(refusal)
	shape := c.route.Rule.Shape
	if c.shaping { // the shape itself failed
		shape = writeRefusal
	}
	c.shaping = true
	shape(c, refusal)
	if c.status == 0 {
		c.WriteHeader(Status(refusal.Code))
	}
}

// hide returns what the caller hears of a fault.
func hide(err error) *token.Refusal {
	if unknowable(err) {
		return &token.Refusal{Code: token.Unavailable, Text: "the answer could not be found in time; try again later", RetryAfter: time.Second}
	}
	return &token.Refusal{Code: ServerError, Text: "something is wrong on our side; try again later and, if it stays, tell us the request_id"}
}

// prepare sets the headers that every shape of refusal shares.
func (c *Call) prepare(r *token.Refusal) {
	h := c.Header()
	noStore(h)
	if r.RetryAfter > 0 {
		seconds := (r.RetryAfter + time.Second - 1) / time.Second
		h.Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
	if challenge := Challenge(c.route.Rule.Auth, r); challenge != "" {
		h.Set("Www-Authenticate", challenge)
	}
}

// writeRefusal is the shape of all that has no other.
func writeRefusal(c *Call, err error) {
	r := token.AsRefusal(err)
	c.WriteRefusal(Status(r.Code), r)
}

// WriteRefusal answers a refusal as /v1 has it, which is the shape of a route
// that names none. The status is the caller's to choose; Status has the usual.
func (c *Call) WriteRefusal(status int, r *token.Refusal) {
	_ = c.WriteJSON(status, struct { // strings always have JSON
		Error       token.Code    `json:"error"`
		Description string        `json:"error_description,omitempty"`
		RequestID   string        `json:"request_id"`
		Errors      []token.Field `json:"errors,omitempty"`
	}{r.Code, r.Text, c.id, r.Fields})
}

// Challenge returns the WWW-Authenticate of a refusal on a route with that
// rule, empty if it has none. A bearer challenge names the missing scopes, and
// no error where no token was shown (RFC 6750, 3.1); a client's is Basic
// (RFC 6749, 5.2). Pages have none: a browser would ask for a password.
func Challenge(auth string, r *token.Refusal) string {
	status := Status(r.Code)
	switch {
	case auth == AuthClient && status == http.StatusUnauthorized:
		return `Basic realm="ficha", charset="UTF-8"`
	case auth != AuthBearer || status != http.StatusUnauthorized && status != http.StatusForbidden:
		return ""
	case r.Reason == token.MissingToken:
		return `Bearer realm="ficha"`
	}
	code := r.Code
	if code == token.InvalidClient {
		code = token.InvalidToken // the word that RFC 6750 has for it
	}
	challenge := `Bearer realm="ficha", error="` + string(code) + `", error_description="` + Plain(r.Text) + `"`
	if len(r.Scope) > 0 {
		challenge += `, scope="` + Plain(r.Scope.String()) + `"`
	}
	return challenge
}

// Plain leaves the characters that error_description may have, in an answer and
// in a challenge alike (RFC 6749, 5.2; RFC 6750, 3).
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, s)
}
