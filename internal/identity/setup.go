package identity

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// setupMeta names the hash of the set-up secret among the database's values.
const setupMeta = "setup_secret"

// A SetupRequest makes the first super admin and their workspace. One that a
// resources file has made already is taken as it is.
type SetupRequest struct {
	Email         string
	Name          string
	Password      string // 12 to 1024 bytes
	WorkspaceName string // of a new workspace
	WorkspaceID   string // empty: one is made
}

// SetupLink returns a secret that sets up the server once; not needed where
// there are people. A newer secret replaces an older one, on every node.
func (i *Identity) SetupLink(ctx context.Context) (secret string, needed bool, err error) {
	n, err := i.store.Users(ctx)
	if err != nil || n > 0 {
		return "", false, err
	}
	secret = rand.Text()
	hash := token.HashOf(secret)
	err = i.store.Do(ctx, func(tx Tx) error { return tx.SetMeta(ctx, setupMeta, hash[:]) })
	if err != nil {
		return "", false, err
	}
	return secret, true, nil
}

// CompleteSetup makes the first person, super admin of the workspace that is
// asked for. It works once: a secret that is wrong, was used or was replaced is
// AccessDenied, and of two at once one wins.
func (i *Identity) CompleteSetup(ctx context.Context, who token.Actor, secret string, r SetupRequest) (*token.Person, error) {
	hash := token.HashOf(secret)
	stands, err := i.store.Meta(ctx, setupMeta)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(stands, hash[:]) != 1 {
		return nil, noSetup()
	}
	d, err := r.checked()
	if err != nil {
		return nil, err
	}
	password, err := i.hashChosen(ctx, "password", r.Password)
	if err != nil {
		return nil, err
	}
	who.Kind, who.ID = token.System, "setup"
	var p *token.Person
	err = i.store.Do(ctx, func(tx Tx) error {
		won, err := tx.DropMeta(ctx, setupMeta, hash[:])
		switch {
		case err != nil:
			return err
		case !won:
			return noSetup()
		}
		p, err = r.setUp(ctx, tx, who, d, password)
		return err
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

func noSetup() error {
	return token.Errorf(token.AccessDenied, "this set-up link was used or replaced; open the newest one that the server printed, or sign in")
}

func (r SetupRequest) checked() (Declared, error) {
	d, err := Declared{Email: r.Email, Name: r.Name}.checked()
	switch {
	case err != nil:
		return d, err
	case r.WorkspaceID != "" && !token.IsName(r.WorkspaceID):
		return d, token.AtField("workspace_id", "use 1 to 128 of A-Z a-z 0-9 . _ : -")
	case !isText(r.WorkspaceName, maxName):
		return d, token.AtField("workspace_name", "use at most %d bytes of text on one line", maxName)
	}
	return d, nil
}

// setUp writes the workspace, the person and the membership.
func (r SetupRequest) setUp(ctx context.Context, tx Tx, who token.Actor, d Declared, password string) (*token.Person, error) {
	if n, err := tx.Users(ctx); err != nil {
		return nil, err
	} else if n > 0 {
		return nil, token.Errorf(token.Conflict, "this server has people already; sign in")
	}
	w, err := r.workspace(ctx, tx)
	if err != nil {
		return nil, err
	}
	who.Workspace = w.ID
	p, _, err := declare(ctx, tx, actor{who: who}, wanted{Declared: d, hash: password})
	if err != nil {
		return nil, err
	}
	if err := record(ctx, tx, deed{who: who, workspace: w.ID, action: "server.set_up", person: p, detail: map[string]any{"workspace": w.ID}}); err != nil {
		return nil, err
	}
	if _, err := enrol(ctx, tx, who, p.ID, DeclaredMembership{Workspace: w.ID, Role: token.SuperAdmin}, Options{}); err != nil {
		return nil, err
	}
	return tx.Person(ctx, p.ID)
}

// workspace returns the one that is asked for, new unless it is there.
func (r SetupRequest) workspace(ctx context.Context, tx Tx) (*token.Workspace, error) {
	now := tx.Now()
	id := cmp.Or(r.WorkspaceID, "ws_"+token.NewID(time.UnixMilli(now), token.Long).String())
	if w, err := tx.Workspace(ctx, id); err != nil || w != nil {
		return w, err
	}
	number, err := tx.NextNumber(ctx, "workspaces")
	if err != nil {
		return nil, err
	}
	w := &token.Workspace{ID: id, Name: cmp.Or(r.WorkspaceName, id), Number: number, AllScopes: true, CreatedAt: now}
	return w, tx.PutWorkspace(ctx, w)
}
