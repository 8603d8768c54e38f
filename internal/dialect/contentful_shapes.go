package dialect

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// contentfulBadQuery refuses a query: Contentful tells it from a bad body.
const contentfulBadQuery token.Code = "invalid_query"

// contentfulAnswer answers as Contentful does.
func contentfulAnswer(c *web.Call, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	c.Header().Set("X-Contentful-Request-Id", c.ID())
	return c.WriteRaw(status, contentfulType, body)
}

// contentfulSys is what every entity says of itself.
type contentfulSys struct {
	Type      string `json:"type"`
	ID        string `json:"id"`
	Version   int64  `json:"version"`
	CreatedAt string `json:"createdAt"`
	UpdatedAt string `json:"updatedAt"`
}

// A contentfulLink points at another entity.
type contentfulLink struct {
	Sys struct {
		Type     string `json:"type"`
		LinkType string `json:"linkType"`
		ID       string `json:"id"`
	} `json:"sys"`
}

func contentfulUser(id string) *contentfulLink {
	var l contentfulLink
	l.Sys.Type, l.Sys.LinkType, l.Sys.ID = "Link", "User", id
	return &l
}

// A contentfulArray is a page of a list.
type contentfulArray[T any] struct {
	Sys struct {
		Type string `json:"type"`
	} `json:"sys"`
	Total int64 `json:"total"`
	Skip  int   `json:"skip"`
	Limit int   `json:"limit"`
	Items []T   `json:"items"`
}

func contentfulPage[T any](items []T, total int64, skip, limit int) contentfulArray[T] {
	a := contentfulArray[T]{Total: total, Skip: skip, Limit: limit, Items: items}
	a.Sys.Type = "Array"
	return a
}

// contentfulTime writes an instant (ms) as Contentful does.
func contentfulTime(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}

// contentfulInstant is contentfulTime, or null for an instant that is none.
func contentfulInstant(ms int64) *string {
	if ms == 0 {
		return nil
	}
	text := contentfulTime(ms)
	return &text
}

// contentfulID returns the name that Contentful has for a code. Those that it
// has no own name for are a BadRequest with their own status.
func contentfulID(code token.Code) string {
	switch code {
	case token.InvalidToken, token.InvalidClient:
		return "AccessTokenInvalid"
	case token.InsufficientScope, token.Forbidden, token.AccessDenied, token.WorkspaceRequired, token.Conflict:
		return "AccessDenied"
	case token.NotFound:
		return "NotFound"
	case contentfulBadQuery:
		return "InvalidQuery"
	case token.Invalid, token.InvalidScope:
		return "ValidationFailed"
	case token.TooMany:
		return "RateLimitExceeded"
	case web.ServerError, token.Unavailable, token.OutcomeUnknown:
		return "ServerError"
	}
	return "BadRequest"
}

// contentfulStatus returns the status of a code. The contract's only 409 is
// about versions; a conflict here is an act that nobody may do now.
func contentfulStatus(code token.Code) int {
	switch code {
	case token.InvalidScope:
		return http.StatusUnprocessableEntity
	case token.Conflict:
		return http.StatusForbidden
	}
	return web.Status(code)
}

// contentfulInvalidToken is the one sentence for every token that does not
// open. The challenge in the header says more to those who read it.
const contentfulInvalidToken = "The access token you sent could not be found or is invalid."

type contentfulFault struct {
	Sys struct {
		Type string `json:"type"`
		ID   string `json:"id"`
	} `json:"sys"`
	Message   string             `json:"message"`
	RequestID string             `json:"requestId"`
	Details   *contentfulDetails `json:"details,omitempty"`
}

type contentfulDetails struct {
	Errors []contentfulDetail `json:"errors"`
}

type contentfulDetail struct {
	Name    string   `json:"name"` // what sort of mistake
	Path    []string `json:"path"`
	Details string   `json:"details"`
}

// contentfulError writes a refusal as Contentful does.
func contentfulError(c *web.Call, err error) {
	r := token.AsRefusal(err)
	status := contentfulStatus(r.Code)
	fault := contentfulFault{Message: r.Text, RequestID: c.ID()}
	fault.Sys.Type, fault.Sys.ID = "Error", contentfulID(r.Code)
	switch status {
	case http.StatusUnauthorized:
		fault.Message = contentfulInvalidToken
	case http.StatusUnprocessableEntity:
		fault.Message, fault.Details = "Validation error", contentfulDetailsOf(r)
	case http.StatusTooManyRequests:
		seconds := max(1, (r.RetryAfter+time.Second-1)/time.Second)
		c.Header().Set("X-Contentful-RateLimit-Reset", fmt.Sprint(int64(seconds)))
	}
	_ = contentfulAnswer(c, status, fault) // strings always have JSON
}

// contentfulDetailsOf names the fields of a refusal by Contentful's names.
func contentfulDetailsOf(r *token.Refusal) *contentfulDetails {
	if r.Code == token.InvalidScope {
		return &contentfulDetails{[]contentfulDetail{{"invalid", []string{"scopes"}, r.Text}}}
	}
	d := &contentfulDetails{Errors: []contentfulDetail{}}
	for _, field := range r.Fields {
		name := field.Name
		if name == "ttl" {
			name = "expiresIn"
		}
		d.Errors = append(d.Errors, contentfulDetail{"invalid", []string{name}, field.Text})
	}
	return d
}
