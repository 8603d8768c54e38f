package pgtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// binaries makes a folder that looks as if that version were installed in it.
func binaries(t *testing.T, says string) string {
	t.Helper()
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\necho '%s'\n", says)
	for _, name := range []string{"postgres", "initdb"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestNewestVersionIsChosenByNumberNotByText(t *testing.T) {
	nine, fifteen := binaries(t, "postgres (PostgreSQL) 9.6.24"), binaries(t, "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)")
	hundred := binaries(t, "postgres (PostgreSQL) 100beta1")
	for _, dirs := range [][]string{{nine, fifteen, hundred}, {hundred, fifteen, nine}} {
		got, err := newest(dirs)
		if err != nil || got != hundred {
			t.Errorf("newest(%q) = %q, %v; want %q", dirs, got, err, hundred)
		}
	}
}

func TestMissingOrOldPostgresSaysWhatToInstall(t *testing.T) {
	only := t.TempDir()
	if err := os.Rename(filepath.Join(binaries(t, "postgres (PostgreSQL) 16.1"), "postgres"), filepath.Join(only, "postgres")); err != nil {
		t.Fatal(err)
	}
	for name, dirs := range map[string][]string{
		"none":         nil,
		"no folder":    {filepath.Join(t.TempDir(), "absent")},
		"too old":      {binaries(t, "postgres (PostgreSQL) 14.9")},
		"not postgres": {binaries(t, "something else")},
		"no initdb":    {only},
	} {
		got, err := newest(dirs)
		if !errors.Is(err, errMissing) || got != "" {
			t.Errorf("%s: newest = %q, %v; want none and %v", name, got, err, errMissing)
		}
	}
	if !strings.Contains(errMissing.Error(), "apt-get install postgresql") {
		t.Errorf("the error %q does not say what to install", errMissing)
	}
}

func TestAvailableFollowsTheEnvironment(t *testing.T) {
	_, err := find()
	for word, want := range map[string]bool{"off": false, "required": true, "": err == nil} {
		t.Setenv("FICHA_TEST_POSTGRES", word)
		if got := Available(); got != want {
			t.Errorf("FICHA_TEST_POSTGRES=%q: Available() = %v, want %v", word, got, want)
		}
	}
}

func TestUnknownWordInTheEnvironmentFails(t *testing.T) {
	for word, fine := range map[string]bool{"": true, "required": true, "off": false, "on": false} {
		if err := allowed(word); (err == nil) != fine {
			t.Errorf("allowed(%q) = %v, want an error: %v", word, err, !fine)
		}
	}
}
