package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// TellExpiries returns the job that gives the notices that are due. A run that
// nobody was there for delays them and skips none.
func TellExpiries(tell func(ctx context.Context) error) Job {
	return Job{Name: "expiry", Every: time.Minute, Run: func(ctx context.Context, _ time.Time) error { return tell(ctx) }}
}

// mostHeld bounds the uses that wait for a database that does not answer.
const mostHeld = 1 << 20

// TellLateUses returns the job that tells of expired tokens that this node was
// shown since the last run, every 10 s and when it stops. tell takes what it has
// told of out of the map; the rest waits for the next run.
func TellLateUses(take func() map[token.ID]token.Seen, tell func(context.Context, map[token.ID]token.Seen) error) Job {
	held := map[token.ID]token.Seen{}
	return Job{Name: "late uses", Every: 10 * time.Second, EachNode: true, AtStop: true, Run: func(ctx context.Context, _ time.Time) error {
		for id, seen := range take() {
			if had, ok := held[id]; ok || len(held) < mostHeld {
				held[id] = had.And(seen)
			}
		}
		if err := tell(ctx, held); err != nil {
			return fmt.Errorf("%d uses of expired tokens wait: %w", len(held), err)
		}
		return nil
	}}
}

// CountExpiring returns the job that counts what expires soon, for the metrics
// of each node.
func CountExpiring(count func(ctx context.Context, now time.Time) error) Job {
	return Job{Name: "expiring", Every: 10 * time.Minute, EachNode: true, Run: count}
}
