package authority

import (
	"context"
	"errors"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/policy"
	"github.com/fichadev/ficha/internal/token"
)

// RemindRotations tells subscribers, once a secret, that it is older than it
// should become. Secrets are passed in the order they were made, each age with a
// place of its own, which moves in the commit that tells: if we die between two
// steps, the next run goes on there. It returns how many were told of.
func (a *Authority) RemindRotations(ctx context.Context) (told int, err error) {
	ages, err := a.cfg.Store.RotationAges(ctx)
	if err != nil {
		return 0, err
	}
	ages[policy.CriticalAge.Milliseconds()] = true
	for age := range ages {
		n, err := a.remind(ctx, time.Duration(age)*time.Millisecond)
		told += n
		if err != nil {
			return told, err
		}
	}
	return told, nil
}

func (a *Authority) remind(ctx context.Context, age time.Duration) (told int, err error) {
	for ctx.Err() == nil {
		passed, err := a.cfg.Store.RotationWatch(ctx, age.Milliseconds())
		if err != nil {
			return told, err
		}
		until := token.FirstID(a.cfg.Now().Add(-age))
		if passed == 0 { // what a server that is new to this age has missed is not made up for
			passed = until
		}
		page, err := a.cfg.Store.MadeBetween(ctx, passed, until, noticeStep)
		if err != nil {
			return told, err
		}
		next := until
		if len(page) == noticeStep {
			next = page[len(page)-1].ID + 1
		}
		n, err := a.remindOf(ctx, age, passed, next, page)
		told += n
		if err != nil || len(page) < noticeStep {
			return told, err
		}
	}
	return told, nil
}

// remindOf tells of those of a page whose age it is, and moves the watch on.
func (a *Authority) remindOf(ctx context.Context, age time.Duration, passed, next token.ID, page []*token.Token) (told int, err error) {
	var due []announcement
	for _, t := range page {
		one, err := a.overdue(ctx, age, t)
		if err != nil {
			return 0, err
		}
		if one != nil {
			due = append(due, *one)
		}
	}
	err = a.cfg.Store.Do(ctx, func(tx Tx) error {
		moved, err := tx.MoveRotationWatch(ctx, age.Milliseconds(), passed, next)
		switch {
		case err != nil:
			return err
		case !moved:
			return errPassed
		}
		told, err = tellOverdue(ctx, tx, age, due)
		return err
	})
	if errors.Is(err, errPassed) {
		return 0, nil
	}
	return told, err
}

// overdue returns the announcement of a secret whose age this is, nil for
// others, and for those that have ended or are being replaced.
func (a *Authority) overdue(ctx context.Context, age time.Duration, t *token.Token) (*announcement, error) {
	if t.RetiresAt != 0 || t.Pending() {
		return nil, nil
	}
	if t.Successor != 0 {
		r, err := a.cfg.Store.RotationTo(ctx, t.Successor)
		if err != nil || r != nil && r.Open() {
			return nil, err
		}
	}
	w, err := a.cfg.Judge.Workspace(ctx, t.Workspace)
	if err != nil || w == nil || policy.RotationAge(w.Policy.At(a.cfg.Now().UnixMilli()), t) != age {
		return nil, err
	}
	stands, err := a.stands(ctx, t)
	if err != nil || !stands {
		return nil, err
	}
	return &announcement{token: t, workspace: w}, nil
}

func tellOverdue(ctx context.Context, tx Tx, age time.Duration, due []announcement) (int, error) {
	ids := make([]token.ID, len(due))
	for i := range due {
		ids[i] = due[i].token.ID
	}
	fresh, err := tx.Notice(ctx, token.NoticeRotate, ids)
	if err != nil {
		return 0, err
	}
	var outbox []token.Delivery
	for _, one := range due {
		if !fresh[one.token.ID] {
			continue
		}
		t := one.token
		e := audit.Note(time.UnixMilli(tx.Now()), rotating, one.workspace.ID, "rotation.due", targetOf(t), map[string]any{
			"kind": t.Kind, "secret": t.ID.String(), "last_four": t.LastFour, "age_days": int64(age / (24 * time.Hour)), "owner": t.Owner, "client": t.Client,
		})
		out, err := audit.Deliveries(one.workspace, e)
		if err != nil {
			return 0, err
		}
		outbox = append(outbox, out...)
	}
	return len(fresh), tx.Records(ctx, nil, outbox)
}
