package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/fichadev/ficha/internal/scan"
)

// A finding is a secret and where it stands.
type finding struct {
	scan.Match
	Path   string
	Commit string // empty: in no history
	At     int64  // seconds; of the commit
	Status string // live, dead, unknown; empty: nobody was asked
	Held   held
}

// held is what its workspace may know of it.
type held struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Owner string `json:"owner"`
}

const (
	mostFindings = 10_000
	// looked at to tell whether a file is text, as git does
	headBytes = 8000
)

// A sweep gathers findings.
type sweep struct {
	reader scan.Reader
	most   int64 // bytes of a file
	warn   io.Writer
	found  []finding
	places map[[2]string]int // of what was found in a history: secret and path
	full   bool
}

func (s *sweep) add(f finding) {
	if len(s.found) < mostFindings {
		s.found = append(s.found, f)
		return
	}
	if !s.full {
		s.full = true
		s.say("there are more: these are the first %d", mostFindings)
	}
}

func (s *sweep) say(format string, args ...any) {
	fmt.Fprintf(s.warn, format+"\n", args...) //nolint:errcheck // a warning that cannot be written has nowhere to say so
}

// read looks through one text.
func (s *sweep) read(name string, text io.Reader) error {
	return s.reader.Read(text, func(m scan.Match) { s.add(finding{Match: m, Path: name}) })
}

// walk looks through a file, or all below a folder but what git keeps for
// itself. It follows no link, and passes over what is no text, too large or
// cannot be read, of which it warns.
func (s *sweep) walk(ctx context.Context, root string) error {
	if _, err := os.Stat(root); err != nil {
		return err
	}
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			s.say("passed over: %v", err)
			return nil
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		if err := s.file(path); err != nil {
			s.say("passed over: %v", err)
		}
		return nil
	})
}

func (s *sweep) file(path string) error {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return err
	}
	defer f.Close()
	state, err := f.Stat()
	if err != nil {
		return err
	}
	if state.Size() > s.most {
		return fmt.Errorf("%s has more than %d MB: see --max-size", path, s.most>>20)
	}
	head := make([]byte, min(headBytes, state.Size()))
	n, err := io.ReadFull(f, head)
	if err != nil && n == 0 || bytes.IndexByte(head[:n], 0) >= 0 {
		return nil // empty, or no text
	}
	return s.read(path, io.MultiReader(bytes.NewReader(head[:n]), io.LimitReader(f, s.most)))
}
