package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// mostSealed is the largest number of records in one seal.
const mostSealed = 4096

const (
	lastSeal = `SELECT ` + sealColumns + ` FROM seals WHERE workspace = $1 ORDER BY number DESC LIMIT 1`

	// sealedUpTo: late seals hold older records than the one before them.
	sealedUpTo = `SELECT last_id FROM seals WHERE workspace = $1 AND late = 0 ORDER BY number DESC LIMIT 1`

	claimEvents = `UPDATE events SET seal = $4 WHERE seal = 0 AND id IN
		(SELECT id FROM events WHERE workspace = $1 AND seal = 0 AND id < $2 ORDER BY id LIMIT $3) RETURNING id, action, hash`

	insertSeal = `INSERT INTO seals (` + sealColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING`
)

// Seal claims the oldest records of a workspace that no seal holds, up to 4,096
// and older than an id, and keeps the seal that closing makes of them. closing
// gets the last seal, nil if there is none, whether the records are stragglers,
// and the records by id. Claims and seal are one commit. Of several nodes one
// wins; Seal reports whether this one sealed anything.
func (s *Store) Seal(ctx context.Context, workspace string, before token.ID,
	closing func(last *token.Seal, late bool, records []token.Leaf) (*token.Seal, error),
) (sealed bool, err error) {
	err = s.Do(ctx, func(tx *Tx) error {
		sealed = false
		last, err := one(ctx, tx, lastSeal, scanSeal, workspace)
		if err != nil {
			return err
		}
		number := int64(1)
		if last != nil {
			number = last.Number + 1
		}
		records, late, err := tx.claim(ctx, workspace, before, number)
		if err != nil || len(records) == 0 {
			return err
		}
		v, err := closing(last, late, records)
		if err != nil {
			return err
		}
		sealed, err = tx.affects(ctx, insertSeal, workspace, number, v.Previous[:], int64(v.First), int64(v.Last), v.Count, v.Root[:],
			list(v.Totals), truth(v.Late), v.At, v.Hash[:], v.Key, v.Signature)
		if err == nil && !sealed {
			err = errOutrun
		}
		return err
	})
	if errors.Is(err, errOutrun) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("seal records: %w", err)
	}
	return sealed, nil
}

var errOutrun = errors.New("another node has made the seal of that number")

// claim marks records as those of a seal. Stragglers, which are older than what
// is sealed already, go first and alone.
func (tx *Tx) claim(ctx context.Context, workspace string, before token.ID, number int64) (records []token.Leaf, late bool, err error) {
	upTo, err := one(ctx, tx, sealedUpTo, scanInt, workspace)
	if err != nil {
		return nil, false, err
	}
	if upTo > 0 {
		if records, err = all(ctx, tx, claimEvents, scanLeaf, workspace, upTo, mostSealed, number); err != nil || len(records) > 0 {
			return byID(records), true, err
		}
	}
	records, err = all(ctx, tx, claimEvents, scanLeaf, workspace, int64(before), mostSealed, number)
	return byID(records), false, err
}

func byID(records []token.Leaf) []token.Leaf {
	slices.SortFunc(records, func(a, b token.Leaf) int { return cmp.Compare(a.ID, b.ID) })
	return records
}

func scanLeaf(r *sql.Rows) (l token.Leaf, err error) {
	err = r.Scan(&l.ID, &l.Action, &l.Hash)
	return l, err
}

const oldSeals = `SELECT s.workspace, s.number, s.first_id, s.last_id, s.place, s.count
	FROM (SELECT DISTINCT workspace, seal FROM (SELECT workspace, seal FROM events WHERE id < $1 ORDER BY id LIMIT $2) AS oldest) AS e
	JOIN seals s ON s.workspace = e.workspace AND s.number = e.seal WHERE s.last_id < $1`

// A placedSeal is where a seal's records are, and its place for sinks.
type placedSeal struct {
	token.Seal
	place int64
}

func scanPlaced(r *sql.Rows) (v placedSeal, err error) {
	err = r.Scan(&v.Workspace, &v.Number, &v.First, &v.Last, &v.place, &v.Count)
	return v, err
}

// purgeEvents deletes whole seals of which even the newest record is old; the
// seals themselves stay, so that the chain can be checked for ever. What a sink
// has not had stays for longer, and is counted when it goes all the same.
func purgeEvents(ctx context.Context, tx *Tx) (int, error) {
	edge := tx.now - AuditKept.Milliseconds()
	last := token.FirstID(time.UnixMilli(edge - sinkPatience.Milliseconds()))
	old, err := all(ctx, tx, oldSeals, scanPlaced, int64(token.FirstID(time.UnixMilli(edge))), purgeStep)
	if err != nil {
		return 0, err
	}
	need, err := tx.sinksNeed(ctx)
	if err != nil {
		return 0, err
	}
	sum := 0
	for _, v := range old {
		if sum >= purgeStep {
			break
		}
		missing := need != math.MaxInt64 && (v.place == 0 || v.place > need)
		if missing && v.Last >= last {
			continue
		}
		n, err := tx.count(ctx, `DELETE FROM events WHERE workspace = $1 AND id >= $2 AND id <= $3 AND seal = $4`, v.Workspace, int64(v.First), int64(v.Last), v.Number)
		if err == nil && missing {
			err = tx.loseRecords(ctx, v.place, n)
		}
		if err != nil {
			return sum, err
		}
		sum += n
	}
	return sum, nil
}
