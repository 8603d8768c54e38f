package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/fichadev/ficha/internal/token"
)

const clientColumns = `id, number, workspace, name, description, auth_method, redirect_uris, grant_types, scope, optional_scope, distribution,
	workspaces, installable_by, introspect, may_impersonate, access_ttl, refresh_ttl, refresh_idle, access_format, signing_alg, refresh_policy,
	metadata, created_at, updated_at, disabled_at`

func scanClient(r *sql.Rows) (*token.Client, error) {
	var c token.Client
	var uris, grants, scope, optional, spaces string
	var impersonate, updated int64
	err := r.Scan(&c.ID, &c.Number, &c.Workspace, &c.Name, &c.Description, &c.AuthMethod, &uris, &grants, &scope, &optional, &c.Distribution,
		&spaces, &c.InstallableBy, &c.Introspect, &impersonate, &c.AccessTTL, &c.RefreshTTL, &c.RefreshIdle, &c.AccessFormat, &c.SigningAlg, &c.RefreshPolicy,
		&c.Metadata, &c.CreatedAt, &updated, &c.DisabledAt)
	if err != nil {
		return nil, fmt.Errorf("read a client: %w", err)
	}
	c.Scope, c.OptionalScope, c.MayImpersonate = words(scope), words(optional), impersonate == 1
	return &c, errors.Join(read(c.Metadata, &c.Demands), read(uris, &c.RedirectURIs), read(grants, &c.GrantTypes), read(spaces, &c.Workspaces))
}

// Client returns a client with its secrets, resources and cutoffs, nil if there
// is none.
func (s *Store) Client(ctx context.Context, id string) (*token.Client, error) {
	return clientOf(ctx, s.reads, id)
}

// Client returns a client as the transaction sees it, nil if there is none.
func (tx *Tx) Client(ctx context.Context, id string) (*token.Client, error) {
	return clientOf(ctx, tx, id)
}

func clientOf(ctx context.Context, q querier, id string) (*token.Client, error) {
	c, err := one(ctx, q, `SELECT `+clientColumns+` FROM clients WHERE id = $1`, scanClient, id)
	if err != nil || c == nil {
		return nil, err
	}
	var errs [3]error
	c.Secrets, errs[0] = all(ctx, q, `SELECT `+secretColumns+` FROM client_secrets WHERE client = $1 ORDER BY id`, scanSecret, id)
	c.Resources, errs[1] = all(ctx, q, `SELECT identifier FROM resources WHERE introspection_client = $1 ORDER BY identifier`, scanText, id)
	c.Cutoffs, errs[2] = cutoffsOf(ctx, q, token.OnClient, id)
	return c, errors.Join(errs[:]...)
}

const secretColumns = `id, hash, last_four, created_at, expires_at, ended_at, retires_at, replaces`

func scanSecret(r *sql.Rows) (token.Secret, error) {
	var s token.Secret
	err := r.Scan(&s.ID, &s.Hash, &s.LastFour, &s.CreatedAt, &s.ExpiresAt, &s.EndedAt, &s.RetiresAt, &s.Replaces)
	return s, err
}

// ClientsWithSecret returns the ids of the clients of a workspace that have
// this secret, live or not: the Be CMS contract names no client.
func (s *Store) ClientsWithSecret(ctx context.Context, workspace string, hash token.Hash) ([]string, error) {
	return all(ctx, s.reads, `SELECT c.id FROM client_secrets s JOIN clients c ON c.id = s.client
		WHERE s.hash = $1 AND c.workspace = $2 ORDER BY c.created_at, c.id LIMIT 8`, scanText, hash[:], workspace)
}

// ClientNumbered returns the id of the client with that number, "" if none.
func (s *Store) ClientNumbered(ctx context.Context, number int64) (string, error) {
	return one(ctx, s.reads, `SELECT id FROM clients WHERE number = $1`, scanText, number)
}

// Clients returns a page of the clients of a workspace, without their secrets,
// by id, after one.
func (s *Store) Clients(ctx context.Context, workspace, after string, limit int) ([]*token.Client, error) {
	return all(ctx, s.reads, `SELECT `+clientColumns+` FROM clients WHERE workspace = $1 AND id > $2 ORDER BY id LIMIT $3`, scanClient, workspace, after, limit)
}

const insertClient = `INSERT INTO clients (` + clientColumns + `)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)`

func clientArgs(c *token.Client, now int64) []any {
	return []any{
		c.ID, c.Number, c.Workspace, c.Name, c.Description, c.AuthMethod, list(c.RedirectURIs), list(c.GrantTypes), c.Scope.String(), c.OptionalScope.String(),
		c.Distribution, list(c.Workspaces), c.InstallableBy, c.Introspect, truth(c.MayImpersonate), c.AccessTTL, c.RefreshTTL, c.RefreshIdle,
		c.AccessFormat, c.SigningAlg, c.RefreshPolicy, c.Metadata, c.CreatedAt, now, c.DisabledAt,
	}
}

// PutClient writes a client whole, but its workspace, which it keeps, and its
// secrets.
func (tx *Tx) PutClient(ctx context.Context, c *token.Client) error {
	tx.Changed(token.Change{What: token.ChangedClient, ID: c.ID})
	_, err := tx.exec(ctx, insertClient+`
		ON CONFLICT (id) DO UPDATE SET number = excluded.number, name = excluded.name, description = excluded.description, auth_method = excluded.auth_method,
			redirect_uris = excluded.redirect_uris, grant_types = excluded.grant_types, scope = excluded.scope, optional_scope = excluded.optional_scope,
			distribution = excluded.distribution, workspaces = excluded.workspaces, installable_by = excluded.installable_by, introspect = excluded.introspect,
			may_impersonate = excluded.may_impersonate, access_ttl = excluded.access_ttl, refresh_ttl = excluded.refresh_ttl,
			refresh_idle = excluded.refresh_idle, access_format = excluded.access_format, signing_alg = excluded.signing_alg,
			refresh_policy = excluded.refresh_policy, metadata = excluded.metadata, updated_at = excluded.updated_at, disabled_at = excluded.disabled_at`,
		clientArgs(c, tx.now)...)
	return err
}

// PutSecret enters a secret of a client.
func (tx *Tx) PutSecret(ctx context.Context, client string, s token.Secret) error {
	tx.Changed(token.Change{What: token.ChangedClient, ID: client})
	_, err := tx.exec(ctx, `INSERT INTO client_secrets (id, client, hash, last_four, created_at, expires_at, replaces) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		int64(s.ID), client, s.Hash[:], s.LastFour, s.CreatedAt, s.ExpiresAt, int64(s.Replaces))
	return err
}

// ConfirmSecret writes down that a secret of a client was seen.
func (tx *Tx) ConfirmSecret(ctx context.Context, client string, id token.ID) (bool, error) {
	tx.Changed(token.Change{What: token.ChangedClient, ID: client})
	return tx.affects(ctx, `UPDATE client_secrets SET replaces = 0 WHERE id = $1 AND client = $2 AND ended_at = 0`, int64(id), client)
}

// RetireSecret lets a secret of a client open nothing from an instant on (ms);
// 0 lets it stay. It reports whether it lives.
func (tx *Tx) RetireSecret(ctx context.Context, client string, id token.ID, at int64) (bool, error) {
	tx.Changed(token.Change{What: token.ChangedClient, ID: client})
	return tx.affects(ctx, `UPDATE client_secrets SET retires_at = $3 WHERE id = $1 AND client = $2 AND ended_at = 0`, int64(id), client, at)
}

const endedSecrets = `SELECT id, ended_at FROM client_secrets WHERE client = $1 AND ended_at > 0`

func scanEndedSecret(r *sql.Rows) (s JournalSecret, err error) {
	s.What = token.RotatesClientSecret
	err = r.Scan(&s.ID, &s.At)
	return s, err
}

// EndSecret ends a secret of a client if it lives; it reports whether this
// call did.
func (tx *Tx) EndSecret(ctx context.Context, client string, id token.ID) (bool, error) {
	tx.Changed(token.Change{What: token.ChangedClient, ID: client})
	return tx.endSecret(ctx, token.RotatesClientSecret, `UPDATE client_secrets SET ended_at = $3 WHERE id = $1 AND client = $2 AND ended_at = 0`,
		int64(id), client, tx.now)
}

// endSecret runs a statement that ends one secret at most, and has the log of
// endings know of it; it reports whether it ended one.
func (tx *Tx) endSecret(ctx context.Context, what token.Rotating, text string, args ...any) (bool, error) {
	id, err := one(ctx, tx, text+` RETURNING id`, scanInt, args...)
	if id != 0 {
		tx.secrets = append(tx.secrets, JournalSecret{What: what, ID: token.ID(id), At: tx.now})
	}
	return id != 0, err
}
