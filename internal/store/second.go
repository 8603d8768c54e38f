package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/fichadev/ficha/internal/token"
)

// oneFactor finds live members who can sign in by one thing alone: no app of
// theirs asks for codes, and they have a password or no passkey, or an account
// at the provider that is asked.
const oneFactor = `SELECT m.person, u.email FROM memberships m JOIN users u ON u.id = m.person
	WHERE m.workspace = $1 AND m.removed_at = 0 AND u.disabled_at = 0
	AND (CAST($2 AS BIGINT) = 0 OR m.role IN ('admin', 'super_admin'))
	AND NOT EXISTS (SELECT 1 FROM authenticators a WHERE a.person = m.person AND a.confirmed_at > 0)
	AND (u.password <> '' OR NOT EXISTS (SELECT 1 FROM passkeys k WHERE k.person = m.person)
		OR EXISTS (SELECT 1 FROM links l WHERE l.person = m.person AND l.issuer = $3))
	ORDER BY m.person LIMIT $4`

// OneFactor returns up to limit live members of a workspace, or administrators
// alone, who can sign in by one thing alone, by id and e-mail. issuer is the
// provider that people may sign in with; empty: none.
func (s *Store) OneFactor(ctx context.Context, workspace string, admins bool, issuer string, limit int) ([]*token.Person, error) {
	list, err := all(ctx, s.reads, oneFactor, func(r *sql.Rows) (*token.Person, error) {
		var p token.Person
		err := r.Scan(&p.ID, &p.Email)
		return &p, err
	}, workspace, truth(admins), issuer, limit)
	if err != nil {
		return nil, fmt.Errorf("list who lacks a second factor: %w", err)
	}
	return list, nil
}
