// Package metric knows counts and latencies, in the format of Prometheus. It
// has a registry of its own, so that nothing a library registers elsewhere
// appears unasked. Everything in it may be used by many at once.
package metric

import (
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// namespace begins the name of every metric of ours.
const namespace = "ficha"

// namedClients is how many clients get a series of their own; the others share
// one, so that no caller makes the page grow.
const namedClients = 200

// otherClient is the label of the clients beyond those that are named.
const otherClient = other

// A Set is all metrics of one server.
type Set struct {
	// Traffic is what protected services were asked.
	Traffic *Traffic

	registry     *prometheus.Registry
	durations    *prometheus.HistogramVec
	refusals     *prometheus.CounterVec
	panics       prometheus.Counter
	querySecrets *prometheus.CounterVec

	mu      sync.Mutex
	clients map[string]bool // with a series of their own
}

// New returns a set that already counts the Go runtime and the process.
func New() *Set {
	s := &Set{Traffic: newTraffic(), registry: prometheus.NewRegistry(), clients: make(map[string]bool)}
	s.Traffic.series.label = s.label
	s.registry.MustRegister(
		&s.Traffic.series,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	s.durations = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: "http_request_duration_seconds",
		Help:    "Time from the first byte read to the last written, by route, method and class of status.",
		Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
	}, []string{"route", "method", "code"})
	s.registry.MustRegister(s.durations)
	s.refusals = s.Counters("refusals_total", "Requests that were refused, by route and code of refusal.", "route", "code")
	s.panics = s.Counters("panics_total", "Requests that ended in a panic: each is a bug to report.").WithLabelValues()
	s.querySecrets = s.Counters("query_secrets_total",
		"Requests that carried a secret in the query, by client and contract: those callers should move it to the body.",
		"client", "contract")
	return s
}

// Handler serves the metrics.
func (s *Set) Handler() http.Handler {
	return promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
}

// Panic counts one request that ended in a panic.
func (s *Set) Panic() { s.panics.Inc() }

// QuerySecret counts a request whose secret stood in the query. The client must
// be a known one, never what an unknown caller called itself. The first 200
// clients are counted each, the rest together as otherClient.
func (s *Set) QuerySecret(client, contract string) {
	s.querySecrets.WithLabelValues(s.label(client), contract).Inc()
}

// label returns the client while there is room, then otherClient.
func (s *Set) label(client string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients[client] {
		return client
	}
	if len(s.clients) >= namedClients {
		return otherClient
	}
	s.clients[client] = true
	return client
}

// Counters registers a counter for each combination of the labels; without
// labels, for WithLabelValues(). The name gets the prefix ficha_. Like the
// other registering methods it panics if the name is taken: a mistake of the
// wiring, met at start. Label values must come from a bounded set and never
// from a request.
func (s *Set) Counters(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	s.registry.MustRegister(v)
	return v
}

// Gauges registers a value that goes up and down for each combination of the
// labels: the instant of a job's last run, the skew of a clock.
func (s *Set) Gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
	s.registry.MustRegister(v)
	return v
}

// Sizes registers a histogram of counts with buckets 1, 2, 4 … 1024: rows in a
// batch, entries in a page.
func (s *Set) Sizes(name, help string) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(1, 2, 11),
	})
	s.registry.MustRegister(h)
	return h
}

// Watch registers a value that is read when the metrics are: the size of a
// cache, the lag of a feed. read must be quick and safe to call at any time.
func (s *Set) Watch(name, help string, read func() float64) {
	s.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, read))
}
