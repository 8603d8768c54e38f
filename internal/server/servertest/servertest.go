// Package servertest knows how a whole house is built for a test: a real
// server in this process on a loopback port, with a real database and a clock
// that the test moves.
package servertest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/server"
)

// A Clock stands still until it is moved. It is safe for use by many at once.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock at noon of an ordinary day.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)} }

// Now returns the clock's instant.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Move moves the clock.
func (c *Clock) Move(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
}

// A House is a server under test.
type House struct {
	*server.Server
	URL   string
	Clock *Clock
	Log   *Buffer // everything that the server logged
	tb    testing.TB
}

// A Buffer is written by many and read at the end.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write appends.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// String returns what was written so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// Start builds a house on SQLite in a folder of its own, with the declared
// resources in it, and tears it down after the test. change may be nil.
func Start(tb testing.TB, resources string, change func(*server.Config)) *House {
	tb.Helper()
	h := &House{Clock: NewClock(), Log: &Buffer{}, tb: tb}
	front := httptest.NewUnstartedServer(nil)
	h.URL = "http://" + front.Listener.Addr().String()
	cfg := server.Config{
		DataDir: tb.TempDir(), Issuer: h.URL, Now: h.Clock.Now,
		Log: slog.New(slog.NewJSONHandler(h.Log, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	s, err := server.New(context.Background(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	h.Server = s
	if resources != "" {
		if _, err := s.Apply(context.Background(), "resources.yaml", []byte(resources), false); err != nil {
			tb.Fatal(err)
		}
	}
	front.Config = s.Floor.Server("")
	front.Start()
	tb.Cleanup(func() {
		front.Close()
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return h
}

// An Answer is what the server said.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	JSON   map[string]any // nil where the body is no JSON object
}

// Request sends one request without following redirects. body may be nil, a
// string, url.Values (a form) or anything that is sent as JSON; header are
// names and values in turn.
func (h *House) Request(method, path string, body any, header ...string) Answer {
	h.tb.Helper()
	var reader io.Reader
	kind := ""
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	case url.Values:
		reader, kind = strings.NewReader(b.Encode()), "application/x-www-form-urlencoded"
	default:
		text, err := json.Marshal(b)
		if err != nil {
			h.tb.Fatal(err)
		}
		reader, kind = bytes.NewReader(text), "application/json"
	}
	req, err := http.NewRequestWithContext(context.Background(), method, h.URL+path, reader)
	if err != nil {
		h.tb.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return h.Do(req)
}

// Do sends a request without following redirects.
func (h *House) Do(req *http.Request) Answer {
	h.tb.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		h.tb.Fatal(err)
	}
	defer res.Body.Close()
	a := Answer{Status: res.StatusCode, Header: res.Header}
	if a.Body, err = io.ReadAll(io.LimitReader(res.Body, 16<<20)); err != nil {
		h.tb.Fatal(err)
	}
	if json.Unmarshal(a.Body, &a.JSON) != nil {
		a.JSON = nil
	}
	return a
}
