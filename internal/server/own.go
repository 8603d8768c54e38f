package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Own takes a data folder, and the file of a SQLite database wherever it lies,
// for this process and returns what gives both free. It makes the folders if
// there are none. Two writers on one SQLite file would each trust a cache that
// the other does not tell.
func Own(dir, database string) (func(), error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	folder, err := lock(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("another process owns the data folder %s: stop it, or choose another folder: %w", dir, err)
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

// ownFile takes a database's file by a lock beside it, so that two data folders
// cannot serve one file, whatever name it goes by in each.
func ownFile(path string) (func(), error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the database's folder: %w", err)
	}
	if real, err := filepath.EvalSymlinks(path); err == nil { // a new database has no other name yet
		path = real
	}
	release, err := lock(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("another process owns the database %s: stop it, or choose another database with --database: %w", path, err)
	}
	return release, nil
}
