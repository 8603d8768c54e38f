package store

import (
	"context"

	"github.com/fichadev/ficha/internal/token"
)

// What is declared is looked at before it is written, so that a declaration
// that changes nothing writes nothing. These are the looks, and the inserts
// and endings of which exactly one of two racers does each.

// AddWorkspace enters a new workspace unless its id or number is taken; it
// reports whether it did.
func (tx *Tx) AddWorkspace(ctx context.Context, w *token.Workspace) (bool, error) {
	tx.Changed(token.Change{What: token.ChangedWorkspace, ID: w.ID})
	return tx.affects(ctx, `INSERT INTO workspaces (`+workspaceColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`,
		w.ID, w.Name, w.Number, w.Domain, w.Scopes.String(), truth(w.AllScopes), list(w.Policy), list(w.Teams), list(w.Spaces), w.CreatedAt, w.DisabledAt)
}

// WorkspaceNumbered returns the id of the workspace with that number as the
// transaction sees it, "" if none.
func (tx *Tx) WorkspaceNumbered(ctx context.Context, number int64) (string, error) {
	return one(ctx, tx, `SELECT id FROM workspaces WHERE number = $1`, scanText, number)
}

// WorkspaceWithout returns a workspace of which a person is not a live super
// admin, "" if there is none: that person governs the server.
func (s *Store) WorkspaceWithout(ctx context.Context, person string) (string, error) {
	return one(ctx, s.reads, `SELECT w.id FROM workspaces w WHERE NOT EXISTS (SELECT 1 FROM memberships m
		WHERE m.person = $1 AND m.workspace = w.id AND m.role = 'super_admin' AND m.removed_at = 0) ORDER BY w.id LIMIT 1`, scanText, person)
}

// ClientIDs returns the clients whose home is a workspace.
func (tx *Tx) ClientIDs(ctx context.Context, workspace string) ([]string, error) {
	return all(ctx, tx, `SELECT id FROM clients WHERE workspace = $1 ORDER BY id`, scanText, workspace)
}

// AddClient enters a new client, but no secret, unless its id or number is
// taken; it reports whether it did.
func (tx *Tx) AddClient(ctx context.Context, c *token.Client) (bool, error) {
	tx.Changed(token.Change{What: token.ChangedClient, ID: c.ID})
	return tx.affects(ctx, insertClient+` ON CONFLICT DO NOTHING`, clientArgs(c, tx.now)...)
}

// ClientNumbered returns the id of the client with that number as the
// transaction sees it, "" if none.
func (tx *Tx) ClientNumbered(ctx context.Context, number int64) (string, error) {
	return one(ctx, tx, `SELECT id FROM clients WHERE number = $1`, scanText, number)
}

// LockClient keeps others from changing a client until the transaction ends;
// what it reads after this is the newest. It reports whether there is one.
func (tx *Tx) LockClient(ctx context.Context, id string) (bool, error) {
	return tx.affects(ctx, `UPDATE clients SET name = name WHERE id = $1`, id)
}

// Scope returns an entry of the catalogue as the transaction sees it, nil if
// there is none.
func (tx *Tx) Scope(ctx context.Context, name string) (*token.ScopeInfo, error) {
	return one(ctx, tx, `SELECT `+scopeColumns+` FROM scopes WHERE name = $1`, scanScope, name)
}

// DropScope removes an entry of the catalogue; it reports whether this call did.
func (tx *Tx) DropScope(ctx context.Context, name string) (bool, error) {
	tx.Changed(token.Change{What: token.ChangedCatalogue, ID: name})
	return tx.affects(ctx, `DELETE FROM scopes WHERE name = $1`, name)
}

// Resource returns a resource server as the transaction sees it, nil if there
// is none.
func (tx *Tx) Resource(ctx context.Context, identifier string) (*token.Resource, error) {
	return one(ctx, tx, `SELECT `+resourceColumns+` FROM resources WHERE identifier = $1`, scanResource, identifier)
}

// DropResource removes a resource server of a workspace; it reports whether
// this call did.
func (tx *Tx) DropResource(ctx context.Context, v *token.Resource) (bool, error) {
	tx.Changed(token.Change{What: token.ChangedCatalogue, ID: v.Identifier})
	if v.IntrospectionClient != "" {
		tx.Changed(token.Change{What: token.ChangedClient, ID: v.IntrospectionClient})
	}
	return tx.affects(ctx, `DELETE FROM resources WHERE identifier = $1 AND workspace = $2`, v.Identifier, v.Workspace)
}

// EndedWebhook reports whether a workspace had a subscription of that address
// that was ended.
func (tx *Tx) EndedWebhook(ctx context.Context, workspace, url string) (bool, error) {
	n, err := one(ctx, tx, `SELECT COUNT(*) FROM webhooks WHERE workspace = $1 AND url = $2 AND ended_at <> 0`, scanInt, workspace, url)
	return n > 0, err
}

// RenewWebhook changes what a live subscription hears, and keeps its secret; it
// reports whether it lives.
func (tx *Tx) RenewWebhook(ctx context.Context, h token.Webhook) (bool, error) {
	tx.Changed(token.Change{What: token.ChangedWorkspace, ID: h.Workspace})
	return tx.affects(ctx, `UPDATE webhooks SET url = $3, events = $4 WHERE id = $1 AND workspace = $2 AND ended_at = 0`,
		int64(h.ID), h.Workspace, h.URL, list(h.Events))
}

// Imported returns the address of a token that was made elsewhere as the
// transaction sees it, 0 if none. The hash stays when the token is purged, so
// that what ended is never taken for new.
func (tx *Tx) Imported(ctx context.Context, hash token.Hash) (token.ID, error) {
	id, err := one(ctx, tx, `SELECT id FROM imports WHERE hash = $1`, scanInt, hash[:])
	return token.ID(id), err
}

// ImportAgain enters a row for a token that was made elsewhere and has ended
// here: its hash leads to the new row from now on, and the old one stays ended.
// It reports whether was is still the row that the hash leads to.
func (tx *Tx) ImportAgain(ctx context.Context, was token.ID, t *token.Token) (bool, error) {
	won, err := tx.affects(ctx, `UPDATE imports SET id = $3 WHERE hash = $1 AND id = $2`, t.Hash[:], int64(was), int64(t.ID))
	if err != nil || !won {
		return false, err
	}
	tx.Changed(token.Change{What: token.ChangedImports})
	return true, tx.InsertToken(ctx, t)
}
