package store

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// private makes the file of a new SQLite database its owner's alone, whatever
// folder it lies in: SQLite gives its -wal and -shm the same rights. One that
// everybody on the machine may read is closed to all others; one that only its
// group may read was meant so.
func private(cfg Config) error {
	path, ok := strings.CutPrefix(cfg.Database, "sqlite:")
	if !ok {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	// Never opened if it is there: to close a file would end every lock that
	// SQLite holds on it in this process.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		return f.Close()
	}
	if !errors.Is(err, fs.ErrExist) {
		return nil // SQLite will meet the same, and what to do is said there
	}
	for _, part := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + part)
		if err != nil || info.Mode().Perm()&0o007 == 0 {
			continue
		}
		if err := os.Chmod(path+part, info.Mode().Perm()&0o700); err != nil {
			cfg.Log.Warn(`everybody on this machine may read the database: run "chmod 600" on it as its owner`, slog.String("file", path+part), slog.Any("error", err))
			continue
		}
		cfg.Log.Info("everybody on this machine could read the database: now its owner alone may", slog.String("file", path+part))
	}
	return nil
}
