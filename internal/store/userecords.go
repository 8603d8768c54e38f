package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

const (
	useRecordsKept = 30 * oneDay
	batchesKept    = 2 * oneDay

	useRecordColumns = `id, workspace, secret, credential, route, method, status, address, agent, scope, outcome, actor, acting_for`
)

// insertUseRecords leaves a row out whose id another node took in the same
// millisecond: one of some hundred thousand.
var insertUseRecords = &rowsText{
	head: "INSERT INTO use_records (" + useRecordColumns + ") VALUES ", tail: " ON CONFLICT DO NOTHING",
	types: []string{"BIGINT", "TEXT", "BIGINT", "BIGINT", "TEXT", "TEXT", "BIGINT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT"},
}

// WriteUseRecords writes records of uses in one commit, all or none.
func (s *Store) WriteUseRecords(ctx context.Context, records []token.UseRecord) error {
	if len(records) == 0 {
		return nil
	}
	args := make([]any, 0, len(records)*len(insertUseRecords.types))
	for i := range records {
		r := &records[i]
		args = append(args, int64(r.ID), r.Workspace, int64(r.Secret), int64(r.Credential), r.Route, r.Method, r.Status, r.Address, r.Agent,
			r.Scope, r.Outcome, r.Actor, r.For)
	}
	err := s.Do(ctx, func(tx *Tx) error { return insertUseRecords.run(ctx, tx.statements, args, nil) })
	if err != nil {
		return fmt.Errorf("write records of uses: %w", err)
	}
	return nil
}

const selectUseRecords = `SELECT ` + useRecordColumns + ` FROM use_records WHERE credential = $1 AND id < $2 AND id >= $3
	AND (CAST($4 AS TEXT) = '' OR workspace = $4) ORDER BY id DESC LIMIT $5`

// UseRecords returns a page of the recorded uses of a credential, newest first.
func (s *Store) UseRecords(ctx context.Context, q token.UseQuery) ([]token.UseRecord, error) {
	before, from := int64(math.MaxInt64), int64(0)
	if q.Before != 0 {
		before = int64(q.Before)
	}
	if q.Until != 0 {
		before = min(before, int64(token.FirstID(time.UnixMilli(q.Until))))
	}
	if q.From != 0 {
		from = int64(token.FirstID(time.UnixMilli(q.From)))
	}
	if q.Limit <= 0 || q.Limit > token.MostListed {
		q.Limit = token.MostListed
	}
	list, err := all(ctx, s.reads, selectUseRecords, scanUseRecord, int64(q.Credential), before, from, q.Workspace, q.Limit)
	if err != nil {
		return nil, fmt.Errorf("list records of uses: %w", err)
	}
	return list, nil
}

func scanUseRecord(rows *sql.Rows) (r token.UseRecord, err error) {
	err = rows.Scan(&r.ID, &r.Workspace, &r.Secret, &r.Credential, &r.Route, &r.Method, &r.Status, &r.Address, &r.Agent, &r.Scope, &r.Outcome, &r.Actor, &r.For)
	return r, err
}

// KeepBatch keeps what is about to be answered to a batch of reported uses, and
// returns nil, or what was answered to the same batch before.
func (s *Store) KeepBatch(ctx context.Context, key token.Hash, answer []byte) (before []byte, err error) {
	err = s.Do(ctx, func(tx *Tx) error {
		before = nil
		fresh, err := tx.affects(ctx, `INSERT INTO use_batches (key, answer, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, key[:], answer, tx.now)
		if err != nil || fresh {
			return err
		}
		text, err := one(ctx, tx, `SELECT answer FROM use_batches WHERE key = $1`, scanText, key[:])
		before = []byte(text)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("keep a batch of uses: %w", err)
	}
	return before, nil
}

const (
	overUseRecords = `DELETE FROM use_records WHERE id IN (SELECT id FROM use_records WHERE id < $1 ORDER BY id LIMIT $2)`
	overBatches    = `DELETE FROM use_batches WHERE key IN (SELECT key FROM use_batches WHERE at <= $1 ORDER BY at LIMIT $2)`
)

func purgeUseRecords(ctx context.Context, tx *Tx) (int, error) {
	return tx.count(ctx, overUseRecords, int64(token.FirstID(time.UnixMilli(tx.now).Add(-useRecordsKept))), purgeStep)
}

func purgeBatches(ctx context.Context, tx *Tx) (int, error) {
	return tx.count(ctx, overBatches, tx.now-batchesKept.Milliseconds(), purgeStep)
}
