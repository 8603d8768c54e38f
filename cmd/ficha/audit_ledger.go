package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/store"
	"github.com/fichadev/ficha/internal/token"
)

// A ledger is where sealed records are read: the database itself, since who
// doubts the server does not ask the server, or a file that was exported from
// it, which needs neither.
type ledger struct {
	settings `embed:""`
	File     string `help:"Read an exported ledger in place of the database." placeholder:"FILE"`
	Keys     string `help:"Trust the public keys in this exported ledger, one that was kept from before, and no others." placeholder:"FILE"`
	Of       string `help:"Only the ledger of one workspace." placeholder:"WORKSPACE"`
}

// An openLedger is a ledger to read, and what its seals may be signed with.
type openLedger struct {
	audit.Source
	trust      audit.Trust
	workspaces []string
	find       func(ctx context.Context, id token.ID) (*token.Event, *token.Seal, error)
	close      func()
}

func (l *ledger) read(ctx context.Context) (*openLedger, error) {
	from := l.fromDatabase
	if l.File != "" {
		from = l.fromFile
	}
	o, err := from(ctx)
	if err != nil || l.Keys == "" {
		return o, err
	}
	kept, closed, err := readLedger(l.Keys)
	if err != nil {
		o.close()
		return nil, err
	}
	closed()
	o.trust = kept.Keys()
	return o, nil
}

func readLedger(name string) (*audit.File, func(), error) {
	f, err := os.Open(filepath.Clean(name))
	if err != nil {
		return nil, nil, err
	}
	closed := func() { f.Close() }
	file, err := audit.ReadFile(f)
	if err != nil {
		closed()
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	return file, closed, nil
}

func (l *ledger) fromFile(context.Context) (*openLedger, error) {
	file, closed, err := readLedger(l.File)
	if err != nil {
		return nil, err
	}
	if l.Keys == "" {
		fmt.Fprintln(os.Stderr, "the keys are those of the file itself: --keys names a ledger that was kept from before, so that nobody can have put in keys of their own")
	}
	o := &openLedger{Source: file, trust: file.Keys(), workspaces: file.Workspaces(), find: file.Find, close: closed}
	if l.Of != "" {
		o.workspaces = []string{l.Of}
	}
	return o, nil
}

func (l *ledger) fromDatabase(ctx context.Context) (*openLedger, error) {
	s, err := l.open(ctx, false, nil)
	if err != nil {
		return nil, err
	}
	o := &openLedger{Source: s, close: func() { s.Close() }} //nolint:errcheck // only read
	o.find = func(ctx context.Context, id token.ID) (*token.Event, *token.Seal, error) {
		return findSealed(ctx, s, l.Of, id)
	}
	if o.workspaces, err = workspaces(ctx, s, l.Of); err == nil {
		o.trust, err = trusted(ctx, s)
	}
	if err != nil {
		o.close()
		return nil, err
	}
	return o, nil
}

func trusted(ctx context.Context, s *store.Store) (audit.Trust, error) {
	rows, err := s.Keys(ctx)
	if err != nil {
		return nil, err
	}
	return audit.TrustIn(rows)
}

// workspaces are those whose ledger is asked for; deeds on the server as a
// whole have one without a name.
func workspaces(ctx context.Context, s *store.Store, of string) ([]string, error) {
	if of != "" {
		w, err := s.Workspace(ctx, of)
		if err == nil && w == nil {
			err = errors.New("there is no workspace " + of)
		}
		return []string{of}, err
	}
	all := []string{""}
	for {
		page, err := s.Workspaces(ctx, all[len(all)-1], pageSize)
		if err != nil {
			return nil, err
		}
		for _, w := range page {
			all = append(all, w.ID)
		}
		if len(page) < pageSize {
			return all, nil
		}
	}
}

// auditVerify proves the ledger.
type auditVerify struct {
	ledger `embed:""`
	output `embed:""`
}

// Run prints a line for each workspace, and what is wrong on lines of its own.
func (c *auditVerify) Run(ctx context.Context) error {
	from, err := c.read(ctx)
	if err != nil {
		return err
	}
	defer from.close()
	t, broken := table{head: []string{"workspace", "seals", "records", "purged", "last_seal", "fault"}}, 0
	for _, workspace := range from.workspaces {
		r, err := audit.Verify(ctx, workspace, from, from.trust, token.FirstID(time.Now().Add(-store.AuditKept)))
		if err != nil {
			return err
		}
		broken += len(r.Faults)
		addReport(&t, r)
	}
	if err := c.print(t); err != nil {
		return err
	}
	if broken > 0 {
		return fmt.Errorf("%d faults: keep the database as it is, and compare it with a backup", broken)
	}
	return nil
}

// auditExport writes the ledger for others.
type auditExport struct {
	settings `embed:""`
	To       string `arg:"" help:"Where the ledger goes; the file must not exist." placeholder:"FILE"`
	Of       string `help:"Only the ledger of one workspace." placeholder:"WORKSPACE"`
}

// Run writes all that is sealed. A ledger that broke off ends in half a line or
// before the last seal that "ficha audit verify" names.
func (c *auditExport) Run(ctx context.Context) (err error) {
	s, err := c.open(ctx, false, nil)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // only read
	all, err := workspaces(ctx, s, c.Of)
	if err != nil {
		return err
	}
	keys, err := s.Keys(ctx)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Clean(c.To), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	out := bufio.NewWriter(f)
	if err := audit.ExportKeys(out, keys); err != nil {
		return err
	}
	for _, workspace := range all {
		if err := audit.Export(ctx, out, workspace, s); err != nil {
			return fmt.Errorf("workspace %q: %w", workspace, err)
		}
	}
	return errors.Join(out.Flush(), f.Sync())
}
