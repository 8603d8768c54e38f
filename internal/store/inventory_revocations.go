package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

const (
	newRevocation     = `id, workspace, act, predicate, reason, until, actor, event, state, reached, count, at_least, position, finished_at`
	revocationColumns = newRevocation + `, failures, next_at, fault, passed, passed_at`

	revocationsKept = 400 * oneDay // as long as the audit

	overRevocations = `DELETE FROM revocations WHERE id IN (SELECT id FROM revocations WHERE id < $1 AND state <> 'running' ORDER BY id LIMIT $2)`
)

// PutRevocation enters a deed on many tokens. It is called last in its
// transaction: the position it notes is the one that the commit will have.
func (tx *Tx) PutRevocation(ctx context.Context, r *token.Revocation) error {
	position, err := tx.coming(ctx)
	if err != nil {
		return err
	}
	r.Position = position
	_, err = tx.exec(ctx, `INSERT INTO revocations (`+newRevocation+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		int64(r.ID), r.Workspace, string(r.Act), r.Predicate.String(), r.Reason, r.Until, list(r.Actor), int64(r.Event), r.State(), int64(r.Reached),
		r.Count, truth(r.AtLeast), r.Position, r.FinishedAt)
	if err != nil {
		return fmt.Errorf("enter a revocation: %w", err)
	}
	return nil
}

// AdvanceRevocation notes how far a run came, if it stands where this step
// found it: of two nodes that take the same step, one loses and does nothing.
func (tx *Tx) AdvanceRevocation(ctx context.Context, r *token.Revocation, from token.ID) (bool, error) {
	position, err := tx.coming(ctx)
	if err != nil {
		return false, err
	}
	r.Position = position
	return tx.affects(ctx, `UPDATE revocations SET state = $3, reached = $4, count = $5, position = $6, finished_at = $7, failures = 0, next_at = 0, fault = ''
		WHERE id = $1 AND reached = $2 AND state = 'running'`,
		int64(r.ID), int64(from), r.State(), int64(r.Reached), r.Count, r.Position, r.FinishedAt)
}

// coming returns the position after the commit, and keeps others from advancing
// it until then.
func (tx *Tx) coming(ctx context.Context) (int64, error) {
	n, err := one(ctx, tx, `UPDATE position SET n = n WHERE one = 1 RETURNING n`, scanInt)
	if len(tx.changes) > 0 {
		n++
	}
	return n, err
}

func scanRevocation(r *sql.Rows) (*token.Revocation, error) {
	var v token.Revocation
	var act, predicate, actor, state string
	var atLeast int64
	err := r.Scan(&v.ID, &v.Workspace, &act, &predicate, &v.Reason, &v.Until, &actor, &v.Event, &state, &v.Reached, &v.Count, &atLeast, &v.Position, &v.FinishedAt,
		&v.Failures, &v.NextAt, &v.Fault, &v.Passed, &v.PassedAt)
	if err != nil {
		return nil, fmt.Errorf("read a revocation: %w", err)
	}
	v.Act, v.Running, v.Failed, v.AtLeast = token.Act(act), state == token.RevocationRunning, state == token.RevocationFailed, atLeast == 1
	return &v, errors.Join(json.Unmarshal([]byte(predicate), &v.Predicate), json.Unmarshal([]byte(actor), &v.Actor))
}

// Revocation returns one of a workspace, nil if there is none.
func (s *Store) Revocation(ctx context.Context, workspace string, id token.ID) (*token.Revocation, error) {
	return revocationOf(ctx, s.reads, workspace, id)
}

// Revocation is Store.Revocation inside a rare deed.
func (tx *Tx) Revocation(ctx context.Context, workspace string, id token.ID) (*token.Revocation, error) {
	return revocationOf(ctx, tx, workspace, id)
}

func revocationOf(ctx context.Context, q querier, workspace string, id token.ID) (*token.Revocation, error) {
	return one(ctx, q, `SELECT `+revocationColumns+` FROM revocations WHERE id = $1 AND workspace = $2`, scanRevocation, int64(id), workspace)
}

// Revocations returns a page of a workspace's, newest first, before an id (0:
// from the newest).
func (s *Store) Revocations(ctx context.Context, workspace string, before token.ID, limit int) ([]*token.Revocation, error) {
	if before == 0 {
		before = math.MaxInt64
	}
	return all(ctx, s.reads, `SELECT `+revocationColumns+` FROM revocations WHERE workspace = $1 AND id < $2 ORDER BY id DESC LIMIT $3`,
		scanRevocation, workspace, int64(before), limit)
}

// RunningRevocations returns the oldest runs that are not finished and whose
// next step is due.
func (s *Store) RunningRevocations(ctx context.Context, limit int) ([]*token.Revocation, error) {
	return all(ctx, s.reads, `SELECT `+revocationColumns+` FROM revocations WHERE state = 'running' AND next_at <= $1 ORDER BY id LIMIT $2`,
		scanRevocation, s.now(), limit)
}

// StumbleRevocation notes that a step of a run failed, and gives the run up where
// it says so; of two nodes whose step failed one counts.
func (tx *Tx) StumbleRevocation(ctx context.Context, r *token.Revocation) (bool, error) {
	return tx.affects(ctx, `UPDATE revocations SET state = $3, failures = $4, next_at = $5, fault = $6, finished_at = $7
		WHERE id = $1 AND failures = $2 AND state = 'running'`,
		int64(r.ID), r.Failures-1, r.State(), r.Failures, r.NextAt, r.Fault, r.FinishedAt)
}

// RetryRevocation lets a run that was given up begin again where it says; it
// reports whether this call did.
func (tx *Tx) RetryRevocation(ctx context.Context, r *token.Revocation) (bool, error) {
	return tx.affects(ctx, `UPDATE revocations SET state = 'running', reached = $2, passed = $3, passed_at = $4, failures = 0, next_at = 0, fault = '', finished_at = 0
		WHERE id = $1 AND state = 'failed'`,
		int64(r.ID), int64(r.Reached), int64(r.Passed), r.PassedAt)
}

// purgeRevocations forgets deeds that began long ago, with their receipts. One
// that still runs is kept.
func purgeRevocations(ctx context.Context, tx *Tx) (int, error) {
	over := time.UnixMilli(tx.now).Add(-revocationsKept)
	return tx.count(ctx, overRevocations, int64(token.FirstID(over)), purgeStep)
}
