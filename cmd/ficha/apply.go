package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/resources"
	"github.com/fichadev/ficha/internal/server"
)

// applyWithin is how long the server takes at most, and a minute for the way.
const applyWithin = 31 * time.Minute

// applyCommand brings a running server to what a resources file declares.
type applyCommand struct {
	asker   `embed:""`
	File    string `arg:"" help:"The resources file."`
	Restore bool   `help:"Bring back what people ended; no token that ended with it comes back."`
	Prune   bool   `help:"End what earlier files made and this one does not declare."`
}

// Run reads the file here, so that its mistakes are found before anything is
// sent, and prints what became of each thing.
func (c *applyCommand) Run(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Clean(c.File))
	if err != nil {
		return err
	}
	parcel, _, err := resources.Pack(resources.Source{Name: c.File, Text: text, Env: os.LookupEnv, ReadFile: os.ReadFile})
	if err != nil {
		return err
	}
	body, err := json.Marshal(parcel)
	if err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, applyWithin)
	defer cancel()
	query := url.Values{"restore": {strconv.FormatBool(c.Restore)}, "prune": {strconv.FormatBool(c.Prune)}}
	var did struct {
		Lines    []resources.Line `json:"lines"`
		Warnings []string         `json:"warnings"`
	}
	if err := c.do(ctx, request{http.MethodPost, "/v1/apply?" + query.Encode(), resources.ParcelType, body}, &did); err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(os.Stdout, did)
	}
	return printReport(os.Stdout, c.File, did.Lines, did.Warnings)
}

// printReport prints what became of each thing, one a line, but for those that
// are as they were, which are counted.
func printReport(w io.Writer, name string, lines []resources.Line, warnings []string) error {
	same, kept, t := 0, 0, table{head: []string{"outcome", "kind", "name"}}
	for _, l := range lines {
		switch l.Outcome {
		case resources.Unchanged:
			same++
			continue
		case resources.KeptEnded:
			kept++
		}
		t.add(map[string]any{"outcome": string(l.Outcome), "kind": string(l.Kind), "name": l.Name})
	}
	var text strings.Builder
	for _, warning := range warnings {
		text.WriteString("warning: " + cell(warning) + "\n")
	}
	if len(t.rows) > 0 {
		if err := (output{}).write(&text, t); err != nil {
			return err
		}
	}
	text.WriteString(name + ": " + summary(len(t.rows)-kept, same, kept) + "\n")
	_, err := io.WriteString(w, text.String())
	return err
}

// summary counts what became of things. What people ended and stays so is no
// change.
func summary(changed, same, kept int) string {
	said := "nothing changed"
	if changed > 0 {
		said = fmt.Sprintf("%d changed, %d as they were", changed, same)
	}
	if kept > 0 {
		said += fmt.Sprintf(", %d kept ended", kept)
	}
	return said
}

// applyFile applies a file to a server that does not listen yet.
func applyFile(ctx context.Context, s *server.Server, name string) error {
	text, err := os.ReadFile(filepath.Clean(name))
	if err != nil {
		return err
	}
	report, err := s.Apply(ctx, name, text, false)
	if err != nil && len(report.Lines) == 0 {
		return err
	}
	warnings := make([]string, len(report.Warnings))
	for i := range report.Warnings {
		warnings[i] = report.Warnings[i].String()
	}
	return errors.Join(printReport(os.Stderr, name, report.Lines, warnings), err)
}
