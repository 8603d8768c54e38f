package server_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
)

func TestAuditGoesToItsSinksByItself(t *testing.T) {
	got := make(chan []byte, 9)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- body
	}))
	defer collector.Close()
	h := servertest.Start(t, "workspaces: [{id: ws1, name: Acme}]", func(cfg *server.Config) {
		cfg.Sinks = []string{collector.URL + "/in?format=ocsf&name=siem"}
	})
	h.Clock.Move(time.Minute) // records are sealed 30 s late
	h.Start(t.Context())
	var all []byte
	for !bytes.Contains(all, []byte(`"event_code":"workspace.created"`)) {
		all = append(all, <-got...)
	}
	metrics := string(h.Request("GET", "/metrics", nil).Body)
	for _, name := range []string{`ficha_audit_sink_failures_total{sink="siem"} 0`, `ficha_audit_sink_lag_seconds{sink="siem"}`, `ficha_audit_sink_lost_records{sink="siem"} 0`} {
		if !strings.Contains(metrics, name) {
			t.Errorf("the metrics have no %s", name)
		}
	}
}

func TestServerDoesNotStartWithASinkThatCannotBe(t *testing.T) {
	_, err := server.New(t.Context(), server.Config{
		DataDir: t.TempDir(), Issuer: "http://127.0.0.1:1", Now: servertest.NewClock().Now, Log: slog.New(slog.DiscardHandler), Sinks: []string{"file:relative"},
	})
	if err == nil || !strings.Contains(err.Error(), "whole path") {
		t.Errorf("got %v, want what to write instead", err)
	}
}
