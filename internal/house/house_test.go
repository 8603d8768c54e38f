package house

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const root = "../.."

// A file is one Go source of this module, seen by the laws.
type file struct {
	path  string // from the module's root, with slashes
	room  string
	test  bool
	lines int
	set   *token.FileSet
	tree  *ast.File
}

func parse(name string, text []byte) (file, error) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, name, text, parser.ParseComments|parser.SkipObjectResolution)
	room, _ := roomOf(module + "/" + path.Dir(name))
	return file{
		path: name, room: room, test: strings.HasSuffix(name, "_test.go"),
		lines: bytes.Count(text, []byte("\n")), set: set, tree: tree,
	}, err
}

// roomOf returns the room of an import path, and whether it is one of ours.
func roomOf(importPath string) (string, bool) {
	rest, ours := strings.CutPrefix(importPath, module+"/")
	if !ours {
		return "", false
	}
	parts := strings.Split(rest, "/")
	switch {
	case slices.Contains(testRooms, parts[len(parts)-1]): // a test's room may stand inside another
		return parts[len(parts)-1], true
	case parts[0] == "internal" && len(parts) > 1:
		return parts[1], true
	case parts[0] == "cmd" && len(parts) > 1:
		return "cmd/" + parts[1], true
	}
	return parts[0], true
}

func (f file) imports() []string {
	var paths []string
	for _, spec := range f.tree.Imports {
		p, _ := strconv.Unquote(spec.Path.Value) // it was parsed as a string
		paths = append(paths, p)
	}
	return paths
}

// walk calls visit for each file of the repository that is ours: nothing
// hidden, installed or made for a test.
func walk(visit func(name string) error) error {
	return filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if !d.IsDir() {
			rel, err := filepath.Rel(root, name)
			if err != nil {
				return err
			}
			return visit(filepath.ToSlash(rel))
		}
		if name != root && (strings.HasPrefix(base, ".") || slices.Contains([]string{"node_modules", "testdata", "ficha-data"}, base)) {
			return fs.SkipDir
		}
		return nil
	})
}

// sources parses this module once; folders with a go.mod are modules of their own.
var sources = sync.OnceValues(func() (files []file, err error) {
	err = walk(func(name string) error {
		if path.Ext(name) != ".go" || ofAnotherModule(name) {
			return nil
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		f, err := parse(name, text)
		files = append(files, f)
		return err
	})
	return files, err
})

func ofAnotherModule(name string) bool {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if _, err := os.Stat(filepath.Join(root, dir, "go.mod")); err == nil {
			return true
		}
	}
	return false
}

func all(t *testing.T) []file {
	t.Helper()
	files, err := sources()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no source was found")
	}
	return files
}

func TestHouse(t *testing.T) {
	for name, keep := range laws {
		t.Run(name, func(t *testing.T) {
			for _, f := range all(t) {
				for _, wrong := range keep(f) {
					t.Errorf("%s: %s", f.path, wrong)
				}
			}
		})
	}
}

// TestArrowsAreUsed keeps the table a picture of the house, not of a plan.
func TestArrowsAreUsed(t *testing.T) {
	used := map[string]map[string]bool{}
	for _, f := range all(t) {
		if used[f.room] == nil {
			used[f.room] = map[string]bool{anything: true}
		}
		for _, p := range f.imports() {
			if to, ours := roomOf(p); ours && !f.test {
				used[f.room][to] = true
			}
		}
	}
	for room, allowed := range arrows {
		if used[room] == nil {
			t.Errorf("there is no room %s: take it out of the table", room)
			continue
		}
		for _, to := range allowed {
			if !used[room][to] {
				t.Errorf("%s does not import %s: take the arrow out of the table", room, to)
			}
		}
	}
}

func TestEachPackageSaysWhatItKnows(t *testing.T) {
	packages := map[string][]file{}
	for _, f := range all(t) {
		if !f.test {
			packages[path.Dir(f.path)] = append(packages[path.Dir(f.path)], f)
		}
	}
	for dir, files := range packages {
		for _, wrong := range beginsRight(files) {
			t.Errorf("%s: %s", dir, wrong)
		}
	}
}

func TestExcusedClockReadersExist(t *testing.T) {
	for name, reason := range clockReaders {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil || reason == "" {
			t.Errorf("the excuse of %s is stale or has no reason: %v", name, err)
		}
	}
}

// TestArrowsHaveNoCircle also finds a misspelt room.
func TestArrowsHaveNoCircle(t *testing.T) {
	var visit func(room string, way []string)
	visit = func(room string, way []string) {
		if slices.Contains(way, room) {
			t.Errorf("a circle: %s", strings.Join(append(way, room), " -> "))
			return
		}
		to, known := arrows[room]
		if !known {
			t.Errorf("%s leads to an unknown room", strings.Join(append(way, room), " -> "))
		}
		for _, next := range to {
			if next != anything {
				visit(next, append(slices.Clone(way), room))
			}
		}
	}
	for room := range arrows {
		visit(room, nil)
	}
}

// addresses returns what a package-lock.json says about where to download from.
func addresses(lock []byte) ([]string, error) {
	var doc struct {
		Packages map[string]struct{ Resolved string }
	}
	if err := json.Unmarshal(lock, &doc); err != nil {
		return nil, err
	}
	var found []string
	for name, p := range doc.Packages {
		if strings.Contains(p.Resolved, "://") {
			found = append(found, fmt.Sprintf("%s is resolved to %s", name, p.Resolved))
		}
	}
	return found, nil
}

func TestLockFilesNameNoRegistry(t *testing.T) {
	err := walk(func(name string) error {
		if path.Base(name) != "package-lock.json" {
			return nil
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		found, err := addresses(text)
		for _, a := range found {
			t.Errorf("%s: %s", name, a)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
