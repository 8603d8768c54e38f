package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/fichadev/ficha/internal/token"
)

const scopeColumns = `name, description, use, created_at`

func scanScope(r *sql.Rows) (*token.ScopeInfo, error) {
	var i token.ScopeInfo
	var description, use string
	if err := r.Scan(&i.Name, &description, &use, &i.CreatedAt); err != nil {
		return nil, fmt.Errorf("read a scope: %w", err)
	}
	return &i, errors.Join(read(description, &i.Description), read(use, &i.Use))
}

// Scopes returns the catalogue of scopes by name.
func (s *Store) Scopes(ctx context.Context) ([]*token.ScopeInfo, error) {
	return all(ctx, s.reads, `SELECT `+scopeColumns+` FROM scopes ORDER BY name`, scanScope)
}

// PutScope writes an entry of the catalogue.
func (tx *Tx) PutScope(ctx context.Context, i *token.ScopeInfo) error {
	tx.Changed(token.Change{What: token.ChangedCatalogue, ID: i.Name})
	_, err := tx.exec(ctx, `INSERT INTO scopes (`+scopeColumns+`) VALUES ($1, $2, $3, $4)
		ON CONFLICT (name) DO UPDATE SET description = excluded.description, use = excluded.use`,
		i.Name, list(i.Description), list(i.Use), i.CreatedAt)
	return err
}

const resourceColumns = `identifier, workspace, scopes, token_format, introspection_client, created_at`

func scanResource(r *sql.Rows) (*token.Resource, error) {
	var v token.Resource
	var scopes string
	if err := r.Scan(&v.Identifier, &v.Workspace, &scopes, &v.TokenFormat, &v.IntrospectionClient, &v.CreatedAt); err != nil {
		return nil, fmt.Errorf("read a resource: %w", err)
	}
	v.Scopes = words(scopes)
	return &v, nil
}

// Resource returns the resource server of that identifier, nil if there is none.
func (s *Store) Resource(ctx context.Context, identifier string) (*token.Resource, error) {
	return one(ctx, s.reads, `SELECT `+resourceColumns+` FROM resources WHERE identifier = $1`, scanResource, identifier)
}

// Resources returns the resource servers of a workspace.
func (s *Store) Resources(ctx context.Context, workspace string) ([]*token.Resource, error) {
	return all(ctx, s.reads, `SELECT `+resourceColumns+` FROM resources WHERE workspace = $1 ORDER BY identifier`, scanResource, workspace)
}

// PutResource writes a resource server whole, but its workspace: that one it
// keeps. The clients that may ask about its tokens, before and now, change
// with it.
func (tx *Tx) PutResource(ctx context.Context, v *token.Resource) error {
	was, err := one(ctx, tx, `SELECT introspection_client FROM resources WHERE identifier = $1`, scanText, v.Identifier)
	if err != nil {
		return err
	}
	tx.Changed(token.Change{What: token.ChangedCatalogue, ID: v.Identifier})
	for _, client := range []string{was, v.IntrospectionClient} {
		if client != "" {
			tx.Changed(token.Change{What: token.ChangedClient, ID: client})
		}
	}
	_, err = tx.exec(ctx, `INSERT INTO resources (`+resourceColumns+`) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (identifier) DO UPDATE SET scopes = excluded.scopes, token_format = excluded.token_format,
			introspection_client = excluded.introspection_client`,
		v.Identifier, v.Workspace, v.Scopes.String(), v.TokenFormat, v.IntrospectionClient, v.CreatedAt)
	return err
}

const (
	webhookColumns = `id, workspace, url, events, disabled_at`
	liveWebhooks   = `SELECT ` + webhookColumns + ` FROM webhooks WHERE workspace = $1 AND ended_at = 0 ORDER BY id`
)

func scanWebhook(r *sql.Rows) (token.Webhook, error) {
	var h token.Webhook
	var events string
	err := r.Scan(&h.ID, &h.Workspace, &h.URL, &events, &h.DisabledAt)
	return h, errors.Join(err, read(events, &h.Events))
}

// Webhooks returns the subscriptions of a workspace that have not ended.
func (s *Store) Webhooks(ctx context.Context, workspace string) ([]token.Webhook, error) {
	return all(ctx, s.reads, liveWebhooks, scanWebhook, workspace)
}

// PutWebhook writes a subscription with its sealed secret and how that is told;
// of one that exists the address, the events and the secret.
func (tx *Tx) PutWebhook(ctx context.Context, h token.Webhook, secret token.SealedSecret) error {
	tx.Changed(token.Change{What: token.ChangedWorkspace, ID: h.Workspace})
	_, err := tx.exec(ctx, `INSERT INTO webhooks (id, workspace, url, events, secret, mark, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (id) DO UPDATE SET url = excluded.url, events = excluded.events, secret = excluded.secret, mark = excluded.mark`,
		int64(h.ID), h.Workspace, h.URL, list(h.Events), secret.Sealed, secret.Mark, tx.now)
	return err
}

// EndWebhook ends a live subscription of a workspace; it reports whether this
// call did.
func (tx *Tx) EndWebhook(ctx context.Context, workspace string, id token.ID) (bool, error) {
	tx.Changed(token.Change{What: token.ChangedWorkspace, ID: workspace})
	return tx.affects(ctx, `UPDATE webhooks SET ended_at = $3 WHERE id = $1 AND workspace = $2 AND ended_at = 0`, int64(id), workspace, tx.now)
}
