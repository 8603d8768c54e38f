package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/fichadev/ficha/internal/token"
)

// list writes a slice or map as the JSON text that its column holds.
func list(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("store: a list of plain values cannot fail to be written: " + err.Error())
	}
	return string(b)
}

// read fills v from a column's JSON text.
func read(text string, v any) error {
	if text == "" {
		return nil
	}
	return json.Unmarshal([]byte(text), v)
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func cutoffsOf(ctx context.Context, q querier, kind token.SupportKind, id string) (token.Cutoffs, error) {
	return all(ctx, q, `SELECT n, issued_before, reason, at FROM cutoffs WHERE kind = $1 AND id = $2`, func(r *sql.Rows) (c token.Cutoff, err error) {
		c.Support = token.Support{Kind: kind, ID: id}
		err = r.Scan(&c.Position, &c.IssuedBefore, &c.Reason, &c.At)
		return c, err
	}, string(kind), id)
}

const workspaceColumns = `id, name, number, domain, scopes, all_scopes, policy, teams, spaces, created_at, disabled_at`

func scanWorkspace(r *sql.Rows) (*token.Workspace, error) {
	var w token.Workspace
	var scopes, policy, teams, spaces string
	var whole int64
	if err := r.Scan(&w.ID, &w.Name, &w.Number, &w.Domain, &scopes, &whole, &policy, &teams, &spaces, &w.CreatedAt, &w.DisabledAt); err != nil {
		return nil, fmt.Errorf("read a workspace: %w", err)
	}
	w.Scopes, w.AllScopes = words(scopes), whole == 1
	return &w, errors.Join(read(policy, &w.Policy), read(teams, &w.Teams), read(spaces, &w.Spaces))
}

// Workspace returns a workspace with its roles, subscriptions and cutoffs, nil
// if there is none.
func (s *Store) Workspace(ctx context.Context, id string) (*token.Workspace, error) {
	return workspaceOf(ctx, s.reads, id)
}

// Workspace returns a workspace as the transaction sees it, nil if there is none.
func (tx *Tx) Workspace(ctx context.Context, id string) (*token.Workspace, error) {
	return workspaceOf(ctx, tx, id)
}

func workspaceOf(ctx context.Context, q querier, id string) (*token.Workspace, error) {
	w, err := one(ctx, q, `SELECT `+workspaceColumns+` FROM workspaces WHERE id = $1`, scanWorkspace, id)
	if err != nil || w == nil {
		return nil, err
	}
	var errs [3]error
	w.Roles, errs[0] = all(ctx, q, `SELECT name, scopes FROM roles WHERE workspace = $1 ORDER BY name`, func(r *sql.Rows) (role token.Role, err error) {
		var scopes string
		err = r.Scan(&role.Name, &scopes)
		role.Workspace, role.Scopes = id, words(scopes)
		return role, err
	}, id)
	w.Webhooks, errs[1] = all(ctx, q, liveWebhooks, scanWebhook, id)
	w.Cutoffs, errs[2] = cutoffsOf(ctx, q, token.OnWorkspace, id)
	return w, errors.Join(errs[:]...)
}

// Workspaces returns a page of workspaces by id, after one, without their
// parts.
func (s *Store) Workspaces(ctx context.Context, after string, limit int) ([]*token.Workspace, error) {
	return all(ctx, s.reads, `SELECT `+workspaceColumns+` FROM workspaces WHERE id > $1 ORDER BY id LIMIT $2`, scanWorkspace, after, limit)
}

// WorkspaceNumbered returns the id of the workspace with that number, "" if none.
func (s *Store) WorkspaceNumbered(ctx context.Context, number int64) (string, error) {
	return one(ctx, s.reads, `SELECT id FROM workspaces WHERE number = $1`, scanText, number)
}

// PutWorkspace writes a workspace whole, but its roles and subscriptions.
func (tx *Tx) PutWorkspace(ctx context.Context, w *token.Workspace) error {
	tx.Changed(token.Change{What: token.ChangedWorkspace, ID: w.ID})
	_, err := tx.exec(ctx, `INSERT INTO workspaces (`+workspaceColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, number = excluded.number, domain = excluded.domain, scopes = excluded.scopes,
			all_scopes = excluded.all_scopes, policy = excluded.policy, teams = excluded.teams, spaces = excluded.spaces, disabled_at = excluded.disabled_at`,
		w.ID, w.Name, w.Number, w.Domain, w.Scopes.String(), truth(w.AllScopes), list(w.Policy), list(w.Teams), list(w.Spaces), w.CreatedAt, w.DisabledAt)
	return err
}

// LockWorkspace makes the changes of a workspace's members wait for each other
// until the transaction ends; what it reads after this is the newest. It
// reports whether there is such a workspace. PostgreSQL would otherwise let two
// count the same last super admin.
func (tx *Tx) LockWorkspace(ctx context.Context, id string) (bool, error) {
	return tx.affects(ctx, `UPDATE workspaces SET name = name WHERE id = $1`, id)
}

// PutRole writes a role of a workspace.
func (tx *Tx) PutRole(ctx context.Context, r token.Role) error {
	tx.Changed(token.Change{What: token.ChangedWorkspace, ID: r.Workspace})
	_, err := tx.exec(ctx, `INSERT INTO roles (workspace, name, scopes) VALUES ($1, $2, $3)
		ON CONFLICT (workspace, name) DO UPDATE SET scopes = excluded.scopes`, r.Workspace, r.Name, r.Scopes.String())
	return err
}

// DropRole removes a role of a workspace.
func (tx *Tx) DropRole(ctx context.Context, workspace, name string) error {
	tx.Changed(token.Change{What: token.ChangedWorkspace, ID: workspace})
	_, err := tx.exec(ctx, `DELETE FROM roles WHERE workspace = $1 AND name = $2`, workspace, name)
	return err
}

// NextNumber returns a number for a new row of workspaces, users or clients.
func (tx *Tx) NextNumber(ctx context.Context, table string) (int64, error) {
	var text string
	switch table {
	case "workspaces":
		text = `SELECT COALESCE(MAX(number), 1000) + 1 FROM workspaces`
	case "users":
		text = `SELECT COALESCE(MAX(number), 1000) + 1 FROM users`
	case "clients":
		text = `SELECT COALESCE(MAX(number), 1000) + 1 FROM clients`
	default:
		return 0, fmt.Errorf("no numbers in %s", table)
	}
	return one(ctx, tx, text, scanInt)
}

const grantColumns = `id, contract, client, person, workspace, scopes, installed, created_at, ended_at, end_reason`

var insertGrants = &rowsText{
	again: true,
	tail:  onFree, returns: freeID,
	head:  "INSERT INTO grants (" + grantColumns + ") VALUES ",
	types: []string{"BIGINT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "TEXT"},
}

func grantArgs(g *token.Grant) []any {
	return []any{int64(g.ID), g.Contract, g.Client, g.Person, g.Workspace, g.Scopes.String(), truth(g.Installed), g.CreatedAt, g.EndedAt, g.EndReason}
}

func scanGrant(r *sql.Rows) (*token.Grant, error) {
	var g token.Grant
	var scopes string
	var installed int64
	if err := r.Scan(&g.ID, &g.Contract, &g.Client, &g.Person, &g.Workspace, &scopes, &installed, &g.CreatedAt, &g.EndedAt, &g.EndReason); err != nil {
		return nil, fmt.Errorf("read a grant: %w", err)
	}
	g.Scopes, g.Installed = words(scopes), installed == 1
	return &g, nil
}

// Grant returns a family with its cutoffs, nil if there is none.
func (s *Store) Grant(ctx context.Context, id token.ID) (*token.Grant, error) {
	g, err := one(ctx, s.reads, `SELECT `+grantColumns+` FROM grants WHERE id = $1`, scanGrant, int64(id))
	if err != nil || g == nil {
		return nil, err
	}
	g.Cutoffs, err = cutoffsOf(ctx, s.reads, token.OnGrant, strconv.FormatInt(int64(id), 10))
	return g, err
}

// Grants returns the live families of a workspace or of a person, newest
// first, before an id (0: from the newest).
func (s *Store) Grants(ctx context.Context, workspace, person string, before token.ID, limit int) ([]*token.Grant, error) {
	if before == 0 {
		before = 1<<63 - 1
	}
	if person != "" {
		return all(ctx, s.reads, `SELECT `+grantColumns+` FROM grants WHERE person = $1 AND person <> '' AND ended_at = 0 AND id < $2 ORDER BY id DESC LIMIT $3`,
			scanGrant, person, int64(before), limit)
	}
	return all(ctx, s.reads, `SELECT `+grantColumns+` FROM grants WHERE workspace = $1 AND person <> '' AND ended_at = 0 AND id < $2 ORDER BY id DESC LIMIT $3`,
		scanGrant, workspace, int64(before), limit)
}

// InsertGrant inserts a family inside a rare deed.
func (tx *Tx) InsertGrant(ctx context.Context, g *token.Grant) error {
	return tx.insertGrants(ctx, []*pending{{deed: &token.Deed{Grant: g}}})
}

// EndGrant ends a family if it lives, and cuts off its tokens; it reports
// whether this call did.
func (tx *Tx) EndGrant(ctx context.Context, id token.ID, reason string) (bool, error) {
	won, err := tx.affects(ctx, `UPDATE grants SET ended_at = $2, end_reason = $3, lapses_at = 0 WHERE id = $1 AND ended_at = 0`, int64(id), tx.now, reason)
	if won {
		tx.Cut(token.Cutoff{Support: token.GrantSupport(id), Reason: reason})
	}
	return won, err
}
