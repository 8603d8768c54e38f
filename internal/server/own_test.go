package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Who cannot write to a folder is not told to look for a process.
func TestLockThatCannotBeOpenedIsNotSaidToBeHeld(t *testing.T) {
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "folder")
	for _, made := range []string{filepath.Join(folder, "lock"), filepath.Join(dir, "ficha.db.lock")} { // a folder cannot be opened for writing
		if err := os.MkdirAll(made, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range [][2]string{
		{folder, ""}, {filepath.Join(file, "below"), ""}, {t.TempDir(), "sqlite:" + filepath.Join(dir, "ficha.db")}, {t.TempDir(), "sqlite:" + filepath.Join(file, "ficha.db")},
	} {
		release, err := Own(c[0], c[1])
		if err == nil {
			release()
			t.Errorf("%s: got no error", c)
			continue
		}
		if text := err.Error(); strings.Contains(text, "another process") || !strings.Contains(text, "check that the folder is mounted for writing") {
			t.Errorf("%s: got %q, want what to check, and no other process", c, text)
		}
	}
}

func TestLockThatIsHeldIsSaidToBe(t *testing.T) {
	dir, database := t.TempDir(), "sqlite:"+filepath.Join(t.TempDir(), "ficha.db")
	release, err := Own(dir, database)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{{dir, "postgres://other"}, {t.TempDir(), database}} {
		if _, err := Own(c[0], c[1]); err == nil || !strings.Contains(err.Error(), "another process owns the data") {
			t.Errorf("%s: got %v, want that another process owns it", c, err)
		}
	}
	release()
	if release, err = Own(dir, database); err != nil {
		t.Fatalf("once it is free: %v", err)
	}
	release()
}
