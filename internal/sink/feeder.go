package sink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// Ledger is where sealed records are read, and where it is kept how far a sink
// is. Seals have no gaps within a workspace and get their places after their
// commit: who has had all up to a place has missed no record that is sealed.
type Ledger interface {
	SeeSink(ctx context.Context, name string) error
	PlaceSeals(ctx context.Context) (bool, error)
	Sink(ctx context.Context, name string) (token.SinkState, error)
	Waiting(ctx context.Context, after int64) (records []*token.Event, upTo int64, err error)
	MoveSink(ctx context.Context, name string, from, to int64) (bool, error)
}

const (
	turn       = time.Minute      // how long one run feeds
	patience   = 30 * time.Second // how long one batch may take
	idle       = time.Second      // between two looks
	mostPause  = 16 * time.Second // between two tries
	firstPause = time.Second
)

// A Feeder brings records to one sink. All fields are required.
type Feeder struct {
	Sink   *Sink
	Ledger Ledger
	Log    *slog.Logger
	Failed func(sink string) // is told of each batch that was not taken
}

// Run feeds the sink for a minute, which is one run of a job that one node at a
// time does. It returns the last fault if the sink did not take its last batch.
// No transaction is open while it waits for the sink.
func (f *Feeder) Run(ctx context.Context, _ time.Time) error {
	if err := f.Ledger.SeeSink(ctx, f.Sink.Name); err != nil {
		return err
	}
	over := time.NewTimer(turn)
	defer over.Stop()
	pause := time.Duration(0)
	for {
		fed, err := f.Feed(ctx)
		switch {
		case ctx.Err() != nil:
			return nil // what was not acknowledged is sent again
		case err != nil:
			f.fault(ctx, err)
			pause = min(max(2*pause, firstPause), mostPause)
		case fed:
			pause = 0
		default:
			pause = idle
		}
		wait := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			wait.Stop()
			return nil
		case <-over.C:
			wait.Stop()
			return err
		case <-wait.C:
		}
	}
}

// errOutrun: another node took over, since this one was too slow for its turn.
var errOutrun = errors.New("another node feeds this sink now")

// Feed brings one batch to the sink and reports whether there was any. The sink
// is moved after it has acknowledged: if we die before, the records come again,
// each with the id that it had.
func (f *Feeder) Feed(ctx context.Context) (bool, error) {
	if _, err := f.Ledger.PlaceSeals(ctx); err != nil {
		return false, err
	}
	state, err := f.Ledger.Sink(ctx, f.Sink.Name)
	if err != nil {
		return false, err
	}
	records, upTo, err := f.Ledger.Waiting(ctx, state.Place)
	if err != nil || upTo == state.Place {
		return false, err
	}
	if len(records) > 0 { // none are left of seals whose records were purged
		within, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if err := f.Sink.send(within, records); err != nil {
			return false, err
		}
	}
	moved, err := f.Ledger.MoveSink(ctx, f.Sink.Name, state.Place, upTo)
	if err == nil && !moved {
		err = errOutrun
	}
	return true, err
}

func (f *Feeder) fault(ctx context.Context, err error) {
	f.Failed(f.Sink.Name)
	f.Log.WarnContext(ctx, "a sink of the audit takes nothing: its records wait", slog.String("sink", f.Sink.Name), slog.Any("error", err))
}

// Lag returns for how long the oldest sealed record has waited for a sink, and
// how many were purged before the sink had them.
func Lag(ctx context.Context, l Ledger, name string, now time.Time) (time.Duration, int64, error) {
	state, err := l.Sink(ctx, name)
	if err != nil {
		return 0, 0, fmt.Errorf("how far is sink %s: %w", name, err)
	}
	if state.Waiting == 0 {
		return 0, state.Lost, nil
	}
	return max(0, now.Sub(state.Waiting.Time())), state.Lost, nil
}
