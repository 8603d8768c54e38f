package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/fichadev/ficha/internal/token"
)

const invitationColumns = `workspace, person, email, role, scopes, narrowed, teams, spaces, may_impersonate, by_kind, by_id, by_name, created_at, expires_at`

func scanInvitation(r *sql.Rows) (*token.Invitation, error) {
	var i token.Invitation
	var scopes, teams, spaces string
	var narrowed, impersonate int64
	err := r.Scan(&i.Workspace, &i.Person, &i.Email, &i.Role, &scopes, &narrowed, &teams, &spaces, &impersonate, &i.ByKind, &i.By, &i.ByName, &i.CreatedAt, &i.ExpiresAt)
	if err != nil {
		return nil, fmt.Errorf("read an invitation: %w", err)
	}
	i.Scopes, i.Narrowed, i.MayImpersonate = words(scopes), narrowed == 1, impersonate == 1
	return &i, errors.Join(read(teams, &i.Teams), read(spaces, &i.Spaces))
}

// PutInvitation writes an invitation in the place of one of the same person to
// the same workspace.
func (tx *Tx) PutInvitation(ctx context.Context, i *token.Invitation) error {
	_, err := tx.exec(ctx, `INSERT INTO invitations (`+invitationColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		ON CONFLICT (workspace, person) DO UPDATE SET email = excluded.email, role = excluded.role, scopes = excluded.scopes, narrowed = excluded.narrowed,
			teams = excluded.teams, spaces = excluded.spaces, may_impersonate = excluded.may_impersonate, by_kind = excluded.by_kind, by_id = excluded.by_id,
			by_name = excluded.by_name, created_at = excluded.created_at, expires_at = excluded.expires_at`,
		i.Workspace, i.Person, i.Email, i.Role, i.Scopes.String(), truth(i.Narrowed), list(i.Teams), list(i.Spaces), truth(i.MayImpersonate),
		string(i.ByKind), i.By, i.ByName, i.CreatedAt, i.ExpiresAt)
	return err
}

// TakeInvitation removes an invitation and returns it, nil if there is none: of
// two who take it one has it. It may be over.
func (tx *Tx) TakeInvitation(ctx context.Context, workspace, person string) (*token.Invitation, error) {
	return one(ctx, tx, `DELETE FROM invitations WHERE workspace = $1 AND person = $2 RETURNING `+invitationColumns, scanInvitation, workspace, person)
}

const (
	invitationsOf = `SELECT ` + invitationColumns + ` FROM invitations WHERE person = $1 AND expires_at > $2 ORDER BY expires_at, workspace LIMIT $3`
	invitationsTo = `SELECT ` + invitationColumns + ` FROM invitations WHERE workspace = $1 AND email > $2 AND expires_at > $3 ORDER BY email LIMIT $4`
)

// InvitationsOf returns up to limit invitations that wait for a person, the
// first to end first.
func (s *Store) InvitationsOf(ctx context.Context, person string, limit int) ([]*token.Invitation, error) {
	return all(ctx, s.reads, invitationsOf, scanInvitation, person, s.now(), limit)
}

// Invitations returns a page of those of a workspace that wait, by e-mail, after
// one.
func (s *Store) Invitations(ctx context.Context, workspace, after string, limit int) ([]*token.Invitation, error) {
	return all(ctx, s.reads, invitationsTo, scanInvitation, workspace, after, s.now(), limit)
}

const overInvitations = `DELETE FROM invitations WHERE (workspace, person) IN (SELECT workspace, person FROM invitations
	WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)`

func purgeInvitations(ctx context.Context, tx *Tx) (int, error) {
	return tx.count(ctx, overInvitations, tx.now, purgeStep)
}
