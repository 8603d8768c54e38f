package oauth

import (
	"net/http"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// refuse writes an error as RFC 6749, 5.2 shapes it.
func refuse(c *web.Call, err error) {
	r := token.AsRefusal(err)
	word, status := rfcWord(r.Code)
	_ = c.WriteJSON(status, struct { // strings always have JSON
		Error       string `json:"error"`
		Description string `json:"error_description,omitempty"`
	}{word, web.Plain(r.Text)})
}

// rfcWord returns the word that the RFCs of these endpoints have for a code,
// the nearest where they have none, and its status.
func rfcWord(code token.Code) (word string, status int) {
	switch code {
	case token.InvalidClient:
		return string(code), http.StatusUnauthorized
	case token.InvalidGrant, token.UnauthorizedClient, token.UnsupportedGrantType, token.InvalidScope, token.InvalidTarget:
		return string(code), http.StatusBadRequest
	case token.AccessDenied, token.InvalidToken, token.WorkspaceRequired:
		return string(token.InvalidGrant), http.StatusBadRequest // what the grant stands on says no
	case token.InsufficientScope:
		return string(token.InvalidScope), http.StatusBadRequest
	case token.Unavailable, token.OutcomeUnknown, token.Conflict:
		return string(token.Unavailable), http.StatusServiceUnavailable
	case token.TooMany:
		return string(token.Unavailable), http.StatusTooManyRequests
	case web.ServerError:
		return string(code), http.StatusInternalServerError
	case token.Invalid, token.UnsupportedMedia:
		return string(token.InvalidRequest), http.StatusBadRequest
	}
	return string(token.InvalidRequest), web.Status(code)
}

// page answers a browser that may not be sent back. If even the page fails,
// the floor answers with the bare status.
func (f *Face) page(c *web.Call, err error) {
	_ = f.cfg.Pages.Problem(c, err)
}
