package store

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// schema brings the database to this program's version, or refuses one that is
// not at it. Migrations are numbered, embedded, forward only and additive, so
// that the program of the version before runs on the schema of this one.
func schema(ctx context.Context, e engine, db *sql.DB, migrate bool) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(e.dialect(), db, fitted{files, e}, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	switch {
	case have > want:
		return fmt.Errorf("schema is at %d, this program knows %d: use the newer program", have, want)
	case have == want:
		return nil
	case !migrate:
		return fmt.Errorf(`schema is at %d, this program needs %d: run "ficha migrate"`, have, want)
	}
	return up(ctx, e, p, db)
}

// up applies the migrations; of several nodes that start together one does,
// the others wait for it.
func up(ctx context.Context, e engine, p *goose.Provider, db *sql.DB) error {
	if e.shared() {
		conn, err := db.Conn(ctx)
		if err != nil {
			return fmt.Errorf("lock the schema: %w", err)
		}
		defer conn.Close()
		wait, cancel := context.WithTimeout(ctx, 10*time.Minute)
		defer cancel()
		const schemaLock = 0x66696368 // "fich"
		if _, err := conn.ExecContext(wait, "SELECT pg_advisory_lock($1)", schemaLock); err != nil {
			return fmt.Errorf("lock the schema: %w", err)
		}
		defer conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", schemaLock) //nolint:errcheck // it goes with the connection
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// fitted is a folder of migrations in the engine's spelling.
type fitted struct {
	fs.FS
	engine engine
}

func (f fitted) Open(name string) (fs.File, error) {
	file, err := f.FS.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil || info.IsDir() {
		return file, err
	}
	text, err := fs.ReadFile(f.FS, name)
	if err != nil {
		return nil, err
	}
	fit := f.engine.ddl(string(text))
	return &fittedFile{File: file, Reader: bytes.NewReader([]byte(fit))}, nil
}

type fittedFile struct {
	fs.File
	*bytes.Reader
}

func (f *fittedFile) Read(b []byte) (int, error) { return f.Reader.Read(b) }
