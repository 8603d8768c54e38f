package oauth_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/metric"
	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/web"
)

// sink is a ResponseWriter that costs nothing.
type sink struct {
	h      http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.h }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }

// asking measures one question again and again, without a network.
func asking(b *testing.B, h http.Handler, form string) {
	b.Helper()
	body := strings.NewReader(form)
	r := httptest.NewRequest("POST", "/oauth2/introspect", body)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", basic("gateway", "gateway-secret"))
	s := &sink{h: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		body.Reset(form)
		r.Body = io.NopCloser(body)
		clear(s.h)
		h.ServeHTTP(s, r)
	}
	if s.status != 200 {
		b.Fatalf("status %d", s.status)
	}
}

// lines makes the log's lines as in production and keeps none of them.
func lines() *slog.Logger { return slog.New(slog.NewJSONHandler(&nowhere{}, nil)) }

type nowhere struct{}

func (*nowhere) Write(b []byte) (int, error) { return len(b), nil }

func quiet(cfg *server.Config) {
	cfg.Log, cfg.Now = lines(), time.Now
}

// BenchmarkFloorAlone reads a form and writes as many bytes as an answer has:
// what introspection is held against.
func BenchmarkFloorAlone(b *testing.B) {
	f, err := web.New(web.Config{Log: lines(), Metrics: metric.New(), Now: time.Now, Issuer: "https://tokens.example.test"})
	if err != nil {
		b.Fatal(err)
	}
	answer := []byte(strings.Repeat("x", 400))
	err = f.Mount(web.Route{Pattern: "POST /oauth2/introspect", Rule: web.Rule{Auth: web.AuthClient, Secret: true}, Handle: func(c *web.Call) error {
		if _, err := c.Form(); err != nil {
			return err
		}
		return c.WriteRaw(200, "application/json", answer)
	}})
	if err != nil {
		b.Fatal(err)
	}
	asking(b, f, "token=fch_acc_"+strings.Repeat("x", 45))
}

func BenchmarkIntrospectOpaque(b *testing.B) {
	w := startWith(b, quiet)
	asking(b, w, values("token", w.must(w.own("machine"), "access_token")).Encode())
}

func BenchmarkIntrospectSigned(b *testing.B) {
	w := startWith(b, quiet)
	asking(b, w, values("token", w.must(w.own("signer"), "access_token")).Encode())
}

func BenchmarkIntrospectAimed(b *testing.B) {
	w := startWith(b, quiet)
	asking(b, w, values("token", w.must(w.own("machine", "resource", "https://files.example.test/"), "access_token")).Encode())
}

func BenchmarkIntrospectInactive(b *testing.B) {
	w := startWith(b, quiet)
	asking(b, w, "token=garbage")
}
