package token

import "time"

// TrafficBounds are the upper edges of the latencies that traffic is counted by,
// in ms; what is slower falls into one bucket more.
var TrafficBounds = [...]int64{5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000}

// The classes of traffic: what comes from networks of the house, and the rest.
const (
	Internal = "internal"
	External = "external"
)

// A Request is one request of a protected service, as we or the service saw it.
type Request struct {
	At        int64 // ms
	Workspace string
	Route     string // a declared name, never a path
	Client    string
	Class     string // Internal | External
	Status    int
	Took      time.Duration
}

// A Traffic is what one minute saw of one route of a protected service: in one
// workspace, by one client, of one class. Several add up to one of several
// minutes.
type Traffic struct {
	Minute    int64 // ms, the start of the minute; of a sum, that of the first
	Workspace string
	Route     string // a declared name, "other" for the rest
	Client    string // "" where a token has none or was unknown
	Class     string // Internal | External

	Count   int64
	Errors  int64 // 5xx, or what the service reported so
	Refused int64 // 401, 403 and 429
	Buckets [len(TrafficBounds) + 1]int64
}

// A TrafficQuery asks for traffic; the zero value of a field asks for all of it.
type TrafficQuery struct {
	Workspace, Route, Client, Class string

	From, Until int64 // ms; until itself is left out, and 0 has no end
}

// Add adds what another saw to the counts.
func (t *Traffic) Add(other *Traffic) {
	t.Count += other.Count
	t.Errors += other.Errors
	t.Refused += other.Refused
	for i := range t.Buckets {
		t.Buckets[i] += other.Buckets[i]
	}
}

// Observe counts one request that was answered with a status in that time.
func (t *Traffic) Observe(status int, took time.Duration) {
	t.Count++
	switch {
	case status >= 500:
		t.Errors++
	case status == 401, status == 403, status == 429:
		t.Refused++
	}
	bucket := 0
	for bucket < len(TrafficBounds) && took > time.Duration(TrafficBounds[bucket])*time.Millisecond {
		bucket++
	}
	t.Buckets[bucket]++
}

// Quantile estimates the latency in ms that a share of the requests stayed
// within, as if they lay evenly in their buckets. Where it falls among the
// slowest it is the last bound, and 0 where there were none.
func (t *Traffic) Quantile(share float64) float64 {
	var all int64
	for _, n := range t.Buckets {
		all += n
	}
	rank, low := share*float64(all), 0.0
	for i, bound := range TrafficBounds {
		n := float64(t.Buckets[i])
		if n > 0 && rank <= n {
			return low + (float64(bound)-low)*rank/n
		}
		rank -= n
		low = float64(bound)
	}
	if all == 0 {
		return 0
	}
	return low
}
