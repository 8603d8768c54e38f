package authority

import (
	"context"
	"slices"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// An Outcome says what became of a declaration.
type Outcome string

// The outcomes. Unchanged and KeptEnded wrote nothing.
const (
	Created   Outcome = "created"
	Changed   Outcome = "changed"
	Unchanged Outcome = "unchanged"
	KeptEnded Outcome = "kept ended" // people ended it; only Options.Restore brings it back
	Restored  Outcome = "restored"
)

// Options say how far a declaration goes.
type Options struct {
	Restore bool     // what people ended comes back; no token that ended with it does
	Only    []string // of a thing that exists, only these fields are declared; nil: all
}

// Operator returns the actor as which a person acts on the server as a whole:
// who is super admin of every workspace reaches into nobody's. Others are
// Forbidden and hear of one workspace that they lack only as a number.
func (a *Authority) Operator(ctx context.Context, who token.Actor) (token.Actor, error) {
	if who.Kind == token.System {
		return who, nil
	}
	if who.Kind != token.User {
		return who, notOperator()
	}
	p, err := a.cfg.Judge.Person(ctx, who.ID)
	if err != nil {
		return who, err
	}
	if p == nil || p.DisabledAt != 0 || len(p.Live()) == 0 {
		return who, notOperator()
	}
	lacks, err := a.cfg.Store.WorkspaceWithout(ctx, p.ID)
	if err != nil {
		return who, err
	}
	if lacks != "" {
		return who, notOperator()
	}
	who.Kind, who.ID, who.Name = token.System, "apply", p.Email
	return who, nil
}

func notOperator() *token.Refusal {
	return token.Errorf(token.Forbidden, "this concerns the server as a whole: it takes a super admin of every workspace, "+
		`or somebody who can start the server with "ficha serve --apply"`).Because(token.NeedsSuperAdmin)
}

// onlyOperator refuses whoever is not the server itself or an Operator.
func onlyOperator(who token.Actor) error {
	if who.Kind == token.System {
		return nil
	}
	return notOperator()
}

// mayAdministrate refuses an actor who does not administrate a workspace at
// this moment, as if there were none where they are strangers. super names what
// only a super admin may do; empty: an admin may.
func mayAdministrate(ctx context.Context, tx Tx, who token.Actor, workspace, super string) error {
	switch who.Kind {
	case token.System:
		return nil
	case token.User:
		p, err := tx.Person(ctx, who.ID)
		if err != nil {
			return err
		}
		if p == nil || p.DisabledAt != 0 || !p.In(workspace).Live() {
			return noWorkspace()
		}
		return roleAllows(p.In(workspace), super)
	case token.App:
		if who.Workspace != workspace {
			return noWorkspace()
		}
		return roleAllows(&token.Membership{Role: token.Admin}, super)
	}
	return token.Errorf(token.Forbidden, "sign in first")
}

func roleAllows(m *token.Membership, super string) error {
	switch {
	case !m.IsAdmin():
		return token.Errorf(token.Forbidden, "only an admin may change this; ask one of this workspace")
	case super != "" && m.Role != token.SuperAdmin:
		return token.Errorf(token.Forbidden, "only a super admin may %s; ask one of this workspace", super).Because(token.NeedsSuperAdmin)
	}
	return nil
}

func noWorkspace() *token.Refusal {
	return token.Errorf(token.NotFound, "there is no such workspace, or you are not a member of it")
}

// note writes the audit row of a change of a declared thing, and what
// subscribers of its workspace will hear. w is nil for what is the server's.
func note(ctx context.Context, tx Tx, who token.Actor, w *token.Workspace, action string, on audit.Target, detail map[string]any) error {
	id := ""
	if w != nil {
		id = w.ID
	}
	return record(ctx, tx, w, audit.Note(time.UnixMilli(tx.Now()), who, id, action, on, detail))
}

// changes overlays a declaration on what exists and notes what differed.
type changes struct {
	Options
	fields []string
}

func (c *changes) given(key string) bool { return c.Only == nil || slices.Contains(c.Only, key) }

// set overlays one value.
func set[T comparable](c *changes, key string, at *T, want T) {
	if c.given(key) && *at != want {
		*at = want
		c.add(key)
	}
}

// setList overlays a list; nil and empty are the same.
func setList[L ~[]E, E comparable](c *changes, key string, at *L, want L) {
	if c.given(key) && !slices.Equal(*at, want) {
		*at = want
		c.add(key)
	}
}

func (c *changes) add(key string) {
	if !slices.Contains(c.fields, key) {
		c.fields = append(c.fields, key)
	}
}

// numberFor returns the number that is wanted unless another thing has it, or a
// free one. holder returns whose a number is.
func numberFor(ctx context.Context, tx Tx, table, id string, wanted int64, holder func(context.Context, int64) (string, error)) (int64, error) {
	if wanted < 0 {
		return 0, token.AtField("number", "use a number above 0, or none to have one assigned")
	}
	if wanted == 0 {
		return tx.NextNumber(ctx, table)
	}
	has, err := holder(ctx, wanted)
	if err != nil {
		return 0, err
	}
	if has != "" && has != id {
		return 0, token.AtField("number", "%d is taken; choose another, or none to have one assigned", wanted)
	}
	return wanted, nil
}

// lostRace is what remains where others were quicker every time.
func lostRace() *token.Refusal {
	return &token.Refusal{Code: token.Unavailable, Text: "others change this at the same moment; try again", RetryAfter: time.Second}
}
