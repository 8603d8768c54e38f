package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// TrafficTo keeps traffic: all that it is handed, or nothing of it.
type TrafficTo interface {
	FlushTraffic(ctx context.Context, counts []token.Traffic) error
}

const (
	trafficStep = 500     // rows in one commit
	trafficHeld = 1 << 17 // rows that wait for a database that does not answer
)

// FlushTraffic returns the job that writes down what this node counted since the
// last run, every 10 s and when it stops. What could not be written waits for
// the next run, as far as there is room.
func FlushTraffic(take func() []token.Traffic, to TrafficTo) Job {
	var held []token.Traffic
	return Job{Name: "traffic", Every: 10 * time.Second, EachNode: true, AtStop: true, Run: func(ctx context.Context, _ time.Time) error {
		fresh := take()
		held = append(held, fresh[:min(len(fresh), trafficHeld-len(held))]...)
		for len(held) > 0 {
			n := min(len(held), trafficStep)
			if err := to.FlushTraffic(ctx, held[:n]); err != nil {
				return fmt.Errorf("%d rows of traffic wait: %w", len(held), err)
			}
			held = held[n:]
		}
		held = nil
		return nil
	}}
}
