package server_test

import (
	"context"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/alert"
	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

var (
	named    = regexp.MustCompile(`\bficha_[a-z_]+`)
	exported = regexp.MustCompile(`(?m)^(ficha_[a-z_]+)`)
)

// Rules and charts about a metric that is not there say that all is well.
func TestEveryMetricThatIsWatchedExists(t *testing.T) {
	missing := map[string]bool{}
	for _, made := range []func() ([]byte, error){alert.Prometheus, alert.Grafana} {
		text, err := made()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range named.FindAllString(string(text), -1) {
			missing[name] = true
		}
	}
	if len(missing) < 12 {
		t.Fatalf("only %v are watched", missing)
	}
	h := servertest.Start(t, alerted, func(c *server.Config) {
		c.Sinks = []string{"file:" + filepath.Join(t.TempDir(), "audit.jsonl")}
		if pgtest.Available() {
			c.Database = pgtest.Start(t).Database(t)
		} else {
			delete(missing, "ficha_feed_lag_seconds") // of many nodes
		}
	})
	h.Request("GET", "/v1/tokens", nil) // a refusal
	h.Metrics.Traffic.Note(token.Request{At: h.Clock.Now().UnixMilli(), Workspace: "w", Route: "/orders", Client: "c", Class: token.External, Status: 500})
	firing := token.Alert{Workspace: "w", Rule: "r", State: token.AlertFiring, Class: token.External, Detail: map[string]any{"value": "", "threshold": ""}}
	if err := h.Authority.TurnAlert(t.Context(), token.Alert{}, firing); err != nil { // writes a letter, or counts that it did not
		t.Fatal(err)
	}
	h.Server.Start(t.Context())
	over, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for len(missing) > 0 && over.Err() == nil { // the jobs do their first runs meanwhile
		for _, found := range exported.FindAllString(string(h.Request("GET", "/metrics", nil).Body), -1) {
			delete(missing, found)
		}
	}
	if len(missing) > 0 {
		t.Errorf("nothing is published as %v", slices.Sorted(maps.Keys(missing)))
	}
}
