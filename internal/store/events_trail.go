package store

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// mostWalked is how many records one page looks at where no index leads to
// what is asked for.
const mostWalked = 10_000

// trailed narrows what is walked; what is not asked for is an empty parameter.
const trailed = ` AND id < $3 AND id >= $4
	AND (CAST($6 AS BIGINT) = 0 OR actor_token = $6)
	AND (CAST($7 AS TEXT) = '' OR action LIKE $7 ESCAPE '!')
	AND (CAST($8 AS TEXT) = '' OR outcome = $8)
	AND (CAST($9 AS TEXT) = '' OR request = $9)`

// Pages of records, each by an index of its own.
const (
	newestFirst = ` ORDER BY id DESC LIMIT $10`

	eventsOfWorkspace = `SELECT ` + sealedColumns + ` FROM events
		WHERE workspace = $1 AND CAST($2 AS TEXT) = '' AND CAST($5 AS TEXT) = ''` + trailed + newestFirst

	eventsOfTarget = `SELECT ` + sealedColumns + ` FROM events
		WHERE target = $2 AND workspace = $1 AND (CAST($5 AS TEXT) = '' OR actor = $5 OR acting_for = $5)` + trailed + newestFirst

	eventsOfActor = `SELECT ` + sealedColumns + ` FROM events WHERE workspace = $1 AND actor = $5 AND actor <> '' AND CAST($2 AS TEXT) = ''` + trailed + `
		UNION ALL SELECT ` + sealedColumns + ` FROM events WHERE workspace = $1 AND acting_for = $5 AND acting_for <> '' AND actor <> $5` + trailed + newestFirst
)

// Where a walk that looks at mostWalked records ends.
const (
	walkEnds = ` AND id < $3 AND id >= $4 ORDER BY id DESC LIMIT 1 OFFSET $5`

	walkOfWorkspace = `SELECT id FROM events WHERE workspace = $1 AND CAST($2 AS TEXT) = ''` + walkEnds
	walkOfTarget    = `SELECT id FROM events WHERE target = $2 AND workspace = $1` + walkEnds
	walkOfActor     = `SELECT id FROM events WHERE workspace = $1 AND actor = $2 AND actor <> ''` + walkEnds
	walkForWhom     = `SELECT id FROM events WHERE workspace = $1 AND acting_for = $2 AND acting_for <> ''` + walkEnds
)

// Trail returns a page of the records of a workspace, newest first, and the id
// before which the next page begins, 0 if this is the last. No page looks at
// more than 10,000 records: one with few or none of them may have a next.
func (s *Store) Trail(ctx context.Context, t token.Trail) (page []*token.Event, next token.ID, err error) {
	if t.Limit <= 0 || t.Limit > token.MostListed {
		t.Limit = token.MostListed
	}
	before, from := trailSpan(&t)
	end, err := s.walkEnd(ctx, &t, before, from)
	if err != nil {
		return nil, 0, err
	}
	text := eventsOfWorkspace
	switch {
	case t.Target != "":
		text = eventsOfTarget
	case t.Actor != "":
		text = eventsOfActor
	}
	page, err = all(ctx, s.reads, text, scanEvent, t.Workspace, t.Target, before, max(from, end), t.Actor, int64(t.Token),
		actionsLike(t.Action), t.Outcome, t.Request, t.Limit+1)
	if err != nil || len(page) <= t.Limit {
		return page, token.ID(end), err
	}
	return page[:t.Limit], page[t.Limit-1].ID, nil
}

// Events returns the newest page of a trail.
func (s *Store) Events(ctx context.Context, t token.Trail) ([]*token.Event, error) {
	page, _, err := s.Trail(ctx, t)
	return page, err
}

// trailSpan returns the ids between which the records lie.
func trailSpan(t *token.Trail) (before, from int64) {
	before = math.MaxInt64
	if t.Before != 0 {
		before = int64(t.Before)
	}
	if t.Until != 0 {
		before = min(before, int64(token.FirstID(time.UnixMilli(t.Until))))
	}
	if t.From != 0 {
		from = int64(token.FirstID(time.UnixMilli(t.From)))
	}
	return before, from
}

// walkEnd returns the id of the last record that a page may look at, 0 if that
// is all of them. Where the index alone finds what is asked for there is no end.
func (s *Store) walkEnd(ctx context.Context, t *token.Trail, before, from int64) (int64, error) {
	if t.Token == 0 && t.Action == "" && t.Outcome == "" && t.Request == "" && (t.Target == "" || t.Actor == "") {
		return 0, nil
	}
	walks, key := []string{walkOfWorkspace}, ""
	switch {
	case t.Target != "":
		walks, key = []string{walkOfTarget}, t.Target
	case t.Actor != "":
		walks, key = []string{walkOfActor, walkForWhom}, t.Actor
	}
	end := int64(0)
	for _, walk := range walks {
		id, err := one(ctx, s.reads, walk, scanInt, t.Workspace, key, before, from, mostWalked-1)
		if err != nil {
			return 0, err
		}
		end = max(end, id)
	}
	return end, nil
}

// actionsLike returns the pattern of an action: its name, or with ".*" or "." at
// its end all names that begin so.
func actionsLike(action string) string {
	exact, group := strings.CutSuffix(action, ".*")
	if group {
		exact += "."
	}
	pattern := strings.TrimPrefix(containing(exact), "%")
	if strings.HasSuffix(exact, ".") {
		return pattern
	}
	return strings.TrimSuffix(pattern, "%")
}
