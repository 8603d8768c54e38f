package web

import (
	"context"
	"sync"
	"time"
)

// clock is the context of one call, with its deadline. A timer and a goroutine's
// worth of bookkeeping are made only when somebody waits: a check that is
// answered from memory passes a context along and never asks it for Done, and
// pays nothing. It may be used by many at once.
type clock struct {
	context.Context // of the connection
	now             func() time.Time
	at              time.Time // the deadline

	mu     sync.Mutex
	armed  context.Context // nil until somebody waits
	cancel context.CancelFunc
}

// arm returns a context that ends by itself.
func (d *clock) arm() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.armed == nil {
		d.armed, d.cancel = context.WithTimeout(d.Context, d.at.Sub(d.now()))
	}
	return d.armed
}

// current returns the armed context, or nil.
func (d *clock) current() context.Context {
	armed, _ := d.state()
	return armed
}

// state returns the armed context, or nil, and the deadline.
func (d *clock) state() (context.Context, time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.armed, d.at
}

// move sets another deadline. Who waits for the one before goes on to do so.
func (d *clock) move(at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	former := d.cancel
	d.at, d.armed, d.cancel = at, nil, nil
	if former == nil {
		return
	}
	armed, cancel := context.WithTimeout(d.Context, at.Sub(d.now()))
	d.armed, d.cancel = armed, func() { former(); cancel() }
}

// stop releases the timer.
func (d *clock) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cancel != nil {
		d.cancel()
	}
}

func (d *clock) Done() <-chan struct{} { return d.arm().Done() }

func (d *clock) Deadline() (time.Time, bool) { return d.arm().Deadline() }

func (d *clock) Err() error {
	armed, at := d.state()
	if armed != nil {
		return armed.Err()
	}
	if err := d.Context.Err(); err != nil {
		return err
	}
	if !d.now().Before(at) {
		return context.DeadlineExceeded
	}
	return nil
}

// Value goes through the armed context, where package context finds its own
// and spares the goroutine that it needs for a stranger's.
func (d *clock) Value(key any) any {
	if armed := d.current(); armed != nil {
		return armed.Value(key)
	}
	return d.Context.Value(key)
}
