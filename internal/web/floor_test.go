package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/metric"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// stage is a floor with its log and metrics, for one test.
type stage struct {
	*web.Floor
	t       testing.TB
	log     lockedBuffer
	metrics *metric.Set
	now     time.Time
}

// lockedBuffer may be written by many.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newStage mounts the routes on a floor that trusts the proxies.
func newStage(t testing.TB, proxies []netip.Prefix, routes ...web.Route) *stage {
	t.Helper()
	s := &stage{t: t, metrics: metric.New(), now: time.UnixMilli(1790000000000)}
	var err error
	s.Floor, err = web.New(web.Config{
		Log:            slog.New(slog.NewJSONHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Metrics:        s.metrics,
		Now:            func() time.Time { return s.now },
		Issuer:         "https://tokens.example.com",
		TrustedProxies: proxies,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Mount(routes...); err != nil {
		t.Fatal(err)
	}
	return s
}

// do serves one request; headers are "Name: value".
func (s *stage) do(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// lines returns the log as decoded lines.
func (s *stage) lines() []map[string]any {
	s.t.Helper()
	var lines []map[string]any
	for text := range strings.Lines(s.log.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			s.t.Fatalf("log line %q: %v", text, err)
		}
		lines = append(lines, line)
	}
	return lines
}

func (s *stage) page() string {
	w := httptest.NewRecorder()
	s.metrics.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

// refused checks status and code of a refusal in the shape of /v1.
func refused(t *testing.T, w *httptest.ResponseRecorder, status int, code string) map[string]any {
	t.Helper()
	var body map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("body %q of %d is no JSON: %v", w.Body, w.Code, err)
	}
	if w.Code != status || body["error"] != code {
		t.Errorf("got %d %v (%v), want %d %s", w.Code, body["error"], body["error_description"], status, code)
	}
	return body
}

func ok(c *web.Call) error { return c.WriteJSON(200, map[string]bool{"ok": true}) }

func route(pattern string, handle func(*web.Call) error) web.Route {
	return web.Route{Pattern: pattern, Rule: web.Rule{Auth: web.AuthNone}, Handle: handle}
}

func TestRouteWithoutRuleCannotBeMounted(t *testing.T) {
	for name, r := range map[string]web.Route{
		"no auth":          {Pattern: "GET /a", Handle: ok},
		"no handler":       {Pattern: "GET /a", Rule: web.Rule{Auth: "none"}},
		"bad pattern":      {Pattern: "GET a", Rule: web.Rule{Auth: "none"}, Handle: ok},
		"taken":            {Pattern: "GET /taken", Rule: web.Rule{Auth: "none"}, Handle: ok},
		"negative body":    {Pattern: "GET /a", Rule: web.Rule{Auth: "none", Body: -2}, Handle: ok},
		"open and closed":  {Pattern: "GET /a", Rule: web.Rule{Auth: "none", CORS: true, NoForeignOrigin: true}, Handle: ok},
		"unproven session": {Pattern: "POST /a", Rule: web.Rule{Auth: web.AuthSession, Mutates: true}, Handle: ok},
	} {
		s := newStage(t, nil, route("GET /taken", ok))
		if err := s.Mount(r); err == nil {
			t.Errorf("%s: mounted", name)
		}
		if n := len(s.Routes()); n != 1 {
			t.Errorf("%s: %d routes are listed, want 1", name, n)
		}
	}
}

func TestFloorNeedsAnIssuer(t *testing.T) {
	for _, issuer := range []string{"", "tokens.example.com", "://", "/path"} {
		_, err := web.New(web.Config{Log: slog.Default(), Metrics: metric.New(), Now: time.Now, Issuer: issuer})
		if err == nil {
			t.Errorf("issuer %q is taken", issuer)
		}
	}
	if _, err := web.New(web.Config{Issuer: "https://tokens.example.com"}); err == nil {
		t.Error("a floor without log, metrics and clock was made")
	}
}

func TestUnknownPathIs404AndWrongMethodNamesTheRightOnes(t *testing.T) {
	s := newStage(t, nil, route("POST /v1/tokens", ok), route("GET /v1/tokens", ok), route("GET /panel/", ok))
	refused(t, s.do("GET", "/CANARY", ""), 404, "not_found")
	w := s.do("DELETE", "/v1/tokens?CANARY", "")
	refused(t, w, 405, "method_not_allowed")
	if allow := w.Header().Get("Allow"); allow != "GET, HEAD, POST" {
		t.Errorf("Allow is %q, want GET, HEAD, POST", allow)
	}
	for _, line := range s.lines() {
		if line["route"] != "unmatched" {
			t.Errorf("route %v in the log, want unmatched", line["route"])
		}
	}
	if text := s.log.String() + s.page(); strings.Contains(text, "CANARY") {
		t.Errorf("a caller's path is kept: %s", text)
	}
}

func TestUncleanPathIsNotRedirected(t *testing.T) {
	s := newStage(t, nil, route("GET /v1/tokens", ok), route("GET /panel/", ok))
	for _, path := range []string{"//v1/tokens?secret=CANARY", "/v1/../v1/tokens", "/panel?secret=CANARY", "/v1/./tokens"} {
		w := s.do("GET", path, "")
		refused(t, w, 404, "not_found")
		if loc := w.Header().Get("Location"); loc != "" {
			t.Errorf("%s is redirected to %q", path, loc)
		}
	}
}

func TestEveryAnswerCarriesTheCommonHeaders(t *testing.T) {
	secret := route("POST /secret", ok)
	secret.Rule.Secret = true
	s := newStage(t, nil, secret, route("GET /plain", ok), route("GET /bad", func(*web.Call) error { return token.Errorf(token.NotFound, "no") }))
	for _, c := range []struct {
		method, path, cache string
	}{{"POST", "/secret", "no-store"}, {"GET", "/plain", ""}, {"GET", "/bad", "no-store"}, {"GET", "/nowhere", "no-store"}} {
		h := s.do(c.method, c.path, "").Header()
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("X-Request-Id") == "" {
			t.Errorf("%s: headers %v lack nosniff, no-referrer or an id", c.path, h)
		}
		if got := h.Get("Cache-Control"); got != c.cache {
			t.Errorf("%s: Cache-Control %q, want %q", c.path, got, c.cache)
		}
	}
}

func TestPanicEndsItsRequestAlone(t *testing.T) {
	s := newStage(t, nil, route("GET /ok", ok), route("GET /panic", func(*web.Call) error {
		panic(errors.New("secret=CANARY"))
	}))
	body := refused(t, s.do("GET", "/panic", ""), 500, "server_error")
	if fmt.Sprint(body["request_id"]) == "" || !strings.Contains(fmt.Sprint(body["error_description"]), "try again later") {
		t.Errorf("the caller hears %v", body)
	}
	line := s.lines()[0]
	if line["level"] != "ERROR" || !strings.Contains(fmt.Sprint(line["stack"]), "TestPanicEndsItsRequestAlone") {
		t.Errorf("the log does not say where: %v", line)
	}
	if line["fault"] != "panic: *errors.errorString" {
		t.Errorf("fault is %v, want the type alone", line["fault"])
	}
	if strings.Contains(s.log.String(), "CANARY") {
		t.Error("the panic's value is in the log")
	}
	if w := s.do("GET", "/ok", ""); w.Code != 200 {
		t.Errorf("the next request gets %d", w.Code)
	}
	if !strings.Contains(s.page(), "ficha_panics_total 1") {
		t.Error("the panic is not counted")
	}
}

func TestPanicOfAShapeStillAnswers(t *testing.T) {
	r := route("GET /a", func(*web.Call) error { return token.Errorf(token.NotFound, "no") })
	r.Rule.Shape = func(*web.Call, error) { panic("shape") }
	s := newStage(t, nil, r)
	refused(t, s.do("GET", "/a", ""), 500, "server_error")
}

func TestPanicAfterTheFirstByteTearsTheAnswerOff(t *testing.T) {
	s := newStage(t, nil, route("GET /half", func(c *web.Call) error {
		c.WriteHeader(200)
		_, _ = io.WriteString(c, `{"active":true`)
		panic("late")
	}))
	server := httptest.NewServer(s)
	defer server.Close()
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	res, err := http.Get(server.URL + "/half")
	if err == nil {
		_, err = io.ReadAll(res.Body)
		res.Body.Close()
	}
	if err == nil {
		t.Error("the caller takes half an answer for the whole")
	}
}

func TestSilentHandlerIsNotAYes(t *testing.T) {
	s := newStage(t, nil, route("GET /verify", func(*web.Call) error { return nil }))
	refused(t, s.do("GET", "/verify", ""), 500, "server_error")
}

func TestFaultIsLoggedAndNotTold(t *testing.T) {
	s := newStage(t, nil, route("GET /a", func(*web.Call) error {
		return fmt.Errorf("insert token: %w", errors.New("disk is full"))
	}))
	w := s.do("GET", "/a", "")
	refused(t, w, 500, "server_error")
	if strings.Contains(w.Body.String(), "disk") {
		t.Errorf("the caller hears %s", w.Body)
	}
	if line := s.lines()[0]; line["fault"] != "insert token: disk is full" || line["level"] != "ERROR" {
		t.Errorf("log line %v lacks the chain", line)
	}
}

func TestShapeNeverSeesAFault(t *testing.T) {
	var seen error
	r := route("GET /a", func(*web.Call) error { return errors.New("disk is full") })
	r.Rule.Shape = func(c *web.Call, err error) {
		seen = err
		_ = c.WriteRaw(418, "text/plain", []byte("own shape"))
	}
	s := newStage(t, nil, r)
	w := s.do("GET", "/a", "")
	if w.Code != 418 || w.Body.String() != "own shape" {
		t.Errorf("got %d %q, want the route's own shape", w.Code, w.Body)
	}
	if refusal := token.AsRefusal(seen); refusal == nil || refusal.Code != web.ServerError {
		t.Errorf("the shape got %v, want a refusal with %s", seen, web.ServerError)
	}
}

func TestHandlerThatRunsOutOfTimeSays503(t *testing.T) {
	s := newStage(t, nil,
		route("GET /late", func(*web.Call) error { return fmt.Errorf("read: %w", context.DeadlineExceeded) }))
	w := s.do("GET", "/late", "")
	refused(t, w, 503, "temporarily_unavailable")
	if w.Header().Get("Retry-After") != "1" {
		t.Errorf("Retry-After is %q, want 1", w.Header().Get("Retry-After"))
	}
}

func TestRedirectAfterPostIsNotSentOn(t *testing.T) {
	to := func(c *web.Call) error { return c.Redirect("https://app.example.com/cb?code=x") }
	s := newStage(t, nil, route("GET /a", to), route("POST /a", to))
	for method, want := range map[string]int{"GET": 302, "POST": 303} {
		w := s.do(method, "/a", "")
		if w.Code != want || w.Header().Get("Location") != "https://app.example.com/cb?code=x" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v, want %d and no-store", method, w.Code, w.Header(), want)
		}
	}
	if strings.Contains(s.log.String(), "code=x") {
		t.Error("the target of a redirect is in the log")
	}
}
