package authority

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/fichadev/ficha/internal/policy"
	"github.com/fichadev/ficha/internal/token"
)

// PutPolicy sets the policy of a workspace, and returns the workspace as it is
// then. One with an instant of enforcement to come is warned of until it takes
// the place of the one in force. It takes a super admin of the workspace. It
// refuses with Invalid what cannot be kept, and what would close to live tokens
// without notice; with Outdated where the policy is not in the state that it is
// changed from.
func (a *Authority) PutPolicy(ctx context.Context, who token.Actor, workspace string, p token.Policy, from token.Version) (*token.Workspace, error) {
	p.Next = nil
	if err := policy.Check(&p); err != nil {
		return nil, err
	}
	var w *token.Workspace
	err := a.cfg.Store.Do(ctx, func(tx Tx) (err error) {
		if err := mayAdministrate(ctx, tx, who, workspace, "change the policy"); err != nil {
			return err
		}
		if _, err := tx.LockWorkspace(ctx, workspace); err != nil {
			return err
		}
		if w, err = tx.Workspace(ctx, workspace); err != nil || w == nil {
			return orElse(err, noWorkspace())
		}
		if samePolicy(*w.Policy.Declared(), p) {
			return nil
		}
		old := w.Policy
		if err := from.Meets(old.Version()); err != nil {
			return err
		}
		if w.Policy, err = adopt(&old, p, tx.Now()); err != nil {
			return err
		}
		if err := tx.PutWorkspace(ctx, w); err != nil {
			return err
		}
		return notePolicy(ctx, tx, who, w, &old)
	})
	return w, err
}

// adopt returns the policy of a workspace once another was declared.
func adopt(old *token.Policy, p token.Policy, now int64) (token.Policy, error) {
	force := *old.At(now)
	if err := policy.CheckChange(&force, &p, now); err != nil {
		return p, err
	}
	return follow(force, p, now), nil
}

// follow returns a policy, or, where it is enforced later, the one in force with
// it to come.
func follow(force, p token.Policy, now int64) token.Policy {
	force.Next = nil
	if p.EnforceFrom <= now {
		return p
	}
	force.Next = &p
	return force
}

// putTurn lets a policy take its place at its instant, and begin what follows.
func putTurn(ctx context.Context, tx Tx, w *token.Workspace) error {
	return tx.PutWalk(ctx, token.Walk{Workspace: w.ID, What: token.WalkTurn, Due: max(tx.Now(), w.Policy.Declared().EnforceFrom), Began: tx.Now()})
}

// samePolicy compares what was declared; an absent rule and an empty one are the
// same.
func samePolicy(a, b token.Policy) bool {
	a.Next, b.Next = nil, nil
	one, err := json.Marshal(a)
	other, err2 := json.Marshal(b)
	return err == nil && err2 == nil && bytes.Equal(one, other)
}

// notePolicy puts a change of policy on record and lets begin what follows from
// it: the warnings, and the turn at its instant.
func notePolicy(ctx context.Context, tx Tx, who token.Actor, w *token.Workspace, old *token.Policy) error {
	now, next := tx.Now(), w.Policy.Declared()
	if err := tx.PutWalk(ctx, token.Walk{Workspace: w.ID, What: token.WalkWarn, Due: max(now, next.WarnFrom), Began: now}); err != nil {
		return err
	}
	if err := putTurn(ctx, tx, w); err != nil {
		return err
	}
	return note(ctx, tx, who, w, "policy.changed", onWorkspace(w), map[string]any{
		"before": old.Declared(), "after": next, "enforce_from": next.EnforceFrom,
	})
}

// turnPolicy lets a policy that was warned of take the place of the one in
// force, once, and the walks begin that it asks for.
func turnPolicy(ctx context.Context, tx Tx, walk token.Walk) error {
	if _, err := tx.LockWorkspace(ctx, walk.Workspace); err != nil {
		return err
	}
	w, err := tx.Workspace(ctx, walk.Workspace)
	if err != nil || w == nil {
		return err
	}
	if next := w.Policy.Next; next != nil && tx.Now() < next.EnforceFrom {
		return putTurn(ctx, tx, w) // our clock is behind the one that woke us
	}
	if won, err := tx.DropWalk(ctx, walk); err != nil || !won {
		return err
	}
	if next := w.Policy.Next; next != nil {
		w.Policy = *next
		if err := tx.PutWorkspace(ctx, w); err != nil {
			return err
		}
		if err := note(ctx, tx, policyActor, w, "policy.enforced", onWorkspace(w), nil); err != nil {
			return err
		}
	}
	if len(w.Policy.IdleExpiry) == 0 {
		return nil
	}
	return tx.PutWalk(ctx, token.Walk{Workspace: w.ID, What: token.WalkIdle, Due: tx.Now(), Began: tx.Now()})
}
