package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// surveyText holds a question without uses and with them: what is not read
// costs nothing, and a survey reads many rows.
type surveyText [2]string

func newSurveyText(table, where string) (text surveyText) {
	// What many tokens have in common is one text, which is read once for all of
	// them: each column costs as much as finding the row.
	const facts = `t.id, t.owner, t.expires_at, CASE WHEN t.ended_at + t.retires_at <> 0 THEN 1 ELSE 0 END,
		CASE WHEN t.purpose = '' THEN '' ELSE '-' END || t.kind || ' ' || t.scopes || '  ' || t.addresses`
	tail := ` WHERE ` + where + ` AND t.id > $2 ORDER BY t.id LIMIT $3`
	text[0] = `SELECT ` + facts + ` FROM ` + table + ` t` + tail
	text[1] = `SELECT ` + facts + `, COALESCE(u.last_at, 0), COALESCE(u.address, '') FROM ` + table + ` t LEFT JOIN uses u ON u.credential = t.id` + tail
	return text
}

// The named rows of a workspace, and those that a member made for all of theirs.
var (
	surveyOf = [2]surveyText{
		token.Short: newSurveyText("tokens_short", `t.workspace = $1 AND t.name <> ''`),
		token.Long:  newSurveyText("tokens_long", `t.workspace = $1 AND t.name <> ''`),
	}
	surveyPerson  = newSurveyText("tokens_long", `t.person = $1 AND t.person <> '' AND t.name <> '' AND t.workspace = ''`)
	surveyMembers = `SELECT person FROM memberships WHERE workspace = $1 AND person >= $2 AND removed_at = 0 ORDER BY person LIMIT 1`
)

// A survey reads one page.
type survey struct {
	uses   int // 1: with the last use of each
	common map[string]token.Surveyed
	one    token.Surveyed // of the row that is read, and what it has in common
	shared string
	into   []any
}

func newSurvey(uses bool) *survey {
	v := &survey{uses: int(truth(uses)), common: map[string]token.Surveyed{}}
	one := &v.one
	v.into = []any{&one.ID, &one.Owner, &one.ExpiresAt, &one.Gone, &v.shared, &one.LastAt, &one.LastAddress}[:5+2*v.uses]
	return v
}

func (v *survey) scan(r *sql.Rows) (t token.Surveyed, err error) {
	if err := r.Scan(v.into...); err != nil {
		return t, fmt.Errorf("read a token: %w", err)
	}
	t, known := v.common[v.shared]
	if !known {
		if t, err = readCommon(v.shared); err != nil {
			return t, err
		}
		v.common[v.shared] = t
	}
	one := &v.one
	t.ID, t.Owner, t.ExpiresAt, t.Gone, t.LastAt, t.LastAddress = one.ID, one.Owner, one.ExpiresAt, one.Gone, one.LastAt, one.LastAddress
	return t, nil
}

// readCommon reads what many tokens have in common: a mark of a purpose, the
// kind, the scopes and, after two spaces, the networks.
func readCommon(text string) (t token.Surveyed, err error) {
	if kind, marked := strings.CutPrefix(text, "-"); marked {
		t.Purpose, text = "-", kind
	}
	kind, rest, _ := strings.Cut(text, " ")
	scopes, addresses, _ := strings.Cut(rest, "  ")
	t.Kind, t.Scopes = token.Kind(kind), words(scopes)
	t.Addresses, err = networks(addresses)
	return t, err
}

// Survey walks the named tokens that open a workspace, in whatever state, a page
// from a place on; it returns where the next page begins, nil behind the last.
// It walks an index and no more rows than the page is long. Uses are read where
// they are asked for.
func (s *Store) Survey(ctx context.Context, workspace string, from token.Place, uses bool, limit int) ([]token.Surveyed, *token.Place, error) {
	v := newSurvey(uses)
	if from.Person != "" {
		return s.surveyPeople(ctx, v, workspace, from, limit)
	}
	var page []token.Surveyed
	for _, class := range []token.Class{token.Short, token.Long} {
		rows, err := all(ctx, s.reads, surveyOf[class][v.uses], v.scan, workspace, int64(from.After), limit)
		if err != nil {
			return nil, nil, fmt.Errorf("survey tokens: %w", err)
		}
		page = append(page, rows...)
	}
	slices.SortFunc(page, func(a, b token.Surveyed) int { return cmp.Compare(a.ID, b.ID) })
	if len(page) < limit {
		return page, &token.Place{Person: "-"}, nil // sorts before every user id
	}
	page = page[:limit]
	return page, &token.Place{After: page[limit-1].ID}, nil
}

func (s *Store) surveyPeople(ctx context.Context, v *survey, workspace string, from token.Place, limit int) ([]token.Surveyed, *token.Place, error) {
	person, err := one(ctx, s.reads, surveyMembers, scanText, workspace, from.Person)
	if err != nil || person == "" {
		return nil, nil, err
	}
	if person != from.Person {
		from.After = 0
	}
	rows, err := all(ctx, s.reads, surveyPerson[v.uses], v.scan, person, int64(from.After), limit)
	if err != nil {
		return nil, nil, fmt.Errorf("survey the tokens of a member: %w", err)
	}
	if len(rows) == limit {
		return rows, &token.Place{Person: person, After: rows[limit-1].ID}, nil
	}
	return rows, &token.Place{Person: person + " "}, nil // the next one: no id holds a space
}

const walkColumns = `workspace, what, due, began, person, after`

func scanWalk(r *sql.Rows) (w token.Walk, err error) {
	var what string
	err = r.Scan(&w.Workspace, &what, &w.Due, &w.Began, &w.Person, &w.After)
	w.What = token.WalkKind(what)
	return w, err
}

// DueWalks returns the walks that are due at an instant, the longest due first.
func (s *Store) DueWalks(ctx context.Context, now time.Time, limit int) ([]token.Walk, error) {
	return all(ctx, s.reads, `SELECT `+walkColumns+` FROM policy_walks WHERE due <= $1 ORDER BY due LIMIT $2`, scanWalk, now.UnixMilli(), limit)
}

// PutWalk lets a walk begin, from its start if there was one.
func (tx *Tx) PutWalk(ctx context.Context, w token.Walk) error {
	_, err := tx.exec(ctx, `INSERT INTO policy_walks (`+walkColumns+`) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (workspace, what) DO UPDATE SET due = excluded.due, began = excluded.began, person = excluded.person, after = excluded.after`,
		w.Workspace, string(w.What), w.Due, w.Began, w.Person, int64(w.After))
	return err
}

// MoveWalk moves a walk from where it is to another place and instant; it
// reports false if somebody else has moved it, or it began anew.
func (tx *Tx) MoveWalk(ctx context.Context, w token.Walk, due int64, to token.Place) (bool, error) {
	return tx.affects(ctx, `UPDATE policy_walks SET due = $6, person = $7, after = $8
		WHERE workspace = $1 AND what = $2 AND began = $3 AND person = $4 AND after = $5`,
		w.Workspace, string(w.What), w.Began, w.Person, int64(w.After), due, to.Person, int64(to.After))
}

// DropWalk ends a walk; it reports false as MoveWalk does.
func (tx *Tx) DropWalk(ctx context.Context, w token.Walk) (bool, error) {
	return tx.affects(ctx, `DELETE FROM policy_walks WHERE workspace = $1 AND what = $2 AND began = $3 AND person = $4 AND after = $5`,
		w.Workspace, string(w.What), w.Began, w.Person, int64(w.After))
}

// IdleNotice returns when the owner of a token was told that it will end for
// not being used (ms), 0 if not.
func (tx *Tx) IdleNotice(ctx context.Context, id token.ID) (int64, error) {
	return one(ctx, tx, `SELECT at FROM idle_notices WHERE token = $1`, scanInt, int64(id))
}

// PutIdleNotice keeps that the owner of a token was told so at this instant.
func (tx *Tx) PutIdleNotice(ctx context.Context, id token.ID) error {
	_, err := tx.exec(ctx, `INSERT INTO idle_notices (token, at) VALUES ($1, $2) ON CONFLICT DO NOTHING`, int64(id), tx.now)
	return err
}

// DropIdleNotice forgets it.
func (tx *Tx) DropIdleNotice(ctx context.Context, id token.ID) error {
	_, err := tx.exec(ctx, `DELETE FROM idle_notices WHERE token = $1`, int64(id))
	return err
}

var waitingTokens = [2]string{token.Short: waitingIn("tokens_short"), token.Long: waitingIn("tokens_long")}

func waitingIn(table string) string {
	return `SELECT ` + tokenAll + ` FROM ` + table + ` WHERE approval = 'waiting' AND ended_at = 0 AND id < $1 ORDER BY id LIMIT $2`
}

// WaitingTokens returns tokens that wait for an approval and were issued before
// an instant, the oldest of each class first.
func (s *Store) WaitingTokens(ctx context.Context, before time.Time, limit int) ([]*token.Token, error) {
	var list []*token.Token
	for _, text := range waitingTokens {
		rows, err := all(ctx, s.reads, text, scanToken, int64(token.FirstID(before)), limit)
		if err != nil {
			return nil, fmt.Errorf("list waiting tokens: %w", err)
		}
		list = append(list, rows...)
	}
	return list[:min(limit, len(list))], nil
}

var approveToken = [2]string{
	token.Short: `UPDATE tokens_short SET approval = $2, suspended_at = 0, suspended_until = 0 WHERE id = $1 AND approval = 'waiting' AND ended_at = 0`,
	token.Long:  `UPDATE tokens_long SET approval = $2, suspended_at = 0, suspended_until = 0 WHERE id = $1 AND approval = 'waiting' AND ended_at = 0`,
}

// Approve lets a token that waits open what it is for; it reports whether it
// waited.
func (tx *Tx) Approve(ctx context.Context, id token.ID, by string) (bool, error) {
	tx.Changed(tokenChange(id))
	return tx.affects(ctx, approveToken[id.Class()], int64(id), by)
}
