package house

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	namedTest = regexp.MustCompile("`([a-z]+)\\.((?:Test|Fuzz)\\w+)`")
	testFunc  = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
)

// Each promise of docs/security-cases.md names tests, and each of them exists.
func TestPromisesOfSecurityAreTried(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs/security-cases.md"))
	if err != nil {
		t.Fatal(err)
	}
	there := testsByFolder(t)
	promises := 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| ") || line == "| promise | tests |\n" {
			continue
		}
		promises++
		named := namedTest.FindAllStringSubmatch(line, -1)
		if len(named) == 0 {
			t.Errorf("no test is named: %s", line)
		}
		for _, n := range named {
			if !there[n[1]+"."+n[2]] {
				t.Errorf("there is no %s.%s: %.60s", n[1], n[2], line)
			}
		}
	}
	if promises < 60 {
		t.Errorf("%d promises were read", promises)
	}
}

// testsByFolder returns every test, as the name of its folder and its own.
func testsByFolder(t *testing.T) map[string]bool {
	t.Helper()
	there, files := map[string]bool{}, os.DirFS(root)
	for _, top := range []string{"internal", "cmd", "test"} {
		err := fs.WalkDir(files, top, func(name string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(name, "_test.go") {
				return err
			}
			source, err := fs.ReadFile(files, name)
			for _, f := range testFunc.FindAllSubmatch(source, -1) {
				there[path.Base(path.Dir(name))+"."+string(f[1])] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return there
}
