package oauth_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/fichadev/ficha/internal/server/servertest"
)

// stays checks that a request ends on a page of ours: no redirect, no code, and
// none of its text as markup.
func stays(t interface {
	Helper()
	Errorf(string, ...any)
}, a servertest.Answer, what string) {
	t.Helper()
	if a.Status < 400 || a.Status > 499 || a.Header.Get("Location") != "" {
		t.Errorf("%s: %d to %q, want a page with 4xx", what, a.Status, a.Header.Get("Location"))
	}
	if kind := a.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/html") {
		t.Errorf("%s: Content-Type is %q, want a page", what, kind)
	}
	h := a.Header
	if !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") || h.Get("Cache-Control") != "no-store" ||
		h.Get("Referrer-Policy") != "no-referrer" || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s: the page lacks a header: %v", what, h)
	}
	if strings.Contains(string(a.Body), "<script") || strings.Contains(string(a.Body), "onerror=") {
		t.Errorf("%s: markup of the request stands in the page", what)
	}
}

func TestUnregisteredRedirectURIEndsOnAPage(t *testing.T) {
	w := start(t)
	registered := redirects["web"]
	cookie, _ := w.signIn("ana@example.test")
	for _, uri := range []string{
		registered + "/evil", registered + "/", registered + "?x=1", registered + "#f", registered + "/../evil", registered + "/%2e%2e/evil", registered + ";x",
		"https://app.example.test@evil.example/callback", "https://evil.example\\@app.example.test/callback", "https://app.example.test.evil.example/callback",
		"https://app.example.test:444/callback", "http://app.example.test/callback", "HTTPS://app.example.test/callback", "https://APP.example.test/callback",
		"https://a@b@app.example.test/callback", "https://appxexample.test/callback", "javascript:alert(1)", "data:text/html,hi", "//app.example.test/callback",
		"/callback", redirects["rival"], redirects["spa"], " " + registered, registered + " ", registered + "\r\nX: y", "https://app.example.test/other?tenant=2",
		"https://app.example.test/other", strings.ToUpper(registered), "%68ttps://app.example.test/callback", "",
	} {
		stays(t, w.authorize(cookie, request("web", "redirect_uri", uri)), uri)
		stays(t, w.authorize(cookie, request("web", "redirect_uri", uri, "response_type", "token", "scope", "no:such")), uri+" and other errors")
	}
}

func TestUnknownOrUnfitClientEndsOnAPage(t *testing.T) {
	w := start(t)
	cookie, _ := w.signIn("ana@example.test")
	for _, id := range []string{"nobody", `"><script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, "", "web ", "WEB", "gateway"} {
		stays(t, w.authorize(cookie, request("web", "client_id", id)), id)
	}
	stays(t, w.authorize(cookie, request("codeless")), "a client without the code grant")
	stays(t, w.Request("GET", "/oauth2/authorize", nil), "nothing at all")
	stays(t, w.Request("GET", "/oauth2/authorize?client_id=%zz", nil), "a bad escape")
	stays(t, w.Request("GET", "/oauth2/authorize?client_id=%ff%fe", nil), "no UTF-8")
}

// A browser is redirected to byte for byte the registered URI and nowhere else.
func TestMutatedRedirectURIIsAlwaysRefused(t *testing.T) {
	w := start(t)
	cookie, _ := w.signIn("ana@example.test")
	registered := []string{redirects["web"], "https://app.example.test/other?tenant=1"}
	rapid.Check(t, func(t *rapid.T) {
		uri := mutate(t, rapid.SampledFrom(registered).Draw(t, "registered"))
		if slices.Contains(registered, uri) {
			return
		}
		stays(t, w.authorize(cookie, request("web", "redirect_uri", uri)), uri)
	})
}

func mutate(t *rapid.T, uri string) string {
	pieces := []string{"/", "..", "@", "#", "?", "&", "%2f", "%00", "\\", ":", ".", "*", "evil.example", " ", "\t", "é", "A", "//", ";", "%"}
	for range rapid.IntRange(1, 3).Draw(t, "changes") {
		at := rapid.IntRange(0, len(uri)).Draw(t, "at")
		piece := rapid.SampledFrom(pieces).Draw(t, "piece")
		switch rapid.SampledFrom([]string{"insert", "cut", "replace", "case"}).Draw(t, "how") {
		case "insert":
			uri = uri[:at] + piece + uri[at:]
		case "cut":
			uri = uri[:at]
		case "replace":
			uri = uri[:at] + piece + uri[min(at+len(piece), len(uri)):]
		case "case":
			uri = uri[:at] + strings.ToUpper(uri[at:])
		}
	}
	return strings.ToValidUTF8(uri, "")
}

// Only a native client's loopback address may have another port, and only where
// it is written as an address: the name localhost may be resolved to anything.
func TestOnlyANativeClientsLoopbackAddressMayHaveAnotherPort(t *testing.T) {
	w := start(t)
	cookie, session := w.signIn("ana@example.test")
	free := "http://127.0.0.1:51004/callback"
	to := w.consent(w.authorize(cookie, request("native", "redirect_uri", free, "scope", "catalog:read")), session, "ws1")
	if got := to.Scheme + "://" + to.Host + to.Path; got != free {
		t.Errorf("goes to %s, want %s", got, free)
	}
	for _, uri := range []string{
		"http://localhost:51004/callback", "http://127.0.0.1:51004/other", "https://127.0.0.1:51004/callback", "http://127.0.0.2:51004/callback",
		"http://127.0.0.1:51004@evil.example/callback", "http://127.0.0.1.evil.example/callback", "http://[::1]:51004/callback", "http://127.0.0.1:51004/callback#f",
		"http://127.0.0.1:x/callback", "http://127.0.0.1:51004/callback#", "http://127.0.0.1:51004/callback?", "http://127.0.0.1:/callback",
		"http://127.0.0.1:70000/callback", "http://127.0.0.1:0/callback",
	} {
		stays(t, w.authorize(cookie, request("native", "redirect_uri", uri, "scope", "catalog:read")), uri)
	}
	stays(t, w.authorize(cookie, request("web", "redirect_uri", "https://app.example.test:8443/callback")), "a web client's port")
}

func TestDisabledClientEndsOnAPage(t *testing.T) {
	w := start(t)
	w.disable("web")
	a := w.authorize("", request("web"))
	stays(t, a, "a disabled client")
	if a.Status == http.StatusUnauthorized {
		t.Error("a page has 401, which would owe a challenge")
	}
}

func TestExchangeWithAnotherRedirectURIIsRefused(t *testing.T) {
	w := start(t)
	code := w.code("web", "ana@example.test")
	w.refused(w.exchange("web", code, "redirect_uri", "https://app.example.test/other?tenant=1"), 400, "invalid_grant")
	if a := w.exchange("web", code); a.Status != 200 {
		t.Errorf("the mistake ended the code: %d %s", a.Status, a.Body)
	}
}
