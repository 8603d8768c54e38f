package server_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/fichadev/ficha/internal/resources"
	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
)

// example is the whole format, as its specification shows it.
func example(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "resources", "testdata", "example.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func withVariables(c *server.Config) {
	values := map[string]string{"CHRONOS_CLIENT_TOKEN": "chronos-client-token-1", "GATEWAY_SECRET": "gateway-secret-0123456789"}
	c.Env = func(name string) (string, bool) {
		v, ok := values[name]
		return v, ok
	}
}

func apply(t *testing.T, h *servertest.House, text []byte, restore bool) resources.Report {
	t.Helper()
	r, err := h.Apply(context.Background(), "resources.yaml", text, restore)
	if err != nil {
		t.Fatalf("apply: %v", err)
	}
	return r
}

func TestApplyingTwiceChangesNothing(t *testing.T) {
	h := servertest.Start(t, "", withVariables)
	first := apply(t, h, example(t), false)
	if n := first.Count(resources.Created) + first.Count(resources.Changed); n != len(first.Lines) {
		t.Errorf("first: %d of %d made or changed: %+v", n, len(first.Lines), first.Lines)
	}
	before, err := h.Store.Position(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second := apply(t, h, example(t), false)
	if n := second.Count(resources.Unchanged); n != len(second.Lines) || n != len(first.Lines) {
		t.Errorf("second: %d of %d unchanged: %+v", n, len(second.Lines), second.Lines)
	}
	after, err := h.Store.Position(t.Context())
	if err != nil || after != before {
		t.Errorf("position went from %v to %v (%v)", before, after, err)
	}
	t.Logf("%+v", first)
}
