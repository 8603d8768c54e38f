package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"

	"github.com/fichadev/ficha/internal/token"
)

const (
	// mostPlaces is how many places are kept of one secret: whoever holds it can
	// report as many as they like.
	mostPlaces = 20

	leaksKept = 400 * oneDay // as long as the audit

	leakColumns = `secret, place, what, workspace, credential, source, url, leaked_at, reported_at, ended`
)

// AddLeak keeps a place where a secret was found; it reports false if it is
// known, or if so many are that one more tells nothing.
func (tx *Tx) AddLeak(ctx context.Context, l *token.Leak) (bool, error) {
	first, last := l.Places()
	known, err := one(ctx, tx, `SELECT COUNT(*) FROM leaks WHERE secret = $1 AND place >= $2 AND place <= $3`, scanInt, int64(l.Secret), first[:], last[:])
	if err != nil || known >= mostPlaces {
		return false, err
	}
	return tx.affects(ctx, `INSERT INTO leaks (`+leakColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
		int64(l.Secret), l.Place[:], string(l.What), l.Workspace, l.Credential, l.Source, l.URL, l.LeakedAt, l.ReportedAt, truth(l.Ended))
}

const selectLeaks = `SELECT ` + leakColumns + ` FROM leaks WHERE what = $1 AND credential = $2 ORDER BY reported_at DESC LIMIT $3`

// Leaks returns where the secrets of a credential were found, the last report
// first, 100 at most.
func (s *Store) Leaks(ctx context.Context, what token.Rotating, credential string) ([]token.Leak, error) {
	list, err := all(ctx, s.reads, selectLeaks, scanLeak, string(what), credential, 100)
	if err != nil {
		return nil, fmt.Errorf("list leaks: %w", err)
	}
	return list, nil
}

const leaksOf = `SELECT ` + leakColumns + ` FROM leaks WHERE workspace = $1 AND reported_at >= $2 AND reported_at <= $3
	AND (reported_at, secret, place) < ($3, $4, $5) ORDER BY reported_at DESC, secret DESC, place DESC LIMIT $6`

// WorkspaceLeaks returns a page of where the secrets of a workspace were found.
func (s *Store) WorkspaceLeaks(ctx context.Context, q token.LeakQuery) ([]token.Leak, error) {
	after := token.Leak{ReportedAt: math.MaxInt64}
	if q.After != nil {
		after = *q.After
	}
	list, err := all(ctx, s.reads, leaksOf, scanLeak, q.Workspace, q.From, after.ReportedAt, int64(after.Secret), after.Place[:], q.Limit)
	if err != nil {
		return nil, fmt.Errorf("list leaks: %w", err)
	}
	return list, nil
}

func scanLeak(r *sql.Rows) (l token.Leak, err error) {
	var ended int64
	err = r.Scan(&l.Secret, &l.Place, &l.What, &l.Workspace, &l.Credential, &l.Source, &l.URL, &l.LeakedAt, &l.ReportedAt, &ended)
	l.Ended = ended != 0
	return l, err
}

// Holders returns the ids of the clients that have a secret, live or not, in any
// workspace: who shows a leaked one may not know whose it is.
func (s *Store) Holders(ctx context.Context, hash token.Hash) ([]string, error) {
	return all(ctx, s.reads, `SELECT client FROM client_secrets WHERE hash = $1 ORDER BY id LIMIT 8`, scanText, hash[:])
}

const overLeaks = `DELETE FROM leaks WHERE (secret, place) IN (SELECT secret, place FROM leaks WHERE reported_at <= $1 ORDER BY reported_at LIMIT $2)`

func purgeLeaks(ctx context.Context, tx *Tx) (int, error) {
	return tx.count(ctx, overLeaks, tx.now-leaksKept.Milliseconds(), purgeStep)
}
