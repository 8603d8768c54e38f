package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// flushStep is how many rows are written in one commit.
const flushStep = 500

// A Flush says what a node collects in memory and writes down now and then: what
// was taken waits for a database that does not answer, as far as there is room.
type Flush[T any] struct {
	Name  string
	Every time.Duration
	Take  func() []T
	Write func(ctx context.Context, rows []T) error // all of them, or nothing
	Held  int                                       // most rows that wait
	Lost  func(rows int)                            // told what found no room; it may be called with none
}

// Job returns the job, which also runs when the node stops.
func (f Flush[T]) Job() Job {
	var held []T
	return Job{Name: f.Name, Every: f.Every, EachNode: true, AtStop: true, Run: func(ctx context.Context, _ time.Time) error {
		fresh := f.Take()
		room := min(len(fresh), f.Held-len(held))
		held = append(held, fresh[:room]...)
		f.Lost(len(fresh) - room)
		for len(held) > 0 {
			n := min(len(held), flushStep)
			if err := f.Write(ctx, held[:n]); err != nil {
				return fmt.Errorf("%d rows wait: %w", len(held), err)
			}
			held = held[n:]
		}
		held = nil
		return nil
	}}
}

// FlushTraffic returns the job that writes down every 10 s what was counted.
func FlushTraffic(take func() []token.Traffic, write func(context.Context, []token.Traffic) error, lost func(int)) Job {
	return Flush[token.Traffic]{Name: "traffic", Every: 10 * time.Second, Take: take, Write: write, Held: 1 << 17, Lost: lost}.Job()
}

// FlushRecords returns the job that writes down every second which single uses
// were recorded.
func FlushRecords(take func() []token.UseRecord, write func(context.Context, []token.UseRecord) error, lost func(int)) Job {
	return Flush[token.UseRecord]{Name: "use_records", Every: time.Second, Take: take, Write: write, Held: 1 << 15, Lost: lost}.Job()
}

// FlushNeeds returns the job that writes down every 10 s who was refused because
// a secret is suspended.
func FlushNeeds(take func() []token.Need, write func(context.Context, []token.Need) error, lost func(int)) Job {
	return Flush[token.Need]{Name: "needs", Every: 10 * time.Second, Take: take, Write: write, Held: 1 << 15, Lost: lost}.Job()
}
