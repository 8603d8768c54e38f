package alert

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/fichadev/ficha/internal/token"
)

// A panel is one chart of the dashboard.
type panel struct {
	title, unit string
	limits      []limit // lines, from the rules
	lines       []line
}

type line struct{ expr, legend string }

type limit struct {
	text  string
	value float64
}

// picked narrows a chart to what is chosen above it.
const picked = `class=~"$class",route=~"$route"`

// Grafana returns the dashboard: the traffic beside the thresholds of the
// built-in rules, and the server itself.
func Grafana() ([]byte, error) {
	var panels []any
	y := 0
	add := func(title string, charts []panel) {
		panels = append(panels, map[string]any{"id": len(panels) + 1, "type": "row", "title": title, "gridPos": at(0, y, 24, 1)})
		y++
		for i, p := range charts {
			panels = append(panels, p.chart(len(panels)+1, at(12*(i%2), y+8*(i/2), 12, 8)))
		}
		y += 8 * ((len(charts) + 1) / 2)
	}
	add("Protected endpoints", trafficPanels())
	add("The server", serverPanels())
	text, err := json.MarshalIndent(map[string]any{
		"title": "Ficha", "uid": "ficha", "tags": []string{"ficha"}, "schemaVersion": 39, "version": 1, "editable": true,
		"refresh": "1m", "time": map[string]string{"from": "now-6h", "to": "now"}, "timezone": "browser",
		"templating": map[string]any{"list": []any{
			map[string]any{"name": "source", "label": "Source", "type": "datasource", "query": "prometheus"},
			choice("class"), choice("route"),
		}},
		"panels": panels,
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the dashboard for Grafana: %w", err)
	}
	return append(text, '\n'), nil
}

func trafficPanels() []panel {
	rate := func(by, also string) string {
		return fmt.Sprintf("sum by (%s) (rate(%s{%s%s}[5m]))", by, requestsMetric, picked, also)
	}
	percentile := func(p string) line {
		return line{fmt.Sprintf("histogram_quantile(%s, sum by (class, le) (rate(%s_bucket{%s}[5m])))", p, durationMetric, picked), "{{class}}"}
	}
	return []panel{
		{title: "Requests", unit: "reqps", lines: []line{{rate("class, outcome", ""), "{{class}} {{outcome}}"}}},
		{title: "Error rate", unit: "percentunit", limits: limits(ErrorRate, 0), lines: []line{
			{rate("class", `,outcome="failed"`) + " / " + rate("class", ""), "{{class}}"},
		}},
		{title: "p95", unit: "s", limits: limits(Latency, 95), lines: []line{percentile("0.95")}},
		{title: "p99", unit: "s", limits: limits(Latency, 99), lines: []line{percentile("0.99")}},
		{title: "Errors by route", unit: "reqps", lines: []line{{"topk(10, " + rate("class, route", `,outcome="failed"`) + ")", "{{class}} {{route}}"}}},
		{title: "Refusals by client", unit: "reqps", lines: []line{{"topk(10, " + rate("class, client", `,outcome="refused"`) + ")", "{{class}} {{client}}"}}},
		{title: "How fast the objective's errors are spent, in an hour", unit: "none", limits: limits(BurnRate, 0), lines: burns()},
		{title: "Alerts of workspaces that are firing", unit: "none", lines: []line{{"max by (class) (ficha_alerts_firing)", "{{class}}"}}},
	}
}

func serverPanels() []panel {
	return []panel{
		{title: "Answers", unit: "reqps", lines: []line{{"sum by (code) (rate(ficha_http_request_duration_seconds_count[5m]))", "{{code}}"}}},
		{title: "p99 by route", unit: "s", lines: []line{
			{"topk(10, histogram_quantile(0.99, sum by (route, le) (rate(ficha_http_request_duration_seconds_bucket[5m]))))", "{{route}}"},
		}},
		{title: "Refusals", unit: "reqps", lines: []line{{"topk(10, sum by (code) (rate(ficha_refusals_total[5m])))", "{{code}}"}}},
		{title: "Deeds in a commit, p95", unit: "none", lines: []line{
			{"histogram_quantile(0.95, sum by (instance, le) (rate(ficha_commit_deeds_bucket[5m])))", "{{instance}}"},
		}},
		{title: "Jobs: since the last run", unit: "s", lines: []line{{"time() - max by (name) (ficha_job_last_run_timestamp_seconds)", "{{name}}"}}},
		{title: "Jobs: failures", unit: "none", lines: []line{{"sum by (name) (increase(ficha_job_failures_total[5m]))", "{{name}}"}}},
		{title: "Behind: feed and clock", unit: "s", lines: []line{
			{"ficha_feed_lag_seconds", "feed {{instance}}"}, {"abs(ficha_clock_skew_seconds)", "clock {{instance}}"},
		}},
		{title: "Tokens in memory", unit: "none", lines: []line{{"ficha_cached_tokens", "{{instance}}"}}},
	}
}

// limits are the thresholds of the built-in rules of a kind, and of a percentile
// where it is one.
func limits(kind Kind, percentile float64) []limit {
	var list []limit
	for _, r := range Defaults() {
		switch {
		case r.Kind != kind || r.Percentile != percentile:
		case kind == Latency:
			list = append(list, limit{r.Class + " limit", float64(r.OverMS) / 1000})
		case kind == ErrorRate:
			list = append(list, limit{r.Class + " limit", r.Over})
		case r.Class == token.External: // both classes have the same factors
			list = append(list, limit{minutes(r.Window) + " limit", r.Factor})
		}
	}
	return list
}

func burns() []line {
	var list []line
	for _, r := range Defaults() {
		if r.Kind == BurnRate && r.Window == 60 {
			list = append(list, line{fmt.Sprintf("%s / %s / %s", r.bads(60), r.requests(60), number(1-r.Objective)), r.Class})
		}
	}
	return list
}

func (p panel) chart(id int, pos map[string]int) map[string]any {
	var targets []any
	add := func(expr, legend string) {
		targets = append(targets, map[string]any{"refId": "ABCDEFGH"[len(targets) : len(targets)+1], "expr": expr, "legendFormat": legend})
	}
	for _, l := range p.lines {
		add(l.expr, l.legend)
	}
	for _, l := range p.limits {
		add("vector("+number(l.value)+")", l.text)
	}
	return map[string]any{
		"id": id, "type": "timeseries", "title": p.title, "gridPos": pos, "targets": targets,
		"datasource":  map[string]string{"type": "prometheus", "uid": "${source}"},
		"fieldConfig": map[string]any{"defaults": map[string]any{"unit": p.unit, "min": 0}, "overrides": []any{}},
		"options":     map[string]any{"legend": map[string]any{"displayMode": "list", "placement": "bottom"}, "tooltip": map[string]any{"mode": "multi"}},
	}
}

func choice(label string) map[string]any {
	return map[string]any{
		"name": label, "label": strings.ToUpper(label[:1]) + label[1:], "type": "query", "multi": true, "includeAll": true, "allValue": ".*", "refresh": 2,
		"datasource": map[string]string{"type": "prometheus", "uid": "${source}"},
		"query":      map[string]string{"query": fmt.Sprintf("label_values(%s, %s)", requestsMetric, label), "refId": label},
	}
}

func at(x, y, w, h int) map[string]int { return map[string]int{"x": x, "y": y, "w": w, "h": h} }
