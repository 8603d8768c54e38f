package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// No index finds the tokens of a family: it would cost every mint. What is known
// of a family is learnt where its rows are read anyway.
//
// One that has refresh tokens is over with the last of them, the one that was
// not replaced. When that is purged, keepNamed after it ended or expired, no
// access token of the family lives either: none lives for longer than keepNamed
// (policy.Of). One that was given a code alone is known by the code's row, which
// names no successor; it is looked at after codes are over and before they are
// purged. What is missed stays: a family is never ended on a guess.

const (
	codesOver   = 2 * oneDay             // when every code of a day was redeemed or has expired
	codesPurged = 6 * oneDay             // before the first is purged
	codeBeside  = 250 * time.Millisecond // after its family: nothing but reads of the support lies between
	codesStep   = 20

	lapsing = ` SET lapses_at = $2 WHERE id = $1 AND ended_at = 0 AND installed = 0 AND lapses_at = 0`

	consentsFrom = `SELECT id, person <> '' AND installed = 0 AND ended_at = 0 FROM grants WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3`
	codeOf       = `SELECT CASE WHEN successor = 0 THEN 1 ELSE 2 END FROM tokens_short WHERE id >= $1 AND id < $2 AND kind = 'code' AND grant_id = $3 LIMIT 1`
	lapsedGrants = `SELECT ` + grantColumns + ` FROM grants WHERE lapses_at > 0 AND lapses_at <= $1 AND ended_at = 0 ORDER BY lapses_at LIMIT $2`
)

// lapse notes from when on (ms) a family may be ended, unless it is an install,
// which stays until somebody takes it away.
func (tx *Tx) lapse(ctx context.Context, grant token.ID, at int64) error {
	_, err := tx.exec(ctx, `UPDATE grants`+lapsing, int64(grant), at)
	return err
}

// lapseBehind notes of the families whose last refresh token is deleted that
// they may be ended now.
func (tx *Tx) lapseBehind(ctx context.Context, gone []leaving) error {
	for _, l := range gone {
		if l.grant == 0 || l.successor != 0 || l.kind != string(token.Refresh) || l.id.Class() != token.Long {
			continue
		}
		if err := tx.lapse(ctx, l.grant, tx.now); err != nil {
			return fmt.Errorf("let a family lapse: %w", err)
		}
	}
	return nil
}

// lapseCodes walks the consents of some days ago, from where the last step
// ended, and notes of those whose code brought no refresh token when all that it
// could bring is over and was kept for its time.
func lapseCodes(ctx context.Context, tx *Tx) (int, error) {
	mark, err := one(ctx, tx, `SELECT value FROM meta WHERE name = 'lapsed.codes'`, scanText)
	if err != nil {
		return 0, err
	}
	after, _ := token.ParseID(mark)
	now := time.UnixMilli(tx.now)
	after = max(after, token.FirstID(now.Add(-codesPurged)))
	page, err := all(ctx, tx, consentsFrom, scanConsent, int64(after), int64(token.FirstID(now.Add(-codesOver))), codesStep)
	if err != nil || len(page) == 0 {
		return 0, err
	}
	for _, c := range page {
		if err := tx.lapseCode(ctx, c); err != nil {
			return 0, err
		}
	}
	_, err = tx.exec(ctx, `INSERT INTO meta (name, value) VALUES ('lapsed.codes', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
		[]byte(page[len(page)-1].id.String()))
	return len(page), err
}

// A consent is what lapseCodes reads of a family.
type consent struct {
	id    token.ID
	meant bool // a person gave it, and it is no install
}

func scanConsent(r *sql.Rows) (c consent, err error) {
	err = r.Scan(&c.id, &c.meant)
	return c, err
}

// lapseCode looks for the code, which was made with the family.
func (tx *Tx) lapseCode(ctx context.Context, c consent) error {
	if !c.meant {
		return nil
	}
	began := c.id.Time()
	which, err := one(ctx, tx, codeOf, scanInt, int64(token.FirstID(began)), int64(token.FirstID(began.Add(codeBeside))), int64(c.id))
	if err != nil || which != 1 {
		return err
	}
	return tx.lapse(ctx, c.id, began.Add(codesOver+keepNamed).UnixMilli())
}

// LapsedGrants returns live families that nothing is left of, those that have
// been so for the longest time first.
func (s *Store) LapsedGrants(ctx context.Context, limit int) ([]*token.Grant, error) {
	return all(ctx, s.reads, lapsedGrants, scanGrant, s.now(), limit)
}

// LapseGrant ends a live family that nothing is left of; it reports whether this
// call did. It cuts nothing off, since no token of it lives, and no cutoff stays
// behind when the row is purged.
func (tx *Tx) LapseGrant(ctx context.Context, id token.ID) (bool, error) {
	won, err := tx.affects(ctx, `UPDATE grants SET ended_at = $2, end_reason = 'lapsed', lapses_at = 0 WHERE id = $1 AND ended_at = 0 AND lapses_at > 0 AND lapses_at <= $2`,
		int64(id), tx.now)
	if won {
		tx.Changed(token.GrantSupport(id).Change())
	}
	return won, err
}

// DropGrant deletes a live family that nothing is left of; it reports whether
// this call did.
func (tx *Tx) DropGrant(ctx context.Context, id token.ID) (bool, error) {
	return tx.affects(ctx, `DELETE FROM grants WHERE id = $1 AND ended_at = 0 AND lapses_at > 0 AND lapses_at <= $2`, int64(id), tx.now)
}
