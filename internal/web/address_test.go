package web_test

import (
	"fmt"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// from serves a request of a peer and returns the address that the floor saw.
func from(t *testing.T, proxies []netip.Prefix, peer string, headers ...string) (address, id string) {
	t.Helper()
	s := newStage(t, proxies, route("GET /a", func(c *web.Call) error {
		address, id = c.Address(), c.ID()
		return ok(c)
	}))
	r := httptest.NewRequest("GET", "/a", nil)
	r.RemoteAddr = peer
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Header().Get("X-Request-Id") != id {
		t.Errorf("the answer names request %q, the call %q", w.Header().Get("X-Request-Id"), id)
	}
	return address, id
}

func TestForwardedAddressOfAStrangerIsIgnored(t *testing.T) {
	spoof := []string{"X-Forwarded-For: 203.0.113.9", "X-Real-Ip: 203.0.113.9", "Forwarded: for=203.0.113.9", "X-Request-Id: chosen-by-caller"}
	for _, proxies := range [][]netip.Prefix{nil, {netip.MustParsePrefix("10.0.0.0/8")}} {
		address, id := from(t, proxies, "192.0.2.1:4711", spoof...)
		if address != "192.0.2.1" || id == "chosen-by-caller" {
			t.Errorf("trusting %v: address %q, id %q; want the peer's and one of ours", proxies, address, id)
		}
	}
}

func TestTrustedProxyIsBelievedAsFarAsItSaw(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for _, c := range []struct {
		peer, want string
		headers    []string
	}{
		{"10.0.0.1:1", "203.0.113.9", []string{"X-Forwarded-For: 203.0.113.9"}},
		{"10.0.0.1:1", "203.0.113.9", []string{"X-Forwarded-For: 198.51.100.66, 203.0.113.9"}},
		{"10.0.0.1:1", "203.0.113.9", []string{"X-Forwarded-For: 198.51.100.66, 203.0.113.9, 10.1.1.1"}},
		{"10.0.0.1:1", "203.0.113.9", []string{"X-Forwarded-For: 198.51.100.66", "X-Forwarded-For: 203.0.113.9,10.1.1.1"}},
		{"10.0.0.1:1", "203.0.113.9", []string{"X-Forwarded-For: 203.0.113.9:5555"}},
		{"10.0.0.1:1", "2a00::9", []string{"X-Forwarded-For: [2a00::9]:5555"}},
		{"[::ffff:10.0.0.1]:1", "203.0.113.9", []string{"X-Forwarded-For: ::ffff:203.0.113.9"}},
		{"[2001:db8::1]:1", "203.0.113.9", []string{"X-Forwarded-For: 203.0.113.9"}},
		{"10.0.0.1:1", "10.1.1.1", []string{"X-Forwarded-For: junk, 10.1.1.1"}},
		{"10.0.0.1:1", "10.0.0.1", []string{"X-Forwarded-For: unknown"}},
		{"10.0.0.1:1", "10.0.0.1", []string{"X-Forwarded-For: "}},
		{"10.0.0.1:1", "10.0.0.1", nil},
		{"[fe80::1%eth0]:1", "fe80::1", nil},
		{"@", "", []string{"X-Forwarded-For: 203.0.113.9"}},
	} {
		if got, _ := from(t, proxies, c.peer, c.headers...); got != c.want {
			t.Errorf("%s %q: address %q, want %q", c.peer, c.headers, got, c.want)
		}
	}
}

func TestRequestIDIsAUUIDOrATrustedSaneOne(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := make(map[string]bool)
	for _, bad := range []string{"short", strings.Repeat("x", 65), "has space here", "quote\"quote", "new\tline-aaa"} {
		_, id := from(t, proxies, "10.0.0.1:1", "X-Request-Id: "+bad)
		if !uuid.MatchString(id) || seen[id] {
			t.Errorf("%q: id %q is no fresh UUID", bad, id)
		}
		seen[id] = true
	}
	if _, id := from(t, proxies, "10.0.0.1:1", "X-Request-Id: Edge_7.trace-01"); id != "Edge_7.trace-01" {
		t.Errorf("a proxy's id became %q", id)
	}
	if _, id := from(t, proxies, "10.0.0.1:1", "X-Request-Id: one-id-0001", "X-Request-Id: two-id-0002"); !uuid.MatchString(id) {
		t.Errorf("of two ids %q was taken", id)
	}
}

func TestActorComesWithWhereItActsFrom(t *testing.T) {
	var got token.Actor
	s := newStage(t, nil, route("GET /a", func(c *web.Call) error {
		if nobody := c.Actor(); nobody.Kind != token.Nobody || nobody.Address == "" {
			t.Errorf("before SetActor: %+v", nobody)
		}
		c.SetActor(token.Actor{Kind: token.User, ID: "u1", Workspace: "w1"})
		got = c.Actor()
		return ok(c)
	}))
	w := s.do("GET", "/a", "", "User-Agent: "+strings.Repeat("é", 150))
	want := token.Actor{Kind: token.User, ID: "u1", Workspace: "w1", Address: "192.0.2.1", Request: w.Header().Get("X-Request-Id"), Agent: strings.Repeat("é", 100)}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	s.do("GET", "/a", "", "User-Agent: x"+strings.Repeat("é", 150))
	if !utf8.ValidString(got.Agent) || len(got.Agent) != 199 {
		t.Errorf("agent of %d bytes, valid %v; want 199 valid ones", len(got.Agent), utf8.ValidString(got.Agent))
	}
}

func TestPathValueIsBounded(t *testing.T) {
	s := newStage(t, nil, route("GET /t/{id}", func(c *web.Call) error {
		id, err := c.PathValue("id")
		if err != nil {
			return err
		}
		return c.WriteRaw(200, "text/plain", []byte(id))
	}))
	if w := s.do("GET", "/t/caf%C3%A9", ""); w.Body.String() != "café" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	for _, bad := range []string{"a%00b", "%ff", strings.Repeat("x", 4097)} {
		refused(t, s.do("GET", "/t/"+bad, ""), 400, "invalid_request")
	}
	if strings.Contains(s.log.String(), "caf") {
		t.Error("the path is in the log")
	}
	if got := fmt.Sprint(s.lines()[0]["route"]); got != "GET /t/{id}" {
		t.Errorf("route %q in the log, want the pattern", got)
	}
}
