package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// oldest is the first major version the product supports.
const oldest = 15

// errMissing is what a person reads where PostgreSQL is not installed.
var errMissing = fmt.Errorf("PostgreSQL %d or newer is not installed: "+
	`run "apt-get install postgresql", or set FICHA_TEST_POSTGRES=off`, oldest)

// Available reports whether tests are to run on PostgreSQL. It is true where
// FICHA_TEST_POSTGRES is "required", even if nothing is installed, so that the
// test goes on to [Start] and fails there with what to install.
func Available() bool {
	switch os.Getenv("FICHA_TEST_POSTGRES") {
	case "off":
		return false
	case "":
		_, err := find()
		return err == nil
	}
	return true
}

// allowed checks the word in FICHA_TEST_POSTGRES before a server starts.
func allowed(word string) error {
	switch word {
	case "", "required":
		return nil
	case "off":
		return errors.New("FICHA_TEST_POSTGRES is off: ask pgtest.Available before starting a server")
	}
	return fmt.Errorf("FICHA_TEST_POSTGRES is %q: use off, required, or leave it unset", word)
}

// find returns the folder with the newest suitable binaries.
func find() (string, error) { return newest(candidates()) }

// candidates are the folders where Debian keeps each version, and those of the PATH.
func candidates() []string {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the only error is a bad pattern
	for _, name := range []string{"postgres", "initdb"} {
		if path, err := exec.LookPath(name); err == nil {
			if target, err := filepath.EvalSymlinks(path); err == nil {
				dirs = append(dirs, filepath.Dir(target))
			}
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

func newest(dirs []string) (string, error) {
	best, found := oldest-1, ""
	for _, dir := range dirs {
		if v := version(dir); v > best {
			best, found = v, dir
		}
	}
	if found == "" {
		return "", errMissing
	}
	return found, nil
}

var versionText = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// version returns the major version of the server in dir, 0 if there is none.
func version(dir string) int {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return 0
	}
	out, err := exec.CommandContext(context.Background(), filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return 0
	}
	match := versionText.FindSubmatch(out)
	if match == nil {
		return 0
	}
	major, _ := strconv.Atoi(string(match[1])) // digits by the expression; too many give 0 too
	return major
}
