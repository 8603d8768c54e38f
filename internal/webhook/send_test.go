package webhook

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// receiver is a real server on loopback.
func receiver(t *testing.T, answer http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

// testCourier gives up after half a second.
func testCourier(t *testing.T, g guard) *courier {
	t.Helper()
	c := newCourier(g, time.Now)
	c.within = 500 * time.Millisecond
	t.Cleanup(c.close)
	return c
}

func shipment() token.Shipment {
	return token.Shipment{Delivery: token.Delivery{ID: 1, Webhook: 2, Event: 3, Body: []byte(`{"type":"token.issued"}`)}}
}

func TestDeliveryIsWhatWasSigned(t *testing.T) {
	var got *http.Request
	var body []byte
	r := receiver(t, func(w http.ResponseWriter, req *http.Request) {
		got = req
		body, _ = io.ReadAll(req.Body)
		w.WriteHeader(http.StatusNoContent)
	})
	out := testCourier(t, guard{allow: loopback}).try(t.Context(), r.URL+"/hook?key=x", shipment(), testKeys("whsec_AAAA"))
	if !out.Arrived || out.Gone || out.Attempt.Status != 204 || out.Attempt.Fault != "" {
		t.Errorf("the try came to %+v", out)
	}
	if got.Method != http.MethodPost || got.RequestURI != "/hook?key=x" || got.Header.Get("Content-Type") != "application/json" ||
		string(body) != string(shipment().Body) || got.Header.Get("webhook-id") != token.ID(3).String() {
		t.Errorf("the receiver got %s %s %v %q", got.Method, got.RequestURI, got.Header, body)
	}
}

// Receivers that fail in every way we know of: none is believed, followed, or
// waited for.
func TestReceiversThatFail(t *testing.T) {
	var followed atomic.Int64
	elsewhere := receiver(t, func(http.ResponseWriter, *http.Request) { followed.Add(1) })
	hold := func(w http.ResponseWriter, r *http.Request, every time.Duration) {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-r.Context().Done():
				return
			case <-tick.C:
				io.WriteString(w, "x")                //nolint:errcheck // the client goes away
				http.NewResponseController(w).Flush() //nolint:errcheck // as above
			}
		}
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   token.Attempt
		ok     bool
	}{
		"fails": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, token.Attempt{Status: 500}, false},
		"redirects": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(307)
		}, token.Attempt{Status: 307}, false},
		"is gone": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(410) }, token.Attempt{Status: 410}, false},
		"stalls":  {func(_ http.ResponseWriter, r *http.Request) { io.ReadAll(r.Body); <-r.Context().Done() }, token.Attempt{Fault: "timeout"}, false}, //nolint:errcheck // as it is
		"drips its answer": {func(w http.ResponseWriter, r *http.Request) {
			io.ReadAll(r.Body) //nolint:errcheck // as it is
			hold(w, r, 20*time.Millisecond)
		}, token.Attempt{Status: 200}, true},
		"answers without end": {func(w http.ResponseWriter, r *http.Request) {
			block := make([]byte, 1<<20)
			for r.Context().Err() == nil {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		}, token.Attempt{Status: 200}, true},
		"closes half-way":   {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, token.Attempt{Fault: "no_connection"}, false},
		"has a huge header": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) }, token.Attempt{Fault: "no_connection"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := receiver(t, c.answer)
			began := time.Now()
			out := testCourier(t, guard{allow: loopback}).try(t.Context(), r.URL, shipment(), testKeys("whsec_AAAA"))
			if out.Attempt.Status != c.want.Status || out.Attempt.Fault != c.want.Fault || out.Arrived != c.ok || out.Gone != (c.want.Status == 410) {
				t.Errorf("the try came to %+v, want %+v", out, c.want)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
	if followed.Load() != 0 {
		t.Error("the redirect was followed")
	}
}

// fixed is a resolver that answers every question with one address, as a name
// does that was public when it was registered.
func fixed(t *testing.T, ip netip.Addr) *net.Resolver {
	t.Helper()
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go answerDNS(theirs, ip)
		return ours, nil
	}}
}

// answerDNS answers one question over TCP's framing (RFC 1035, 4.1 and 4.2.2).
func answerDNS(c net.Conn, ip netip.Addr) {
	defer c.Close()
	for {
		var length [2]byte
		if _, err := io.ReadFull(c, length[:]); err != nil {
			return
		}
		q := make([]byte, int(length[0])<<8|int(length[1]))
		if _, err := io.ReadFull(c, q); err != nil {
			return
		}
		end := 12
		for q[end] != 0 {
			end += int(q[end]) + 1
		}
		end += 5
		kind, data := q[end-3], ip.AsSlice()
		a := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, q[12:end]...)
		if kind == 1 && len(data) == 4 || kind == 28 && len(data) == 16 {
			a[7] = 1
			a = append(a, 0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 0, 0, byte(len(data)))
			a = append(a, data...)
		}
		if _, err := c.Write(append([]byte{byte(len(a) >> 8), byte(len(a))}, a...)); err != nil {
			return
		}
	}
}

func TestNameThatLeadsInsideIsNotConnected(t *testing.T) {
	var reached atomic.Int64
	r := receiver(t, func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	_, port, err := net.SplitHostPort(r.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"127.0.0.1", "::1", "169.254.169.254", "10.0.0.1", "100.64.0.1", "0.0.0.0", "::ffff:127.0.0.1", "64:ff9b::7f00:1"} {
		g := guard{resolver: fixed(t, netip.MustParseAddr(address))}
		for _, scheme := range []string{"http", "https"} {
			out := testCourier(t, g).try(t.Context(), scheme+"://hooks.example.test:"+port+"/", shipment(), testKeys("whsec_AAAA"))
			if out.Arrived || out.Attempt.Fault != "address_not_allowed" {
				t.Errorf("%s to %s came to %+v, want its address refused", scheme, address, out.Attempt)
			}
		}
	}
	if reached.Load() != 0 {
		t.Error("the receiver inside was reached")
	}
	g := guard{resolver: fixed(t, netip.MustParseAddr("127.0.0.1")), allow: loopback}
	if out := testCourier(t, g).try(t.Context(), "http://hooks.example.test:"+port+"/", shipment(), testKeys("whsec_AAAA")); !out.Arrived {
		t.Errorf("where the operator allows it: %+v", out.Attempt)
	}
}

// Clear text goes to allowed networks alone, and to this machine where the
// address itself says so.
func TestHTTPStaysWhereTheOperatorAllows(t *testing.T) {
	c := testCourier(t, guard{resolver: fixed(t, netip.MustParseAddr("93.184.216.34"))})
	if out := c.try(t.Context(), "http://hooks.example.test/", shipment(), testKeys("whsec_AAAA")); out.Attempt.Fault != "address_not_allowed" {
		t.Errorf("http to the internet: %+v", out.Attempt)
	}
	r := receiver(t, func(http.ResponseWriter, *http.Request) {})
	if out := c.try(t.Context(), r.URL, shipment(), testKeys("whsec_AAAA")); !out.Arrived {
		t.Errorf("http to this very machine: %+v", out.Attempt)
	}
	if out := c.try(t.Context(), strings.Replace(r.URL, "127.0.0.1", "[::ffff:127.0.0.1]", 1), shipment(), testKeys("whsec_AAAA")); out.Arrived {
		t.Errorf("http to this machine in another spelling arrived")
	}
}

func TestProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	var asked atomic.Int64
	proxy := receiver(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	c := testCourier(t, guard{allow: loopback, resolver: fixed(t, netip.MustParseAddr("127.0.0.2"))})
	c.try(t.Context(), "http://hooks.example.test:1/", shipment(), testKeys("whsec_AAAA"))
	if asked.Load() != 0 {
		t.Error("a delivery went through the environment's proxy")
	}
}

// A refusal of TLS or of a name tells nothing of the address.
func TestFaultIsAWord(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	c := testCourier(t, guard{allow: loopback})
	for address, want := range map[string]string{
		secure.URL + "/secret-path":                    "tls",
		"http://127.0.0.1:1/secret-path":               "no_connection",
		"https://[::1]:1/secret-path":                  "no_connection",
		"https://secret-path.invalid./":                "name_not_found",
		"https://user:secret-path@127.0.0.1:1/%zz\x7f": "no_connection",
	} {
		if out := c.try(t.Context(), address, shipment(), testKeys("whsec_AAAA")); out.Attempt.Fault != want {
			t.Errorf("%s: fault %q, want %q", address, out.Attempt.Fault, want)
		}
	}
	if got := fault(errors.New("dial secret-path")); got != "no_connection" {
		t.Errorf("another error is %q", got)
	}
}
