package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/store"
)

// migrateCommand brings the schema up to date and ends.
type migrateCommand struct {
	settings `embed:""`
}

// Run migrates the database.
func (c *migrateCommand) Run(ctx context.Context) error {
	log := c.logger(os.Stderr)
	cfg, err := c.config(log)
	if err != nil {
		return err
	}
	if err := server.Missing(cfg.DataDir, cfg.DatabaseOrDefault()); err != nil {
		return err
	}
	s, err := store.Open(ctx, store.Config{Database: cfg.DatabaseOrDefault(), Now: time.Now, Log: log}, true)
	if err != nil {
		return err
	}
	fmt.Println("the schema is up to date")
	return s.Close()
}

// versionCommand prints what was built.
type versionCommand struct{}

// Run prints the version of the module and of its source, and what built it:
// not every build knows its source.
func (versionCommand) Run() error { //nolint:unparam // the parser asks for an error
	version, revision, module := "devel", "", "ficha"
	if info, ok := debug.ReadBuildInfo(); ok {
		module = info.Main.Path
		if v := info.Main.Version; v != "" && v != "(devel)" {
			version = v
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = " " + s.Value
			}
		}
	}
	fmt.Printf("ficha %s%s (%s, %s %s/%s)\n", version, revision, module, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
