package authority

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/keys"
	"github.com/fichadev/ficha/internal/token"
)

// patience is how long the one who asked for a run waits for it; what is left
// then is worked off by whoever comes by.
const patience = 2 * time.Second

// WorkOff continues the runs that are not finished, the oldest first. Each step
// is a commit of its own and begins where the last one ended, so that a run
// which was broken off anywhere loses nothing and repeats nothing. A run that
// fails does not keep the others from being worked off, and is given up in the
// end.
func (a *Authority) WorkOff(ctx context.Context, _ time.Time) error {
	left, err := a.cfg.Store.RunningRevocations(ctx, mostRuns)
	for _, r := range left {
		if fault := a.work(ctx, r, time.Minute); fault != nil {
			err = errors.Join(err, fmt.Errorf("revocation %v: %w", r.ID, fault))
		}
	}
	return err
}

// mostRuns bounds the runs of one WorkOff.
const mostRuns = 16

// runFor takes steps of a run until it is finished or the time is over, or
// somebody else takes them.
func (a *Authority) runFor(ctx context.Context, r *token.Revocation, most time.Duration) error {
	began := a.cfg.Now()
	for r.Running && a.cfg.Now().Sub(began) < most {
		won, err := a.step(ctx, r)
		if err != nil || !won {
			return err
		}
	}
	return nil
}

// step does one page of a run. It reports false, and has done nothing, if
// another node did that page.
func (a *Authority) step(ctx context.Context, r *token.Revocation) (won bool, err error) {
	page, err := a.nextPage(ctx, r)
	if err != nil {
		return false, err
	}
	next, lost := *r, false
	err = a.cfg.Store.Do(ctx, func(tx Tx) (err error) {
		next = *r
		next.Failures, next.NextAt, next.Fault = 0, 0, ""
		if err = a.sweepPage(ctx, tx, &next, page); err != nil {
			return err
		}
		won, err = tx.AdvanceRevocation(ctx, &next, r.Reached)
		if lost = err == nil && !won; lost {
			return lostRace() // nothing of this page is ours to do
		}
		return err
	})
	switch {
	case err == nil:
		*r = next
	case lost:
		return false, nil
	}
	return won, err
}

// nextPage reads what a run looks at next. A suspension whose end has come has
// nothing more to do: all of it would open at once.
func (a *Authority) nextPage(ctx context.Context, r *token.Revocation) (*token.Page, error) {
	if r.Until != 0 && r.Until <= a.cfg.Now().UnixMilli() {
		return &token.Page{}, nil
	}
	w, err := a.continued(ctx, r)
	if err != nil {
		return nil, err
	}
	w.filter.Before = r.Reached
	page, err := a.cfg.Store.Inventory(ctx, w.filter)
	if err != nil {
		return nil, err
	}
	return page, a.leaveUsed(ctx, r, page)
}

// sweepPage does the deed to a page of tokens and moves the run behind it; the
// last page leaves a record of how many there were.
func (a *Authority) sweepPage(ctx context.Context, tx Tx, r *token.Revocation, page *token.Page) error {
	home, err := tx.Workspace(ctx, r.Workspace)
	if err != nil {
		return err
	}
	for _, t := range page.Tokens {
		if !r.Meant(t) {
			continue
		}
		did, err := a.sweepOne(ctx, tx, home, r, t)
		if err != nil {
			return err
		}
		if did {
			r.Count++
		}
	}
	if r.Reached = page.Next; r.Reached != 0 {
		return nil
	}
	r.Running, r.FinishedAt = false, tx.Now()
	return record(ctx, tx, home, audit.Note(time.UnixMilli(tx.Now()), r.Actor, r.Workspace, "revocation.finished", onRevocation(r),
		map[string]any{"act": r.Act, "count": r.Count, "reason": r.Reason}))
}

// continued finds what a run is about, as it was when it began. Among what was
// rotated since it was given up no age is asked for: those secrets are younger
// than what they took the place of, by which Meant and leaveUsed judge.
func (a *Authority) continued(ctx context.Context, r *token.Revocation) (*swept, error) {
	s := Sweep{Workspace: r.Workspace, Act: r.Act, By: r.Predicate, Reason: r.Reason}
	w := &swept{Sweep: s, who: r.Actor, filter: s.filter(time.UnixMilli(r.At()))}
	if r.Young(r.Reached) {
		w.filter.CreatedBefore, w.filter.IdleSince = 0, 0
	}
	return w, a.resolve(ctx, w)
}

// leaveUsed takes out of a page what a run on idle tokens is not about: where no
// age was asked for, what was made or used since they are idle.
func (a *Authority) leaveUsed(ctx context.Context, r *token.Revocation, page *token.Page) error {
	if r.Predicate.IdleDays == 0 || !r.Young(r.Reached) {
		return nil
	}
	since := idleSince(time.UnixMilli(r.At()), r.Predicate.IdleDays)
	var secrets []token.ID
	for _, t := range page.Tokens {
		secrets = append(secrets, t.ID, r.Origin(t))
	}
	seen, err := a.LastUses(ctx, secrets)
	page.Tokens = slices.DeleteFunc(page.Tokens, func(t *token.Token) bool {
		was := r.Origin(t)
		return was.Time().UnixMilli() >= since || max(seen[t.ID].Last, seen[was].Last) >= since
	})
	return err
}

// sweepOne does the deed to one token and reports whether it did. Those that
// somebody holds on purpose get a record each; of routine ones the run's counts
// are the record, as their issue has none either.
func (a *Authority) sweepOne(ctx context.Context, tx Tx, home *token.Workspace, r *token.Revocation, t *token.Token) (did bool, err error) {
	detail := map[string]any{"reason": r.Reason}
	var action string
	switch r.Act {
	case token.Revoke:
		action, detail["kind"] = "token.revoked", t.Kind
		did, err = endWhole(ctx, tx, r.Actor, t, r.Reason)
	case token.Suspend:
		action, detail["until"] = "token.suspended", r.Until
		did, err = switchOne(ctx, tx, t, r.At(), r.Until)
	case token.Resume:
		action, detail["until"] = "token.resumed", int64(0)
		did, err = switchOne(ctx, tx, t, 0, 0)
	}
	if err != nil || !did || !governed(t.Kind) {
		return did, err
	}
	return true, record(ctx, tx, home, audit.Note(time.UnixMilli(tx.Now()), r.Actor, r.Workspace, action, targetOf(t), detail))
}

// switchOne suspends a token of a page, or, at 0, resumes it, and reports whether
// it did. What somebody else decided of it since the page was read stands: one
// that is suspended, or waits to be approved, is theirs to resume.
func switchOne(ctx context.Context, tx Tx, t *token.Token, at, until int64) (bool, error) {
	if _, err := tx.LockToken(ctx, t.ID); err != nil {
		return false, err
	}
	row, err := tx.Token(ctx, t.ID)
	if err != nil || row == nil {
		return false, err
	}
	switch s := row.Status(tx.Now()); {
	case at != 0 && (s == "suspended" || s == "waiting"):
		return false, nil
	case at == 0 && (s != "suspended" || row.SuspendedAt != t.SuspendedAt):
		return false, nil
	}
	return suspendWhole(ctx, tx, row, at, until)
}

// receiptOf returns the claims of a receipt.
func receiptOf(r *token.Revocation, issuer string) map[string]any {
	return map[string]any{
		"iss": issuer, "jti": r.ID.String(), "iat": r.At() / 1000, "workspace": r.Workspace, "act": r.Act, "by": r.Predicate, "reason": r.Reason,
		"count": r.Count, "at_least": r.AtLeast, "position": r.Position, "event": r.Event.String(), "state": r.State(), "finished_at": r.FinishedAt / 1000,
	}
}

func (a *Authority) signReceipt(claims map[string]any) (string, error) {
	signer, err := a.cfg.Ring.Signer(keys.ES256)
	if err != nil {
		return "", fmt.Errorf("sign a receipt: %w", err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("write a receipt: %w", err)
	}
	jws, err := signer.SignAs(receiptType, nil, payload)
	return string(jws), err
}

// mostBrownout is the longest suspension that ends by itself as a trial.
const mostBrownout = 24 * time.Hour

// Brownout suspends a live token for a while, to see who still needs it before
// it is ended: it opens again by itself. It refuses with Invalid for under a
// minute or over a day, with Conflict what has ended or is suspended.
func (a *Authority) Brownout(ctx context.Context, who token.Actor, t *token.Token, lasts time.Duration) error {
	if lasts < time.Minute || lasts > mostBrownout {
		return token.AtField("minutes", "must be from 1 to %d", int64(mostBrownout/time.Minute))
	}
	return a.cfg.Store.Do(ctx, func(tx Tx) error {
		now := time.UnixMilli(tx.Now())
		if _, err := tx.LockToken(ctx, t.ID); err != nil {
			return err
		}
		row, err := tx.Token(ctx, t.ID)
		if err != nil {
			return err
		}
		if row == nil || !row.Live(tx.Now()) {
			return token.Errorf(token.Conflict, "the token is suspended or has ended: there is nothing to try").Because(token.Lost)
		}
		until := now.Add(lasts).UnixMilli()
		if _, err := suspendWhole(ctx, tx, t, tx.Now(), until); err != nil {
			return err
		}
		w, err := tx.Workspace(ctx, t.Workspace)
		if err != nil {
			return err
		}
		return record(ctx, tx, w, audit.Note(now, who, t.Workspace, "token.suspended", targetOf(t),
			map[string]any{"reason": "brownout", "until": until, "brownout": true}))
	})
}
