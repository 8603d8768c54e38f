package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"

	"github.com/fichadev/ficha/internal/token"
)

// alertsKept is how long an incident is listed after it was resolved.
const alertsKept = 90 * oneDay

const (
	alertColumns = `id, workspace, rule, class, severity, state, since, fired_at, calm_since, resolved_at, detail`

	insertAlert = `INSERT INTO alerts (` + alertColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`
	updateAlert = `UPDATE alerts SET state = $4, fired_at = $5, calm_since = $6, resolved_at = $7, detail = $8
		WHERE id = $1 AND state = $2 AND calm_since = $3`
	deleteAlert = `DELETE FROM alerts WHERE id = $1 AND state = $2 AND calm_since = $3`

	putAlertRules = `INSERT INTO alert_rules (workspace, rules, updated_at) VALUES ($1, $2, $3)
		ON CONFLICT (workspace) DO UPDATE SET rules = excluded.rules, updated_at = excluded.updated_at`

	watchedWorkspaces = `SELECT workspace FROM traffic WHERE minute >= $1 AND workspace <> ''
		UNION SELECT workspace FROM alerts WHERE state <> 'resolved' ORDER BY 1`
	overAlerts = `DELETE FROM alerts WHERE id IN (SELECT id FROM alerts WHERE resolved_at > 0 AND resolved_at <= $1 ORDER BY resolved_at LIMIT $2)`
)

// TurnAlert writes what became of an incident, if it is still as it was: a new
// one under next.ID, one that came to nothing no more. It reports whether it
// was; then another node was quicker.
func (tx *Tx) TurnAlert(ctx context.Context, was, next token.Alert) (bool, error) {
	switch {
	case was.State == "":
		return tx.affects(ctx, insertAlert, int64(next.ID), next.Workspace, next.Rule, next.Class, next.Severity, string(next.State), next.Since,
			next.FiredAt, next.CalmSince, next.ResolvedAt, list(next.Detail))
	case next.State == "":
		return tx.affects(ctx, deleteAlert, int64(was.ID), string(was.State), was.CalmSince)
	}
	return tx.affects(ctx, updateAlert, int64(was.ID), string(was.State), was.CalmSince, string(next.State), next.FiredAt, next.CalmSince,
		next.ResolvedAt, list(next.Detail))
}

// PutAlertRules keeps the rules of a workspace; nil: it has the built-in ones.
func (tx *Tx) PutAlertRules(ctx context.Context, workspace string, rules []byte) error {
	if rules == nil {
		_, err := tx.exec(ctx, `DELETE FROM alert_rules WHERE workspace = $1`, workspace)
		return err
	}
	_, err := tx.exec(ctx, putAlertRules, workspace, string(rules), tx.now)
	return err
}

// AlertRules returns the rules of a workspace as they were put, nil if it has
// the built-in ones.
func (s *Store) AlertRules(ctx context.Context, workspace string) ([]byte, error) {
	return alertRules(ctx, s.reads, workspace)
}

// AlertRules is that of the store, in the transaction.
func (tx *Tx) AlertRules(ctx context.Context, workspace string) ([]byte, error) {
	return alertRules(ctx, tx, workspace)
}

func alertRules(ctx context.Context, q querier, workspace string) ([]byte, error) {
	text, err := one(ctx, q, `SELECT rules FROM alert_rules WHERE workspace = $1`, scanText, workspace)
	if err != nil || text == "" {
		return nil, err
	}
	return []byte(text), nil
}

// WatchedWorkspaces returns the workspaces with traffic since an instant (ms) or
// with an incident that is not over, by id. It walks the minutes since then, and
// of the incidents those that are open.
func (s *Store) WatchedWorkspaces(ctx context.Context, since int64) ([]string, error) {
	return all(ctx, s.reads, watchedWorkspaces, scanText, since)
}

// OpenAlerts returns the incidents of a workspace that are not over, by rule.
func (s *Store) OpenAlerts(ctx context.Context, workspace string) ([]token.Alert, error) {
	return all(ctx, s.reads, `SELECT `+alertColumns+` FROM alerts WHERE workspace = $1 AND state <> 'resolved' ORDER BY rule`, scanAlert, workspace)
}

// Alerts returns a page of the incidents of a workspace, newest first.
func (s *Store) Alerts(ctx context.Context, q token.AlertQuery) ([]token.Alert, error) {
	before := int64(math.MaxInt64)
	if q.Before != 0 {
		before = int64(q.Before)
	}
	if q.Limit <= 0 || q.Limit > token.MostListed {
		q.Limit = token.MostListed
	}
	return all(ctx, s.reads, `SELECT `+alertColumns+` FROM alerts WHERE workspace = $1 AND id < $2
		AND (CAST($3 AS TEXT) = '' OR state = $3) AND (CAST($4 AS TEXT) = '' OR rule = $4) ORDER BY id DESC LIMIT $5`,
		scanAlert, q.Workspace, before, string(q.State), q.Rule, q.Limit)
}

// FiringAlerts returns how many incidents are firing, by class.
func (s *Store) FiringAlerts(ctx context.Context) (map[string]int64, error) {
	type row struct {
		class string
		n     int64
	}
	rows, err := all(ctx, s.reads, `SELECT class, COUNT(*) FROM alerts WHERE state <> 'resolved' AND state = 'firing' GROUP BY class`,
		func(r *sql.Rows) (c row, err error) {
			err = r.Scan(&c.class, &c.n)
			return c, err
		})
	firing := map[string]int64{}
	for _, c := range rows {
		firing[c.class] = c.n
	}
	return firing, err
}

func scanAlert(r *sql.Rows) (a token.Alert, err error) {
	var state, detail string
	err = r.Scan(&a.ID, &a.Workspace, &a.Rule, &a.Class, &a.Severity, &state, &a.Since, &a.FiredAt, &a.CalmSince, &a.ResolvedAt, &detail)
	if err != nil {
		return a, fmt.Errorf("read an alert: %w", err)
	}
	a.State = token.AlertState(state)
	return a, read(detail, &a.Detail)
}

func purgeAlerts(ctx context.Context, tx *Tx) (int, error) {
	return tx.count(ctx, overAlerts, tx.now-alertsKept.Milliseconds(), purgeStep)
}
