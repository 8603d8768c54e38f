package dialect_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/server/servertest"
)

// wantRefusal checks an error in every shape that the vendor had.
func wantRefusal(t *testing.T, a servertest.Answer, status int, word, code string) {
	t.Helper()
	wantJSON(t, a, status, map[string]any{"status": word, "error": code, "error_description": text(a, "message")})
	for _, name := range []string{"message", "category", "correlationId"} {
		if text(a, name) == "" {
			t.Errorf("the error has no %s: %s", name, a.Body)
		}
	}
	if a.Header.Get("Content-Type") != "application/json" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the error came as %v", a.Header)
	}
}

func TestRefusedExchangesAreToldInTheVendorsWords(t *testing.T) {
	h := newHubSpot(t)
	code := h.install(link())
	change := func(name, value string) url.Values {
		f := exchange(code)
		f.Del(name)
		if value != "" {
			f.Set(name, value)
		}
		return f
	}
	for name, try := range map[string]struct {
		form       url.Values
		word, code string
	}{
		"unknown code":           {change("code", "5771f587-2fe7-40e8-8784-042fb4bc2c31"), "BAD_AUTH_CODE", "invalid_grant"},
		"SQL as code":            {change("code", "' OR 1=1 --"), "BAD_AUTH_CODE", "invalid_grant"},
		"no code":                {change("code", ""), "BAD_AUTH_CODE", "invalid_grant"},
		"another redirect URI":   {change("redirect_uri", callback+"/"), "MISMATCH_REDIRECT_URI_AUTH_CODE", "invalid_grant"},
		"no redirect URI":        {change("redirect_uri", ""), "BAD_REDIRECT_URI", "invalid_request"},
		"password grant":         {change("grant_type", "password"), "BAD_GRANT_TYPE", "unsupported_grant_type"},
		"no grant":               {change("grant_type", ""), "BAD_GRANT_TYPE", "unsupported_grant_type"},
		"wrong secret":           {change("client_secret", "x"), "BAD_CLIENT_ID", "invalid_client"},
		"no secret":              {change("client_secret", ""), "BAD_CLIENT_ID", "invalid_client"},
		"no client":              {change("client_id", ""), "BAD_CLIENT_ID", "invalid_client"},
		"unknown refresh token":  {refresh("b9443019-30fe-4df1-a67e-3d75cbd0f726"), "BAD_REFRESH_TOKEN", "invalid_grant"},
		"no refresh token":       {refresh(""), "BAD_REFRESH_TOKEN", "invalid_grant"},
		"code as refresh token":  {refresh(code), "BAD_REFRESH_TOKEN", "invalid_grant"},
		"verifier out of naught": {change("code_verifier", strings.Repeat("a", 43)), "BAD_AUTH_CODE", "invalid_grant"},
	} {
		t.Run(name, func(t *testing.T) {
			wantRefusal(t, h.Request("POST", "/oauth/v1/token", try.form), 400, try.word, try.code)
		})
	}
	if a := h.Request("POST", "/oauth/v1/token", exchange(code)); a.Status != 200 {
		t.Errorf("the code did not survive the wrong tries: %s", a.Body)
	}
}

func TestCodeIsShortLived(t *testing.T) {
	h := newHubSpot(t)
	code := h.install(link())
	h.Clock.Move(61 * time.Second)
	wantRefusal(t, h.Request("POST", "/oauth/v1/token", exchange(code)), 400, "EXPIRED_AUTH_CODE", "invalid_grant")
}

func TestCodeUsedTwiceEndsTheInstall(t *testing.T) {
	h := newHubSpot(t)
	code := h.install(link())
	first := h.Request("POST", "/oauth/v1/token", exchange(code))
	wantRefusal(t, h.Request("POST", "/oauth/v1/token", exchange(code)), 400, "BAD_AUTH_CODE", "invalid_grant")
	if h.lives(text(first, "access_token")) {
		t.Error("the access token of the first use still opens")
	}
	wantRefusal(t, h.Request("POST", "/oauth/v1/token", refresh(text(first, "refresh_token"))), 400, "BAD_REFRESH_TOKEN", "invalid_grant")
}

func TestTokensWorkForTheirOwnAppAlone(t *testing.T) {
	h := newHubSpot(t)
	_, renewing := h.installed()
	code := h.install(link())
	foreign := func(f url.Values) url.Values {
		f.Set("client_id", "hs-other")
		f.Set("client_secret", "hs-other-secret")
		return f
	}
	wantRefusal(t, h.Request("POST", "/oauth/v1/token", foreign(exchange(code))), 400, "BAD_AUTH_CODE", "invalid_grant")
	wantRefusal(t, h.Request("POST", "/oauth/v1/token", foreign(refresh(renewing))), 400, "BAD_REFRESH_TOKEN", "invalid_grant")
	if a := h.Request("POST", "/oauth/v1/token", exchange(code)); a.Status != 200 {
		t.Errorf("the code did not survive the other app: %s", a.Body)
	}
	if a := h.Request("POST", "/oauth/v1/token", refresh(renewing)); a.Status != 200 {
		t.Errorf("the refresh token did not survive the other app: %s", a.Body)
	}
}

// Which clients exist is nobody's business.
func TestUnknownClientAndWrongSecretAreOneAnswer(t *testing.T) {
	h := newHubSpot(t)
	bodies := map[string]bool{}
	for _, id := range []string{"hs-client", "nobody"} {
		f := refresh("x")
		f.Set("client_id", id)
		f.Set("client_secret", "wrong")
		a := h.Request("POST", "/oauth/v1/token", f)
		if a.Status != 400 || a.Header.Get("Www-Authenticate") != "" {
			t.Errorf("%s: %d with challenge %q", id, a.Status, a.Header.Get("Www-Authenticate"))
		}
		bodies[strings.ReplaceAll(string(a.Body), text(a, "correlationId"), "")] = true
	}
	if len(bodies) != 1 {
		t.Errorf("the answers differ: %v", bodies)
	}
}

func TestBasicCredentialsAreTaken(t *testing.T) {
	h := newHubSpot(t)
	_, renewing := h.installed()
	const right, wrong = "Basic aHMtY2xpZW50OmhzLXNlY3JldC1jYW5hcnk=", "Basic aHMtY2xpZW50Ondyb25n"
	f := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {renewing}}
	wantJSON(t, h.Request("POST", "/oauth/v3/token", f, "Authorization", right), 200, map[string]any{"refresh_token": renewing})

	a := h.Request("POST", "/oauth/v3/token", f, "Authorization", wrong)
	wantRefusal(t, a, 401, "BAD_CLIENT_ID", "invalid_client")
	if !strings.HasPrefix(a.Header.Get("Www-Authenticate"), "Basic ") {
		t.Errorf("no challenge: %v", a.Header)
	}
	wantRefusal(t, h.Request("POST", "/oauth/v3/token", refresh(renewing), "Authorization", right), 400, "error", "invalid_request")
}

// v1 alone reads parameters from the query; those who send secrets there are
// counted, so that they can be told.
func TestQueryIsReadByV1Alone(t *testing.T) {
	h := newHubSpot(t)
	_, renewing := h.installed()
	query := "?" + refresh(renewing).Encode()
	wantJSON(t, h.Request("POST", "/oauth/v1/token"+query, nil), 200, map[string]any{"refresh_token": renewing})
	counted := `ficha_query_secrets_total{client="hs-client",contract="hubspot"} 1`
	if page := string(h.Request("GET", "/metrics", nil).Body); !strings.Contains(page, counted) {
		t.Errorf("the metrics do not hold %s", counted)
	}
	wantRefusal(t, h.Request("POST", "/oauth/v1/token"+query, refresh(renewing)), 400, "error", "invalid_request")
	for _, version := range []string{"v3", "2026-03", "2026-09"} {
		wantRefusal(t, h.Request("POST", "/oauth/"+version+"/token"+query, nil), 400, "BAD_CLIENT_ID", "invalid_client")
	}
}

func TestAppGetsATokenOfItsOwn(t *testing.T) {
	h := newHubSpot(t)
	a := h.Request("POST", "/oauth/v3/token", form("grant_type", "client_credentials"))
	wantJSON(t, a, 200, map[string]any{
		"hub_id": 777, "token_use": "client_credentials", "scopes": "oauth crm.objects.contacts.read", "refresh_token": nil, "user_id": nil,
	})
	wantJSON(t, h.Request("GET", "/oauth/v1/access-tokens/"+text(a, "access_token"), nil), 200, map[string]any{"user_id": 0, "user": nil, "hub_id": 777})
	wantJSON(t, h.Request("POST", "/oauth/v1/token", form("grant_type", "client_credentials", "scope", "oauth")), 200, map[string]any{"scopes": "oauth"})
	wantRefusal(t, h.Request("POST", "/oauth/v1/token", form("grant_type", "client_credentials", "scope", "oauth forms content:write")), 400, "error", "invalid_scope")
	unregistered := url.Values{"client_id": {"hs-other"}, "client_secret": {"hs-other-secret"}, "grant_type": {"client_credentials"}}
	wantRefusal(t, h.Request("POST", "/oauth/v1/token", unregistered), 400, "BAD_GRANT_TYPE", "unauthorized_client")
}

// The vendor's SDK reads every error as JSON, and its sample app shows only
// those that have a message.
func TestEveryErrorIsJSONWithAMessage(t *testing.T) {
	h := newHubSpot(t)
	for _, try := range []struct {
		method, path string
		body         any
		header       []string
		status       int
	}{
		{"GET", "/oauth/v1/token", nil, nil, 405},
		{"POST", "/oauth/authorize?client_id=hs-client", nil, nil, 405},
		{"PUT", "/oauth/62515/authorize", nil, nil, 405},
		{"PUT", "/oauth/2026-09/revoke", nil, nil, 405},
		{"POST", "/oauth/v1/access-tokens/x", nil, nil, 405},
		{"POST", "/oauth/v1/nothing", nil, nil, 404},
		{"GET", "/oauth/v3/access-tokens/x", nil, nil, 404},
		{"POST", "/oauth/v1/token/introspect", form("token", "x"), nil, 404},
		{"GET", "/oauth/v1/access-tokens/x", nil, nil, 404},
		{"GET", "/oauth/v1/access-tokens/" + strings.Repeat("x", 5000), nil, nil, 400},
		{"POST", "/oauth/v1/token", map[string]string{"grant_type": "refresh_token"}, nil, 400},
		{"POST", "/oauth/v1/token", "grant_type=a&grant_type=b", []string{"Content-Type", "application/x-www-form-urlencoded"}, 400},
		{"POST", "/oauth/v3/token", url.Values{"x": {strings.Repeat("x", 70_000)}}, nil, 413},
		{"POST", "/oauth/v3/token", form("grant_type", "refresh_token"), []string{"Origin", "https://evil.test"}, 403},
	} {
		a := h.Request(try.method, try.path, try.body, try.header...)
		if a.Status != try.status || text(a, "message") == "" || text(a, "status") != "error" || text(a, "category") == "" {
			t.Errorf("%s %.40s: %d %s, want %d", try.method, try.path, a.Status, a.Body, try.status)
		}
		if a.Status == http.StatusMethodNotAllowed && a.Header.Get("Allow") == "" {
			t.Errorf("%s %s does not say what is allowed", try.method, try.path)
		}
		if a.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s %.40s lets scripts of other origins read", try.method, try.path)
		}
	}
}

func TestNothingSecretIsLogged(t *testing.T) {
	h := newHubSpot(t)
	code := h.install(link())
	a := h.Request("POST", "/oauth/v1/token?"+exchange(code).Encode(), nil)
	access, renewing := text(a, "access_token"), text(a, "refresh_token")
	b := h.Request("POST", "/oauth/v1/token?"+refresh(renewing).Encode(), nil)
	h.Request("POST", "/oauth/v1/token?client_id=path-canary&client_secret=query-canary", nil)
	h.Request("GET", "/oauth/v1/access-tokens/"+access, nil)
	h.Request("GET", "/oauth/v1/access-tokens/path-canary", nil)
	h.Request("DELETE", "/oauth/v1/access-tokens/path-canary", nil)
	h.Request("GET", "/oauth/v1/nowhere/path-canary?x=query-canary", nil)
	h.Request("DELETE", "/oauth/v1/refresh-tokens/"+renewing, nil)
	h.Request("POST", "/oauth/v3/token/revoke", form("token", access))
	logged := h.Log.String()
	if !strings.Contains(logged, "POST /oauth/{version}/token") {
		t.Fatal("the requests are not in the log")
	}
	for name, secret := range map[string]string{
		"client secret": "hs-secret-canary", "code": code, "access token": access, "refresh token": renewing,
		"renewed token": text(b, "access_token"), "path": "path-canary", "query": "query-canary",
	} {
		if secret == "" || strings.Contains(logged, secret) {
			t.Errorf("the log holds the %s", name)
		}
	}
	if metrics := string(h.Request("GET", "/metrics", nil).Body); strings.Contains(metrics, "canary") {
		t.Error("the metrics hold what a caller sent")
	}
}
