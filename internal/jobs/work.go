package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// A Purger deletes what ended long ago, a bounded step at a time; it returns
// the rows it looked at, 0 when nothing is left.
type Purger interface {
	Purge(ctx context.Context) (int, error)
}

// Purge returns the job that keeps the database small: tokens, grants, answers to
// retries, authorize requests, changes and audit rows past their time. What a run
// has no time for is left to the next.
func Purge(p Purger) Job {
	return Job{Name: "purge", Every: time.Minute, Run: func(ctx context.Context, _ time.Time) error {
		for ctx.Err() == nil {
			n, err := p.Purge(ctx)
			if err != nil && ctx.Err() == nil {
				return err
			}
			if n == 0 {
				return nil
			}
		}
		return nil
	}}
}

// daysAhead is how many days have their tables before they begin: so long may
// every node be away without a token that falls into the rest.
const daysAhead = 7

// Days keeps the tables of days.
type Days interface {
	EnsurePartitions(ctx context.Context, now time.Time, days int) error
	DropPartitions(ctx context.Context, now time.Time) error
}

// Partitions returns the job that makes the tables of coming days and drops
// those of days long gone. One that fails does not keep the other from being
// done.
func Partitions(d Days) Job {
	return Job{Name: "partitions", Every: time.Hour, Run: func(ctx context.Context, now time.Time) error {
		return errors.Join(d.EnsurePartitions(ctx, now, daysAhead), d.DropPartitions(ctx, now))
	}}
}

// Seal returns the job that seals the audit each second. Every node tries:
// where nothing waits it only reads, and of two nodes one wins.
func Seal(run func(ctx context.Context, now time.Time) error) Job {
	return Job{Name: "seal", Every: time.Second, EachNode: true, Run: run}
}

// TurnKeys returns the job that turns the signing keys over and loads those of
// other nodes.
func TurnKeys(turn func(ctx context.Context, now time.Time) error, every time.Duration) Job {
	return Job{Name: "keys", Every: every, EachNode: true, Run: turn}
}

// Uses are what a node has seen used and has not written yet.
type Uses interface {
	WriteUses(ctx context.Context, write func(ctx context.Context, uses token.Uses, wrote func(more int)) error) error
}

// UsesTo keeps uses, a portion at a time, and says after each what it has kept.
type UsesTo interface {
	FlushUses(ctx context.Context, uses token.Uses, wrote func(more int)) error
}

const usesEvery = 10 * time.Second

// FlushUses returns the job that writes down what this node has seen used, every
// 10 s and when it stops. What could not be written waits for the next run.
func FlushUses(of Uses, to UsesTo) Job {
	return Job{Name: "uses", Every: usesEvery, EachNode: true, AtStop: true, Run: func(ctx context.Context, _ time.Time) error {
		return of.WriteUses(ctx, func(ctx context.Context, uses token.Uses, wrote func(more int)) error {
			left := uses.Len
			if left == 0 {
				return nil
			}
			err := to.FlushUses(ctx, uses, func(more int) {
				wrote(more)
				if left -= more; left > 0 {
					breathe(ctx, usesEvery/2*time.Duration(more)/time.Duration(uses.Len))
				}
			})
			if err != nil {
				return fmt.Errorf("%d uses wait: %w", left, err)
			}
			return nil
		})
	}}
}

// breathe lets others write for a while, 20 ms at most: a hundred thousand uses
// at once would keep them waiting for a second. When the node stops there is
// nobody to wait for.
func breathe(ctx context.Context, pause time.Duration) {
	if isLast(ctx) {
		return
	}
	select {
	case <-time.After(min(pause, 20*time.Millisecond)):
	case <-ctx.Done():
	}
}

// Remind returns the job that tells of secrets that should be replaced by now.
func Remind(remind func(ctx context.Context) (int, error)) Job {
	return Job{Name: "rotations_due", Every: time.Hour, Run: func(ctx context.Context, _ time.Time) error {
		_, err := remind(ctx)
		return err
	}}
}

// Retire returns the job that ends the secrets whose grace is over. The judge
// refuses them at that instant by itself; this writes down that it is so. Every
// node tries, which writes nothing where nothing is due.
func Retire(due func(ctx context.Context, limit int) (int, error)) Job {
	return Job{Name: "rotations", Every: 10 * time.Second, EachNode: true, Run: func(ctx context.Context, _ time.Time) error {
		const step = 100
		for ctx.Err() == nil {
			if n, err := due(ctx, step); err != nil || n < step {
				return err
			}
		}
		return nil
	}}
}
