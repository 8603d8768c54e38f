package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// Contracts that count their pages by number and tell a total are answered
// here; our own lists go by the last id.

const (
	personalColumns = `id, credential, person, name, last_four, scopes, expires_at, revoked, used`

	// personalOf: $1 is the person, $2 the workspace that the tokens are bound
	// to, or nothing.
	personalOf = ` t WHERE t.name <> '' AND t.person <> '' AND t.person = $1 AND (CAST($2 AS TEXT) = '' OR t.workspace = $2)`

	// personalIn: $1 is nothing, $2 the workspace. Tokens from before a
	// membership was cut off do not open it again with the next one.
	personalIn = ` t JOIN memberships m ON m.person = t.person AND m.workspace = $2 AND m.removed_at = 0
		WHERE CAST($1 AS TEXT) = '' AND t.name <> '' AND t.person <> '' AND t.workspace IN ('', $2)
		AND NOT EXISTS (SELECT 1 FROM cutoffs c WHERE c.kind = 'membership' AND c.id = t.person || ' ' || $2 AND t.born < c.n AND c.issued_before = 0)`

	// personalFacts are what spans are held against beside the token's columns.
	personalFacts = `, CASE t.expires_at WHEN 0 THEN 9223372036854775807 ELSE t.expires_at END AS expires,
		COALESCE((SELECT u.last_at FROM uses u WHERE u.credential = t.id), 0) AS used,
		CASE WHEN t.ended_at <> 0 THEN t.ended_at ELSE COALESCE((SELECT MIN(c.at) FROM cutoffs c WHERE t.born < c.n AND c.issued_before = 0
			AND (c.kind = 'person' AND c.id = t.person OR c.kind = 'membership' AND c.id = t.person || ' ' || t.workspace)), 0) END AS revoked`

	personalSpans = ` AND t.kind = 'personal' AND t.id >= $3 AND t.id <= $4 AND (CAST($5 AS BIGINT) = 0 OR t.id = $5)
		AND (CAST($6 AS TEXT) = '' OR LOWER(t.name) LIKE LOWER($6) ESCAPE '!' OR t.last_four = $7)) AS found
		WHERE expires BETWEEN $8 AND $9 AND used BETWEEN $10 AND $11 AND revoked BETWEEN $12 AND $13`
)

// personalText returns a text that reads both classes.
func personalText(columns, of, tail string) string {
	from := func(class token.Class) string {
		return "SELECT " + columns + " FROM (SELECT t.*" + personalFacts + " FROM " + tables[class] + of + personalSpans
	}
	return from(token.Short) + " UNION ALL " + from(token.Long) + tail
}

// personalPages and personalTotals are by whether a workspace's members are
// asked about. The total is counted by the same text.
var (
	personalPages = [2]string{
		personalText(personalColumns, personalOf, " ORDER BY id DESC LIMIT $14 OFFSET $15"),
		personalText(personalColumns, personalIn, " ORDER BY id DESC LIMIT $14 OFFSET $15"),
	}
	personalTotals = [2]string{
		"SELECT COUNT(*) FROM (" + personalText("id", personalOf, "") + ") AS counted",
		"SELECT COUNT(*) FROM (" + personalText("id", personalIn, "") + ") AS counted",
	}
)

// PersonalTokens returns a page of at most 1000 personal tokens, newest first,
// and how many there are without skip and limit. A token that comes or goes
// between the two is in one of them only.
func (s *Store) PersonalTokens(ctx context.Context, q token.PersonalQuery) (page []token.PersonalToken, total int64, err error) {
	if q.Workspace == "" && q.Person == "" {
		return nil, 0, errors.New("list personal tokens: of no workspace and no person")
	}
	by := 0
	if q.Person == "" {
		by = 1
	}
	args := personalArgs(q)
	if total, err = one(ctx, s.reads, personalTotals[by], scanInt, args...); err != nil {
		return nil, 0, fmt.Errorf("count personal tokens: %w", err)
	}
	page, err = all(ctx, s.reads, personalPages[by], scanPersonal, append(args, min(q.Limit, mostPersonal), q.Skip)...)
	if err != nil {
		return nil, 0, fmt.Errorf("list personal tokens: %w", err)
	}
	return page, total, nil
}

// mostPersonal is the longest page of personal tokens or members.
const mostPersonal = 1000

func personalArgs(q token.PersonalQuery) []any {
	first, last := edge(q.Created.From), int64(token.Never)
	if q.Created.To < token.Never {
		last = edge(q.Created.To+1) - 1
	}
	return []any{
		q.Person, q.Workspace, first, last, int64(q.ID), containing(q.Search), q.Search,
		q.Expires.From, q.Expires.To, q.Used.From, q.Used.To, q.Revoked.From, q.Revoked.To,
	}
}

// edge returns the smallest id of an instant, or what is above all ids where
// they do not reach that far.
func edge(ms int64) int64 {
	if ms > token.ID(token.Never).Time().UnixMilli() {
		return token.Never
	}
	return int64(token.FirstID(time.UnixMilli(ms)))
}

func scanPersonal(r *sql.Rows) (p token.PersonalToken, err error) {
	var scopes string
	err = r.Scan(&p.ID, &p.Credential, &p.Person, &p.Name, &p.LastFour, &scopes, &p.ExpiresAt, &p.RevokedAt, &p.UsedAt)
	p.Scopes = words(scopes)
	return p, err
}

// MembersPage returns a page of at most 1000 live memberships of a workspace by
// user id, and how many there are.
func (s *Store) MembersPage(ctx context.Context, workspace string, skip, limit int) (page []token.Membership, total int64, err error) {
	const live = ` FROM memberships WHERE workspace = $1 AND removed_at = 0`
	if total, err = one(ctx, s.reads, `SELECT COUNT(*)`+live, scanInt, workspace); err != nil {
		return nil, 0, fmt.Errorf("count members: %w", err)
	}
	page, err = all(ctx, s.reads, `SELECT `+membershipColumns+live+` ORDER BY person LIMIT $2 OFFSET $3`, scanMembership, workspace, min(limit, mostPersonal), skip)
	if err != nil {
		return nil, 0, fmt.Errorf("list members: %w", err)
	}
	return page, total, nil
}
