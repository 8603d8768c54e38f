package authority

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// PutRole makes a role of a workspace, or changes its scopes where they differ:
// at once for everyone who has it. It takes a super admin of the workspace. The
// vendors' scopes are never given by a role and are left out.
func (a *Authority) PutRole(ctx context.Context, who token.Actor, d token.Role, o Options) (Outcome, error) {
	if !token.IsName(d.Name) || d.Name == token.Member || d.Name == token.Admin || d.Name == token.SuperAdmin {
		return "", token.AtField("name", "use 1 to 128 of A-Z a-z 0-9 . _ : - and no name of a role that every workspace has")
	}
	if _, err := token.MakeScopes(d.Scopes); err != nil {
		return "", err
	}
	d.Scopes = d.Scopes.Filter(func(s string) bool { return !token.IsVendor(s) })
	var out Outcome
	err := a.cfg.Store.Do(ctx, func(tx Tx) (err error) {
		out, err = putRole(ctx, tx, who, d, o)
		return err
	})
	return out, err
}

func putRole(ctx context.Context, tx Tx, who token.Actor, d token.Role, o Options) (Outcome, error) {
	if err := mayAdministrate(ctx, tx, who, d.Workspace, "change roles"); err != nil {
		return "", err
	}
	w, err := tx.Workspace(ctx, d.Workspace)
	if err != nil || w == nil {
		return "", orElse(err, noWorkspace())
	}
	out, action := Created, "role.created"
	if i := slices.IndexFunc(w.Roles, func(r token.Role) bool { return r.Name == d.Name }); i >= 0 {
		c := changes{Options: o}
		setList(&c, "scopes", &w.Roles[i].Scopes, d.Scopes)
		if c.fields == nil {
			return Unchanged, nil
		}
		out, action = Changed, "role.changed"
	}
	if err := tx.PutRole(ctx, d); err != nil {
		return "", err
	}
	return out, note(ctx, tx, who, w, action, onRole(d), map[string]any{"scopes": d.Scopes})
}

func onRole(r token.Role) audit.Target {
	return audit.Target{Kind: "role", ID: r.Workspace + " " + r.Name, Name: r.Name}
}

// DropRole takes a role away: whoever has it holds no ordinary scope until
// given another. It takes a super admin of the workspace. NotFound says that
// there is none.
func (a *Authority) DropRole(ctx context.Context, who token.Actor, workspace, name string) error {
	return a.cfg.Store.Do(ctx, func(tx Tx) error {
		if err := mayAdministrate(ctx, tx, who, workspace, "change roles"); err != nil {
			return err
		}
		w, err := tx.Workspace(ctx, workspace)
		if err != nil {
			return err
		}
		if w == nil || !slices.ContainsFunc(w.Roles, func(r token.Role) bool { return r.Name == name }) {
			return token.Errorf(token.NotFound, "the workspace has no role %q of its own", name)
		}
		if err := tx.DropRole(ctx, workspace, name); err != nil {
			return err
		}
		return note(ctx, tx, who, w, "role.removed", onRole(token.Role{Workspace: workspace, Name: name}), nil)
	})
}

// PutClientToken enters a client token of the Chronos contract, of which only
// hash and last four are kept. One that was ended is KeptEnded unless restored.
// It takes an admin of the workspace.
func (a *Authority) PutClientToken(ctx context.Context, who token.Actor, workspace, secret string, o Options) (Outcome, error) {
	if secret == "" || len(secret) > 1024 {
		return "", token.AtField("client_token", "use 1 to 1024 characters")
	}
	if strings.Contains(secret, ":") { // the contract reads it after the last colon of a password
		return "", token.AtField("client_token", "may not hold a colon; use hexadecimal digits")
	}
	var out Outcome
	err := a.cfg.Store.Do(ctx, func(tx Tx) (err error) {
		out, err = putClientToken(ctx, tx, who, workspace, secret, o)
		return err
	})
	return out, err
}

func putClientToken(ctx context.Context, tx Tx, who token.Actor, workspace, secret string, o Options) (Outcome, error) {
	if err := mayAdministrate(ctx, tx, who, workspace, ""); err != nil {
		return "", err
	}
	w, err := tx.Workspace(ctx, workspace)
	if err != nil || w == nil {
		return "", orElse(err, noWorkspace())
	}
	hash := token.HashOf(secret)
	had, err := tx.ClientToken(ctx, hash)
	if err != nil {
		return "", err
	}
	out, action := Created, "client_token.created"
	var won bool
	switch {
	case had != nil && had.Workspace != workspace:
		return "", token.AtField("client_token", "is in use already; make another one")
	case had != nil && had.Live(tx.Now()):
		return Unchanged, nil
	case had != nil && !o.Restore:
		return KeptEnded, nil
	case had != nil:
		out, action = Restored, "client_token.restored"
		won, err = tx.RestoreClientToken(ctx, workspace, hash)
	default:
		won, err = tx.PutClientToken(ctx, newClientToken(tx, workspace, secret))
	}
	if err != nil {
		return "", err
	}
	if !won { // another node was quicker: it is as declared, and theirs is the record
		return Unchanged, nil
	}
	return out, note(ctx, tx, who, w, action, onClientToken(w), map[string]any{"last_four": token.LastFour(secret)})
}

func newClientToken(tx Tx, workspace, secret string) *token.ClientToken {
	return &token.ClientToken{Workspace: workspace, Secret: token.Secret{
		ID: token.NewID(time.UnixMilli(tx.Now()), token.Long), Hash: token.HashOf(secret), LastFour: token.LastFour(secret), CreatedAt: tx.Now(),
	}}
}

func onClientToken(w *token.Workspace) audit.Target {
	return audit.Target{Kind: "client_token", ID: w.ID, Name: w.Name}
}

// EndClientToken lets nobody sign in with a client token of the Chronos contract
// any more; tokens that were issued with it live on. It takes an admin of the
// workspace. NotFound says that there is no such live one.
func (a *Authority) EndClientToken(ctx context.Context, who token.Actor, workspace string, hash token.Hash) error {
	return a.cfg.Store.Do(ctx, func(tx Tx) error {
		if err := mayAdministrate(ctx, tx, who, workspace, ""); err != nil {
			return err
		}
		if won, err := tx.EndClientToken(ctx, workspace, hash); err != nil || !won {
			return orElse(err, token.Errorf(token.NotFound, "the workspace has no such live client token"))
		}
		w, err := tx.Workspace(ctx, workspace)
		if err != nil {
			return err
		}
		return note(ctx, tx, who, w, "client_token.ended", onClientToken(w), nil)
	})
}
