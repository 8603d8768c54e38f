package jobs

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// meter writes as many commits as it has room for.
type meter struct{ commits, rows, room int }

var errMeter = errors.New("no database")

func (m *meter) write(_ context.Context, rows []int) error {
	if m.commits >= m.room {
		return errMeter
	}
	m.commits++
	m.rows += len(rows)
	return nil
}

func TestRowsWaitForADatabaseThatDoesNotAnswer(t *testing.T) {
	m, lost := &meter{room: 1}, 0
	next := make([]int, flushStep+10)
	j := Flush[int]{
		Name: "rows", Every: time.Second, Held: 2000, Take: func() []int { return next }, Write: m.write, Lost: func(n int) { lost += n },
	}.Job()
	if !j.AtStop || !j.EachNode {
		t.Error("what a node holds is its own, and the last is written when it stops")
	}
	run := func(rows int, want error) {
		t.Helper()
		next = make([]int, rows)
		if err := j.Run(t.Context(), time.Time{}); !errors.Is(err, want) {
			t.Errorf("err = %v, want %v", err, want)
		}
	}
	run(flushStep+10, errMeter) // the first step is written
	run(2500, errMeter)         // a long outage
	m.room = 1 << 20
	run(0, nil)
	if want := flushStep + 2000; m.rows != want || lost != 510 {
		t.Errorf("%d rows written and %d lost, want %d and 510", m.rows, lost, want)
	}
	run(0, nil)
	if m.rows != flushStep+2000 {
		t.Error("rows were written twice")
	}
}

func TestSingleUsesAreWrittenEachSecond(t *testing.T) {
	var wrote []token.UseRecord
	write := func(_ context.Context, rows []token.UseRecord) error { wrote = append(wrote, rows...); return nil }
	records := FlushRecords(func() []token.UseRecord { return make([]token.UseRecord, 3) }, write, func(int) {})
	traffic := FlushTraffic(func() []token.Traffic { return nil }, func(context.Context, []token.Traffic) error { return errMeter }, func(int) {})
	if err := records.Run(t.Context(), time.Time{}); err != nil || len(wrote) != 3 || records.Every != time.Second {
		t.Errorf("%d written, %v, every %v", len(wrote), err, records.Every)
	}
	if err := traffic.Run(t.Context(), time.Time{}); err != nil || traffic.Every != 10*time.Second {
		t.Errorf("nothing to write is a fault: %v", err)
	}
}
