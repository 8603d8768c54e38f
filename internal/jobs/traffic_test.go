package jobs

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// meter is TrafficTo that fails after so many commits.
type meter struct {
	commits, rows, room int
	fault               error
}

func (m *meter) FlushTraffic(_ context.Context, counts []token.Traffic) error {
	if m.commits >= m.room {
		return m.fault
	}
	m.commits++
	m.rows += len(counts)
	return nil
}

func TestTrafficWaitsForADatabaseThatDoesNotAnswer(t *testing.T) {
	m := &meter{room: 1, fault: errors.New("no database")}
	next := make([]token.Traffic, trafficStep+10)
	j := FlushTraffic(func() []token.Traffic { return next }, m)
	if !j.AtStop || !j.EachNode {
		t.Error("a node's traffic is its own, and the last is written when it stops")
	}
	if err := j.Run(t.Context(), time.Time{}); !errors.Is(err, m.fault) || m.rows != trafficStep {
		t.Fatalf("%d rows, %v; want the first %d and the fault", m.rows, err, trafficStep)
	}
	next = make([]token.Traffic, trafficHeld) // a long outage
	if err := j.Run(t.Context(), time.Time{}); !errors.Is(err, m.fault) {
		t.Fatal(err)
	}
	next, m.room = nil, 1<<20
	if err := j.Run(t.Context(), time.Time{}); err != nil || m.rows != trafficStep+trafficHeld {
		t.Errorf("%d rows, %v; want %d: what waited is bounded, and is written once", m.rows, err, trafficStep+trafficHeld)
	}
	if err := j.Run(t.Context(), time.Time{}); err != nil || m.rows != trafficStep+trafficHeld {
		t.Errorf("%d rows, %v after nothing was counted", m.rows, err)
	}
}
