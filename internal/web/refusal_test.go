package web_test

import (
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

func TestEveryCodeHasItsStatus(t *testing.T) {
	for code, want := range map[token.Code]int{
		token.InvalidRequest: 400, token.InvalidGrant: 400, token.UnauthorizedClient: 400, token.UnsupportedGrantType: 400,
		token.UnsupportedResponse: 400, token.InvalidScope: 400, token.InvalidTarget: 400, token.LoginRequired: 400, token.ConsentRequired: 400,
		token.InvalidClient: 401, token.InvalidToken: 401,
		token.InsufficientScope: 403, token.Forbidden: 403, token.AccessDenied: 403, token.WorkspaceRequired: 403,
		token.NotFound: 404, token.MethodNotAllowed: 405, token.Conflict: 409, token.Outdated: 412, token.TooLarge: 413, token.UnsupportedMedia: 415,
		token.Invalid: 422, token.TooMany: 429, token.Unavailable: 503, token.OutcomeUnknown: 503,
		web.ServerError: 500, "a code of tomorrow": 400,
	} {
		if got := web.Status(code); got != want {
			t.Errorf("Status(%s) = %d, want %d", code, got, want)
		}
	}
}

func TestRefusalNamesItsFieldsAndItsRequest(t *testing.T) {
	s := newStage(t, nil, route("GET /a", func(*web.Call) error { return token.AtField("ttl", "is over the limit") }))
	w := s.do("GET", "/a", "")
	want := `{"error":"invalid_value","error_description":"ttl: is over the limit","request_id":"` + w.Header().Get("X-Request-Id") +
		`","errors":[{"field":"ttl","message":"is over the limit"}]}`
	if w.Code != 422 || w.Body.String() != want || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("got %d %s, want %s", w.Code, w.Body, want)
	}
}

func TestWaitIsToldInWholeSeconds(t *testing.T) {
	for wait, want := range map[time.Duration]string{0: "", time.Millisecond: "1", time.Second: "1", 59*time.Second + 1: "60"} {
		s := newStage(t, nil, route("GET /a", func(*web.Call) error {
			return &token.Refusal{Code: token.TooMany, Text: "wait", RetryAfter: wait}
		}))
		if got := s.do("GET", "/a", "").Header().Get("Retry-After"); got != want {
			t.Errorf("%v: Retry-After %q, want %q", wait, got, want)
		}
	}
}

func TestChallengeNamesWhatIsMissing(t *testing.T) {
	scopes := token.Scopes{"orders:read", "orders:write"}
	for _, c := range []struct {
		auth    string
		refusal *token.Refusal
		want    string
	}{
		{web.AuthBearer, token.Errorf(token.InvalidToken, "a token is required").Because(token.MissingToken), `Bearer realm="ficha"`},
		{web.AuthBearer, token.Errorf(token.InvalidToken, "expired \"on\" día\\ 1\r\n"), `Bearer realm="ficha", error="invalid_token", error_description="expired on da 1"`},
		{web.AuthBearer, &token.Refusal{Code: token.InsufficientScope, Text: "more", Scope: scopes}, `Bearer realm="ficha", error="insufficient_scope", error_description="more", scope="orders:read orders:write"`},
		{web.AuthBearer, token.Errorf(token.WorkspaceRequired, "name one"), `Bearer realm="ficha", error="workspace_required", error_description="name one"`},
		{web.AuthBearer, token.Errorf(token.InvalidClient, "no"), `Bearer realm="ficha", error="invalid_token", error_description="no"`},
		{web.AuthBearer, token.Errorf(token.NotFound, "no"), ""},
		{web.AuthClient, token.Errorf(token.InvalidClient, "no"), `Basic realm="ficha", charset="UTF-8"`},
		{web.AuthClient, token.Errorf(token.InvalidGrant, "no"), ""},
		{web.AuthSession, token.Errorf(token.InvalidToken, "no"), ""},
		{web.AuthNone, token.Errorf(token.InvalidClient, "no"), ""},
	} {
		if got := web.Challenge(c.auth, c.refusal); got != c.want {
			t.Errorf("%s %v: got %s, want %s", c.auth, c.refusal, got, c.want)
		}
	}
	s := credentialStage(t)
	if got := s.do("GET", "/bearer", "").Header().Get("WWW-Authenticate"); got != `Bearer realm="ficha"` {
		t.Errorf("the answer carries %q", got)
	}
}
