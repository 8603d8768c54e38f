package server

import (
	"sync/atomic"
	"time"
)

// A steady clock never goes back: what had expired stays so when somebody sets
// the machine's clock back, and limits do not freeze, since it goes on by the
// monotonic clock from where it was. Set forward, it follows.
type steady struct {
	wall  func() time.Time
	start time.Time
	ahead atomic.Int64 // ns: how far the wall was ever ahead of the monotonic clock
	last  atomic.Int64 // ns since start that were told
}

func newSteady(wall func() time.Time) *steady { return &steady{wall: wall, start: wall()} }

// now returns the instant. It may be called by many at once.
func (s *steady) now() time.Time {
	w := s.wall()
	gone := w.Sub(s.start) // by the monotonic clock where the time carries one
	ahead := w.Round(0).Sub(s.start.Round(0)) - gone
	told := int64(gone) + raise(&s.ahead, int64(ahead))
	return s.start.Round(0).Add(time.Duration(raise(&s.last, told)))
}

// raise returns the larger of a value and what is held, and holds it.
func raise(held *atomic.Int64, value int64) int64 {
	for {
		had := held.Load()
		if value <= had {
			return had
		}
		if held.CompareAndSwap(had, value) {
			return value
		}
	}
}
