package authority

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

const (
	// mostFailures is how often in a row a step of a run is tried: the pauses in
	// between are some eight minutes together.
	mostFailures = 10
	longestPause = 2 * time.Minute
)

// pauseAfter returns how long a run rests after so many failures in a row.
func pauseAfter(failures int64) time.Duration { return min(time.Second<<failures, longestPause) }

// work takes steps of a run as runFor does, and notes of one that failed that it
// did. A run keeps rotations of its workspace waiting: one that cannot go on is
// given up, so that they are let go, until somebody tries it again. That we were
// broken off is no failure of the run.
func (a *Authority) work(ctx context.Context, r *token.Revocation, most time.Duration) error {
	fault := a.runFor(ctx, r, most)
	if fault == nil || ctx.Err() != nil {
		return fault
	}
	return errors.Join(fault, a.stumble(ctx, r, fault))
}

// stumble counts a failed step, and gives the run up at the last. Who cannot
// write that down has not counted it: while there is no database nothing is
// given up. What keeps a run from going on may keep its record from being written
// too: then a second transaction gives it up without one, and the log says so.
func (a *Authority) stumble(ctx context.Context, r *token.Revocation, fault error) error {
	err := a.countFailure(ctx, r, fault, noteGivenUp)
	if err != nil && r.Failures+1 >= mostFailures {
		err = fmt.Errorf("put on record that it was given up: %w", err)
		if failed := a.countFailure(ctx, r, fault, nil); failed != nil {
			return errors.Join(err, failed)
		}
	}
	if r.Failed {
		a.cfg.Log.ErrorContext(ctx, "a revocation was given up: mend what keeps it from going on, and try it again", slog.String("id", r.ID.String()), slog.Any("error", errors.Join(fault, err)))
	}
	return err
}

// countFailure moves a run on by a failed step, unless somebody else did, and
// puts on record that it was given up where put is not nil.
func (a *Authority) countFailure(ctx context.Context, r *token.Revocation, fault error, put func(context.Context, Tx, *token.Revocation) error) error {
	next := *r
	err := a.cfg.Store.Do(ctx, func(tx Tx) error {
		next = *r
		next.Failures++
		next.Fault = saidOf(fault)
		next.NextAt = tx.Now() + pauseAfter(next.Failures).Milliseconds()
		if next.Failures >= mostFailures {
			next.Running, next.Failed, next.NextAt, next.FinishedAt = false, true, 0, tx.Now()
		}
		won, err := tx.StumbleRevocation(ctx, &next)
		if err != nil || !won {
			next = *r
			return err
		}
		if !next.Failed || put == nil {
			return nil
		}
		return put(ctx, tx, &next)
	})
	if err == nil {
		*r = next
	}
	return err
}

func noteGivenUp(ctx context.Context, tx Tx, r *token.Revocation) error {
	home, err := tx.Workspace(ctx, r.Workspace)
	if err != nil {
		return err
	}
	return record(ctx, tx, home, audit.Note(time.UnixMilli(tx.Now()), token.Actor{Kind: token.System, ID: "revocations"}, r.Workspace, "revocation.failed",
		onRevocation(r), map[string]any{"act": r.Act, "count": r.Count, "reason": r.Reason, "fault": r.Fault}))
}

// saidOf says why a step failed to those who asked for the run: what is a fault
// of ours, or is behind a refusal, stands in the log alone.
func saidOf(fault error) string {
	if r := token.AsRefusal(fault); r != nil {
		return string(r.Code) + ": " + r.Text
	}
	return "a fault of the server, which its log describes"
}

// RetryRevocation lets a run that was given up go on, and returns how far it is.
// What it has done is not done again, what was minted since it began is not hit,
// and what was rotated since it was given up is. It takes who may begin such a
// run, and changes nothing of one that runs or is done. NotFound says that the
// workspace has no such run.
func (a *Authority) RetryRevocation(ctx context.Context, who token.Actor, workspace string, id token.ID) (*token.Revocation, error) {
	var r *token.Revocation
	again := false
	err := a.cfg.Store.Do(ctx, func(tx Tx) (err error) {
		if r, err = tx.Revocation(ctx, workspace, id); err != nil {
			return err
		}
		if r == nil {
			return token.Errorf(token.NotFound, "there is no such revocation in this workspace")
		}
		if err := maySweep(ctx, tx, who, workspace, r.Predicate); err != nil {
			return err
		}
		if again = r.Failed; !again {
			return nil
		}
		return retry(ctx, tx, who, r)
	})
	if err != nil {
		return nil, err
	}
	if again {
		a.hurry(ctx, r)
	}
	return r, nil
}

func retry(ctx context.Context, tx Tx, who token.Actor, r *token.Revocation) error {
	if r.Passed == 0 || r.Reached < r.Passed {
		r.Passed, r.PassedAt = r.Reached, r.FinishedAt
	}
	if err := fromNewest(ctx, tx, r); err != nil {
		return err
	}
	if won, err := tx.RetryRevocation(ctx, r); err != nil || !won {
		return orElse(err, token.Errorf(token.Conflict, "somebody else tries it again at this moment; look at it again").Because(token.Lost))
	}
	r.Running, r.Failed, r.Failures, r.NextAt, r.Fault, r.FinishedAt = true, false, 0, 0, "", 0
	home, err := tx.Workspace(ctx, r.Workspace)
	if err != nil {
		return err
	}
	return note(ctx, tx, who, home, "revocation.retried", onRevocation(r), map[string]any{"act": r.Act, "count": r.Count, "reason": r.Reason})
}
