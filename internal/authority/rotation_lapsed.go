package authority

import (
	"context"
	"slices"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// closeLapsed closes rotations whose new secret expired without being seen. The
// secrets stay as they are: the one has expired, and so has, as a rule, the one
// it was to replace.
func (a *Authority) closeLapsed(ctx context.Context, limit int) (int, error) {
	lapsed, err := a.cfg.Store.LapsedRotations(ctx, limit)
	if err != nil {
		return 0, err
	}
	for _, r := range lapsed {
		if err := a.cfg.Store.Do(ctx, func(tx Tx) error { return closeLapsed(ctx, tx, r.ID) }); err != nil {
			return 0, err
		}
	}
	return len(lapsed), nil
}

func closeLapsed(ctx context.Context, tx Tx, id token.ID) error {
	r, err := tx.Rotation(ctx, id)
	if err != nil || r == nil || !r.Lapse(tx.Now()) {
		return err
	}
	if won, err := tx.MoveRotation(ctx, token.RotationPending, r); err != nil || !won {
		return err
	}
	w, err := tx.Workspace(ctx, r.Workspace)
	if err != nil {
		return err
	}
	return record(ctx, tx, w, noteRotation(time.UnixMilli(tx.Now()), rotating, r, "rotation.cancelled"))
}

// NoteClosed writes the record of a rotation that ended because all secrets of
// its credential did, for the commit that ends them (store.Closed).
func NoteClosed(at time.Time, w *token.Workspace, r *token.Rotation) (*token.Event, []token.Delivery, error) {
	action := "rotation.retired"
	if r.State == token.RotationCancelled {
		action = "rotation.cancelled"
	}
	e := noteRotation(at, rotating, r, action)
	out, err := audit.Deliveries(w, e)
	return e, out, err
}

// notesOfTurn are the records of a rotation that begins. One without a grace is
// over at once, and tells that too.
func notesOfTurn(now time.Time, who token.Actor, r *token.Rotation) []*token.Event {
	if r.Open() {
		return []*token.Event{noteRotation(now, who, r, "rotation.started")}
	}
	begun := *r
	begun.State, begun.ConfirmedAt, begun.RetiresAt, begun.EndedAt = token.RotationPending, 0, 0, 0
	first, second := noteRotation(now, who, &begun, "rotation.started"), noteRotation(now, who, r, "rotation.retired")
	first.ID, second.ID = min(first.ID, second.ID), max(first.ID, second.ID)
	return []*token.Event{first, second}
}

// deliveriesOf returns who hears of events of one instant. The ids of the
// deliveries are in the order of their events: it is the one in which they are
// sent.
func deliveriesOf(w *token.Workspace, notes []*token.Event) (list []token.Delivery, err error) {
	for _, e := range notes {
		told, err := audit.Deliveries(w, e)
		if err != nil {
			return nil, err
		}
		list = append(list, told...)
	}
	ids := make([]token.ID, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	slices.Sort(ids)
	for i := range list {
		list[i].ID = ids[i]
	}
	return list, nil
}
