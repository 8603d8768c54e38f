package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/fichadev/ficha/internal/token"
)

const linkColumns = `issuer, subject, person, email, linked_at, used_at`

func scanLink(r *sql.Rows) (*token.Link, error) {
	var l token.Link
	if err := r.Scan(&l.Issuer, &l.Subject, &l.Person, &l.Email, &l.LinkedAt, &l.UsedAt); err != nil {
		return nil, fmt.Errorf("read a link: %w", err)
	}
	return &l, nil
}

const readLinkOf = `SELECT ` + linkColumns + ` FROM links WHERE person = $1 AND issuer = $2`

// LinkOf returns the account that a person has at a provider, nil if none.
func (s *Store) LinkOf(ctx context.Context, person, issuer string) (*token.Link, error) {
	return one(ctx, s.reads, readLinkOf, scanLink, person, issuer)
}

// LinkOf returns it as the transaction sees it.
func (tx *Tx) LinkOf(ctx context.Context, person, issuer string) (*token.Link, error) {
	return one(ctx, tx, readLinkOf, scanLink, person, issuer)
}

// Link returns whose an account at a provider is, nil if nobody's.
func (tx *Tx) Link(ctx context.Context, issuer, subject string) (*token.Link, error) {
	return one(ctx, tx, `SELECT `+linkColumns+` FROM links WHERE issuer = $1 AND subject = $2`, scanLink, issuer, subject)
}

// AddLink enters a link unless the account or the person has one; it reports
// whether it did.
func (tx *Tx) AddLink(ctx context.Context, l *token.Link) (bool, error) {
	return tx.affects(ctx, `INSERT INTO links (`+linkColumns+`) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		l.Issuer, l.Subject, l.Person, l.Email, l.LinkedAt, l.UsedAt)
}

// UseLink writes when a link was used; it reports whether it still stands.
func (tx *Tx) UseLink(ctx context.Context, l *token.Link) (bool, error) {
	return tx.affects(ctx, `UPDATE links SET used_at = $4 WHERE issuer = $1 AND subject = $2 AND person = $3`, l.Issuer, l.Subject, l.Person, tx.now)
}

// DropLinks removes the links of a person, at whichever provider; it reports
// whether there was one.
func (tx *Tx) DropLinks(ctx context.Context, person string) (bool, error) {
	return tx.affects(ctx, `DELETE FROM links WHERE person = $1`, person)
}
