package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// exporting is a server whose export comes in two parts.
func exporting(t *testing.T, torn bool) exporter {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Next-Cursor")
		row := "second"
		if r.FormValue("cursor") == "" {
			row = "first"
			w.Header().Set(http.TrailerPrefix+"X-Next-Cursor", "c")
		}
		if r.FormValue("format") == "csv" {
			w.Write([]byte("name\n"))
		}
		w.Write([]byte(row + "\n"))
		if torn && row == "second" {
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(s.Close)
	return exporter{remote: remote{Server: s.URL, Token: "x"}}
}

func TestAnExportIsReadToItsEnd(t *testing.T) {
	for format, want := range map[string]string{"csv": "name\nfirst\nsecond\n", "jsonl": "first\nsecond\n"} {
		e := exporting(t, false)
		e.Format = format
		var got strings.Builder
		if err := e.parts(t.Context(), "/v1/tokens/export", url.Values{"format": {format}}, &got); err != nil || got.String() != want {
			t.Errorf("%s is %q (%v), want %q", format, got.String(), err, want)
		}
	}
}

// An export that breaks off leaves the file as it was, and nothing beside it.
func TestATornExportReplacesNoFile(t *testing.T) {
	dir := t.TempDir()
	e := exporting(t, true)
	e.Output = filepath.Join(dir, "tokens.jsonl")
	if err := os.WriteFile(e.Output, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := e.export(t.Context(), "/v1/tokens/export"); err == nil {
		t.Error("a part is taken for the whole")
	}
	text, err := os.ReadFile(e.Output)
	entries, all := os.ReadDir(dir)
	if err != nil || all != nil || string(text) != "before" || len(entries) != 1 {
		t.Errorf("the file holds %q beside %d others (%v, %v)", text, len(entries)-1, err, all)
	}
}
