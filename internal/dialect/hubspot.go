package dialect

import (
	"context"
	"net/http"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/verifier"
	"github.com/fichadev/ficha/internal/web"
)

// HubSpotConfig is what HubSpot's contract works with. All of it is required.
type HubSpotConfig struct {
	Authority   *authority.Authority
	Verifier    *verifier.Verifier
	Accounts    HubSpotAccounts
	Pages       Pages
	QuerySecret func(client, contract string) // counts a secret that stood in the query
}

// HubSpotAccounts finds a workspace by the number that HubSpot calls hub_id.
type HubSpotAccounts interface {
	// WorkspaceNumbered returns the id of the workspace, "" if there is none.
	WorkspaceNumbered(ctx context.Context, number int64) (string, error)
}

// Pages are what people see, and how they are known.
type Pages interface {
	// Problem answers with the page that says why a request cannot go on.
	Problem(c *web.Call, err error) error
	// Session returns the session that came along, nil where nobody is signed
	// in. An error says that this cannot be known.
	Session(c *web.Call) (*token.Record, error)
}

// HubSpot is the contract of HubSpot: an authorization code for an app that a
// super admin installs in an account, in the four versions of the vendor's
// paths. It is safe for use by many at once.
type HubSpot struct{ cfg HubSpotConfig }

// NewHubSpot returns the face of HubSpot's contract.
func NewHubSpot(cfg HubSpotConfig) *HubSpot { return &HubSpot{cfg} }

// Routes returns the routes of HubSpot's contract. Nothing else begins with
// /oauth/, so that whatever is not found there is told in the vendor's shape:
// its own programs read a message out of every error.
func (h *HubSpot) Routes() []web.Route {
	// An authorize request that waits changes nothing until its person answers.
	page := web.Rule{Auth: web.AuthNone, Body: web.NoBody, Secret: true, Shape: h.problem}
	client := web.Rule{Auth: web.AuthClient, Mutates: true, Secret: true, NoForeignOrigin: true, Shape: hubspotRefusal}
	asks := client
	asks.Mutates = false
	holder := web.Rule{Auth: web.AuthPath, Body: web.NoBody, Secret: true, NoForeignOrigin: true, Shape: hubspotRefusal}
	ends := holder
	ends.Mutates = true
	return []web.Route{
		{Pattern: "GET /oauth/authorize", Rule: page, Handle: h.authorize},
		{Pattern: "GET /oauth/{account}/authorize", Rule: page, Handle: h.authorize},

		{Pattern: "POST /oauth/{version}/token", Rule: client, Handle: h.token},
		{Pattern: "POST /oauth/{version}/token/introspect", Rule: asks, Handle: h.introspect},
		{Pattern: "POST /oauth/{version}/introspect", Rule: asks, Handle: h.introspect},
		{Pattern: "POST /oauth/{version}/token/revoke", Rule: client, Handle: h.revoke},
		{Pattern: "POST /oauth/{version}/revoke", Rule: client, Handle: h.revoke},

		{Pattern: "GET /oauth/v1/access-tokens/{token}", Rule: holder, Handle: h.accessToken},
		{Pattern: "GET /oauth/v1/refresh-tokens/{token}", Rule: holder, Handle: h.refreshToken},
		{Pattern: "DELETE /oauth/v1/refresh-tokens/{token}", Rule: ends, Handle: h.deleteRefreshToken},

		hubspotElsewhere("/oauth/authorize", "GET, HEAD"),
		hubspotElsewhere("/oauth/{account}/authorize", "GET, HEAD"),
		hubspotElsewhere("/oauth/{version}/token", http.MethodPost),
		hubspotElsewhere("/oauth/{version}/token/introspect", http.MethodPost),
		hubspotElsewhere("/oauth/{version}/introspect", http.MethodPost),
		hubspotElsewhere("/oauth/{version}/token/revoke", http.MethodPost),
		hubspotElsewhere("/oauth/{version}/revoke", http.MethodPost),
		hubspotElsewhere("/oauth/v1/access-tokens/{token}", "GET, HEAD"),
		hubspotElsewhere("/oauth/v1/refresh-tokens/{token}", "DELETE, GET, HEAD"),
		hubspotElsewhere("/oauth/", ""),
	}
}

// hubspotElsewhere answers the methods that a path does not take; with none that it
// takes, the path is no route at all.
func hubspotElsewhere(path, allow string) web.Route {
	rule := web.Rule{Auth: web.AuthNone, Body: web.NoBody, Shape: hubspotRefusal}
	return web.Route{Pattern: path, Rule: rule, Handle: func(c *web.Call) error {
		if allow == "" {
			return token.Errorf(token.NotFound, "there is nothing here")
		}
		c.Header().Set("Allow", allow)
		return token.Errorf(token.MethodNotAllowed, "this path takes %s", allow)
	}}
}

// problem shapes what stops a person's browser. If the page itself fails, the
// floor sends the bare status.
func (h *HubSpot) problem(c *web.Call, err error) { _ = h.cfg.Pages.Problem(c, err) }

// hubspotRefusal writes a refusal in all the shapes that the vendor had: its
// first one (status, message), RFC 6749's, and its general one.
func hubspotRefusal(c *web.Call, err error) {
	r := token.AsRefusal(err)
	status := web.Status(r.Code)
	if r.Code == token.InvalidClient && c.Request.Header.Get("Authorization") == "" {
		// The vendor answers 400; RFC 6749, 5.2 owes 401 only to those who
		// used the header.
		status = http.StatusBadRequest
		c.Header().Del("Www-Authenticate")
	}
	_ = c.WriteJSON(status, struct { // strings always have JSON
		Status        string     `json:"status"`
		Message       string     `json:"message"`
		Error         token.Code `json:"error"`
		Description   string     `json:"error_description"`
		Category      string     `json:"category"`
		CorrelationID string     `json:"correlationId"`
	}{hubspotStatus(r), r.Text, r.Code, r.Text, hubspotCategory(r), c.ID()})
}

// hubspotStatus returns the vendor's word for a refusal of the token endpoint,
// "error" for all others, as its programs expect. An unknown client and a wrong
// secret are one word: told apart they would say which clients exist.
func hubspotStatus(r *token.Refusal) string {
	switch r.Reason {
	case token.UnknownCode, token.UsedCode, token.BadVerifier:
		return "BAD_AUTH_CODE"
	case token.ExpiredCode:
		return "EXPIRED_AUTH_CODE"
	case token.UnknownRefresh, token.OtherClient:
		return "BAD_REFRESH_TOKEN"
	case token.RedirectMismatch:
		if r.Code == token.InvalidRequest {
			return "BAD_REDIRECT_URI"
		}
		return "MISMATCH_REDIRECT_URI_AUTH_CODE"
	}
	switch r.Code {
	case token.InvalidClient:
		return "BAD_CLIENT_ID"
	case token.UnsupportedGrantType, token.UnauthorizedClient:
		return "BAD_GRANT_TYPE"
	}
	return "error"
}

// hubspotCategory returns the category of the vendor's general error.
func hubspotCategory(r *token.Refusal) string {
	switch {
	case r.Reason == token.Expired:
		return "EXPIRED_AUTHENTICATION"
	case r.Code == token.NotFound:
		return "OBJECT_NOT_FOUND"
	case r.Code == token.InvalidClient, r.Code == token.InvalidGrant:
		return "INVALID_AUTHENTICATION"
	case r.Code == token.TooMany:
		return "RATE_LIMITS"
	case web.Status(r.Code) >= http.StatusInternalServerError:
		return "INTERNAL_ERROR"
	}
	return "VALIDATION_ERROR"
}
