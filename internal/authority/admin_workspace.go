package authority

import (
	"context"
	"slices"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/policy"
	"github.com/fichadev/ficha/internal/token"
)

// PutWorkspace makes the workspace that is declared, or changes what differs.
// A number of 0 is assigned to a new one and leaves that of an old one; roles,
// subscriptions and instants are not declared here. Making one, and its
// number, domain and scopes, are an operator's; a super admin of the workspace
// changes the rest. founder, who may be empty, becomes the first super admin of
// a new one in the same commit. A disabled workspace is KeptEnded unless
// restored, and then none of its tokens comes back to life.
func (a *Authority) PutWorkspace(ctx context.Context, who token.Actor, d *token.Workspace, founder string, o Options) (Outcome, error) {
	if err := checkWorkspace(d); err != nil {
		return "", err
	}
	var out Outcome
	err := a.cfg.Store.Do(ctx, func(tx Tx) (err error) {
		out, err = putWorkspace(ctx, tx, who, d, founder, o)
		return err
	})
	return out, err
}

func checkWorkspace(d *token.Workspace) error {
	if !token.IsName(d.ID) {
		return token.AtField("id", "use 1 to 128 of A-Z a-z 0-9 . _ : -")
	}
	for _, f := range []struct{ name, value string }{{"name", d.Name}, {"domain", d.Domain}} {
		if err := CheckText(f.name, f.value, 200); err != nil {
			return err
		}
	}
	if _, err := token.MakeScopes(d.Scopes); err != nil {
		return err
	}
	return policy.Check(&d.Policy)
}

func putWorkspace(ctx context.Context, tx Tx, who token.Actor, d *token.Workspace, founder string, o Options) (Outcome, error) {
	for range 4 { // another node may be quicker with the id or the number
		old, err := tx.Workspace(ctx, d.ID)
		if err != nil {
			return "", err
		}
		if old != nil {
			return changeWorkspace(ctx, tx, who, old, d, o)
		}
		if won, err := addWorkspace(ctx, tx, who, d, founder); err != nil || won {
			return Created, err
		}
	}
	return "", lostRace()
}

func addWorkspace(ctx context.Context, tx Tx, who token.Actor, d *token.Workspace, founder string) (bool, error) {
	if err := onlyOperator(who); err != nil {
		return false, err
	}
	w := &token.Workspace{
		ID: d.ID, Name: d.Name, Domain: d.Domain, Scopes: d.Scopes, AllScopes: d.AllScopes, Policy: follow(token.Policy{}, d.Policy, tx.Now()), Teams: d.Teams, Spaces: d.Spaces, CreatedAt: tx.Now(),
	}
	var err error
	if w.Number, err = numberFor(ctx, tx, "workspaces", w.ID, d.Number, tx.WorkspaceNumbered); err != nil {
		return false, err
	}
	if won, err := tx.AddWorkspace(ctx, w); err != nil || !won {
		return false, err
	}
	if w.Policy.Next != nil || len(w.Policy.IdleExpiry) > 0 {
		if err := putTurn(ctx, tx, w); err != nil {
			return false, err
		}
	}
	if err := note(ctx, tx, who, w, "workspace.created", onWorkspace(w), map[string]any{"number": w.Number}); err != nil {
		return false, err
	}
	return true, found(ctx, tx, who, w, founder)
}

// found makes a person the first super admin of a workspace.
func found(ctx context.Context, tx Tx, who token.Actor, w *token.Workspace, founder string) error {
	if founder == "" {
		return nil
	}
	p, err := tx.Person(ctx, founder)
	if err != nil {
		return err
	}
	if p == nil {
		return token.AtField("founder", "is not known here")
	}
	now := tx.Now()
	m := &token.Membership{
		ID: "mem_" + token.NewID(time.UnixMilli(now), token.Long).String(), Person: p.ID, Workspace: w.ID, Role: token.SuperAdmin, Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	if err := tx.PutMembership(ctx, m); err != nil {
		return err
	}
	return note(ctx, tx, who, w, "member.added", audit.Target{Kind: "user", ID: p.ID, Name: p.Email}, map[string]any{"role": m.Role})
}

func onWorkspace(w *token.Workspace) audit.Target {
	return audit.Target{Kind: "workspace", ID: w.ID, Name: w.Name}
}

// changeWorkspace looks before it locks, so that what is as declared is not
// written.
func changeWorkspace(ctx context.Context, tx Tx, who token.Actor, old, d *token.Workspace, o Options) (Outcome, error) {
	if err := mayAdministrate(ctx, tx, who, d.ID, "change the workspace"); err != nil {
		return "", err
	}
	if next, _, out := overWorkspace(old, d, o); next == nil {
		return out, nil
	}
	if _, err := tx.LockWorkspace(ctx, d.ID); err != nil {
		return "", err
	}
	old, err := tx.Workspace(ctx, d.ID)
	if err != nil {
		return "", err
	}
	next, fields, out := overWorkspace(old, d, o)
	if next == nil {
		return out, nil
	}
	if next.Number != old.Number || next.Domain != old.Domain || widens(old, next) || out == Restored {
		if err := onlyOperator(who); err != nil {
			return "", err
		}
	}
	if next.Number, err = numberFor(ctx, tx, "workspaces", d.ID, next.Number, tx.WorkspaceNumbered); err != nil {
		return "", err
	}
	if slices.Contains(fields, "policy") {
		if next.Policy, err = adopt(&old.Policy, d.Policy, tx.Now()); err != nil {
			return "", err
		}
		if err := notePolicy(ctx, tx, who, next, &old.Policy); err != nil {
			return "", err
		}
	}
	if err := tx.PutWorkspace(ctx, next); err != nil {
		return "", err
	}
	action := "workspace.changed"
	if out == Restored {
		action = "workspace.enabled"
	}
	return out, note(ctx, tx, who, next, action, onWorkspace(next), map[string]any{"fields": fields})
}

// widens reports whether a workspace would have scopes that it has not.
func widens(old, next *token.Workspace) bool {
	if old.AllScopes {
		return false
	}
	return next.AllScopes || old.Scopes.Missing(next.Scopes) != nil
}

// overWorkspace returns the workspace with the declaration over it and the
// names of what differs; nil, and why, if nothing is to be written.
func overWorkspace(old, d *token.Workspace, o Options) (*token.Workspace, []string, Outcome) {
	if old.DisabledAt != 0 && !o.Restore {
		return nil, nil, KeptEnded
	}
	next, c := *old, changes{Options: o}
	set(&c, "name", &next.Name, d.Name)
	if d.Number != 0 {
		set(&c, "number", &next.Number, d.Number)
	}
	set(&c, "domain", &next.Domain, d.Domain)
	set(&c, "scopes", &next.AllScopes, d.AllScopes)
	setList(&c, "scopes", &next.Scopes, d.Scopes)
	if c.given("policy") && !samePolicy(*old.Policy.Declared(), d.Policy) {
		next.Policy = d.Policy
		c.add("policy")
	}
	setList(&c, "teams", &next.Teams, d.Teams)
	setList(&c, "spaces", &next.Spaces, d.Spaces)
	switch {
	case old.DisabledAt != 0:
		next.DisabledAt = 0
		return &next, append(c.fields, "disabled_at"), Restored
	case c.fields == nil:
		return nil, nil, Unchanged
	}
	return &next, c.fields, Changed
}

// DisableWorkspace ends every token of a workspace and of the clients whose
// home it is, and lets nobody in. It is an operator's. Conflict says that it is
// disabled already.
func (a *Authority) DisableWorkspace(ctx context.Context, who token.Actor, id, reason string) error {
	return a.switchWorkspace(ctx, who, id, reason, true)
}

// EnableWorkspace lets people and programs into a disabled workspace again. No
// token comes back to life. It is an operator's. Conflict says that it is not
// disabled.
func (a *Authority) EnableWorkspace(ctx context.Context, who token.Actor, id, reason string) error {
	return a.switchWorkspace(ctx, who, id, reason, false)
}

func (a *Authority) switchWorkspace(ctx context.Context, who token.Actor, id, reason string, off bool) error {
	if err := CheckText("reason", reason, 200); err != nil {
		return err
	}
	if err := onlyOperator(who); err != nil {
		return err
	}
	return a.cfg.Store.Do(ctx, func(tx Tx) error {
		if there, err := tx.LockWorkspace(ctx, id); err != nil || !there {
			return orElse(err, noWorkspace())
		}
		w, err := tx.Workspace(ctx, id)
		if err != nil {
			return err
		}
		action := "workspace.enabled"
		switch {
		case off && w.DisabledAt != 0:
			return token.Errorf(token.Conflict, "workspace %s is disabled already", id)
		case !off && w.DisabledAt == 0:
			return token.Errorf(token.Conflict, "workspace %s is not disabled", id)
		case off:
			action, w.DisabledAt = "workspace.disabled", tx.Now()
			err = cutWorkspace(ctx, tx, id, reason)
		default:
			w.DisabledAt = 0
		}
		if err != nil {
			return err
		}
		if err := tx.PutWorkspace(ctx, w); err != nil {
			return err
		}
		return note(ctx, tx, who, w, action, onWorkspace(w), map[string]any{"reason": reason})
	})
}

// cutWorkspace ends what stands on a workspace, and on the clients whose home
// it is: those hold tokens in other workspaces as well.
func cutWorkspace(ctx context.Context, tx Tx, id, reason string) error {
	tx.Cut(token.Cutoff{Support: token.Support{Kind: token.OnWorkspace, ID: id}, Reason: reason})
	clients, err := tx.ClientIDs(ctx, id)
	for _, client := range clients {
		tx.Cut(token.Cutoff{Support: token.Support{Kind: token.OnClient, ID: client}, Reason: reason})
	}
	return err
}
