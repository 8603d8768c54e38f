package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/fichadev/ficha/internal/token"
)

// On PostgreSQL the short tokens of a day (UTC, by id) have a table of their
// own, which ends by being dropped: no row is deleted, nothing is vacuumed.
// tokens_short_rest takes what has no day. This file is PostgreSQL's alone.

const (
	oneDay  = 24 * time.Hour
	dayName = "tokens_short_20060102"

	// alterDays keeps two nodes from altering days at once, and gives way soon
	// to whoever holds a table, since everybody else would wait behind us.
	alterDays = `SELECT pg_advisory_xact_lock(24301), set_config('lock_timeout', '2s', true)`

	isDay = `SELECT COUNT(*) FROM pg_inherits WHERE inhparent = CAST('tokens_short' AS regclass) AND inhrelid = to_regclass($1)`

	allDays = `SELECT c.relname, CASE WHEN i.inhrelid IS NULL THEN 0 ELSE 1 END FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
		WHERE c.relkind = 'r' AND c.relname LIKE 'tokens!_short!_2%' ESCAPE '!'
		AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = CAST('tokens_short' AS regclass)) ORDER BY c.relname`
)

// EnsurePartitions gives today and the days after it their tables, ahead of
// their first token: attaching one with tokens in it would make everybody
// wait. A day whose tokens have begun to fall into the rest is left there and
// purged row by row. On SQLite it does nothing.
func (s *Store) EnsurePartitions(ctx context.Context, now time.Time, days int) error {
	if !s.engine.shared() {
		return nil
	}
	today := now.UTC().Truncate(oneDay)
	for d := range days + 1 {
		if err := s.ensureDay(ctx, today.AddDate(0, 0, d)); err != nil {
			return fmt.Errorf("make the table of a day: %w", err)
		}
	}
	return nil
}

func (s *Store) ensureDay(ctx context.Context, day time.Time) error {
	name := day.Format(dayName)
	if n, err := one(ctx, s.reads, isDay, scanInt, name); err != nil || n > 0 {
		return err
	}
	from, to := int64(token.FirstID(day)), int64(token.FirstID(day.Add(oneDay)))
	err := s.Do(ctx, func(tx *Tx) error {
		if _, err := tx.exec(ctx, alterDays); err != nil {
			return err
		}
		if n, err := one(ctx, tx, isDay, scanInt, name); err != nil || n > 0 {
			return err
		}
		fallen, err := one(ctx, tx, `SELECT COUNT(*) FROM (SELECT 1 FROM tokens_short_rest WHERE id >= $1 AND id < $2 LIMIT 1) AS first`, scanInt, from, to)
		if err != nil {
			return err
		}
		if fallen > 0 {
			return errFallen
		}
		if _, err := tx.exec(ctx, "CREATE TABLE "+name+" (LIKE tokens_short INCLUDING ALL)"); err != nil {
			return err
		}
		_, err = tx.exec(ctx, fmt.Sprintf("ALTER TABLE tokens_short ATTACH PARTITION %s FOR VALUES FROM (%d) TO (%d)", name, from, to))
		return err
	})
	if errors.Is(err, errFallen) || code(err) == "23514" { // check_violation: one fell there as we looked
		s.cfg.Log.Info("tokens of a day have no table of their own; they are purged row by row", slog.String("day", day.Format(time.DateOnly)))
		return nil
	}
	return err
}

var errFallen = errors.New("tokens of the day are in the rest")

// code returns the SQLSTATE of a fault, "" if it has none.
func code(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// DropPartitions ends the days of which even the last token, of 24 hours, has
// been expired for as long as short tokens are kept. Those of its tokens that
// are kept longer move to the rest; the others are counted in the totals. On
// SQLite it does nothing.
func (s *Store) DropPartitions(ctx context.Context, now time.Time) error {
	if !s.engine.shared() {
		return nil
	}
	type table struct {
		name     string
		attached bool
	}
	days, err := all(ctx, s.reads, allDays, func(r *sql.Rows) (t table, err error) {
		var attached int64
		err = r.Scan(&t.name, &attached)
		t.attached = attached == 1
		return t, err
	})
	if err != nil {
		return fmt.Errorf("list the tables of days: %w", err)
	}
	for _, t := range days {
		day, err := time.Parse(dayName, t.name)
		if err != nil || day.Add(oneDay+token.ShortLife+keepShort).After(now) {
			continue
		}
		if t.attached {
			if err := s.detachDay(ctx, t.name); err != nil {
				return fmt.Errorf("detach %s: %w", t.name, err)
			}
		}
		if err := s.dropDay(ctx, t.name, day); err != nil {
			return fmt.Errorf("drop %s: %w", t.name, err)
		}
	}
	return nil
}

// detachDay takes a moment under a lock that stops everybody, so that it does
// nothing else. If we die after it, the next run finds the table and goes on;
// till then its tokens, all expired, are unknown.
func (s *Store) detachDay(ctx context.Context, name string) error {
	return s.Do(ctx, func(tx *Tx) error {
		if _, err := tx.exec(ctx, alterDays); err != nil {
			return err
		}
		if n, err := one(ctx, tx, isDay, scanInt, name); err != nil || n == 0 {
			return err
		}
		_, err := tx.exec(ctx, "ALTER TABLE tokens_short DETACH PARTITION "+name)
		return err
	})
}

// dropDay counts what goes, moves what stays, and drops the table, at once or
// not at all.
func (s *Store) dropDay(ctx context.Context, name string, day time.Time) error {
	return s.Do(ctx, func(tx *Tx) error {
		if _, err := tx.exec(ctx, alterDays); err != nil {
			return err
		}
		if there, err := one(ctx, tx, `SELECT COUNT(*) FROM pg_class WHERE oid = to_regclass($1)`, scanInt, name); err != nil || there == 0 {
			return err // another node was quicker
		}
		short, named := tx.now-keepShort.Milliseconds(), tx.now-keepNamed.Milliseconds()
		for _, step := range []struct {
			text string
			args []any
		}{
			{`INSERT INTO totals (month, workspace, kind, issued) SELECT CAST($3 AS TEXT), workspace, kind, COUNT(*) FROM ` + name +
				` WHERE ` + shortIsOver + ` GROUP BY workspace, kind ORDER BY workspace, kind` + addTotals, []any{short, named, day.Format(monthName)}},
			{`DELETE FROM used_scopes WHERE secret IN (SELECT id FROM ` + name + ` WHERE ` + shortIsOver + `)`, []any{short, named}},
			{`DELETE FROM uses WHERE credential IN (SELECT id FROM ` + name + ` WHERE ` + shortIsOver + `)`, []any{short, named}},
			{`INSERT INTO tokens_short (` + tokenAll + `) SELECT ` + tokenAll + ` FROM ` + name + ` WHERE NOT (` + shortIsOver + `) ON CONFLICT DO NOTHING`, []any{short, named}},
			{`DROP TABLE ` + name, nil},
		} {
			if _, err := tx.exec(ctx, step.text, step.args...); err != nil {
				return err
			}
		}
		return nil
	})
}
