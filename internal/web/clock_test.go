package web

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func newClock(parent context.Context, timeout time.Duration) *clock {
	return &clock{Context: parent, now: time.Now, at: time.Now().Add(timeout)}
}

func TestDeadlineEndsWhoeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newClock(t.Context(), 10*time.Second)
		defer d.stop()
		child, cancel := context.WithCancel(d)
		defer cancel()
		start := time.Now()
		<-child.Done()
		if took := time.Since(start); took != 10*time.Second || !errors.Is(child.Err(), context.DeadlineExceeded) {
			t.Errorf("ended after %v with %v, want 10s and a deadline", took, child.Err())
		}
	})
}

func TestDeadlineIsKnownWithoutATimer(t *testing.T) {
	now := time.UnixMilli(1790000000000)
	d := &clock{Context: t.Context(), now: func() time.Time { return now }, at: now.Add(10 * time.Second)}
	defer d.stop()
	if d.Err() != nil || d.current() != nil {
		t.Errorf("a fresh context says %v, armed %v", d.Err(), d.current())
	}
	now = now.Add(10 * time.Second)
	if !errors.Is(d.Err(), context.DeadlineExceeded) || d.current() != nil {
		t.Errorf("past the deadline: %v, armed %v", d.Err(), d.current())
	}
	<-d.Done()
}

func TestCallerWhoLeavesEndsTheContext(t *testing.T) {
	for name, prepare := range map[string]func(*clock){"not armed": func(*clock) {}, "armed": func(d *clock) { d.Done() }} {
		t.Run(name, func(t *testing.T) {
			parent, leave := context.WithCancel(t.Context())
			d := newClock(parent, time.Hour)
			defer d.stop()
			prepare(d)
			leave()
			<-d.Done()
			if !errors.Is(d.Err(), context.Canceled) {
				t.Errorf("got %v, want canceled", d.Err())
			}
		})
	}
}

func TestDeadlineAndValuesPassThrough(t *testing.T) {
	type key struct{}
	d := newClock(context.WithValue(t.Context(), key{}, "v"), time.Hour)
	if d.Value(key{}) != "v" {
		t.Error("a value is lost before the timer")
	}
	if at, ok := d.Deadline(); !ok || time.Until(at) > time.Hour {
		t.Errorf("deadline %v %v, want within the hour", at, ok)
	}
	if d.Value(key{}) != "v" {
		t.Error("a value is lost after the timer")
	}
	d.stop()
	if !errors.Is(d.Err(), context.Canceled) {
		t.Errorf("a stopped context says %v", d.Err())
	}
}
