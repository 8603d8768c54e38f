package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/fichadev/ficha/internal/alert"
)

func TestDeployedFilesAreWhatTheCommandsPrint(t *testing.T) {
	for path, made := range map[string]struct {
		command string
		print   func() ([]byte, error)
	}{
		"../../deploy/prometheus/ficha.rules.yaml": {"ficha alerts prometheus", alert.Prometheus},
		"../../deploy/grafana/ficha.json":          {"ficha alerts grafana", alert.Grafana},
	} {
		var got bytes.Buffer
		if err := printMade(&got, made.print); err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want, got.Bytes()) {
			t.Errorf("%s is not what %q prints: write it anew", path, made.command)
		}
	}
}
