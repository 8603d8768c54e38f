package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/store"
	"github.com/fichadev/ficha/internal/token"
)

// auditCommand is what can be done with the ledger.
type auditCommand struct {
	List   auditList   `cmd:"" help:"List what was done in the workspace, and by whom."`
	Verify auditVerify `cmd:"" help:"Prove from the database that no sealed record was changed or taken away."`
	Prove  auditProve  `cmd:"" help:"Print the proof that one record is in the sealed ledger."`
}

// auditList lists records.
type auditList struct {
	lister  `embed:""`
	Actor   string `help:"Only the deeds of one actor, by id or e-mail." placeholder:"WHO"`
	OfToken string `help:"Only what was done with or to one token, by id." placeholder:"ID"`
	Target  string `help:"Only what was done to one thing." placeholder:"ID"`
	Action  string `help:"Only one action, such as token.revoked, or a group such as token.*." placeholder:"ACTION"`
	Request string `help:"Only what one request did." placeholder:"ID"`
	Outcome string `enum:",done,refused" default:"" help:"Only what was done, or refused." placeholder:"done|refused"`
	From    string `help:"Only from an instant on, such as 2027-01-31T12:00:00Z." placeholder:"INSTANT"`
	Until   string `help:"Only before an instant." placeholder:"INSTANT"`
}

// Run prints the newest first.
func (c *auditList) Run(ctx context.Context) error {
	query := given("actor", c.Actor, "token", c.OfToken, "target", c.Target, "action", c.Action, "outcome", c.Outcome, "request", c.Request,
		"from", c.From, "until", c.Until)
	items, more, err := c.read(ctx, c.remote, "/v1/audit", query)
	if err != nil {
		return err
	}
	if !c.JSON {
		for _, item := range items {
			if actor, ok := item["actor"].(map[string]any); ok {
				item["who"], item["address"] = or(actor["name"], actor["id"]), actor["address"]
			}
			item["target"] = or(item["target_name"], item["target"])
		}
	}
	return c.printList(table{head: []string{"at", "action", "outcome", "who", "target", "address", "id"}, rows: items}, more)
}

// or returns the first of two values that says something.
func or(a, b any) any {
	if cell(a) != "-" {
		return a
	}
	return b
}

// auditVerify proves the ledger. It reads the database itself: who doubts the
// server does not ask the server.
type auditVerify struct {
	settings `embed:""`
	output   `embed:""`
	Of       string `help:"Only the ledger of one workspace." placeholder:"WORKSPACE"`
}

// Run prints a line for each workspace, and what is wrong on lines of its own.
func (c *auditVerify) Run(ctx context.Context) error {
	s, err := c.open(ctx, false, nil)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // only read
	rows, err := s.Keys(ctx)
	if err != nil {
		return err
	}
	trust, err := audit.TrustIn(rows)
	if err != nil {
		return err
	}
	workspaces, err := c.workspaces(ctx, s)
	if err != nil {
		return err
	}
	t, broken := table{head: []string{"workspace", "seals", "records", "purged", "last_seal", "fault"}}, 0
	for _, workspace := range workspaces {
		r, err := audit.Verify(ctx, workspace, s, trust, token.FirstID(time.Now().Add(-store.AuditKept)))
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

// workspaces are those whose ledger is asked for; deeds on the server as a
// whole have one without a name.
func (c *auditVerify) workspaces(ctx context.Context, s *store.Store) ([]string, error) {
	if c.Of != "" {
		w, err := s.Workspace(ctx, c.Of)
		if err == nil && w == nil {
			err = errors.New("there is no workspace " + c.Of)
		}
		return []string{c.Of}, err
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

func addReport(t *table, r *audit.Report) {
	row := map[string]any{"workspace": r.Workspace, "seals": r.Seals, "records": r.Records, "purged": r.Purged, "fault": nil}
	if r.Last != nil {
		row["last_seal"] = fmt.Sprintf("%d %s", r.Last.Number, hex.EncodeToString(r.Last.Hash[:]))
	}
	t.add(row)
	for _, f := range r.Faults {
		t.add(map[string]any{"workspace": r.Workspace, "last_seal": nil, "fault": fmt.Sprintf("seal %d: %s", f.Seal, f.Text)})
	}
}
