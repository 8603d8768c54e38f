// Package alert knows when the people of a workspace are told that what their
// tokens open fails or is slow: the rules, what is measured against them, what
// becomes of an incident, and the same rules in the words of Prometheus and
// Grafana.
package alert

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/fichadev/ficha/internal/token"
)

// A Kind says what a rule measures.
type Kind string

// The kinds of rules.
const (
	ErrorRate Kind = "error_rate" // the share of requests that failed
	Latency   Kind = "latency"    // the time that a percentile of the requests took
	BurnRate  Kind = "burn_rate"  // how fast the errors that an objective allows are spent
)

// What a rule asks of its people.
const (
	Page   = "page"   // look now
	Ticket = "ticket" // look this week
)

// A Rule says from when on the traffic of one class is too bad to say nothing,
// in a workspace as a whole or on one route or of one client. Each kind has
// fields of its own; those of other kinds are 0.
type Rule struct {
	Name     string `json:"name"` // unique in the workspace
	Kind     Kind   `json:"kind"`
	Class    string `json:"class"`            // token.Internal | token.External
	Route    string `json:"route,omitempty"`  // empty: all
	Client   string `json:"client,omitempty"` // empty: all
	Severity string `json:"severity"`

	Over       float64 `json:"over,omitempty"`       // ErrorRate: more than this share, 0.01 being 1 %
	Percentile float64 `json:"percentile,omitempty"` // Latency: of the requests, 95 being p95 …
	OverMS     int64   `json:"over_ms,omitempty"`    // … takes longer; one of token.TrafficBounds
	Objective  float64 `json:"objective,omitempty"`  // BurnRate: the share that has to succeed, such as 0.999 …
	Factor     float64 `json:"factor,omitempty"`     // … and how many times as fast as allowed the rest is spent

	Window      int64 `json:"window_minutes"`
	ShortWindow int64 `json:"short_window_minutes,omitempty"` // BurnRate: it is still going on in so many minutes
	For         int64 `json:"for_minutes"`                    // told of only after so many minutes
	MinRequests int64 `json:"min_requests"`                   // in each window; fewer say nothing
	MinBad      int64 `json:"min_bad"`                        // so many of them failed or were slow, or it is chance
}

// mostRules is how many rules a workspace may have.
const mostRules = 64

// spans are the windows that there are, in minutes: each is read once for all
// rules of a workspace, however many those are.
var spans = [...]int64{1, 2, 5, 10, 15, 30, 60, 2 * 60, 6 * 60, 12 * 60, 24 * 60, 3 * 24 * 60}

// Spans returns the windows that a rule may have, in minutes, the shortest first.
func Spans() []int64 { return slices.Clone(spans[:]) }

// Defaults returns the rules of a workspace that has made none: an outside
// caller may meet more errors and wait longer than a program of the house. The
// windows of the burn rates are those of the Site Reliability Workbook (chapter
// 5): 2 % of a month's allowance in an hour, 5 % in six hours, 10 % in three days.
func Defaults() []Rule {
	return append(
		defaultsOf(token.External, thresholds{errors: 0.01, p95: 500, p99: 2500, objective: 0.999}),
		defaultsOf(token.Internal, thresholds{errors: 0.001, p95: 250, p99: 1000, objective: 0.9999})...)
}

// thresholds are what differs between the classes.
type thresholds struct {
	errors    float64
	p95, p99  int64 // ms
	objective float64
}

func defaultsOf(class string, t thresholds) []Rule {
	of := func(name, severity string, r Rule) Rule {
		r.Name, r.Class, r.Severity = class+"-"+name, class, severity
		r.MinRequests, r.MinBad = 100, 5
		return r
	}
	burn := func(factor float64, long, short int64) Rule {
		return Rule{Kind: BurnRate, Objective: t.objective, Factor: factor, Window: long, ShortWindow: short}
	}
	return []Rule{
		of("errors", Page, Rule{Kind: ErrorRate, Over: t.errors, Window: 5, For: 2}),
		of("p95", Page, Rule{Kind: Latency, Percentile: 95, OverMS: t.p95, Window: 5, For: 5}),
		of("p99", Ticket, Rule{Kind: Latency, Percentile: 99, OverMS: t.p99, Window: 30, For: 5}),
		of("burn-1h", Page, burn(14.4, 60, 5)),
		of("burn-6h", Page, burn(6, 6*60, 30)),
		of("burn-3d", Ticket, burn(1, 3*24*60, 6*60)),
	}
}

// Windows returns the windows in minutes that all have to be over the limit,
// the shortest first: it says most often that nothing is.
func (r *Rule) Windows() []int64 {
	if r.Kind == BurnRate {
		return []int64{r.ShortWindow, r.Window}
	}
	return []int64{r.Window}
}

// Limit returns the share of bad requests that is allowed. That a percentile is
// over some time, and that more than the rest is slower, is the same.
func (r *Rule) Limit() float64 {
	switch r.Kind {
	case Latency:
		return (100 - r.Percentile) / 100
	case BurnRate:
		return r.Factor * (1 - r.Objective)
	}
	return r.Over
}

// Threshold says in a few words what may not be.
func (r *Rule) Threshold() string {
	switch r.Kind {
	case Latency:
		return fmt.Sprintf("p%g over %d ms in %d min", r.Percentile, r.OverMS, r.Window)
	case BurnRate:
		return fmt.Sprintf("the errors that an objective of %g %% allows are spent %g times too fast in %d and %d min", round(100*r.Objective), r.Factor, r.Window, r.ShortWindow)
	}
	return fmt.Sprintf("over %g %% errors in %d min", round(100*r.Over), r.Window)
}

// Parse reads the rules of a workspace as they are kept.
func Parse(text []byte) (rules []Rule, err error) {
	if err := json.Unmarshal(text, &rules); err != nil {
		return nil, fmt.Errorf("read the rules of alerts: %w", err)
	}
	return rules, nil
}

// Check refuses rules that say nothing or contradict themselves; the refusal
// names the field.
func Check(rules []Rule) error {
	if len(rules) > mostRules {
		return token.AtField("rules", "may be at most %d", mostRules)
	}
	names := map[string]bool{}
	for i := range rules {
		r := &rules[i]
		at := fmt.Sprintf("rules[%d].", i)
		if names[r.Name] {
			return token.AtField(at+"name", "is the name of another rule")
		}
		names[r.Name] = true
		if field, text := r.mistake(); field != "" {
			return token.AtField(at+field, "%s", text)
		}
	}
	return nil
}

// mistake returns the first field that is not acceptable, and why.
func (r *Rule) mistake() (field, text string) {
	switch {
	case r.Name == "" || len(r.Name) > 64 || strings.Trim(r.Name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "":
		return "name", "use 1 to 64 of a-z, 0-9, - _ and ."
	case r.Class != token.Internal && r.Class != token.External:
		return "class", "must be internal or external"
	case r.Severity != Page && r.Severity != Ticket:
		return "severity", "must be page or ticket"
	case !isName(r.Route):
		return "route", "may have at most 200 printable characters"
	case !isName(r.Client):
		return "client", "may have at most 200 printable characters"
	case !slices.Contains(spans[:], r.Window):
		return "window_minutes", fmt.Sprintf("must be one of %v", spans)
	case r.For < 0 || r.For > 24*60:
		return "for_minutes", "must be 0 to 1440"
	case r.MinRequests < 1:
		return "min_requests", "must be at least 1"
	case r.MinBad < 1:
		return "min_bad", "must be at least 1"
	}
	return r.mistakeOfKind()
}

// mistakeOfKind looks at the fields of one kind, those of others among them: a
// threshold in the wrong place would be one that is never looked at.
func (r *Rule) mistakeOfKind() (field, text string) {
	mine := *r
	switch r.Kind {
	case ErrorRate:
		if r.Over <= 0 || r.Over >= 1 {
			return "over", "must be a share between 0 and 1, such as 0.01 for 1 %"
		}
		mine.Percentile, mine.OverMS, mine.Objective, mine.Factor, mine.ShortWindow = 0, 0, 0, 0, 0
	case Latency:
		if r.Percentile < 1 || r.Percentile >= 100 {
			return "percentile", "must be from 1 to below 100, such as 95"
		}
		if !slices.Contains(token.TrafficBounds[:], r.OverMS) {
			return "over_ms", fmt.Sprintf("must be one of %v: that is how latencies are counted", token.TrafficBounds)
		}
		mine.Over, mine.Objective, mine.Factor, mine.ShortWindow = 0, 0, 0, 0
	case BurnRate:
		if r.Objective <= 0 || r.Objective >= 1 {
			return "objective", "must be a share between 0 and 1, such as 0.999"
		}
		if r.Factor <= 0 || r.Limit() >= 1 {
			return "factor", "must be over 0, and so small that the objective can be missed by as much"
		}
		if !slices.Contains(spans[:], r.ShortWindow) || r.ShortWindow >= r.Window {
			return "short_window_minutes", fmt.Sprintf("must be one of %v and shorter than window_minutes", spans)
		}
		mine.Over, mine.Percentile, mine.OverMS = 0, 0, 0
	default:
		return "kind", "must be error_rate, latency or burn_rate"
	}
	if mine != *r {
		return "kind", "has thresholds of another kind beside it; leave them out"
	}
	return "", ""
}

// isName reports whether a text can be the name of a route or client.
func isName(s string) bool {
	return len(s) <= 200 && !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\uFFFD' })
}
