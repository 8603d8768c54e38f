package server_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/server"
)

const hotResources = `
workspaces: [{id: ws1, name: Acme}]
clients:
  - {client_id: c1, client_secret: secret-of-the-client-c1, workspace: ws1, grant_types: [client_credentials], scope: "content:write catalog:read"}
`

// BenchmarkIntrospect and BenchmarkVerify measure a cached token's question
// from the floor up, without the network.
func BenchmarkIntrospect(b *testing.B) {
	s, secret := hot(b)
	body := "token=" + url.QueryEscape(secret)
	ask(b, s, func() *http.Request {
		r := httptest.NewRequest("POST", "/oauth2/introspect", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth("c1", "secret-of-the-client-c1")
		return r
	})
}

func BenchmarkIssue(b *testing.B) {
	s, _ := hot(b)
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := httptest.NewRequest("POST", "/oauth2/token", strings.NewReader("grant_type=client_credentials"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.SetBasicAuth("c1", "secret-of-the-client-c1")
			w := &sink{head: http.Header{}}
			s.ServeHTTP(w, r)
			if w.status != 200 {
				b.Errorf("got %d, want 200", w.status)
			}
		}
	})
}

func ask(b *testing.B, s *server.Server, request func() *http.Request) {
	b.ReportAllocs()
	for b.Loop() {
		w := &sink{head: http.Header{}}
		s.ServeHTTP(w, request())
		if w.status != 200 {
			b.Fatalf("got %d, want 200", w.status)
		}
	}
}

// unread is a log that nobody reads; its lines are made as in the product.
type unread struct{}

func (unread) Write(line []byte) (int, error) { return len(line), nil }

// sink is an answer that nobody reads.
type sink struct {
	head   http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.head }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }

func hot(b *testing.B) (*server.Server, string) {
	b.Helper()
	s, err := server.New(context.Background(), server.Config{
		DataDir: b.TempDir(), Issuer: "http://127.0.0.1:8080", Now: time.Now, Log: slog.New(slog.NewJSONHandler(&unread{}, nil)),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	if _, err := s.Apply(context.Background(), "r.yaml", []byte(hotResources), false); err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/oauth2/token", strings.NewReader("grant_type=client_credentials"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("c1", "secret-of-the-client-c1")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	_, rest, _ := strings.Cut(w.Body.String(), `"access_token":"`)
	secret, _, _ := strings.Cut(rest, `"`)
	if secret == "" {
		b.Fatal(w.Body.String())
	}
	return s, secret
}
