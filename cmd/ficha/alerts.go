package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/fichadev/ficha/internal/alert"
)

// alertsCommand is what can be done with alerts.
type alertsCommand struct {
	List       alertsList       `cmd:"" help:"List what fires in the workspace, and what did."`
	Rules      alertsRules      `cmd:"" help:"Show the rules of the workspace, or replace them."`
	Prometheus alertsPrometheus `cmd:"" help:"Print the rules as a file for Prometheus."`
	Grafana    alertsGrafana    `cmd:"" help:"Print a dashboard for Grafana."`
}

// alertsList lists incidents.
type alertsList struct {
	lister `embed:""`
	State  string `enum:",pending,firing,resolved" default:"" help:"Only those that are so." placeholder:"pending|firing|resolved"`
	Rule   string `help:"Only those of one rule." placeholder:"NAME"`
}

// Run prints the newest first.
func (c *alertsList) Run(ctx context.Context) error {
	items, more, err := c.read(ctx, c.remote, "/v1/alerts", given("state", c.State, "rule", c.Rule))
	if err != nil {
		return err
	}
	if !c.JSON {
		for _, item := range items {
			if detail, ok := item["detail"].(map[string]any); ok {
				item["measured"] = detail["value"]
			}
		}
	}
	return c.printList(table{head: []string{"state", "rule", "severity", "fired_at", "resolved_at", "measured"}, rows: items}, more)
}

// alertsRules shows or replaces rules.
type alertsRules struct {
	asker   `embed:""`
	Put     string `xor:"put" type:"existingfile" help:"Replace them by those of a file, which has the form that --json prints." placeholder:"FILE"`
	BuiltIn bool   `xor:"put" help:"Take the built-in ones again."`
}

// Run prints the rules as they then are.
func (c *alertsRules) Run(ctx context.Context) error {
	q := get("/v1/alerts/rules", nil)
	if c.Put != "" || c.BuiltIn {
		body, err := c.body()
		if err != nil {
			return err
		}
		q = request{http.MethodPut, "/v1/alerts/rules", jsonType, body}
	}
	var answer map[string]any
	if err := c.do(ctx, q, &answer); err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(os.Stdout, answer)
	}
	var now struct{ Rules []alert.Rule }
	text, err := json.Marshal(answer)
	if err == nil {
		err = json.Unmarshal(text, &now)
	}
	if err != nil {
		return fmt.Errorf("read the rules: %w", err)
	}
	t := table{head: []string{"name", "class", "severity", "route", "client", "threshold", "for_minutes", "min_requests"}}
	for _, r := range now.Rules {
		t.add(map[string]any{
			"name": r.Name, "class": r.Class, "severity": r.Severity, "route": r.Route, "client": r.Client, "threshold": r.Threshold(),
			"for_minutes": r.For, "min_requests": r.MinRequests,
		})
	}
	return c.print(t)
}

// body is what is put: the file's rules, or the wish for the built-in ones.
func (c *alertsRules) body() ([]byte, error) {
	if c.BuiltIn {
		return json.Marshal(map[string]bool{"built_in": true})
	}
	text, err := os.ReadFile(c.Put)
	if err != nil {
		return nil, err
	}
	var file struct {
		Rules json.RawMessage `json:"rules"`
	}
	if err := json.Unmarshal(text, &file); err != nil || file.Rules == nil {
		return nil, fmt.Errorf(`%s has no rules: begin with what "ficha alerts rules --json" prints`, c.Put)
	}
	return json.Marshal(file)
}

// alertsPrometheus prints rules.
type alertsPrometheus struct{}

// Run prints deploy/prometheus/ficha.rules.yaml.
func (*alertsPrometheus) Run() error { return printMade(os.Stdout, alert.Prometheus) }

// alertsGrafana prints a dashboard.
type alertsGrafana struct{}

// Run prints deploy/grafana/ficha.json.
func (*alertsGrafana) Run() error { return printMade(os.Stdout, alert.Grafana) }

func printMade(to io.Writer, made func() ([]byte, error)) error {
	text, err := made()
	if err != nil {
		return err
	}
	_, err = to.Write(text)
	return err
}
