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
	// sinkForgotten is how long no node has named a sink when it no longer keeps
	// records from being purged.
	sinkForgotten = 24 * time.Hour
	// sinkPatience is for how long records are kept that a sink has not had,
	// after their time.
	sinkPatience = 30 * oneDay

	mostPlaced  = 500   // seals in one commit
	mostBatched = 200   // seals in one batch
	mostWaiting = 1_000 // records in one batch, unless one seal has more
)

const (
	seeSink  = `INSERT INTO sinks (name, seen_at) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at`
	moveSink = `UPDATE sinks SET place = $3, seen_at = $4 WHERE name = $1 AND place = $2`

	unplaced   = `SELECT first_id FROM seals WHERE place = 0 ORDER BY at, workspace, number LIMIT 1`
	placeSeals = `UPDATE seals SET place = next.place FROM (
			SELECT workspace, number, CAST($1 AS BIGINT) + ROW_NUMBER() OVER (ORDER BY at, workspace, number) AS place FROM (
				SELECT at, workspace, number FROM seals WHERE place = 0 ORDER BY at, workspace, number LIMIT $2) AS oldest) AS next
		WHERE seals.workspace = next.workspace AND seals.number = next.number AND seals.place = 0`

	nextSeals   = `SELECT workspace, number, first_id, last_id, place, count FROM seals WHERE place > 0 AND place > $1 ORDER BY place LIMIT $2`
	nextWaiting = `SELECT first_id FROM seals WHERE place > 0 AND place > $1 ORDER BY place LIMIT 1`
)

// SeeSink says that a sink is configured: what it has not had is kept for it.
func (s *Store) SeeSink(ctx context.Context, name string) error {
	err := s.Do(ctx, func(tx *Tx) error {
		_, err := tx.exec(ctx, seeSink, name, tx.now)
		return err
	})
	if err != nil {
		return fmt.Errorf("name sink %s: %w", name, err)
	}
	return nil
}

// PlaceSeals gives up to 500 seals their places after all that have one, and
// reports whether there were any. Only seals that are committed are placed, and
// by one node at a time, so that no place comes to be before one that was seen.
func (s *Store) PlaceSeals(ctx context.Context) (bool, error) {
	first, err := one(ctx, s.reads, unplaced, scanInt)
	if err != nil || first == 0 {
		return false, err
	}
	placed := 0
	err = s.Do(ctx, func(tx *Tx) error {
		last, err := one(ctx, tx, `UPDATE places SET n = n WHERE one = 1 RETURNING n`, scanInt) // locks it
		if err != nil {
			return err
		}
		if placed, err = tx.count(ctx, placeSeals, last, mostPlaced); err != nil {
			return err
		}
		_, err = tx.exec(ctx, `UPDATE places SET n = n + $1 WHERE one = 1`, placed)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("place seals: %w", err)
	}
	return placed > 0, nil
}

// Waiting returns the records of the seals after a place, in the order of
// their places, and the place up to which they are all of them: the same place
// if there are none. They are about a thousand, or those of one seal. Each seal
// is a look-up of its own: PostgreSQL would rather read the whole table than join
// so many ranges.
func (s *Store) Waiting(ctx context.Context, after int64) (records []*token.Event, upTo int64, err error) {
	next, err := all(ctx, s.reads, nextSeals, scanPlaced, after, mostBatched)
	if err != nil {
		return nil, after, err
	}
	upTo = after
	for i := range next {
		v := &next[i]
		if upTo > after && int64(len(records))+v.Count > mostWaiting {
			break
		}
		sealed, err := s.SealedEvents(ctx, &v.Seal)
		if err != nil {
			return nil, after, err
		}
		records, upTo = append(records, sealed...), v.place
	}
	return records, upTo, nil
}

// MoveSink notes that a sink has acknowledged all up to a place. It reports
// false if the sink is no longer where it was: another node feeds it.
func (s *Store) MoveSink(ctx context.Context, name string, from, to int64) (moved bool, err error) {
	err = s.Do(ctx, func(tx *Tx) error {
		moved, err = tx.affects(ctx, moveSink, name, from, to, tx.now)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("move sink %s: %w", name, err)
	}
	return moved, nil
}

// Sink returns how far a sink is, at its beginning if nobody has named it.
func (s *Store) Sink(ctx context.Context, name string) (token.SinkState, error) {
	state, err := one(ctx, s.reads, `SELECT place, lost FROM sinks WHERE name = $1`, func(r *sql.Rows) (v token.SinkState, err error) {
		err = r.Scan(&v.Place, &v.Lost)
		return v, err
	}, name)
	if err != nil {
		return state, err
	}
	first, err := one(ctx, s.reads, nextWaiting, scanInt, state.Place)
	if err == nil && first == 0 {
		first, err = one(ctx, s.reads, unplaced, scanInt)
	}
	state.Waiting = token.ID(first)
	return state, err
}

// sinksNeed returns the place after which records are kept for a sink that is
// configured: the largest number if there is none.
func (tx *Tx) sinksNeed(ctx context.Context) (int64, error) {
	return one(ctx, tx, `SELECT COALESCE(MIN(place), $2) FROM sinks WHERE seen_at > $1`, scanInt, tx.now-sinkForgotten.Milliseconds(), int64(math.MaxInt64))
}

// loseRecords counts records that go before a sink has had them; place 0 is
// that of a seal which nobody has placed.
func (tx *Tx) loseRecords(ctx context.Context, place int64, records int) error {
	_, err := tx.exec(ctx, `UPDATE sinks SET lost = lost + $1 WHERE seen_at > $2 AND (place < $3 OR $3 = 0)`,
		records, tx.now-sinkForgotten.Milliseconds(), place)
	return err
}
