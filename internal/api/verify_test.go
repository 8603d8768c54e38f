package api_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/server/servertest"
)

// identityHeaders are those that a yes always carries.
var identityHeaders = []string{
	"X-Auth-Subject", "X-Auth-Workspace", "X-Auth-Client", "X-Auth-Scopes", "X-Auth-Kind", "X-Auth-Token-Id", "X-Auth-Secret-Id", "X-Auth-Actor", "X-Auth-Expires", "X-Auth-Expiry-Notice",
}

// TestYesCarriesEveryIdentityHeader: whatever the caller sent under these names
// is overwritten by a proxy that copies them, empty ones included.
func TestYesCarriesEveryIdentityHeader(t *testing.T) {
	h := start(t)
	a := h.issued(object{"scopes": []string{"catalog:read", "content:write"}})
	id := text(t, a, "id")
	spoof := []string{"x-auth-actor", "user:root", "X_Auth_Subject", "root", "X-AUTH-SCOPES", "admin:write", "X-Forwarded-For", "10.0.0.1", "X-Forwarded-Uri", "/"}
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"} {
		yes := h.want(http.StatusOK, h.Request(method, "/verify", nil, append(spoof, "Authorization", "Bearer "+text(t, a, "token"))...))
		got := make([]string, len(identityHeaders))
		for i, name := range identityHeaders {
			if lines := yes.Header.Values(name); len(lines) == 1 {
				got[i] = lines[0]
			} else {
				t.Errorf("%s: %s stands %d times", method, name, len(lines))
			}
		}
		want := []string{"backend", "ws1", "backend", "catalog:read content:write", "service", id, id, "", "2026-12-22T12:00:00Z", ""}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", method, got, want)
		}
		if len(yes.Body) != 0 || yes.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: body %q, %q", method, yes.Body, yes.Header.Get("Cache-Control"))
		}
	}
	personal := h.want(http.StatusOK, h.verify(mia, ""))
	for _, name := range []string{"X-Auth-Client", "X-Auth-Actor", "X-Auth-Expires"} {
		if lines, there := personal.Header[name]; !there || lines[0] != "" {
			t.Errorf("%s of a person's token for ever is %q", name, lines)
		}
	}
}

// TestMisspeltDemandIsNoYes: "scopes" would ask for nothing, and let all pass.
func TestMisspeltDemandIsNoYes(t *testing.T) {
	h := start(t)
	secret := text(t, h.issued(nil), "token")
	for _, query := range []string{"?scopes=content:write", "?Scope=content:write", "?scope=catalog:read&aud=x", "?=x"} {
		h.refused(http.StatusBadRequest, "invalid_request", h.verify(secret, query))
	}
	h.want(http.StatusOK, h.verify(secret, "?scope=catalog:read&workspace=ws1&route=orders&audience="))
}

// TestNoCarriesNoIdentity: nothing that a careless proxy could copy.
func TestNoCarriesNoIdentity(t *testing.T) {
	h := start(t)
	secret := text(t, h.issued(nil), "token")
	for name, a := range map[string]servertest.Answer{
		"none":          h.Request("GET", "/verify", nil),
		"garbage":       h.verify("garbage", ""),
		"query":         h.Request("GET", "/verify?access_token="+secret, nil),
		"cookie":        h.Request("GET", "/verify", nil, "Cookie", "access_token="+secret),
		"cut":           h.verify(secret[:len(secret)-2], ""),
		"client secret": h.verify(backend, ""),
		"basic":         h.Request("GET", "/verify", nil, "Authorization", "Basic "+secret),
		"workspace":     h.verify(secret, "?workspace=ws2"),
		"scope":         h.verify(secret, "?scope=content:write"),
	} {
		if a.Status != http.StatusUnauthorized && a.Status != http.StatusForbidden {
			t.Errorf("%s: status %d", name, a.Status)
		}
		if !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Bearer ") || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: no challenge, or it may be kept: %v", name, a.Header)
		}
		for header := range a.Header {
			if strings.HasPrefix(header, "X-Auth-") {
				t.Errorf("%s: a refusal carries %s", name, header)
			}
		}
	}
}

// TestAnswerIsForTheQuestion: the same token with other demands is judged anew,
// and the refusal names what is missing.
func TestAnswerIsForTheQuestion(t *testing.T) {
	h := start(t)
	secret := text(t, h.issued(object{"scopes": []string{"catalog:read", "content:write"}, "audience": "https://a.example/"}), "token")
	for _, try := range []struct {
		query  string
		status int
		says   string
	}{
		{"?scope=catalog:read", 200, ""},
		{"?scope=catalog:read+assets:read+users:read", 403, `error="insufficient_scope", error_description="the token lacks assets:read users:read", scope="assets:read users:read"`},
		{"?scope=catalog:read%20content:write", 200, ""},
		{"?workspace=ws1&audience=https://a.example/&scope=content:write", 200, ""},
		{"?workspace=ws2", 401, "another workspace"},
		{"?audience=https://b.example/", 401, "another audience"},
		{"?scope=catalog:read", 200, ""},
	} {
		a := h.verify(secret, try.query)
		if a.Status != try.status || !strings.Contains(a.Header.Get("WWW-Authenticate"), try.says) {
			t.Errorf("%s: %d %s", try.query, a.Status, a.Header.Get("WWW-Authenticate"))
		}
	}
	anyones := text(t, h.issued(object{"scopes": []string{"catalog:read"}}), "token")
	for query, want := range map[string]int{"": 200, "?audience=" + url.QueryEscape(h.URL): 200, "?audience=https://b.example/": 401} {
		h.want(want, h.verify(anyones, query))
	}
	h.want(http.StatusBadRequest, h.verify(secret, "?scope=a&scope=b"))
	h.want(http.StatusBadRequest, h.verify(secret, "?scope=%22"))
}

// TestTwoTokensAreNoCredentials: the header AccessToken stands for the bearer
// token, not beside another one.
func TestTwoTokensAreNoCredentials(t *testing.T) {
	h := start(t)
	one, two := text(t, h.issued(nil), "token"), text(t, h.issued(nil), "token")
	h.want(http.StatusOK, h.Request("GET", "/verify", nil, "AccessToken", one))
	h.want(http.StatusOK, h.verify(one, "", "AccessToken", one))
	h.want(http.StatusUnauthorized, h.verify(one, "", "AccessToken", two))
	req, err := http.NewRequestWithContext(t.Context(), "GET", h.URL+"/verify", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header["Authorization"] = []string{"Bearer " + one, "Bearer " + two}
	h.want(http.StatusUnauthorized, h.Do(req))
}

// TestPersonalTokenNeedsAWorkspaceWhereItOpensSeveral: one is inferred where
// there is one.
func TestPersonalTokenNeedsAWorkspaceWhereItOpensSeveral(t *testing.T) {
	h := start(t)
	if a := h.want(http.StatusOK, h.verify(mia, "")); a.Header.Get("X-Auth-Workspace") != "ws1" {
		t.Errorf("inferred %q", a.Header.Get("X-Auth-Workspace"))
	}
	a := h.want(http.StatusForbidden, h.verify(both, ""))
	if a.JSON["error"] != "workspace_required" || !strings.Contains(a.Header.Get("WWW-Authenticate"), `error="workspace_required"`) {
		t.Errorf("got %s, %s", a.Body, a.Header.Get("WWW-Authenticate"))
	}
	for _, workspace := range []string{"ws1", "ws2"} {
		a := h.want(http.StatusOK, h.verify(both, "?workspace="+workspace))
		if a.Header.Get("X-Auth-Workspace") != workspace {
			t.Errorf("in %s: %v", workspace, a.Header)
		}
	}
	h.want(http.StatusUnauthorized, h.verify(mia, "?workspace=ws2"))
}

// TestMemberWhoLeavesOpensNothing: with the answer to the removal.
func TestMemberWhoLeavesOpensNothing(t *testing.T) {
	h := start(t)
	h.want(http.StatusOK, h.verify(mia, ""))
	h.want(http.StatusOK, h.verify(both, "?workspace=ws1"))
	for _, email := range []string{"mia@example.test", "both@example.test"} {
		h.want(http.StatusNoContent, h.bearer(ana, "", "DELETE", "/v1/users/"+email, nil))
	}
	h.want(http.StatusUnauthorized, h.verify(mia, ""))
	h.want(http.StatusUnauthorized, h.verify(both, "?workspace=ws1"))
	h.want(http.StatusOK, h.verify(both, "")) // the other workspace is not theirs to take
}

// TestOutageIsNeverAYes: without the database a token that is not in memory
// cannot be judged.
func TestOutageIsNeverAYes(t *testing.T) {
	h := startWith(t, nil)
	secret := text(t, h.issued(nil), "token")
	if err := h.Store.Close(); err != nil {
		t.Fatal(err)
	}
	a := h.want(http.StatusServiceUnavailable, h.verify(secret, ""))
	if a.JSON["error"] != "temporarily_unavailable" || strings.Contains(string(a.Body), "sql") {
		t.Errorf("got %s", a.Body)
	}
}

// TestLastUseIsTheHolders: behind no trusted proxy the address is the peer's.
func TestLastUseIsTheHolders(t *testing.T) {
	h := start(t)
	a := h.issued(nil)
	h.Clock.Move(time.Second)
	h.want(http.StatusOK, h.verify(text(t, a, "token"), "", "X-Forwarded-For", "203.0.113.9"))
	got := h.want(http.StatusOK, h.program("GET", "/v1/tokens/"+text(t, a, "id"), nil))
	if use, _ := got.JSON["last_use"].(object); use["address"] != "127.0.0.1" {
		t.Errorf("got %v", use)
	}
}

// TestLogKeepsNoSecret: not of those that came in headers, bodies or queries.
func TestLogKeepsNoSecret(t *testing.T) {
	h := start(t)
	secret := text(t, h.issued(nil), "token")
	h.verify(secret, "?token="+secret)
	h.program("POST", "/v1/tokens/introspect", object{"token": secret})
	h.bearer(ana, "", "GET", "/v1/tokens?q="+secret, nil)
	h.bearer("wrong-secret-of-nobody", "ws1", "GET", "/v1/tokens/"+secret, nil)
	log := h.Log.String()
	for _, s := range []string{secret, backend, ana, "wrong-secret-of-nobody"} {
		if strings.Contains(log, s) {
			t.Errorf("the log holds %s", s)
		}
	}
	if !strings.Contains(log, `"route":"/verify"`) || !strings.Contains(log, `"client":"backend"`) {
		t.Error("the log does not say who called what")
	}
}
