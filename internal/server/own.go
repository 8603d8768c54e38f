package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// errOwned is that of a lock that another process holds.
var errOwned = errors.New("its lock is held")

// Own takes a data folder, and the file of a SQLite database wherever it lies,
// for this process and returns what gives both free. It makes the folders if
// there are none. Two writers on one SQLite file would each trust a cache that
// the other does not tell.
func Own(dir, database string) (func(), error) {
	folder, err := take(filepath.Join(dir, "lock"))
	switch {
	case errors.Is(err, errOwned):
		return nil, fmt.Errorf("another process owns the data folder %s: stop it, or choose another folder: %w", dir, err)
	case err != nil:
		return nil, err
	}
	path, ok := strings.CutPrefix(database, "sqlite:")
	if !ok {
		return folder, nil
	}
	file, err := ownFile(path)
	if err != nil {
		folder()
		return nil, err
	}
	return func() { file(); folder() }, nil
}

// Missing refuses a SQLite database that is not there although there was one: a
// volume is not mounted, say. An empty one in its place would only be told to be
// older than it should.
func Missing(dir, database string) error {
	path, ok := strings.CutPrefix(database, "sqlite:")
	if !ok {
		return nil
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	endings := filepath.Join(dir, "endings.log")
	switch info, err := os.Stat(endings); {
	case errors.Is(err, fs.ErrNotExist), err == nil && info.Size() == 0: // a first start may have died behind it
		return nil
	case err != nil:
		return fmt.Errorf("look for the log of endings: %w", err)
	}
	return fmt.Errorf("the database %s is missing, and %s tells of what ended in it: check that its volume is mounted and that --data-dir and --database name it, or put a backup in its place with \"ficha restore\"; to begin with an empty one, move the log away", path, endings)
}

// ownFile takes a database's file by a lock beside it, so that two data folders
// cannot serve one file, whatever name it goes by in each.
func ownFile(path string) (func(), error) {
	if target, err := filepath.EvalSymlinks(path); err == nil { // a new database has no other name yet
		path = target
	}
	release, err := take(path + ".lock")
	if errors.Is(err, errOwned) {
		err = fmt.Errorf("another process owns the database %s: stop it, or choose another database with --database: %w", path, err)
	}
	return release, err
}

// take takes a lock in a folder, which it makes if there is none.
func take(name string) (func(), error) {
	const advice = "check that the folder is mounted for writing and that the user who runs ficha may write there"
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder %s: %w: %s", filepath.Dir(name), err, advice)
	}
	release, err := lock(name)
	if err != nil && !errors.Is(err, errOwned) {
		err = fmt.Errorf("take the lock %s: %w: %s", name, err, advice)
	}
	return release, err
}
