package metric

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// methods are the names that may stand in a label. The last stands for every
// other: a request line may hold anything as its method.
var methods = [...]string{
	http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch,
	http.MethodHead, http.MethodOptions, "OTHER",
}

// classes are the classes of status; the first is for what is none.
var classes = [...]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"}

// A Route is what is counted about one route. Its series are made when first
// needed and then found by index, without a look-up by label.
type Route struct {
	set       *Set
	pattern   string
	durations [len(methods)][len(classes)]atomic.Pointer[prometheus.Observer]
}

// Route returns the counts of a route. The pattern becomes the label: it must
// be the pattern, never a path.
func (s *Set) Route(pattern string) *Route { return &Route{set: s, pattern: pattern} }

// Observe counts one request and how long it took.
func (r *Route) Observe(method string, status int, took time.Duration) {
	m, c := methodIndex(method), classIndex(status)
	observer := r.durations[m][c].Load()
	if observer == nil {
		made := r.set.durations.WithLabelValues(r.pattern, methods[m], classes[c])
		observer = &made
		r.durations[m][c].Store(observer) // two racers store the same series
	}
	(*observer).Observe(took.Seconds())
}

// Refuse counts one refusal by its code.
func (r *Route) Refuse(code string) { r.set.refusals.WithLabelValues(r.pattern, code).Inc() }

// Method returns the method if it is one of those that HTTP programs use, else
// OTHER: what may stand in a label or a log line.
func Method(method string) string { return methods[methodIndex(method)] }

func methodIndex(method string) int {
	for i, name := range methods {
		if name == method {
			return i
		}
	}
	return len(methods) - 1
}

func classIndex(status int) int {
	if class := status / 100; class > 0 && class < len(classes) {
		return class
	}
	return 0
}
