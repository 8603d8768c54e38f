package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/fichadev/ficha/internal/token"
)

// An ordered is a source in the order of expiry, or what it holds that never
// expires.
type ordered struct {
	edge string // where a look at it stops; empty: it is short
	page string
}

// byExpiry returns the texts of a source. An index holds what has not ended by
// expiry; what another index finds is sorted.
func (s *source) byExpiry() (dated, lasting ordered) {
	if s.routine {
		return dated, lasting
	}
	const dates, lasts = " AND (t.expires_at, t.id) > ($29, $30) ORDER BY t.expires_at, t.id LIMIT $28",
		" AND t.expires_at = 0 AND CAST($29 AS BIGINT) = 0 AND t.id > $30 ORDER BY t.id LIMIT $28"
	from := "SELECT " + tokenAll + " FROM " + s.from + " WHERE " + s.where + " AND t.ended_at = 0" + unordered
	if s.by != "" {
		return ordered{page: from + " AND (+t.expires_at, +t.id) > ($29, $30) ORDER BY +t.expires_at, +t.id LIMIT $28"},
			ordered{page: from + " AND +t.expires_at = 0 AND CAST($29 AS BIGINT) = 0 AND +t.id > $30 ORDER BY +t.id LIMIT $28"}
	}
	edge := "SELECT t.expires_at, t.id FROM " + s.from + " WHERE " + cmp.Or(s.passes, s.where) + " AND t.ended_at = 0 AND CAST($1 AS TEXT) <> ''"
	return ordered{edge + " AND (t.expires_at, t.id) > ($2, $3) ORDER BY t.expires_at, t.id LIMIT 1 OFFSET $4", from + dates},
		ordered{edge + " AND t.expires_at = 0 AND CAST($2 AS BIGINT) = 0 AND t.id > $3 ORDER BY t.id LIMIT 1 OFFSET $4", from + lasts}
}

// soonest returns a page by expiry: first of what expires, then of what does not.
func (s *Store) soonest(ctx context.Context, a *asking, limit int) (*token.Page, error) {
	if a.Status == "" {
		a.Status, a.args[3] = token.StatusLive, token.StatusLive
	}
	page, after := &token.Page{}, a.After
	if after == (token.ExpiryPlace{}) {
		after = token.ExpiryPlace{At: a.now, ID: token.Never}
	}
	for lasting := after.At == 0; ; lasting, after = true, (token.ExpiryPlace{}) {
		rows, reached, err := s.ordered(ctx, a, lasting, after, limit-len(page.Tokens)+1)
		if err != nil {
			return nil, fmt.Errorf("list tokens by expiry: %w", err)
		}
		page.Tokens = append(page.Tokens, rows...)
		switch {
		case len(page.Tokens) > limit:
			page.Tokens = page.Tokens[:limit]
			page.Then = placeOf(page.Tokens[limit-1])
			return page, nil
		case reached != token.ExpiryPlace{}:
			page.Then = reached
			return page, nil
		case lasting:
			return page, nil
		}
	}
}

// ordered reads up to some rows of all sources, in one order, and where the first
// of them knows no further.
func (s *Store) ordered(ctx context.Context, a *asking, lasting bool, after token.ExpiryPlace, most int) (rows []*token.Token, reached token.ExpiryPlace, err error) {
	for n := range walks {
		w := &walks[n]
		if w.routine || !a.takes(w) {
			continue
		}
		o := w.dated
		if lasting {
			o = w.lasting
		}
		edge, err := s.expiryEdge(ctx, w, o, a, after)
		if err != nil {
			return nil, reached, err
		}
		if reached == (token.ExpiryPlace{}) || edge != (token.ExpiryPlace{}) && before(edge, reached) {
			reached = edge
		}
		found, err := all(ctx, s.reads, o.page, scanToken, a.of(a.from, most, after.At, int64(after.ID))...)
		if err != nil {
			return nil, reached, err
		}
		rows = append(rows, found...)
	}
	slices.SortFunc(rows, func(x, y *token.Token) int {
		return cmp.Or(cmp.Compare(x.ExpiresAt, y.ExpiresAt), cmp.Compare(x.ID, y.ID))
	})
	rows = slices.CompactFunc(rows, func(x, y *token.Token) bool { return x.ID == y.ID })
	if reached != (token.ExpiryPlace{}) {
		rows = slices.DeleteFunc(rows, func(t *token.Token) bool { return before(reached, placeOf(t)) })
	}
	return rows, reached, nil
}

// expiryEdge returns where a look at a source stops, the zero place where it does
// not.
func (s *Store) expiryEdge(ctx context.Context, w *walk, o ordered, a *asking, after token.ExpiryPlace) (token.ExpiryPlace, error) {
	if o.edge == "" {
		return token.ExpiryPlace{}, nil
	}
	walked := pageStep.walked
	if w.passes != "" {
		walked = pageStep.passed
	}
	return one(ctx, s.reads, o.edge, scanPlace, a.Workspace, after.At, int64(after.ID), walked)
}

func placeOf(t *token.Token) token.ExpiryPlace { return token.ExpiryPlace{At: t.ExpiresAt, ID: t.ID} }

func before(a, b token.ExpiryPlace) bool {
	return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID)) < 0
}

func scanPlace(r *sql.Rows) (p token.ExpiryPlace, err error) {
	err = r.Scan(&p.At, &p.ID)
	return p, err
}
