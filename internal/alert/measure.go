package alert

import (
	"math"
	"slices"

	"github.com/fichadev/ficha/internal/token"
)

// A Count is what a rule saw in one window.
type Count struct {
	Minutes  int64 `json:"minutes"`
	Requests int64 `json:"requests"`
	Bad      int64 `json:"bad"` // failed, or slower than the rule allows
}

// Share returns the share of bad requests, 0 where there were none.
func (c Count) Share() float64 {
	if c.Requests == 0 {
		return 0
	}
	return float64(c.Bad) / float64(c.Requests)
}

// Count counts what is the rule's among the traffic of a window.
func (r *Rule) Count(minutes int64, traffic []token.Traffic) Count {
	c := Count{Minutes: minutes}
	for i := range traffic {
		t := &traffic[i]
		if t.Class == r.Class && (r.Route == "" || r.Route == t.Route) && (r.Client == "" || r.Client == t.Client) {
			c.Requests += t.Count
			c.Bad += r.bad(t)
		}
	}
	return c
}

func (r *Rule) bad(t *token.Traffic) int64 {
	if r.Kind != Latency {
		return t.Errors
	}
	var slow int64
	within := slices.Index(token.TrafficBounds[:], r.OverMS) // of a checked rule
	for _, n := range t.Buckets[within+1:] {
		slow += n
	}
	return slow
}

// A Level says where a measure lies.
type Level int

// The levels. Between them lies what neither begins an incident nor ends one,
// so that a share that dances around its limit tells nobody twice.
const (
	Calm Level = iota
	Between
	Over
)

// calmShare is the part of the limit that has to be kept again before an
// incident may end.
const calmShare = 0.8

// Level returns where the windows lie together: over only if all are, calm as
// soon as one is. Few requests begin nothing; but what has begun is not ended by
// there being fewer, only by there being none or by their going well.
func (r *Rule) Level(windows []Count) Level {
	level := Over
	for _, c := range windows {
		level = min(level, r.level(c))
	}
	return level
}

func (r *Rule) level(c Count) Level {
	switch share, limit := c.Share(), r.Limit(); {
	case share > limit && c.Requests >= r.MinRequests && c.Bad >= r.MinBad:
		return Over
	case share > calmShare*limit:
		return Between
	}
	return Calm
}

// round keeps what a person wants to read of a number.
func round(x float64) float64 { return math.Round(x*1e6) / 1e6 }
