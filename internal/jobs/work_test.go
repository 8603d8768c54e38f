package jobs

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// heap is a Purger with so many rows.
type heap struct {
	left  int
	fault error
}

func (h *heap) Purge(context.Context) (int, error) {
	if h.fault != nil {
		return 0, h.fault
	}
	n := min(h.left, 500)
	h.left -= n
	return n, nil
}

func TestPurgeGoesOnUntilNothingIsLeft(t *testing.T) {
	h := &heap{left: 2345}
	if err := Purge(h).Run(t.Context(), time.Time{}); err != nil || h.left != 0 {
		t.Errorf("%d rows left, %v", h.left, err)
	}
	h.fault = errors.New("disk full")
	if err := Purge(h).Run(t.Context(), time.Time{}); !errors.Is(err, h.fault) {
		t.Errorf("err = %v, want the store's", err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	h = &heap{left: 1}
	if err := Purge(h).Run(over, time.Time{}); err != nil || h.left != 1 {
		t.Errorf("past its time it purged %d rows, %v", 1-h.left, err)
	}
}

// calendar is Days of which one part fails.
type calendar struct {
	ensured, dropped time.Time
	days             int
	fault            error
}

func (c *calendar) EnsurePartitions(_ context.Context, now time.Time, days int) error {
	c.ensured, c.days = now, days
	return c.fault
}

func (c *calendar) DropPartitions(_ context.Context, now time.Time) error {
	c.dropped = now
	return nil
}

func TestOldDaysGoEvenIfNewOnesCannotBeMade(t *testing.T) {
	c, now := &calendar{fault: errors.New("locked")}, time.Unix(1e9, 0)
	err := Partitions(c).Run(t.Context(), now)
	if !errors.Is(err, c.fault) || !c.ensured.Equal(now) || !c.dropped.Equal(now) || c.days != daysAhead {
		t.Errorf("%+v, %v", c, err)
	}
}

// ledger is UsesTo that keeps some and fails.
type ledger struct {
	kept  map[token.ID]token.Seen
	fault error
}

func (l *ledger) FlushUses(_ context.Context, uses map[token.ID]token.Seen) error {
	if l.fault != nil {
		return l.fault
	}
	for id, seen := range uses {
		l.kept[id] = l.kept[id].And(seen)
		delete(uses, id)
	}
	return nil
}

func TestUsesWaitForADatabaseThatDoesNotAnswer(t *testing.T) {
	l := &ledger{kept: map[token.ID]token.Seen{}, fault: errors.New("no database")}
	var noted map[token.ID]token.Seen
	j := FlushUses(func() map[token.ID]token.Seen { return noted }, l)
	if !j.AtStop || !j.EachNode {
		t.Error("a node's uses are its own, and the last are written when it stops")
	}
	run := func(uses map[token.ID]token.Seen, want error) {
		t.Helper()
		noted = uses
		if err := j.Run(t.Context(), time.Time{}); !errors.Is(err, want) {
			t.Errorf("err = %v, want %v", err, want)
		}
	}
	run(map[token.ID]token.Seen{1: {First: 1, Last: 2, Count: 3}}, l.fault)
	run(map[token.ID]token.Seen{1: {First: 4, Last: 5, Count: 6, Route: "/late"}, 2: {First: 7, Last: 7, Count: 1}}, l.fault)
	l.fault = nil
	run(nil, nil)
	want := map[token.ID]token.Seen{1: {First: 1, Last: 5, Count: 9, Route: "/late"}, 2: {First: 7, Last: 7, Count: 1}}
	if !maps.Equal(l.kept, want) {
		t.Errorf("kept %v, want %v", l.kept, want)
	}
	l.kept = map[token.ID]token.Seen{}
	run(nil, nil)
	if len(l.kept) != 0 {
		t.Errorf("%v was written twice", l.kept)
	}
}

func TestWorkOfEachNodeNeedsNoClaim(t *testing.T) {
	ran := 0
	work := func(context.Context, time.Time) error { ran++; return nil }
	for _, j := range []Job{Seal(work), TurnKeys(work, 30*time.Second)} {
		if err := j.Run(t.Context(), time.Time{}); err != nil || !j.EachNode || j.Every <= 0 || j.Name == "" {
			t.Errorf("%+v: %v", j, err)
		}
	}
	if ran != 2 {
		t.Errorf("%d runs, want 2", ran)
	}
}
