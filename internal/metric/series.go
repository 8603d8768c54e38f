package metric

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fichadev/ficha/internal/token"
)

// Bounds of what the page of metrics shows of traffic.
const (
	shownRoutes = 200
	shownSums   = 1000 // routes by clients by classes
)

var (
	requestsOf = prometheus.NewDesc(namespace+"_traffic_requests_total",
		"Requests of protected services, by route, client, class of traffic and outcome: passed, refused (401, 403, 429) or failed (5xx).",
		[]string{"route", "client", "class", "outcome"}, nil)
	durationOf = prometheus.NewDesc(namespace+"_traffic_duration_seconds",
		"How long requests of protected services took, by route and class of traffic.", []string{"route", "class"}, nil)
	lostOf = prometheus.NewDesc(namespace+"_traffic_lost_total", "Requests of protected services that there was no room to count.", nil, nil)
)

// trafficSeries is what the metrics show of the traffic that was taken. It grows
// at takings alone, so that a question costs nothing here.
type trafficSeries struct {
	mu     sync.Mutex
	label  func(client string) string // bounds the clients; set before the first use
	routes map[string]bool
	sums   map[trafficKey]*token.Traffic // by route, client and class
	spans  map[trafficKey]*trafficCell   // by route and class
	lost   int64
}

func (s *trafficSeries) add(taken []*trafficCell, lost int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost += lost
	if s.sums == nil {
		s.routes, s.sums, s.spans = map[string]bool{}, map[trafficKey]*token.Traffic{}, map[trafficKey]*trafficCell{}
	}
	for _, c := range taken {
		key := s.shown(c.key)
		sum := s.sums[key]
		if sum == nil {
			sum = &token.Traffic{}
			s.sums[key] = sum
		}
		sum.Add(&c.counts)
		key.client = ""
		span := s.spans[key]
		if span == nil {
			span = &trafficCell{}
			s.spans[key] = span
		}
		span.counts.Add(&c.counts)
		span.took += c.took
	}
}

// shown returns the labels of traffic. A name is learnt where a token of ours was
// shown: who shows none cannot take the names of others.
func (s *trafficSeries) shown(of trafficKey) trafficKey {
	key := trafficKey{route: of.route, client: of.client, class: of.class}
	if !s.routes[key.route] {
		if of.workspace == "" || len(s.routes) >= shownRoutes {
			key.route = other
		} else {
			s.routes[key.route] = true
		}
	}
	if key.client != "" {
		key.client = s.label(key.client)
	}
	if s.sums[key] == nil && len(s.sums) >= shownSums {
		key.client = other
	}
	return key
}

// Describe is prometheus.Collector's.
func (s *trafficSeries) Describe(to chan<- *prometheus.Desc) {
	to <- requestsOf
	to <- durationOf
	to <- lostOf
}

// Collect is prometheus.Collector's.
func (s *trafficSeries) Collect(to chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, sum := range s.sums {
		for outcome, n := range map[string]int64{"passed": sum.Count - sum.Refused - sum.Errors, "refused": sum.Refused, "failed": sum.Errors} {
			if n > 0 {
				to <- prometheus.MustNewConstMetric(requestsOf, prometheus.CounterValue, float64(n), key.route, key.client, key.class, outcome)
			}
		}
	}
	for key, span := range s.spans {
		to <- span.histogram(key)
	}
	to <- prometheus.MustNewConstMetric(lostOf, prometheus.CounterValue, float64(s.lost))
}

func (c *trafficCell) histogram(key trafficKey) prometheus.Metric {
	within, sum := map[float64]uint64{}, uint64(0)
	for i, bound := range token.TrafficBounds {
		sum += uint64(c.counts.Buckets[i]) //nolint:gosec // counts are positive
		within[float64(bound)/1000] = sum
	}
	return prometheus.MustNewConstHistogram(durationOf, uint64(c.counts.Count), c.took.Seconds(), within, key.route, key.class) //nolint:gosec // as above
}
