package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

const sealedColumns = eventColumns + `, seal`

func scanEvent(r *sql.Rows) (*token.Event, error) {
	var e token.Event
	var kind, detail string
	var hash token.Hash // verification makes its own
	err := r.Scan(&e.ID, &e.At, &e.Workspace, &kind, &e.Actor.ID, &e.Actor.Name, &e.Actor.Token, &e.Actor.For, &e.Actor.Address, &e.Actor.Agent,
		&e.Actor.Request, &e.Action, &e.Target, &e.TargetName, &e.Outcome, &detail, &hash, &e.Seal)
	if err != nil {
		return nil, fmt.Errorf("read an audit row: %w", err)
	}
	e.Actor.Kind = token.ActorKind(kind)
	d := json.NewDecoder(strings.NewReader(detail))
	d.UseNumber() // a record has the same bytes after it is read
	if err := d.Decode(&e.Detail); err != nil {
		return nil, fmt.Errorf("read the detail of audit row %v: %w", e.ID, err)
	}
	return &e, nil
}

// trailed narrows what is walked; what is not asked for is an empty parameter.
const trailed = ` AND id < $3 AND id >= $4
	AND (CAST($5 AS TEXT) = '' OR actor = $5 OR acting_for = $5)
	AND (CAST($6 AS BIGINT) = 0 OR actor_token = $6)
	AND (CAST($7 AS TEXT) = '' OR action LIKE $7 ESCAPE '!')
	AND (CAST($8 AS TEXT) = '' OR outcome = $8)
	ORDER BY id DESC LIMIT $9`

const (
	eventsOfWorkspace = `SELECT ` + sealedColumns + ` FROM events WHERE workspace = $1 AND CAST($2 AS TEXT) = ''` + trailed
	eventsOfTarget    = `SELECT ` + sealedColumns + ` FROM events WHERE target = $2 AND workspace = $1` + trailed
)

// Events returns a page of the records of a workspace, newest first.
func (s *Store) Events(ctx context.Context, t token.Trail) ([]*token.Event, error) {
	before, from := int64(math.MaxInt64), int64(0)
	if t.Before != 0 {
		before = int64(t.Before)
	}
	if t.Until != 0 {
		before = min(before, int64(token.FirstID(time.UnixMilli(t.Until))))
	}
	if t.From != 0 {
		from = int64(token.FirstID(time.UnixMilli(t.From)))
	}
	if t.Limit <= 0 || t.Limit > token.MostListed {
		t.Limit = token.MostListed
	}
	text, action := eventsOfWorkspace, ""
	if t.Target != "" {
		text = eventsOfTarget
	}
	if t.Action != "" {
		action = strings.TrimPrefix(containing(t.Action), "%")
	}
	return all(ctx, s.reads, text, scanEvent, t.Workspace, t.Target, before, from, t.Actor, int64(t.Token), action, t.Outcome, t.Limit)
}

// Event returns a record of a workspace, nil if there is none.
func (s *Store) Event(ctx context.Context, workspace string, id token.ID) (*token.Event, error) {
	return one(ctx, s.reads, `SELECT `+sealedColumns+` FROM events WHERE id = $1 AND workspace = $2`, scanEvent, int64(id), workspace)
}

// SealedEvents returns the records that name a seal of a workspace as theirs
// and lie in its range, by id.
func (s *Store) SealedEvents(ctx context.Context, of *token.Seal) ([]*token.Event, error) {
	return all(ctx, s.reads, `SELECT `+sealedColumns+` FROM events WHERE workspace = $1 AND id >= $2 AND id <= $3 AND seal = $4 ORDER BY id`,
		scanEvent, of.Workspace, int64(of.First), int64(of.Last), of.Number)
}

const sealColumns = `workspace, number, previous, first_id, last_id, count, root, totals, late, at, hash, key_id, signature`

func scanSeal(r *sql.Rows) (*token.Seal, error) {
	var v token.Seal
	var totals string
	var late int64
	err := r.Scan(&v.Workspace, &v.Number, &v.Previous, &v.First, &v.Last, &v.Count, &v.Root, &totals, &late, &v.At, &v.Hash, &v.Key, &v.Signature)
	if err != nil {
		return nil, fmt.Errorf("read a seal: %w", err)
	}
	v.Late = late == 1
	return &v, errors.Join(read(totals, &v.Totals))
}

// Seals returns a page of the seals of a workspace by number, after one.
func (s *Store) Seals(ctx context.Context, workspace string, after int64, limit int) ([]*token.Seal, error) {
	return all(ctx, s.reads, `SELECT `+sealColumns+` FROM seals WHERE workspace = $1 AND number > $2 ORDER BY number LIMIT $3`, scanSeal, workspace, after, limit)
}

// Unsealed returns up to limit workspaces that have records older than an id
// which no seal holds.
func (s *Store) Unsealed(ctx context.Context, before token.ID, limit int) ([]string, error) {
	return all(ctx, s.reads, `SELECT DISTINCT workspace FROM events WHERE seal = 0 AND id < $1 ORDER BY workspace LIMIT $2`, scanText, int64(before), limit)
}
