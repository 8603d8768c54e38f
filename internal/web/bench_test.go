package web_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/metric"
	"github.com/fichadev/ficha/internal/web"
)

// sink is a ResponseWriter that costs nothing.
type sink struct{ h http.Header }

func (s *sink) Header() http.Header         { return s.h }
func (s *sink) WriteHeader(int)             {}
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }

var answer = []byte(`{"active":true,"scope":"` + strings.Repeat("x", 160) + `"}`)

func benchmark(b *testing.B, h http.Handler) {
	r := httptest.NewRequest("GET", "/verify", nil)
	r.Header.Set("Authorization", "Bearer fch_acc_"+strings.Repeat("x", 40))
	w := &sink{h: make(http.Header)}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.h)
		h.ServeHTTP(w, r)
	}
}

// BenchmarkBareHandler is what the floor is held against: the same mux, token
// and answer without it.
func BenchmarkBareHandler(b *testing.B) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /verify", func(w http.ResponseWriter, r *http.Request) {
		if _, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); !ok {
			w.WriteHeader(401)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	})
	benchmark(b, mux)
}

// BenchmarkFloor has metrics and the log line on, written to nowhere.
func BenchmarkFloor(b *testing.B) {
	benchmark(b, benchFloor(b, slog.NewJSONHandler(io.Discard, nil))) //nolint:sloglint // a line that is made and not kept is what is measured
}

// BenchmarkFloorQuiet is the floor with the log off.
func BenchmarkFloorQuiet(b *testing.B) { benchmark(b, benchFloor(b, slog.DiscardHandler)) }

func benchFloor(b *testing.B, log slog.Handler) *web.Floor {
	f, err := web.New(web.Config{Log: slog.New(log), Metrics: metric.New(), Now: time.Now, Issuer: "https://tokens.example.com"})
	if err != nil {
		b.Fatal(err)
	}
	err = f.Mount(web.Route{Pattern: "GET /verify", Rule: web.Rule{Auth: web.AuthBearer}, Handle: func(c *web.Call) error {
		if _, err := c.Bearer(); err != nil {
			return err
		}
		if c.Context().Err() != nil {
			return c.Context().Err()
		}
		return c.WriteRaw(200, "application/json", answer)
	}})
	if err != nil {
		b.Fatal(err)
	}
	return f
}
