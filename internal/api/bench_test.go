package api_test

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/server/servertest"
)

// sink is a ResponseWriter that costs nothing.
type sink struct {
	h      http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.h }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }

func benchmark(b *testing.B, handler http.Handler, secret, query string) {
	b.Helper()
	r := httptest.NewRequest("GET", "/verify"+query, nil)
	r.Header.Set("Authorization", "Bearer "+secret)
	r.Header.Set("User-Agent", "bench/1.0")
	w := &sink{}
	b.ReportAllocs()
	for b.Loop() {
		w.h = make(http.Header)
		handler.ServeHTTP(w, r)
	}
	if w.status != http.StatusOK {
		b.Fatalf("status %d", w.status)
	}
}

func verifiable(b *testing.B) (*servertest.House, string) {
	b.Helper()
	h := servertest.Start(b, resources, nil)
	a := h.Request("POST", "/v1/tokens", object{"name": "bench", "scopes": []string{"catalog:read", "content:write"}, "format": "opaque"},
		"Authorization", "Bearer "+backend, "X-Workspace-Id", "ws1")
	secret, _ := a.JSON["token"].(string)
	return h, secret
}

// BenchmarkVerify is /verify of a cached token inside the process, with metrics
// and the log line.
func BenchmarkVerify(b *testing.B) {
	h, secret := verifiable(b)
	benchmark(b, h.Floor, secret, "")
}

// BenchmarkVerifyWithDemands has a query, as proxies send one.
func BenchmarkVerifyWithDemands(b *testing.B) {
	h, secret := verifiable(b)
	benchmark(b, h.Floor, secret, "?scope=catalog:read&workspace=ws1")
}

// bare is what /verify is held against: the same headers out, nothing asked.
func bare() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/verify", func(w http.ResponseWriter, r *http.Request) {
		if _, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); !ok {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		for _, name := range identityHeaders {
			w.Header().Set(name, "value")
		}
		w.WriteHeader(http.StatusOK)
	})
	return mux
}

// BenchmarkBareHandler is the floor of the measure.
func BenchmarkBareHandler(b *testing.B) { benchmark(b, bare(), "x", "") }

// BenchmarkVerifyOverHTTP and BenchmarkBareHandlerOverHTTP put net/http between:
// their ratio is the share that the product is held to.
func BenchmarkVerifyOverHTTP(b *testing.B) {
	h, secret := verifiable(b)
	overHTTP(b, h.URL, secret)
}

func BenchmarkBareHandlerOverHTTP(b *testing.B) {
	front := httptest.NewServer(bare())
	defer front.Close()
	overHTTP(b, front.URL, "x")
}

// overHTTP asks over one connection with a client that does next to nothing, so
// that what is measured is the server.
func overHTTP(b *testing.B, url, secret string) {
	b.Helper()
	host := strings.TrimPrefix(url, "http://")
	conn, err := new(net.Dialer).DialContext(b.Context(), "tcp", host)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	ask := []byte("GET /verify HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: bench/1.0\r\nAuthorization: Bearer " + secret + "\r\n\r\n")
	answer := bufio.NewReader(conn)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := conn.Write(ask); err != nil {
			b.Fatal(err)
		}
		for first := true; ; first = false {
			line, err := answer.ReadSlice('\n')
			if err != nil || first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
				b.Fatalf("%s %v", line, err)
			}
			if len(line) == 2 {
				break
			}
		}
	}
}
