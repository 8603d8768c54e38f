package alert

import (
	"fmt"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// What /metrics calls the traffic that rules are about (internal/metric).
const (
	requestsMetric = "ficha_traffic_requests_total"
	durationMetric = "ficha_traffic_duration_seconds"
)

// A watched rule is one in the words of Prometheus.
type watched struct {
	Alert         string            `yaml:"alert"`
	Expr          string            `yaml:"expr"`
	For           string            `yaml:"for,omitempty"`
	KeepFiringFor string            `yaml:"keep_firing_for,omitempty"`
	Labels        map[string]string `yaml:"labels"`
	Annotations   map[string]string `yaml:"annotations"`
}

type group struct {
	Name  string    `yaml:"name"`
	Rules []watched `yaml:"rules"`
}

const promHead = `# Rules for Prometheus (2.42 or newer), printed by "ficha alerts prometheus": change them there.
# Those of the traffic are the built-in rules of workspaces, over all workspaces at once.
`

// Prometheus returns the file of rules: the built-in ones over the traffic of all
// workspaces, and those about the server itself.
func Prometheus() ([]byte, error) {
	traffic := group{Name: "ficha-traffic"}
	for _, r := range Defaults() {
		traffic.Rules = append(traffic.Rules, r.watched())
	}
	text, err := yaml.Marshal(map[string][]group{"groups": {traffic, {Name: "ficha-server", Rules: own()}}})
	if err != nil {
		return nil, fmt.Errorf("write the rules for Prometheus: %w", err)
	}
	return append([]byte(promHead), text...), nil
}

func (r *Rule) watched() watched {
	var name strings.Builder
	for word := range strings.SplitSeq("ficha-"+r.Name, "-") {
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	w := watched{
		Alert: name.String(), Expr: r.expr(), KeepFiringFor: minutes(calmFor / minute),
		Labels:      map[string]string{"severity": r.Severity, "class": r.Class},
		Annotations: map[string]string{"summary": r.Class + " traffic: " + r.Threshold()},
	}
	if r.For > 0 {
		w.For = minutes(r.For)
	}
	return w
}

// expr holds where all windows of the rule are over its limit and say enough.
func (r *Rule) expr() string {
	var over []string
	for _, window := range r.Windows() {
		bad, all := r.bads(window), r.requests(window)
		over = append(over,
			fmt.Sprintf("%s\n  / %s > %s", bad, all, number(r.Limit())),
			fmt.Sprintf("%s >= %d", bad, r.MinBad),
			fmt.Sprintf("%s >= %d", all, r.MinRequests))
	}
	return strings.Join(over, "\nand ")
}

// requests counts those of a window by the measure that the bad ones are counted by.
func (r *Rule) requests(window int64) string {
	if r.Kind == Latency {
		return r.sum(durationMetric+"_count", "", window)
	}
	return r.sum(requestsMetric, "", window)
}

func (r *Rule) bads(window int64) string {
	if r.Kind != Latency {
		return r.sum(requestsMetric, `,outcome="failed"`, window)
	}
	return fmt.Sprintf("(%s - %s)", r.requests(window), r.sum(durationMetric+"_bucket", ",le=~"+strconv.Quote(le(r.OverMS)), window))
}

func (r *Rule) sum(metric, also string, window int64) string {
	return fmt.Sprintf("sum by (class) (increase(%s{class=%q%s}[%s]))", metric, r.Class, also, minutes(window))
}

// le is the label of a bucket. OpenMetrics writes a whole number as 1.0 and the
// older format as 1.
func le(ms int64) string {
	text := number(float64(ms) / 1000)
	if strings.Contains(text, ".") {
		return strings.ReplaceAll(text, ".", `\.`)
	}
	return text + `(\.0)?`
}

func number(x float64) string { return strconv.FormatFloat(round(x), 'f', -1, 64) }

func minutes(n int64) string {
	switch {
	case n%(24*60) == 0:
		return fmt.Sprintf("%dd", n/(24*60))
	case n%60 == 0:
		return fmt.Sprintf("%dh", n/60)
	}
	return fmt.Sprintf("%dm", n)
}
