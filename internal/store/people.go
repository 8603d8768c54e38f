package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/fichadev/ficha/internal/token"
)

const (
	userColumns       = `id, number, email, name, password, locale, version, created_at, updated_at, disabled_at`
	membershipColumns = `id, person, workspace, role, scopes, narrowed, teams, spaces, may_impersonate, version, created_at, updated_at, removed_at`
)

func scanUser(r *sql.Rows) (*token.Person, error) {
	var p token.Person
	if err := r.Scan(&p.ID, &p.Number, &p.Email, &p.Name, &p.Password, &p.Locale, &p.Version, &p.CreatedAt, &p.UpdatedAt, &p.DisabledAt); err != nil {
		return nil, fmt.Errorf("read a user: %w", err)
	}
	return &p, nil
}

func scanMembership(r *sql.Rows) (token.Membership, error) {
	var m token.Membership
	var scopes, teams, spaces string
	var narrowed, impersonate int64
	err := r.Scan(&m.ID, &m.Person, &m.Workspace, &m.Role, &scopes, &narrowed, &teams, &spaces, &impersonate, &m.Version, &m.CreatedAt, &m.UpdatedAt, &m.RemovedAt)
	if err != nil {
		return m, fmt.Errorf("read a membership: %w", err)
	}
	m.Scopes, m.Narrowed, m.MayImpersonate = words(scopes), narrowed == 1, impersonate == 1
	return m, errors.Join(read(teams, &m.Teams), read(spaces, &m.Spaces))
}

// Person returns a user with every membership and cutoff, nil if there is none.
func (s *Store) Person(ctx context.Context, id string) (*token.Person, error) {
	return personOf(ctx, s.reads, id)
}

// Person returns a user as the transaction sees it, nil if there is none.
func (tx *Tx) Person(ctx context.Context, id string) (*token.Person, error) {
	return personOf(ctx, tx, id)
}

func personOf(ctx context.Context, q querier, id string) (*token.Person, error) {
	p, err := one(ctx, q, `SELECT `+userColumns+` FROM users WHERE id = $1`, scanUser, id)
	if err != nil || p == nil {
		return nil, err
	}
	if p.Memberships, err = all(ctx, q, `SELECT `+membershipColumns+` FROM memberships WHERE person = $1 ORDER BY workspace`, scanMembership, id); err != nil {
		return nil, err
	}
	if p.Cutoffs, err = cutoffsOf(ctx, q, token.OnPerson, id); err != nil {
		return nil, err
	}
	for i := range p.Memberships {
		m := &p.Memberships[i]
		if m.Cutoffs, err = cutoffsOf(ctx, q, token.OnMembership, token.MembershipID(id, m.Workspace)); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// PersonByEmail returns the id of the user with that canonical address, "" if none.
func (s *Store) PersonByEmail(ctx context.Context, email string) (string, error) {
	return one(ctx, s.reads, `SELECT id FROM users WHERE email = $1`, scanText, email)
}

// PersonByEmail returns the id as the transaction sees it, "" if none.
func (tx *Tx) PersonByEmail(ctx context.Context, email string) (string, error) {
	return one(ctx, tx, `SELECT id FROM users WHERE email = $1`, scanText, email)
}

// Users returns how many users there are: none on a new server.
func (s *Store) Users(ctx context.Context) (int64, error) {
	return one(ctx, s.reads, `SELECT COUNT(*) FROM (SELECT 1 FROM users LIMIT 1) AS first`, scanInt)
}

// Users returns how many users there are as the transaction sees it.
func (tx *Tx) Users(ctx context.Context) (int64, error) {
	return one(ctx, tx, `SELECT COUNT(*) FROM (SELECT 1 FROM users LIMIT 1) AS first`, scanInt)
}

// UserNumbered returns the id of the user with that number, "" if none.
func (tx *Tx) UserNumbered(ctx context.Context, number int64) (string, error) {
	return one(ctx, tx, `SELECT id FROM users WHERE number = $1`, scanText, number)
}

// LockUser keeps others from changing a user until the transaction ends; what
// it reads after this is the newest. It reports whether there is such a user.
func (tx *Tx) LockUser(ctx context.Context, id string) (bool, error) {
	return tx.affects(ctx, `UPDATE users SET name = name WHERE id = $1`, id)
}

// AddUser enters a new user, but no memberships, unless the id, the number or
// the address is taken; it reports whether it did.
func (tx *Tx) AddUser(ctx context.Context, p *token.Person) (bool, error) {
	tx.Changed(token.Change{What: token.ChangedPerson, ID: p.ID})
	return tx.affects(ctx, `INSERT INTO users (`+userColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
		p.ID, p.Number, p.Email, p.Name, p.Password, p.Locale, max(p.Version, 1), p.CreatedAt, p.UpdatedAt, p.DisabledAt)
}

// PutUser writes a user whole, but the memberships.
func (tx *Tx) PutUser(ctx context.Context, p *token.Person) error {
	tx.Changed(token.Change{What: token.ChangedPerson, ID: p.ID})
	_, err := tx.exec(ctx, `INSERT INTO users (`+userColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (id) DO UPDATE SET number = excluded.number, email = excluded.email, name = excluded.name, password = excluded.password,
			locale = excluded.locale, version = users.version + 1, updated_at = excluded.updated_at, disabled_at = excluded.disabled_at`,
		p.ID, p.Number, p.Email, p.Name, p.Password, p.Locale, max(p.Version, 1), p.CreatedAt, p.UpdatedAt, p.DisabledAt)
	return err
}

// PutMembership writes a membership whole.
func (tx *Tx) PutMembership(ctx context.Context, m *token.Membership) error {
	tx.Changed(token.Change{What: token.ChangedPerson, ID: m.Person})
	_, err := tx.exec(ctx, `INSERT INTO memberships (`+membershipColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		ON CONFLICT (person, workspace) DO UPDATE SET role = excluded.role, scopes = excluded.scopes, narrowed = excluded.narrowed, teams = excluded.teams,
			spaces = excluded.spaces, may_impersonate = excluded.may_impersonate, version = memberships.version + 1,
			updated_at = excluded.updated_at, removed_at = excluded.removed_at`,
		m.ID, m.Person, m.Workspace, m.Role, m.Scopes.String(), truth(m.Narrowed), list(m.Teams), list(m.Spaces), truth(m.MayImpersonate),
		max(m.Version, 1), m.CreatedAt, m.UpdatedAt, m.RemovedAt)
	return err
}

// EndMembership removes a live membership and cuts off every token that stands
// on it; it reports whether this call did.
func (tx *Tx) EndMembership(ctx context.Context, m *token.Membership, reason string) (bool, error) {
	won, err := tx.affects(ctx, `UPDATE memberships SET removed_at = $3, updated_at = $3, version = version + 1
		WHERE person = $1 AND workspace = $2 AND removed_at = 0`, m.Person, m.Workspace, tx.now)
	if won {
		tx.Cut(token.Cutoff{Support: token.Support{Kind: token.OnMembership, ID: token.MembershipID(m.Person, m.Workspace)}, Reason: reason})
	}
	return won, err
}

// Members returns a page of the memberships of a workspace, live and removed,
// by user id, after one.
func (s *Store) Members(ctx context.Context, workspace, after string, limit int) ([]token.Membership, error) {
	return all(ctx, s.reads, `SELECT `+membershipColumns+` FROM memberships WHERE workspace = $1 AND person > $2 ORDER BY person LIMIT $3`,
		scanMembership, workspace, after, limit)
}

// MembershipByID returns the membership with that id in a workspace, nil if none.
func (s *Store) MembershipByID(ctx context.Context, workspace, id string) (*token.Membership, error) {
	m, err := one(ctx, s.reads, `SELECT `+membershipColumns+` FROM memberships WHERE id = $1 AND workspace = $2`, scanMembership, id, workspace)
	if err != nil || m.ID == "" {
		return nil, err
	}
	return &m, nil
}

// LiveWithRole counts the live members of a workspace with a role.
func (tx *Tx) LiveWithRole(ctx context.Context, workspace, role string) (int64, error) {
	return one(ctx, tx, `SELECT COUNT(*) FROM memberships m JOIN users u ON u.id = m.person
		WHERE m.workspace = $1 AND m.role = $2 AND m.removed_at = 0 AND u.disabled_at = 0`, scanInt, workspace, role)
}

// PeopleWithRole returns name and e-mail of up to limit live members of a
// workspace with a role, for the page that says whom to ask.
func (s *Store) PeopleWithRole(ctx context.Context, workspace, role string, limit int) ([]*token.Person, error) {
	return all(ctx, s.reads, `SELECT u.id, u.number, u.email, u.name, '', u.locale, u.version, u.created_at, u.updated_at, u.disabled_at
		FROM memberships m JOIN users u ON u.id = m.person
		WHERE m.workspace = $1 AND m.role = $2 AND m.removed_at = 0 AND u.disabled_at = 0 ORDER BY u.email LIMIT $3`, scanUser, workspace, role, limit)
}
