package identity

import (
	"context"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// A deed is what the audit will say of a change of a person.
type deed struct {
	who       token.Actor
	workspace string // whose audit holds it; empty: the server's
	action    string
	person    *token.Person
	outcome   string // empty: done
	detail    map[string]any
}

// record writes the audit row of a deed on its person, and what subscribers of
// its workspace will hear.
func record(ctx context.Context, tx Tx, d deed) error {
	return recordOn(ctx, tx, d, audit.Target{Kind: "user", ID: d.person.ID, Name: d.person.Email})
}

// recordOn writes the same of a deed on something else.
func recordOn(ctx context.Context, tx Tx, d deed, on audit.Target) error {
	var w *token.Workspace
	if d.workspace != "" {
		var err error
		if w, err = tx.Workspace(ctx, d.workspace); err != nil {
			return err
		}
	}
	e := audit.Note(time.UnixMilli(tx.Now()), d.who, d.workspace, d.action, on, d.detail)
	if d.outcome != "" {
		e.Outcome = d.outcome
	}
	out, err := audit.Deliveries(w, e)
	if err != nil {
		return err
	}
	return tx.Record(ctx, e, out)
}

// home returns the workspace whose audit holds a deed on a person: the one the
// actor acts in, else the only one of the person.
func home(who token.Actor, p *token.Person) string {
	if who.Workspace != "" {
		return who.Workspace
	}
	if live := p.Live(); len(live) == 1 {
		return live[0].Workspace
	}
	return ""
}
