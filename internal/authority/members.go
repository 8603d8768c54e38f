package authority

import (
	"context"
	"slices"

	"github.com/fichadev/ficha/internal/token"
)

// ClientTokenWorkspace returns the workspace that a client token of the Chronos
// contract stands for, or nothing where no live one is known: the caller goes
// on as with a known one, so that both take the same time. The first use of one
// that replaces another starts the end of that one.
func (a *Authority) ClientTokenWorkspace(ctx context.Context, who token.Actor, clientToken string) (string, error) {
	c, err := a.cfg.Store.ClientToken(ctx, token.HashOf(clientToken))
	if err != nil || c == nil || !c.Live(a.cfg.Now().UnixMilli()) {
		return "", err
	}
	err = a.shownSecret(ctx, who, &c.Secret)
	if token.Is(err, token.InvalidClient) {
		return "", nil
	}
	return c.Workspace, err
}

// AllScopes returns every ordinary scope that a member may hold in a workspace
// now, sorted by name; none where the workspace is unknown or disabled or the
// membership has ended. Administration and the vendors' own names are not
// among them: those are asked for by name.
func (a *Authority) AllScopes(ctx context.Context, workspace string, m *token.Membership) (token.Scopes, error) {
	w, err := a.cfg.Judge.Workspace(ctx, workspace)
	if err != nil || w == nil {
		return nil, err
	}
	rules := w.Policy.At(a.cfg.Now().UnixMilli())
	var scopes token.Scopes
	for name := range *a.known.Load() {
		if !token.IsVendor(name) && w.MayHold(m, name) && rules.Allows(token.Access, name) {
			scopes = append(scopes, name)
		}
	}
	slices.Sort(scopes)
	return scopes, nil
}
