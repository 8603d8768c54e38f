package dialect_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

const fanbaseResources = `
scopes:
  - {name: fbserver}
  - {name: ownersecret}
  - {name: setpwd}
workspaces:
  - {id: club, name: Club, scopes: [fbserver, ownersecret]}
clients:
  - client_id: fb-client
    client_secret: fb-secret-canary
    workspace: club
    grant_types: [client_credentials]
    scope: "fbserver openid profile ownersecret setpwd admin:read"
  - client_id: fb-short
    client_secret: fb-short-secret
    workspace: club
    grant_types: [client_credentials]
    scope: "fbserver"
    access_token_ttl: 5m
  - client_id: fb-other
    client_secret: fb-other-secret
    workspace: club
    grant_types: [authorization_code, refresh_token]
    redirect_uris: ["https://fb.example.com/cb"]
    scope: "fbserver"
`

// fanbase is the address of the document's example, with changes; an empty
// value leaves a parameter out.
func fanbase(change ...string) string { return "/api/token?" + fanbaseForm(change...).Encode() }

func fanbaseForm(change ...string) url.Values {
	q := url.Values{"grant_type": {"client_credentials"}, "client_id": {"fb-client"}, "client_secret": {"fb-secret-canary"}}
	for i := 0; i+1 < len(change); i += 2 {
		q.Del(change[i])
		if change[i+1] != "" {
			q.Set(change[i], change[i+1])
		}
	}
	return q
}

func renewing(a servertest.Answer) string {
	return fanbase("grant_type", "refresh_token", "refresh_token", text(a, "refresh_token"))
}

// opens reports which scopes a token opens now, "" if none.
func opens(t *testing.T, h *servertest.House, secret string) string {
	t.Helper()
	_, v, err := h.Verifier.Judge(context.Background(), secret, token.Use{Now: h.Clock.Now().UnixMilli(), Surface: token.AtVerify})
	if err != nil && !token.Is(err, token.InvalidToken) {
		t.Fatal(err)
	}
	return v.Scopes.String()
}

// The document's own example: all in the query, no body, no type.
func TestSecretInTheQueryGivesTheDocumentsAnswer(t *testing.T) {
	h := servertest.Start(t, fanbaseResources, nil)
	a := h.Request("POST", fanbase(), nil)
	// The workspace has no setpwd, and no program has admin:read.
	wantJSON(t, a, 200, map[string]any{"token_type": "Bearer", "expires_in": 3600, "scope": "fbserver openid profile ownersecret"})
	if len(a.JSON) != 5 || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v\n%s", a.Header, a.Body)
	}
	parts := strings.Split(text(a, "access_token"), ".")
	if len(parts) != 3 {
		t.Fatalf("the access token is no JWT: %s", a.Body)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Iss, Sub string
		Exp, Iat int64
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil || claims.Iss != h.Config.Issuer || claims.Sub != "fb-client" || claims.Exp-claims.Iat != 3600 {
		t.Errorf("claims %s, %v", payload, err)
	}
	if got := opens(t, h, text(a, "access_token")); got != "fbserver openid profile ownersecret" {
		t.Errorf("the token opens %q", got)
	}
}

// The document: "send it in the header AccessToken in all following requests".
func TestTokenIsTakenInTheHeaderAccessToken(t *testing.T) {
	h := servertest.Start(t, fanbaseResources, nil)
	access := text(h.Request("POST", fanbase(), nil), "access_token")
	a := h.Request("GET", "/verify?scope=fbserver", nil, "AccessToken", access)
	if a.Status != 200 || a.Header.Get("X-Auth-Client") != "fb-client" {
		t.Errorf("%d %v", a.Status, a.Header)
	}
	if a := h.Request("GET", "/verify", nil, "AccessToken", access[:len(access)-1]); a.Status != 401 {
		t.Errorf("a cut token: %d", a.Status)
	}
}

func TestContractsCanBeSwitchedOff(t *testing.T) {
	h := servertest.Start(t, fanbaseResources, func(c *server.Config) { c.Without = []string{"fanbase", "hubspot"} })
	for _, path := range []string{fanbase(), "/oauth/v1/token?" + fanbaseForm().Encode()} {
		if a := h.Request("POST", path, nil); a.Status != 404 || a.JSON["access_token"] != nil {
			t.Errorf("POST %.20s: %d %s", path, a.Status, a.Body)
		}
	}
}

// How a refresh token is redeemed stands nowhere; this is our word.
func TestRefreshTokenIsRedeemedOnTheSamePath(t *testing.T) {
	h := servertest.Start(t, fanbaseResources, nil)
	first := h.Request("POST", fanbase(), nil)
	h.Clock.Move(2 * time.Hour)
	again := h.Request("POST", renewing(first), nil)
	wantJSON(t, again, 200, map[string]any{
		"expires_in": 3600, "scope": "fbserver openid profile ownersecret", "refresh_token": text(first, "refresh_token"),
	})
	if strings.Count(text(again, "access_token"), ".") != 2 || opens(t, h, text(again, "access_token")) == "" {
		t.Errorf("what was refreshed is no JWT or opens nothing: %s", again.Body)
	}
	if opens(t, h, text(first, "access_token")) != "" {
		t.Error("the first access token lives longer than an hour")
	}
	h.Clock.Move(30*24*time.Hour - 2*time.Hour - time.Second)
	wantJSON(t, h.Request("POST", renewing(first), nil), 200, nil)
	h.Clock.Move(time.Second)
	wantJSON(t, h.Request("POST", renewing(first), nil), 400, map[string]any{"error": "invalid_grant"})
}

func TestRegisteredLifetimeHolds(t *testing.T) {
	h := servertest.Start(t, fanbaseResources, nil)
	as := []string{"client_id", "fb-short", "client_secret", "fb-short-secret"}
	a := h.Request("POST", fanbase(as...), nil)
	wantJSON(t, a, 200, map[string]any{"expires_in": 300})
	again := fanbase(append(as, "grant_type", "refresh_token", "refresh_token", text(a, "refresh_token"))...)
	wantJSON(t, h.Request("POST", again, nil), 200, map[string]any{"expires_in": 300})
}

// Who can move the secret out of the query may, and who cannot is counted.
func TestSecretMayStandOutsideTheQuery(t *testing.T) {
	h := servertest.Start(t, fanbaseResources, nil)
	const basic = "Basic ZmItY2xpZW50OmZiLXNlY3JldC1jYW5hcnk="
	alone := url.Values{"grant_type": {"client_credentials"}}
	wantJSON(t, h.Request("POST", "/api/token", fanbaseForm()), 200, nil)
	wantJSON(t, h.Request("POST", "/api/token?grant_type=client_credentials", fanbaseForm("grant_type", "")), 200, nil)
	wantJSON(t, h.Request("POST", "/api/token", alone, "Authorization", basic), 200, nil)
	wantJSON(t, h.Request("POST", "/api/token", fanbaseForm(), "Authorization", basic), 400, map[string]any{"error": "invalid_request"})
	const counted = `ficha_query_secrets_total{client="fb-client",contract="fanbase"}`
	if page := string(h.Request("GET", "/metrics", nil).Body); strings.Contains(page, counted) {
		t.Error("a secret was counted that did not stand in the query")
	}
	// A program that sends an empty object along is the vendor's caller too.
	wantJSON(t, h.Request("POST", fanbase(), struct{}{}), 200, nil)
	if page := string(h.Request("GET", "/metrics", nil).Body); !strings.Contains(page, counted+" 1") {
		t.Errorf("the metrics do not hold %s 1", counted)
	}
}

func TestFanbaseRefusesInItsOwnWords(t *testing.T) {
	h := servertest.Start(t, fanbaseResources, nil)
	const wrongClient = "The informed Client ID is invalid, or the informed Client Secret does not match the correct secret."
	for name, try := range map[string]struct {
		path        string
		status      int
		code, words string
	}{
		"no grant":            {fanbase("grant_type", ""), 400, "invalid_request", "The request is missing a parameter: grant_type"},
		"no client":           {fanbase("client_id", ""), 400, "invalid_request", "The request is missing a parameter: client_id"},
		"no secret":           {fanbase("client_secret", ""), 400, "invalid_request", "The request is missing a parameter: client_secret"},
		"no refresh token":    {fanbase("grant_type", "refresh_token"), 400, "invalid_request", "The request is missing a parameter: refresh_token"},
		"password":            {fanbase("grant_type", "password"), 400, "unsupported_grant_type", "The informed Grant Type is invalid or not implemented"},
		"code":                {fanbase("grant_type", "authorization_code"), 400, "unsupported_grant_type", "The informed Grant Type is invalid or not implemented"},
		"unknown client":      {fanbase("client_id", "nobody"), 401, "invalid_client", wrongClient},
		"wrong secret":        {fanbase("client_secret", "wrong"), 401, "invalid_client", wrongClient},
		"unregistered client": {fanbase("client_id", "fb-other", "client_secret", "fb-other-secret"), 400, "unauthorized_client", ""},
		"unknown refresh":     {fanbase("grant_type", "refresh_token", "refresh_token", "refresh_token_aqui"), 400, "invalid_grant", ""},
		"sent twice":          {fanbase() + "&grant_type=x", 400, "invalid_request", ""},
	} {
		a := h.Request("POST", try.path, nil)
		wantJSON(t, a, try.status, map[string]any{"error": try.code})
		if got := text(a, "error_description"); got == "" || try.words != "" && got != try.words {
			t.Errorf("%s: %q, want %q", name, got, try.words)
		}
	}
}

func TestRefreshTokenOfAnotherClientIsRefused(t *testing.T) {
	h := servertest.Start(t, fanbaseResources, nil)
	a := h.Request("POST", fanbase(), nil)
	foreign := fanbase("client_id", "fb-short", "client_secret", "fb-short-secret", "grant_type", "refresh_token", "refresh_token", text(a, "refresh_token"))
	wantJSON(t, h.Request("POST", foreign, nil), 400, map[string]any{"error": "invalid_grant"})
	wantJSON(t, h.Request("POST", renewing(a), nil), 200, nil)
}

func TestParallelClientsEachGetTheirOwnToken(t *testing.T) {
	h := servertest.Start(t, fanbaseResources, nil)
	const many = 20
	answers := make([]servertest.Answer, many)
	var wait sync.WaitGroup
	for i := range answers {
		wait.Go(func() { answers[i] = h.Request("POST", fanbase(), nil) })
	}
	wait.Wait()
	distinct := map[string]bool{}
	for _, a := range answers {
		wantJSON(t, a, 200, nil)
		distinct[text(a, "access_token")], distinct[text(a, "refresh_token")] = true, true
	}
	if len(distinct) != 2*many {
		t.Errorf("%d distinct tokens of %d", len(distinct), 2*many)
	}
}

func TestTokenEndpointIsForServersThatPost(t *testing.T) {
	h := servertest.Start(t, fanbaseResources, nil)
	if a := h.Request("GET", fanbase(), nil); a.Status != 405 {
		t.Errorf("GET: %d %s", a.Status, a.Body)
	}
	a := h.Request("POST", fanbase(), nil, "Origin", "https://evil.test")
	wantJSON(t, a, 403, map[string]any{"access_token": nil})
	if a.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a script of another origin may read: %v", a.Header)
	}
}

func TestFanbaseLeavesNoSecretBehind(t *testing.T) {
	h := servertest.Start(t, fanbaseResources, nil)
	a := h.Request("POST", fanbase(), nil)
	b := h.Request("POST", renewing(a), nil)
	echo := h.Request("POST", fanbase("client_id", "id-canary", "client_secret", "wrong-canary"), nil)
	h.Request("GET", fanbase(), nil)
	h.Request("POST", "/api/token/v2?"+fanbaseForm().Encode(), nil)
	logged := h.Log.String()
	if !strings.Contains(logged, "POST /api/token") {
		t.Fatal("the requests are not in the log")
	}
	for name, secret := range map[string]string{
		"any canary": "canary", "access token": text(a, "access_token"), "refresh token": text(a, "refresh_token"), "renewed token": text(b, "access_token"),
	} {
		if secret == "" || strings.Contains(logged, secret) {
			t.Errorf("the log holds the %s", name)
		}
	}
	if strings.Contains(string(echo.Body), "canary") {
		t.Errorf("the refusal repeats what was sent: %s", echo.Body)
	}
	if metrics := string(h.Request("GET", "/metrics", nil).Body); strings.Contains(metrics, "canary") {
		t.Error("the metrics hold what a caller sent")
	}
}
