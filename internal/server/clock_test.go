package server

import (
	"testing"
	"time"
)

// A wall is a clock that somebody sets, over a monotonic one that only goes on.
// Go's own times carry both; Add moves both, and a zone-less Round drops one.
func TestClockNeverGoesBackAndNeverStops(t *testing.T) {
	base := time.Now()
	set, gone := time.Duration(0), time.Duration(0)
	s := &steady{start: base.Round(0)}
	s.wall = func() time.Time { return base.Round(0).Add(gone + set) }
	last := s.now()
	for _, step := range []struct {
		name     string
		set, pas time.Duration
		want     time.Duration // at least, since the last
	}{
		{"a minute passes", 0, time.Minute, time.Minute},
		{"set forward an hour", time.Hour, 0, time.Hour},
		{"set back two hours", -2 * time.Hour, 0, 0},
		{"a minute passes behind", 0, time.Minute, 0},
		{"three hours pass", 0, 3 * time.Hour, time.Hour},
	} {
		set += step.set
		gone += step.pas
		got := s.now()
		if since := got.Sub(last); since < step.want || since < 0 {
			t.Errorf("%s: got %v later, want at least %v", step.name, since, step.want)
		}
		last = got
	}
}

func TestClockGoesOnByTheMonotonicOneWhenTheWallIsSetBack(t *testing.T) {
	s := newSteady(time.Now)
	s.ahead.Store(int64(time.Hour)) // the wall was an hour ahead once, and was set back
	one := s.now()
	for s.now().Equal(one) { // the monotonic clock goes on by itself
	}
	if ahead := time.Until(s.now()); ahead < 59*time.Minute {
		t.Errorf("got %v ahead of the wall, want about an hour: it went back", ahead)
	}
}
