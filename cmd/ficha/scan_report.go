package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/scan"
)

// live is the status of a secret that opens something.
const live = "live"

// mostAsked is how many secrets one request may be about.
const mostAsked = 100

func sumOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// ask asks the server which secrets live. It is told their heads and hashes, and
// none of them.
func (c *scanText) ask(ctx context.Context, found []finding) error {
	type answer struct {
		held
		Status string `json:"status"`
	}
	answers := map[string]answer{}
	secrets := distinct(found)
	for batch := range slices.Chunk(secrets, mostAsked) {
		asked := make([]map[string]string, len(batch))
		for i, f := range batch {
			asked[i] = map[string]string{"head": f.Head, "sha256": sumOf(f.Secret)}
		}
		var said struct{ Results []answer }
		if err := c.post(ctx, "/v1/leaks/check", map[string]any{"secrets": asked}, &said); err != nil {
			return err
		}
		if len(said.Results) != len(batch) {
			return fmt.Errorf("%s answers something else than Ficha would: check --server", c.Server)
		}
		for i, f := range batch {
			answers[f.Secret] = said.Results[i]
		}
	}
	for i := range found {
		a := answers[found[i].Secret]
		found[i].Status, found[i].Held = a.Status, a.held
	}
	return nil
}

// distinct returns the first finding of each secret.
func distinct(found []finding) (list []finding) {
	seen := map[string]bool{}
	for _, f := range found {
		if !seen[f.Secret] {
			seen[f.Secret] = true
			list = append(list, f)
		}
	}
	return list
}

func (c *scanText) print(found []finding) error {
	switch {
	case c.SARIF:
		return writeJSON(os.Stdout, sarifOf(found))
	case c.JSON:
		return writeJSON(os.Stdout, recordsOf(found))
	}
	return writeLines(os.Stdout, found)
}

// place is where a finding stands, as editors and git read it.
func (f *finding) place() string {
	text := f.Path
	if f.Line > 0 {
		text += fmt.Sprintf(":%d", f.Line)
	}
	if f.Commit != "" {
		text = f.Commit[:min(12, len(f.Commit))] + ":" + text
	}
	return text
}

func writeLines(w io.Writer, found []finding) error {
	for i := range found {
		f := &found[i]
		about := cmp.Or(f.Status, "not asked")
		if f.Held.ID != "" {
			about = strings.TrimSuffix(about+", "+f.Held.ID+" "+f.Held.Name, " ")
		}
		if _, err := fmt.Fprintf(w, "%s: %s %s (%s)\n", f.place(), f.Name(), scan.Show(&f.Match), about); err != nil {
			return err
		}
	}
	return nil
}

// A foundRecord is a finding as JSON has it.
type foundRecord struct {
	Path   string `json:"path"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Commit string `json:"commit,omitempty"`
	At     string `json:"committed_at,omitempty"`
	Kind   string `json:"kind"`
	Secret string `json:"secret"` // masked
	SHA256 string `json:"sha256"`
	Status string `json:"status,omitempty"`
	ID     string `json:"id,omitempty"`
	Name   string `json:"name,omitempty"`
	Owner  string `json:"owner,omitempty"`
}

func recordsOf(found []finding) []foundRecord {
	list := make([]foundRecord, len(found))
	for i := range found {
		f := &found[i]
		list[i] = foundRecord{
			Path: f.Path, Line: f.Line, Column: f.Column, Commit: f.Commit, Kind: f.Name(), Secret: scan.Show(&f.Match), SHA256: sumOf(f.Secret),
			Status: f.Status, ID: f.Held.ID, Name: f.Held.Name, Owner: f.Held.Owner,
		}
		if f.At != 0 {
			list[i].At = time.Unix(f.At, 0).UTC().Format(time.RFC3339)
		}
	}
	return list
}

// sarifOf writes findings as SARIF 2.1.0: an error where the secret lives or
// nobody was asked, else a note.
func sarifOf(found []finding) map[string]any {
	type object = map[string]any
	rules, results := []object{}, []object{}
	known := map[string]bool{}
	for i := range found {
		f := &found[i]
		if !known[f.Name()] {
			known[f.Name()] = true
			rules = append(rules, object{"id": f.Name(), "shortDescription": object{"text": "A secret of Ficha: " + f.Name()}})
		}
		level := "note"
		if f.Status == live || f.Status == "" {
			level = "error"
		}
		at := object{"artifactLocation": object{"uri": (&url.URL{Path: filepath.ToSlash(f.Path)}).String()}}
		if f.Line > 0 {
			at["region"] = object{"startLine": f.Line}
		}
		results = append(results, object{
			"ruleId": f.Name(), "level": level, "message": object{"text": "The secret " + scan.Show(&f.Match) + " stands here (" + cmp.Or(f.Status, "not asked") + ")."},
			"locations":           []object{{"physicalLocation": at}},
			"partialFingerprints": object{"secretSha256/v1": sumOf(f.Secret)},
			"properties":          object{"status": f.Status, "commit": f.Commit},
		})
	}
	return object{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
		"runs": []object{{"tool": object{"driver": object{"name": "ficha scan", "rules": rules}}, "results": results}},
	}
}
