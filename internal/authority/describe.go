package authority

import (
	"context"

	"github.com/fichadev/ficha/internal/policy"
	"github.com/fichadev/ficha/internal/token"
)

// Describe changes what people say about a token: its name, its purpose, who
// answers for it. What is nil stays. Nothing else of a token can be changed:
// what opens less, or for another time, is another secret. It takes an admin of
// the workspace, and refuses with Invalid what the mint would, with Conflict a
// token that has ended.
func (a *Authority) Describe(ctx context.Context, who token.Actor, t *token.Token, d token.Description) error {
	if err := checkDescription(d); err != nil {
		return err
	}
	return a.cfg.Store.Do(ctx, func(tx Tx) error {
		if err := mayAdministrate(ctx, tx, who, t.Workspace, ""); err != nil {
			return err
		}
		w, err := tx.Workspace(ctx, t.Workspace)
		if err != nil || w == nil {
			return orElse(err, noWorkspace())
		}
		if err := mayBecome(w.Policy.At(tx.Now()), t, d); err != nil {
			return err
		}
		described, err := tx.DescribeToken(ctx, t.Credential, d)
		if err != nil {
			return err
		}
		if !described {
			return token.Errorf(token.Conflict, "the token has already ended").Because(token.Lost)
		}
		return note(ctx, tx, who, w, "token.changed", targetOf(t), d.Fields())
	})
}

// mayBecome refuses what the mint would of the facts that a description changes.
func mayBecome(p *token.Policy, t *token.Token, d token.Description) error {
	after := *t
	if d.Purpose != nil {
		after.Purpose = *d.Purpose
	}
	if d.Owner != nil {
		after.Owner = *d.Owner
	}
	for _, b := range policy.Facts(p, &after) {
		if b.Rule == policy.RequirePurpose && d.Purpose != nil || b.Rule == policy.RequireOwner && d.Owner != nil {
			return token.AtField(b.Field(), "%s", b.Text())
		}
	}
	return nil
}

func checkDescription(d token.Description) error {
	if d.Name != nil && *d.Name == "" {
		return token.AtField("name", "may not be empty: it is how people find the token")
	}
	for _, f := range []struct {
		name  string
		value *string
		most  int
	}{{"name", d.Name, 200}, {"purpose", d.Purpose, 500}, {"owner", d.Owner, 200}} {
		if f.value == nil {
			continue
		}
		if err := CheckText(f.name, *f.value, f.most); err != nil {
			return err
		}
	}
	return nil
}
