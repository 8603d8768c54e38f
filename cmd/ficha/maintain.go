package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/store"
)

// checkCommand asks the invariants of a live database.
type checkCommand struct {
	settings `embed:""`
	output   `embed:""`
}

// Run prints each promise and what breaks it; a breach is exit code 1.
func (c *checkCommand) Run(ctx context.Context) error {
	s, err := c.open(ctx, false, nil)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // only read
	found, err := s.Check(ctx)
	if err != nil {
		return err
	}
	broken := 0
	t := table{head: []string{"promise", "breaches", "what must hold", "first"}}
	for _, f := range found {
		broken += f.Breaches
		t.add(map[string]any{"promise": f.Promise.Name, "breaches": f.Breaches, "what must hold": f.Promise.Text, "first": strings.Join(f.First, " ")})
	}
	if err := c.print(t); err != nil {
		return err
	}
	if broken > 0 {
		return fmt.Errorf("%d breaches: keep the database as it is, and tell us: see SECURITY.md", broken)
	}
	return nil
}

// open opens the database without serving it.
func (s *settings) open(ctx context.Context, migrate bool, j *store.Journal) (*store.Store, error) {
	log := s.logger(os.Stderr)
	cfg, err := s.config(log)
	if err != nil {
		return nil, err
	}
	if err := there(cfg); err != nil {
		return nil, err
	}
	return store.Open(ctx, store.Config{Database: cfg.DatabaseOrDefault(), Now: time.Now, Log: log, Journal: j}, migrate)
}

// there refuses a SQLite database that is not there, which would otherwise be
// made.
func there(cfg server.Config) error {
	path, ok := strings.CutPrefix(cfg.DatabaseOrDefault(), "sqlite:")
	if !ok {
		return nil
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("there is no database at %s: name its folder with --data-dir", path)
	}
	return nil
}

// backupCommand copies a SQLite database while it is served.
type backupCommand struct {
	settings `embed:""`
	File     string `arg:"" help:"Where the backup goes; it must not exist."`
}

// Run writes the backup. The master key is not in it.
func (c *backupCommand) Run(ctx context.Context) error {
	path, err := c.sqlitePath()
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("there is no database at %s: name its folder with --data-dir", path)
	}
	if err := store.Backup(ctx, path, c.File); err != nil {
		return err
	}
	fmt.Printf("%s holds the database. It does not hold the master key: keep %s elsewhere.\n", c.File, filepath.Join(c.DataDir, "master.key"))
	return nil
}

func (s *settings) sqlitePath() (string, error) {
	cfg, err := s.config(s.logger(os.Stderr))
	if err != nil {
		return "", err
	}
	path, ok := strings.CutPrefix(cfg.DatabaseOrDefault(), "sqlite:")
	if !ok {
		return "", errors.New("PostgreSQL has its own tools for this: pg_dump or pg_basebackup; after a restore run \"ficha restore --replay\" on every node")
	}
	return path, nil
}

// restoreCommand puts a backup in place and ends again what had ended.
type restoreCommand struct {
	settings `embed:""`
	File     string `arg:"" optional:"" help:"The backup."`
	Replay   bool   `help:"Only end again what the log of endings beside the database says; for a database that was restored by other means."`
}

// Run restores. It owns the data folder and the database meanwhile, so no server
// can run on them.
func (c *restoreCommand) Run(ctx context.Context) error {
	if (c.File == "") == !c.Replay {
		return errors.New("name the backup, or use --replay alone")
	}
	cfg, err := c.config(c.logger(os.Stderr))
	if err != nil {
		return err
	}
	if c.Replay {
		if err := there(cfg); err != nil {
			return err
		}
	}
	release, err := server.Own(c.DataDir, cfg.DatabaseOrDefault())
	if err != nil {
		return err
	}
	defer release()
	if c.File != "" {
		if err := c.replace(ctx); err != nil {
			return err
		}
	}
	return c.replay(ctx)
}

// replace puts the backup in the place of the database.
func (c *restoreCommand) replace(ctx context.Context) error {
	path, err := c.sqlitePath()
	if err != nil {
		return err
	}
	if _, err := os.Stat(c.File); err != nil { // SQLite would make an empty one
		return fmt.Errorf("read the backup: %w", err)
	}
	if err := c.keepEndings(ctx, path); err != nil {
		fmt.Fprintf(os.Stderr, "The database that is there tells no more of what ended: %v\n", err)
	}
	before, err := store.Replace(ctx, c.File, path)
	if before != "" {
		fmt.Printf("The database that was there is kept as %s.\n", before)
	}
	if err != nil {
		return err
	}
	return nil
}

// keepEndings writes to the log of endings what the database that is replaced
// knows beyond it, as a server that was killed leaves it.
func (c *restoreCommand) keepEndings(ctx context.Context, path string) error {
	if _, err := os.Stat(path); err != nil {
		return nil //nolint:nilerr // there is none
	}
	j, err := store.OpenJournal(c.DataDir)
	if err != nil {
		return err
	}
	s, err := c.open(ctx, true, j)
	if err != nil {
		return errors.Join(err, j.Close())
	}
	return errors.Join(s.KeepJournal(ctx), s.Close(), j.Close())
}

func (c *restoreCommand) replay(ctx context.Context) error {
	j, err := store.OpenJournal(c.DataDir)
	if err != nil {
		return err
	}
	defer j.Close() //nolint:errcheck // written through by Close of the store's own deeds
	s, err := c.open(ctx, true, j)
	if err != nil {
		return err
	}
	done, err := s.Replay(ctx, j)
	if err = errors.Join(err, s.Close()); err != nil {
		return err
	}
	fmt.Printf("Ended again: %d tokens, %d cutoffs.\n", done.Tokens, done.Cutoffs)
	if done.All {
		fmt.Println("The log of endings does not tell all that ended since this backup, so every token born before now was cut off: people and programs have to get new ones.")
	}
	return nil
}
