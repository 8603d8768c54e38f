package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

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

// What Strays looks at in one step, and how many of them it returns.
const (
	strayStep   = 5_000
	mostStrays  = 100
	strayEvents = `SELECT ` + strayColumns + ` FROM events e LEFT JOIN seals s ON s.workspace = e.workspace AND s.number = e.seal
		WHERE e.workspace = $1 AND e.id > $2 AND e.id <= $3 AND e.seal <> 0 AND (s.number IS NULL OR e.id < s.first_id OR e.id > s.last_id)
		ORDER BY e.id LIMIT $4`
	strayColumns = `e.id, e.at, e.workspace, e.actor_kind, e.actor, e.actor_name, e.actor_token, e.acting_for, e.address, e.agent, e.request, e.action,
		e.target, e.target_name, e.outcome, e.detail, e.hash, e.seal`
	strayStepEnd = `SELECT id FROM events WHERE workspace = $1 AND id > $2 ORDER BY id LIMIT 1 OFFSET $3`
)

// Strays returns the first 100 records of a workspace that name a seal which is
// not there, or in whose range they do not lie. It walks them all, in steps.
func (s *Store) Strays(ctx context.Context, workspace string) ([]*token.Event, error) {
	var found []*token.Event
	for after, more := int64(0), true; more && len(found) < mostStrays; {
		end, err := one(ctx, s.reads, strayStepEnd, scanInt, workspace, after, strayStep)
		if err != nil {
			return nil, err
		}
		if more = end != 0; !more {
			end = math.MaxInt64
		}
		list, err := all(ctx, s.reads, strayEvents, scanEvent, workspace, after, end, mostStrays-len(found))
		if err != nil {
			return nil, err
		}
		found, after = append(found, list...), end
	}
	return found, nil
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

// LastSeal returns the newest seal of a workspace, nil if there is none.
func (s *Store) LastSeal(ctx context.Context, workspace string) (*token.Seal, error) {
	return one(ctx, s.reads, lastSeal, scanSeal, workspace)
}

// Unsealed returns up to limit workspaces that have records older than an id
// which no seal holds.
func (s *Store) Unsealed(ctx context.Context, before token.ID, limit int) ([]string, error) {
	return all(ctx, s.reads, `SELECT DISTINCT workspace FROM events WHERE seal = 0 AND id < $1 ORDER BY workspace LIMIT $2`, scanText, int64(before), limit)
}
