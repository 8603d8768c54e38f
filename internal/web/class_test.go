package web_test

import (
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/metric"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// house is a floor that knows internal traffic by network and by header, and
// the metrics that it counts in.
func house(t *testing.T, routes ...web.Route) (*web.Floor, *metric.Set) {
	t.Helper()
	set := metric.New()
	f, err := web.New(web.Config{
		Log: slog.New(slog.DiscardHandler), Metrics: set, Issuer: "https://tokens.example.com",
		Now:            func() time.Time { return time.UnixMilli(90_000) },
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Internal:       web.Internal{Networks: []netip.Prefix{netip.MustParsePrefix("192.168.0.0/16")}, Header: "x-traffic", Value: "internal"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Mount(routes...); err != nil {
		t.Fatal(err)
	}
	return f, set
}

func TestClassIsOfTheNetworkOrATrustedProxysWord(t *testing.T) {
	var class string
	f, _ := house(t, route("GET /a", func(c *web.Call) error {
		class = c.Class()
		return ok(c)
	}))
	for _, try := range []struct{ peer, forwarded, marked, want string }{
		{"192.168.1.1:1", "", "", token.Internal},
		{"[::ffff:192.168.1.1]:1", "", "", token.Internal},
		{"203.0.113.9:1", "", "", token.External},
		{"203.0.113.9:1", "192.168.1.1", "internal", token.External}, // a stranger's word
		{"10.0.0.1:1", "192.168.1.1", "", token.Internal},
		{"10.0.0.1:1", "203.0.113.9", "", token.External},
		{"10.0.0.1:1", "203.0.113.9", "internal", token.Internal},
		{"10.0.0.1:1", "203.0.113.9", "Internal", token.External},
		{"@", "", "", token.External},
	} {
		r := httptest.NewRequest("GET", "/a", nil)
		r.RemoteAddr = try.peer
		if try.forwarded != "" {
			r.Header.Set("X-Forwarded-For", try.forwarded)
		}
		if try.marked != "" {
			r.Header.Set("X-Traffic", try.marked)
		}
		f.ServeHTTP(httptest.NewRecorder(), r)
		if class != try.want {
			t.Errorf("%+v: got %s", try, class)
		}
	}
}

func TestAnswerForAProtectedServiceIsTraffic(t *testing.T) {
	f, set := house(t,
		route("GET /asked", func(c *web.Call) error {
			c.Protect("asked")
			c.Protect("orders")
			c.SetActor(token.Actor{Workspace: "ws1"})
			c.SetClient("shop")
			return token.Errorf(token.Forbidden, "no")
		}),
		route("GET /other", ok))
	for _, path := range []string{"/asked", "/other"} {
		r := httptest.NewRequest("GET", path, nil)
		r.RemoteAddr = "192.168.1.1:1"
		f.ServeHTTP(httptest.NewRecorder(), r)
	}
	want := token.Traffic{Minute: 60_000, Workspace: "ws1", Route: "orders", Client: "shop", Class: token.Internal, Count: 1, Refused: 1}
	want.Buckets[0] = 1
	if got := set.Traffic.Take(); !slices.Equal(got, []token.Traffic{want}) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
