package authority

import (
	"context"
	"maps"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// PutScope enters a scope into the catalogue, or changes its texts where they
// differ. The vendors' scopes are known without an entry and Unchanged. The
// catalogue is everyone's, so it is an operator's.
func (a *Authority) PutScope(ctx context.Context, who token.Actor, d *token.ScopeInfo, o Options) (Outcome, error) {
	if _, err := token.MakeScopes([]string{d.Name}); err != nil {
		return "", err
	}
	if token.IsVendor(d.Name) {
		return Unchanged, nil
	}
	if err := onlyOperator(who); err != nil {
		return "", err
	}
	var out Outcome
	err := a.cfg.Store.Do(ctx, func(tx Tx) (err error) {
		out, err = putScope(ctx, tx, who, d, o)
		return err
	})
	return out, err
}

func putScope(ctx context.Context, tx Tx, who token.Actor, d *token.ScopeInfo, o Options) (Outcome, error) {
	old, err := tx.Scope(ctx, d.Name)
	if err != nil {
		return "", err
	}
	out, action, next := Created, "scope.created", token.ScopeInfo{Name: d.Name, Description: d.Description, Use: d.Use, CreatedAt: tx.Now()}
	if old != nil {
		c := changes{Options: o}
		next = *old
		setTexts(&c, "description", &next.Description, d.Description)
		setTexts(&c, "use", &next.Use, d.Use)
		if c.fields == nil {
			return Unchanged, nil
		}
		out, action = Changed, "scope.changed"
	}
	if err := tx.PutScope(ctx, &next); err != nil {
		return "", err
	}
	return out, note(ctx, tx, who, nil, action, audit.Target{Kind: "scope", ID: d.Name, Name: d.Name}, nil)
}

func setTexts(c *changes, key string, at *map[string]string, want map[string]string) {
	if c.given(key) && !maps.Equal(*at, want) {
		*at = want
		c.add(key)
	}
}

// DropScope takes a scope out of the catalogue: it can be granted no more, and
// tokens that have it keep it. It is an operator's. NotFound says that there is
// no such entry.
func (a *Authority) DropScope(ctx context.Context, who token.Actor, name string) error {
	if err := onlyOperator(who); err != nil {
		return err
	}
	return a.cfg.Store.Do(ctx, func(tx Tx) error {
		if won, err := tx.DropScope(ctx, name); err != nil || !won {
			return orElse(err, token.Errorf(token.NotFound, "there is no such scope in the catalogue"))
		}
		return note(ctx, tx, who, nil, "scope.removed", audit.Target{Kind: "scope", ID: name, Name: name}, nil)
	})
}

// PutResource makes the resource server that is declared, or changes what
// differs. It takes an admin of its workspace, which it never leaves. Its
// introspection client is of the same workspace and proves who it is.
func (a *Authority) PutResource(ctx context.Context, who token.Actor, d *token.Resource, o Options) (Outcome, error) {
	if d.Identifier == "" || len(d.Identifier) > 1024 {
		return "", token.AtField("identifier", "use an absolute URI of at most 1024 characters")
	}
	if _, err := token.MakeScopes(d.Scopes); err != nil {
		return "", err
	}
	var out Outcome
	err := a.cfg.Store.Do(ctx, func(tx Tx) (err error) {
		out, err = putResource(ctx, tx, who, d, o)
		return err
	})
	return out, err
}

func putResource(ctx context.Context, tx Tx, who token.Actor, d *token.Resource, o Options) (Outcome, error) {
	if err := mayAdministrate(ctx, tx, who, d.Workspace, ""); err != nil {
		return "", err
	}
	w, err := tx.Workspace(ctx, d.Workspace)
	if err != nil || w == nil {
		return "", orElse(err, noWorkspace())
	}
	old, err := tx.Resource(ctx, d.Identifier)
	if err != nil {
		return "", err
	}
	next, out, err := overResource(old, d, o)
	if err != nil || next == nil {
		return out, err
	}
	if err := checkAsker(ctx, tx, next); err != nil {
		return "", err
	}
	action := "resource.changed"
	if out == Created {
		action, next.CreatedAt = "resource.created", tx.Now()
	}
	if err := tx.PutResource(ctx, next); err != nil {
		return "", err
	}
	// Another tenant may have been quicker with the identifier, and keeps it.
	if now, err := tx.Resource(ctx, d.Identifier); err != nil || now.Workspace != d.Workspace {
		return "", orElse(err, resourceTaken())
	}
	return out, note(ctx, tx, who, w, action, onResource(next), map[string]any{"scopes": next.Scopes})
}

func resourceTaken() *token.Refusal {
	return token.AtField("identifier", "is taken by a resource of another workspace; choose another")
}

func onResource(r *token.Resource) audit.Target {
	return audit.Target{Kind: "resource", ID: r.Identifier, Name: r.Identifier}
}

// overResource returns the resource with the declaration over it; nil if
// nothing is to be written.
func overResource(old, d *token.Resource, o Options) (*token.Resource, Outcome, error) {
	if old == nil {
		next := *d
		return &next, Created, nil
	}
	if old.Workspace != d.Workspace {
		return nil, "", resourceTaken()
	}
	next, c := *old, changes{Options: o}
	setList(&c, "scopes", &next.Scopes, d.Scopes)
	set(&c, "token_format", &next.TokenFormat, d.TokenFormat)
	set(&c, "introspection_client", &next.IntrospectionClient, d.IntrospectionClient)
	if c.fields == nil {
		return nil, Unchanged, nil
	}
	return &next, Changed, nil
}

// checkAsker refuses a client that could not prove who asks, or is of another
// tenant.
func checkAsker(ctx context.Context, tx Tx, r *token.Resource) error {
	if r.IntrospectionClient == "" {
		return nil
	}
	c, err := tx.Client(ctx, r.IntrospectionClient)
	switch {
	case err != nil:
		return err
	case c == nil || c.Workspace != r.Workspace:
		return token.AtField("introspection_client", "is not a client of this workspace")
	case c.Public():
		return token.AtField("introspection_client", "is public and cannot prove who asks; name one with a secret or key")
	}
	return nil
}

// DropResource forgets a resource server: no token can be asked for it any
// more, and those that name it end by themselves. It takes an admin of its
// workspace. NotFound says that there is none.
func (a *Authority) DropResource(ctx context.Context, who token.Actor, workspace, identifier string) error {
	return a.cfg.Store.Do(ctx, func(tx Tx) error {
		if err := mayAdministrate(ctx, tx, who, workspace, ""); err != nil {
			return err
		}
		r, err := tx.Resource(ctx, identifier)
		if err != nil || r == nil || r.Workspace != workspace {
			return orElse(err, token.Errorf(token.NotFound, "there is no such resource in this workspace"))
		}
		if won, err := tx.DropResource(ctx, r); err != nil || !won {
			return orElse(err, token.Errorf(token.NotFound, "there is no such resource in this workspace"))
		}
		w, err := tx.Workspace(ctx, workspace)
		if err != nil {
			return err
		}
		return note(ctx, tx, who, w, "resource.removed", onResource(r), nil)
	})
}
