package dialect

import (
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/metric"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// Some refusals cannot be brought about from outside at will; their shape is
// promised all the same.
func TestContentfulShapesEveryRefusal(t *testing.T) {
	var now error
	floor, err := web.New(web.Config{Log: slog.New(slog.DiscardHandler), Metrics: metric.New(), Now: time.Now, Issuer: "http://localhost"})
	if err != nil {
		t.Fatal(err)
	}
	err = floor.Mount(web.Route{Pattern: "GET /x", Rule: web.Rule{Auth: web.AuthBearer, Shape: contentfulError}, Handle: func(*web.Call) error { return now }})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		err    error
		status int
		id     string
		reset  string
	}{
		{&token.Refusal{Code: token.TooMany, Text: "slow down", RetryAfter: 1500 * time.Millisecond}, 429, "RateLimitExceeded", "2"},
		{token.Errorf(token.TooMany, "slow down"), 429, "RateLimitExceeded", "1"},
		{errors.New("disk full of secrets"), 500, "ServerError", ""},
		{token.Errorf(token.Unavailable, "the database does not answer"), 503, "ServerError", ""},
		{token.Errorf(token.OutcomeUnknown, "perhaps"), 503, "ServerError", ""},
		{token.Errorf(token.Conflict, "the last owner"), 403, "AccessDenied", ""},
		{token.Errorf(token.WorkspaceRequired, "name one"), 403, "AccessDenied", ""},
		{token.Errorf(token.InvalidScope, "not known"), 422, "ValidationFailed", ""},
		{token.AtField("ttl", "is too long"), 422, "ValidationFailed", ""},
		{token.Errorf(token.InvalidRequest, "unreadable"), 400, "BadRequest", ""},
	} {
		now = c.err
		w := httptest.NewRecorder()
		floor.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/x", nil))
		body := w.Body.String()
		if w.Code != c.status || !strings.HasPrefix(body, `{"sys":{"type":"Error","id":"`+c.id+`"},"message":"`) ||
			w.Header().Get("X-Contentful-RateLimit-Reset") != c.reset || strings.Contains(body, "secrets") {
			t.Errorf("%v: got %d %s %v, want %d %s and a reset of %q", c.err, w.Code, body, w.Header(), c.status, c.id, c.reset)
		}
		if c.status == 422 && !strings.Contains(body, `"path":["`+map[token.Code]string{token.InvalidScope: "scopes", token.Invalid: "expiresIn"}[token.AsRefusal(c.err).Code]) {
			t.Errorf("%v: got %s, want the field named as the contract does", c.err, body)
		}
	}
}
