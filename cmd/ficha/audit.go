package main

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/fichadev/ficha/internal/audit"
)

// auditCommand is what can be done with the ledger.
type auditCommand struct {
	List   auditList   `cmd:"" help:"List what was done in the workspace, and by whom."`
	Verify auditVerify `cmd:"" help:"Prove, from the database or an exported ledger, that no sealed record was changed, taken away or put in."`
	Prove  auditProve  `cmd:"" help:"Print the proof that one record is in the sealed ledger."`
	Export auditExport `cmd:"" help:"Write the sealed ledger and the public keys as JSON Lines, to be verified elsewhere."`
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
