package store

import (
	"context"
	"fmt"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// How long what has ended is kept.
const (
	keepShort = 7 * oneDay  // tokens of at most 24 hours, past their expiry
	keepNamed = 90 * oneDay // the kinds that people name, all long tokens, and grants
	keepMoved = oneDay      // changes: a node that was away for longer starts anew

	purgeStep = 500 // rows in one commit
	monthName = "2006-01"
)

const (
	isNamed = `kind IN ('service', 'ephemeral', 'impersonated', 'personal')`

	// shortIsOver: $1 and $2 are the instants of keepShort and keepNamed.
	shortIsOver = `expires_at > 0 AND ((expires_at <= $1 AND NOT ` + isNamed + `) OR expires_at <= $2)`

	addTotals = ` ON CONFLICT (month, workspace, kind) DO UPDATE SET issued = totals.issued + excluded.issued`
)

// What each step looks for, by an index of its own.
const (
	overNamed = `DELETE FROM tokens_short WHERE id IN (SELECT id FROM tokens_short
		WHERE id < $1 AND expires_at > 0 AND expires_at <= $2 ORDER BY id LIMIT $3)`
	overExpired = `DELETE FROM tokens_long WHERE id IN (SELECT id FROM tokens_long
		WHERE expires_at > 0 AND expires_at <= $1 ORDER BY expires_at LIMIT $2)`
	overEnded = `DELETE FROM tokens_long WHERE id IN (SELECT id FROM tokens_long
		WHERE ended_at > 0 AND ended_at <= $1 ORDER BY ended_at LIMIT $2)`
	overGrants  = `SELECT id FROM grants WHERE ended_at > 0 AND ended_at <= $1 ORDER BY ended_at LIMIT $2`
	overForever = `DELETE FROM tokens_long WHERE id IN (SELECT id FROM tokens_long
		WHERE grant_id = $1 AND grant_id <> 0 AND expires_at = 0 LIMIT $2)`
	overAnswers = `DELETE FROM answers WHERE key IN (SELECT key FROM answers WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)`
	overSealed  = `UPDATE answers SET sealed = '', sealed_until = 0 WHERE key IN (SELECT key FROM answers
		WHERE sealed_until > 0 AND sealed_until <= $1 ORDER BY sealed_until, key LIMIT $2)`
	overRotations = `DELETE FROM rotations WHERE id IN (SELECT id FROM rotations
		WHERE id < $1 AND ended_at > 0 AND ended_at <= $2 ORDER BY id LIMIT $3)`
	overRequests = `DELETE FROM authorizations WHERE id IN (SELECT id FROM authorizations WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)`
)

// A purge looks at or deletes at most 500 rows and says how many those were.
type purge func(ctx context.Context, tx *Tx) (int, error)

// Purge deletes what ended long ago, a step of each sort, each step a commit of
// its own. It returns the rows it looked at: the caller calls again until those
// are none. What lives is never deleted, nor is a cutoff; where a step begins
// does not depend on how much there is.
func (s *Store) Purge(ctx context.Context) (int, error) {
	sum := 0
	for _, step := range []purge{
		s.purgeShort, purgeShortNamed, purgeLongExpired, purgeLongEnded, purgeRotations, purgeGrants, lapseCodes, purgeAnswers, wipeOldAnswers, purgeRenewals, purgeAuthorizations, purgeChanges, purgeEvents,
		purgeTraffic("traffic"), purgeTraffic("traffic_hours"), purgeTraffic("traffic_days"), purgeUseRecords, purgeBatches, purgeAlerts, purgeNotices, purgeLeaks, purgeNeeds, purgeRevocations, purgeLetters, purgeAccounts, purgeInvitations, purgeDelivered, purgeDead,
	} {
		var n int
		err := s.Do(ctx, func(tx *Tx) (err error) {
			n, err = step(ctx, tx)
			return err
		})
		if err != nil {
			return sum, fmt.Errorf("purge: %w", err)
		}
		sum += n
	}
	return sum, nil
}

// purgeShort walks the short tokens from where the last step ended, so that it
// never passes twice over those that are kept for longer. By their ids all of
// them expired keepShort ago. On PostgreSQL only the rest is walked: the other
// days are dropped.
func (s *Store) purgeShort(ctx context.Context, tx *Tx) (int, error) {
	table := "tokens_short"
	if s.engine.shared() {
		table = "tokens_short_rest"
	}
	mark, err := one(ctx, tx, `SELECT value FROM meta WHERE name = 'purged.short'`, scanText)
	if err != nil {
		return 0, err
	}
	after, _ := token.ParseID(mark)
	over := tx.now - keepShort.Milliseconds()
	edge := token.FirstID(time.UnixMilli(over).Add(-token.ShortLife))
	page, err := all(ctx, tx, `SELECT id FROM `+table+` WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3`, scanInt, int64(after), int64(edge), purgeStep)
	if err != nil || len(page) == 0 {
		return 0, err
	}
	last := page[len(page)-1]
	_, err = tx.deleteTokens(ctx, `DELETE FROM `+table+` WHERE id > $1 AND id <= $2 AND NOT `+isNamed+` AND expires_at > 0 AND expires_at <= $3`,
		int64(after), last, over)
	if err != nil {
		return 0, err
	}
	_, err = tx.exec(ctx, `INSERT INTO meta (name, value) VALUES ('purged.short', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
		[]byte(token.ID(last).String()))
	return len(page), err
}

// purgeShortNamed: by then nothing else is left of those days.
func purgeShortNamed(ctx context.Context, tx *Tx) (int, error) {
	over := tx.now - keepNamed.Milliseconds()
	edge := token.FirstID(time.UnixMilli(over).Add(-token.ShortLife))
	return tx.deleteTokens(ctx, overNamed, int64(edge), over, purgeStep)
}

func purgeLongExpired(ctx context.Context, tx *Tx) (int, error) {
	over := tx.now - keepNamed.Milliseconds()
	return tx.deleteTokens(ctx, overExpired, over, purgeStep)
}

func purgeLongEnded(ctx context.Context, tx *Tx) (int, error) {
	over := tx.now - keepNamed.Milliseconds()
	return tx.deleteTokens(ctx, overEnded, over, purgeStep)
}

func purgeRotations(ctx context.Context, tx *Tx) (int, error) {
	over := tx.now - keepNamed.Milliseconds()
	return tx.count(ctx, overRotations, int64(token.FirstID(time.UnixMilli(over))), over, purgeStep)
}

// purgeGrants deletes families that ended long ago, and those of their tokens
// that never expire; the others go by their expiry. A token whose family is
// missing is refused, as it was before.
func purgeGrants(ctx context.Context, tx *Tx) (int, error) {
	over := tx.now - keepNamed.Milliseconds()
	ended, err := all(ctx, tx, overGrants, scanInt, over, purgeStep)
	if err != nil {
		return 0, err
	}
	sum := 0
	for _, id := range ended {
		n, err := tx.deleteTokens(ctx, overForever, id, purgeStep)
		sum += n + 1
		if err != nil || n == purgeStep {
			return sum, err // the rest of a big family comes first in the next step
		}
		if _, err := tx.exec(ctx, `DELETE FROM grants WHERE id = $1`, id); err != nil {
			return 0, err
		}
		if sum >= purgeStep {
			break
		}
	}
	return sum, nil
}

func purgeAnswers(ctx context.Context, tx *Tx) (int, error) {
	return tx.count(ctx, overAnswers, tx.now, purgeStep)
}

// wipeOldAnswers empties answers that are no longer given again; that they were
// given is known for longer.
func wipeOldAnswers(ctx context.Context, tx *Tx) (int, error) {
	return tx.count(ctx, overSealed, tx.now, purgeStep)
}

func purgeAuthorizations(ctx context.Context, tx *Tx) (int, error) {
	return tx.count(ctx, overRequests,
		tx.now, purgeStep)
}

func purgeChanges(ctx context.Context, tx *Tx) (int, error) {
	n, err := tx.PurgeChanges(ctx, tx.now-keepMoved.Milliseconds(), purgeStep)
	return int(n), err
}

// count runs a statement and returns how many rows it touched.
func (tx *Tx) count(ctx context.Context, text string, args ...any) (int, error) {
	res, err := tx.exec(ctx, text, args...)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}
