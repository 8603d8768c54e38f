package sink_test

import (
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A receiver is a collector that keeps what it says yes to.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	asked  int
	taken  strings.Builder
	header http.Header
	// answer, where it is set, answers the n-th request, from 1; answering
	// nothing is a yes.
	answer func(w http.ResponseWriter, r *http.Request, n int)
}

func newReceiver(t *testing.T) *receiver {
	c := &receiver{}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (c *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	c.mu.Lock()
	c.asked++
	n, answer := c.asked, c.answer
	c.header = r.Header
	c.mu.Unlock()
	to := &recorder{w, 200}
	if answer != nil {
		answer(to, r, n)
	}
	if err == nil && to.status == 200 {
		c.mu.Lock()
		c.taken.Write(body)
		c.mu.Unlock()
	}
}

func (c *receiver) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.taken.String()
}

func TestCollectorThatFailsMissesNothing(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		c := newReceiver(t)
		c.answer = func(to http.ResponseWriter, _ *http.Request, n int) {
			switch n {
			case 1:
				to.WriteHeader(http.StatusInternalServerError)
			case 2:
				to.Header().Set("Location", "/elsewhere")
				to.WriteHeader(http.StatusFound)
			case 3:
				panic(http.ErrAbortHandler) // the connection breaks
			case 4:
				to.WriteHeader(http.StatusTooManyRequests)
			}
		}
		f := w.feeder(t, c.URL+"/secret-path?format=ocsf", w.Store)
		want := w.sealed(t, 2_500)
		for try := range 4 {
			if fed, err := f.Feed(t.Context()); err == nil || fed || strings.Contains(err.Error(), "secret-path") {
				t.Errorf("try %d: fed %v, %v; want a fault that does not tell the path", try, fed, err)
			}
		}
		drain(t, f)
		if got := slices.Compact(sorted(ids(t, c.text()))); !slices.Equal(got, sorted(want)) {
			t.Errorf("the collector has %d records, want %d", len(got), len(want))
		}
		if got := c.header.Get("Content-Type"); got != "application/x-ndjson" {
			t.Errorf("the body is %s", got)
		}
	})
}

func TestBearerIsReadAnewAndTheAuthorityIsNamed(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		c := &receiver{}
		c.Server = httptest.NewTLSServer(c)
		t.Cleanup(c.Close)
		folder := t.TempDir()
		ca, bearer := filepath.Join(folder, "ca.pem"), filepath.Join(folder, "bearer")
		write := func(name, text string) {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write(ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate().Raw})))
		write(bearer, "one\n")
		w.sealed(t, 1)
		if _, err := w.feeder(t, c.URL+"?name=stranger", w.Store).Feed(t.Context()); err == nil {
			t.Error("a collector that nobody vouches for is told")
		}
		f := w.feeder(t, c.URL+"?ca="+ca+"&bearer_file="+bearer, w.Store)
		drain(t, f)
		if got := c.header.Get("Authorization"); got != "Bearer one" {
			t.Errorf("Authorization is %q", got)
		}
		write(bearer, "two")
		w.sealed(t, 1)
		drain(t, f)
		if got := c.header.Get("Authorization"); got != "Bearer two" {
			t.Errorf("Authorization is %q after the rotation", got)
		}
	})
}
