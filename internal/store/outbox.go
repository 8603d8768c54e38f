package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// How long a delivery that is not tried any more is kept.
const (
	keepDelivered = 7 * oneDay
	keepDead      = 30 * oneDay
)

// A row of the outbox is claimed by moving its next try to the end of a lease:
// the instant is the claim. A node that dies lets go of its rows by that, and
// whoever claims them again moves it once more, so that a late word of the
// first changes nothing.
//
// Of the rows of one subject on their way to one subscription only the oldest
// is tried. Those behind it are put off when they are met, and the next one is
// called when the oldest is settled.

// dueWebhooks skips from one subscription to the next instead of reading all
// that waits for each.
const dueWebhooks = `WITH RECURSIVE turn (webhook) AS (
		SELECT MIN(webhook) FROM outbox WHERE state = 'due' AND webhook > $1
		UNION ALL
		SELECT (SELECT MIN(o.webhook) FROM outbox o WHERE o.state = 'due' AND o.webhook > turn.webhook) FROM turn WHERE turn.webhook IS NOT NULL
	)
	SELECT webhook FROM turn WHERE webhook IS NOT NULL
		AND (SELECT MIN(d.next_at) FROM outbox d WHERE d.state = 'due' AND d.webhook = turn.webhook) <= $2 LIMIT $3`

// DueWebhooks returns subscriptions that something is due for, by id, after one.
func (s *Store) DueWebhooks(ctx context.Context, after token.ID, limit int) ([]token.ID, error) {
	ids, err := all(ctx, s.reads, dueWebhooks, scanID, int64(after), s.now(), limit)
	if err != nil {
		return nil, fmt.Errorf("look into the outbox: %w", err)
	}
	return ids, nil
}

func scanID(r *sql.Rows) (id token.ID, err error) {
	err = r.Scan(&id)
	return id, err
}

// ClaimDeliveries takes up to some due rows for each of several subscriptions,
// until the lease is over. What waits for a subscription that hears nothing any
// more is dead.
func (s *Store) ClaimDeliveries(ctx context.Context, most map[token.ID]int, lease time.Duration) (loads []token.Load, err error) {
	err = s.Do(ctx, func(tx *Tx) error {
		loads = nil
		for _, id := range slices.Sorted(maps.Keys(most)) { // nodes that claim at once lock rows in one order
			load, err := tx.claimFor(ctx, id, most[id], tx.now+lease.Milliseconds())
			if err != nil {
				return err
			}
			if len(load.Shipments) > 0 {
				loads = append(loads, load)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("claim deliveries: %w", err)
	}
	return loads, nil
}

const receiverText = `SELECT id, workspace, url, secret, next_secret FROM webhooks WHERE id = $1 AND ended_at = 0 AND disabled_at = 0`

func (tx *Tx) claimFor(ctx context.Context, id token.ID, most int, until int64) (token.Load, error) {
	to, err := one(ctx, tx, receiverText, func(r *sql.Rows) (to token.Receiver, err error) {
		err = r.Scan(&to.ID, &to.Workspace, &to.URL, &to.Secret, &to.NextSecret)
		return to, err
	}, int64(id))
	load := token.Load{To: to}
	if err != nil {
		return load, err
	}
	if to.ID == 0 {
		return load, tx.bury(ctx, id)
	}
	waiting, err := all(ctx, tx, waitingText, scanWaiting, int64(id), tx.now, waitingStep)
	if err != nil {
		return load, err
	}
	for _, w := range waiting {
		if w.id != w.head {
			if err := tx.putOff(ctx, w); err != nil {
				return load, err
			}
			continue
		}
		if len(load.Shipments) == most {
			break
		}
		taken, err := all(ctx, tx, takeText, scanShipment, int64(w.id), w.nextAt, until)
		if err != nil {
			return load, err
		}
		load.Shipments = append(load.Shipments, taken...)
	}
	return load, nil
}

// waitingStep is how many rows of a subscription one claim looks at.
const waitingStep = 50

// waitingText orders rows so that the oldest of a subject is met before those
// that were put off behind it.
const waitingText = `SELECT o.id, o.next_at,
		(SELECT h.id FROM outbox h WHERE h.state = 'due' AND h.webhook = o.webhook AND h.subject = o.subject ORDER BY h.id LIMIT 1),
		(SELECT h.next_at FROM outbox h WHERE h.state = 'due' AND h.webhook = o.webhook AND h.subject = o.subject ORDER BY h.id LIMIT 1)
	FROM outbox o WHERE o.state = 'due' AND o.webhook = $1 AND o.next_at <= $2 ORDER BY o.next_at, o.id LIMIT $3`

// queued is a row that is due, and the oldest one of its subject.
type queued struct {
	id, head           token.ID
	nextAt, headNextAt int64
}

func scanWaiting(r *sql.Rows) (w queued, err error) {
	err = r.Scan(&w.id, &w.nextAt, &w.head, &w.headNextAt)
	return w, err
}

// behind is how long a row that waits for an older one is not looked at again.
const behind = 5 * time.Minute

// putOff lets a row wait behind the oldest of its subject. If that one is
// settled meanwhile, the row was called and keeps the instant of the call.
func (tx *Tx) putOff(ctx context.Context, w queued) error {
	_, err := tx.exec(ctx, `UPDATE outbox SET next_at = $3 WHERE id = $1 AND state = 'due' AND next_at = $2`,
		int64(w.id), w.nextAt, max(w.headNextAt, tx.now+behind.Milliseconds()))
	return err
}

const shipmentColumns = `id, webhook, event, type, subject, body, at, state, tries, next_at, attempts`

// takeText leaves the very instant at which the row was due, so that one of two
// nodes takes it.
const takeText = `UPDATE outbox SET next_at = $3 WHERE id = $1 AND state = 'due' AND next_at = $2 RETURNING ` + shipmentColumns

func scanShipment(r *sql.Rows) (token.Shipment, error) {
	var v token.Shipment
	var state, attempts string
	err := r.Scan(&v.ID, &v.Webhook, &v.Event, &v.Type, &v.Subject, &v.Body, &v.At, &state, &v.Tries, &v.NextAt, &attempts)
	if err != nil {
		return v, fmt.Errorf("read a delivery: %w", err)
	}
	v.State = token.DeliveryState(state)
	return v, errors.Join(read(attempts, &v.Attempts))
}

// bury marks what is due for a subscription that hears nothing any more as
// dead, a step of it.
func (tx *Tx) bury(ctx context.Context, webhook token.ID) error {
	_, err := tx.exec(ctx, `UPDATE outbox SET state = 'dead', next_at = $2 WHERE id IN (
		SELECT id FROM outbox WHERE state = 'due' AND webhook = $1 AND next_at <= $4 ORDER BY next_at LIMIT $3)`, int64(webhook), tx.now+keepDead.Milliseconds(), purgeStep, tx.now)
	return err
}

// SettleDelivery writes a claimed row as it is after a try: due again at its
// NextAt, or in another state, in which it is kept for a while and the next of
// its subject is called. It reports whether the claim still stood: where the
// lease was over and another node has the row, only its arrival counts.
func (tx *Tx) SettleDelivery(ctx context.Context, v *token.Shipment, claimed int64) (bool, error) {
	nextAt := v.NextAt
	switch v.State {
	case token.DeliveryDone:
		nextAt = tx.now + keepDelivered.Milliseconds()
	case token.DeliveryDead:
		nextAt = tx.now + keepDead.Milliseconds()
	}
	won, err := tx.affects(ctx, `UPDATE outbox SET state = $3, tries = $4, next_at = $5, attempts = $6
		WHERE id = $1 AND state = 'due' AND (next_at = $2 OR CAST($3 AS TEXT) = 'delivered')`,
		int64(v.ID), claimed, string(v.State), v.Tries, nextAt, list(v.Attempts))
	if err != nil || !won || v.State == token.DeliveryDue {
		return won, err
	}
	_, err = tx.exec(ctx, `UPDATE outbox SET next_at = $3 WHERE id = (
		SELECT id FROM outbox WHERE state = 'due' AND webhook = $1 AND subject = $2 ORDER BY id LIMIT 1) AND state = 'due' AND tries = 0`,
		int64(v.Webhook), v.Subject, tx.now)
	return true, err
}

const (
	shipmentsText = `SELECT ` + shipmentColumns + ` FROM outbox WHERE webhook = $1 AND id < $2 AND (CAST($3 AS TEXT) = '' OR state = $3) ORDER BY id DESC LIMIT $4`

	replayText = `UPDATE outbox SET state = 'due', tries = 0, next_at = $4 WHERE state <> 'due' AND id IN (
		SELECT id FROM outbox WHERE webhook = $1 AND id >= $2 AND id < $3 ORDER BY id LIMIT $5)`
)

// Shipments returns a page of the deliveries to a subscription, newest first,
// before one (0: from the newest); in one state, or in any if that is empty.
func (s *Store) Shipments(ctx context.Context, webhook token.ID, state token.DeliveryState, before token.ID, limit int) ([]token.Shipment, error) {
	if before == 0 {
		before = math.MaxInt64
	}
	return all(ctx, s.reads, shipmentsText, scanShipment, int64(webhook), int64(before), string(state), limit)
}

// ReplayDeliveries makes deliveries of a subscription due again whose ids lie
// between two, the second left out, unless they are due already. It looks at
// 500 at most and returns how many it was, and the id to go on from, 0 at the
// end.
func (tx *Tx) ReplayDeliveries(ctx context.Context, webhook, from, until token.ID) (n int, next token.ID, err error) {
	last, err := one(ctx, tx, `SELECT id FROM outbox WHERE webhook = $1 AND id >= $2 AND id < $3 ORDER BY id LIMIT 1 OFFSET $4`, scanID,
		int64(webhook), int64(from), int64(until), purgeStep)
	if err != nil {
		return 0, 0, err
	}
	tx.leaves = true
	n, err = tx.count(ctx, replayText, int64(webhook), int64(from), int64(until), tx.now, purgeStep)
	return n, last, err
}

// missedText finds events that never were on their way to a subscription. The
// rows of the outbox carry the millisecond of their events in their ids.
const missedText = `SELECT ` + sealedColumns + ` FROM events e WHERE e.workspace = $1 AND e.id >= $3 AND e.id < $4 AND NOT EXISTS (
		SELECT 1 FROM outbox o WHERE o.webhook = $2 AND o.id >= e.id / 4194304 * 4194304 AND o.id < (e.id / 4194304 + 1) * 4194304 AND o.event = e.id)
	ORDER BY e.id`

// MissedEvents returns the records of a workspace between two ids, the second
// left out, that were never on their way to a subscription. It looks at 500 at
// most and returns the id to go on from, 0 at the end.
func (tx *Tx) MissedEvents(ctx context.Context, workspace string, webhook, from, until token.ID) (missed []*token.Event, next token.ID, err error) {
	next, err = one(ctx, tx, `SELECT id FROM events WHERE workspace = $1 AND id >= $2 AND id < $3 ORDER BY id LIMIT 1 OFFSET $4`, scanID,
		workspace, int64(from), int64(until), purgeStep)
	if err != nil {
		return nil, 0, err
	}
	if next != 0 {
		until = next
	}
	missed, err = all(ctx, tx, missedText, scanEvent, workspace, int64(webhook), int64(from), int64(until))
	return missed, next, err
}

// AddDeliveries leaves deliveries of events that are on record in the outbox.
func (tx *Tx) AddDeliveries(ctx context.Context, out []token.Delivery) error {
	return tx.insertRecords(ctx, []*pending{{deed: &token.Deed{Outbox: out}}})
}

// purgeDelivered and purgeDead delete deliveries that were kept long enough.
func purgeDelivered(ctx context.Context, tx *Tx) (int, error) {
	return tx.count(ctx, overDeliveries, string(token.DeliveryDone), tx.now, purgeStep)
}

func purgeDead(ctx context.Context, tx *Tx) (int, error) {
	return tx.count(ctx, overDeliveries, string(token.DeliveryDead), tx.now, purgeStep)
}

const overDeliveries = `DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE state = $1 AND next_at <= $2 ORDER BY next_at LIMIT $3)`
