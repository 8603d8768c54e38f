package pages

import (
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// An Incident is a rule that is or was broken.
type Incident struct {
	ID, Rule, Class, Severity string
	State                     string // pending | firing | resolved
	Since, FiredAt, Resolved  time.Time
	Latency                   bool   // it is about what was slow, not about what failed
	Allowed                   string // in %; empty where the record does not say
	Measured                  []Measured
}

// A Measured is what was counted in the last minutes when an incident was
// recorded.
type Measured struct {
	Minutes, Requests, Bad int64
	Share                  string // of the bad ones, in %
}

// An AlertRule is one rule of a workspace, in the words of the API.
type AlertRule struct {
	Name, Kind, Class, Severity, Route, Client    string
	Over, Percentile, OverMS, Objective, Factor   string
	Window, ShortWindow, For, MinRequests, MinBad string
	OverPercent, ObjectivePercent                 string // Over and Objective in %
}

// AlertList is the page of what is wrong with the traffic of a workspace, and of
// the rules that say so.
type AlertList struct {
	Shell   Shell
	Now     time.Time
	State   string     // of the incidents that are shown; empty: all
	Items   []Incident // newest first
	Pager   Pager
	Rules   []AlertRule
	BuiltIn bool // the workspace has made none of its own
}

// What is said after a deed on the rules of alerts.
const (
	AlertRulesSaved   Said = "said.alert_rules_saved"
	AlertRulesBuiltIn Said = "said.alert_rules_built_in"
)

type alertsView struct {
	Filter             filterView
	Incidents          Table
	External, Internal Table
	New                menuItem
	RulesText          string
	BuiltIn            []Confirm
}

// AlertList writes the incidents and the rules.
func (s *Set) AlertList(w io.Writer, lang Lang, v AlertList) error {
	said := s.speaker(lang)
	at := v.Shell.Workspace.ID
	view := alertsView{
		Filter: said.incidentFilter(v), Incidents: said.incidents(v),
		External: said.alertRules(v.Rules, "external", at), Internal: said.alertRules(v.Rules, "internal", at),
		New: menuItem{Text: said.say("alerts.new"), Href: Alerts.Path(at, "rule")}, RulesText: said.say("alerts.own"),
	}
	if v.BuiltIn {
		view.RulesText = said.say("alerts.built_in")
	} else {
		view.BuiltIn = []Confirm{{
			ID: "built-in", Button: said.say("alerts.back"), Title: said.say("alerts.back_title"), Text: said.say("alerts.back_text"),
			Post: Alerts.Path(at, "built-in"), Submit: said.say("alerts.back"), Grave: true,
		}}
	}
	return s.show(w, lang, "alerts", v.Shell, said, view)
}

func (p *speaker) incidentFilter(v AlertList) filterView {
	field := Field{Name: "state", Type: "select", Label: p.say("webhooks.state"), Optional: true, Options: []Option{{Text: p.say("filter.all")}}}
	for _, state := range []string{"firing", "pending", "resolved"} {
		field.Options = append(field.Options, Option{Value: state, Text: p.incidentState(state).Text, Chosen: state == v.State})
	}
	f := filterView{Action: Alerts.Path(v.Shell.Workspace.ID), Submit: p.say("filter.apply"), Fields: []Field{field}}
	if v.State != "" {
		f.Clear = f.Action
	}
	return f
}

func (p *speaker) incidentState(state string) Chip {
	switch state {
	case "firing":
		return Chip{Text: p.say("alert.firing_now"), Tone: "bad"}
	case "pending":
		return Chip{Text: p.say("alert.pending"), Tone: "warn"}
	}
	return Chip{Text: p.say("alert.over"), Tone: "good"}
}

func (p *speaker) incidents(v AlertList) Table {
	table := Table{
		Caption: p.say("alerts.caption"), Pager: v.Pager, Empty: Empty{Text: p.say("alerts.none")},
		Heads: []Head{{Text: p.say("alert.rule")}, {Text: p.say("webhooks.state")}, {Text: p.say("alert.traffic")}, {Text: p.say("alert.measured")}, {Text: p.say("members.since")}, {Text: p.say("alert.ended")}},
	}
	for _, i := range v.Items {
		rule := Cell{Text: i.Rule, Chips: []Chip{{Text: p.severity(i.Severity)}}}
		table.Rows = append(table.Rows, []Cell{
			rule, {Chips: []Chip{p.incidentState(i.State)}}, {Text: p.class(i.Class)}, p.measured(i), {When: p.when(i.Since, v.Now)}, {When: p.when(i.Resolved, v.Now)},
		})
	}
	return table
}

// measured says what was counted, and of what how much is allowed.
func (p *speaker) measured(i Incident) Cell {
	key := "alert.failed_of"
	if i.Latency {
		key = "alert.slow_of"
	}
	var cell Cell
	for _, m := range i.Measured {
		one := p.say(key, "Bad", grouped(m.Bad), "All", grouped(m.Requests), "Share", p.decimal(m.Share), "Window", p.length(time.Duration(m.Minutes)*time.Minute))
		cell.Text = joined("; ", cell.Text, one)
	}
	if i.Allowed != "" {
		cell.Note = p.say("alert.allowed", "Share", p.decimal(i.Allowed))
	}
	return cell
}

// decimal writes a number with the mark that the language has.
func (p *speaker) decimal(number string) string {
	return strings.Replace(number, ".", p.say("number.mark"), 1)
}

func (p *speaker) class(class string) string {
	if class == "internal" {
		return p.say("alert.internal")
	}
	return p.say("alert.external")
}

func (p *speaker) severity(word string) string {
	if word == "page" {
		return p.say("alert.page")
	}
	return p.say("alert.ticket")
}

func (p *speaker) ruleKind(kind string) string {
	switch kind {
	case "latency":
		return p.say("alert.latency")
	case "burn_rate":
		return p.say("alert.burn_rate")
	}
	return p.say("alert.error_rate")
}

// threshold says what may not be.
func (p *speaker) threshold(r AlertRule) string {
	switch r.Kind {
	case "latency":
		return p.say("alert.says_latency", "Percentile", p.decimal(r.Percentile), "Limit", r.OverMS, "Window", p.minutesLong(r.Window))
	case "burn_rate":
		return p.say("alert.says_burn", "Objective", p.decimal(r.ObjectivePercent), "Factor", p.decimal(r.Factor), "Window", p.minutesLong(r.Window), "Short", p.minutesLong(r.ShortWindow))
	}
	return p.say("alert.says_errors", "Share", p.decimal(r.OverPercent), "Window", p.minutesLong(r.Window))
}

// minutesLong says how long so many minutes are; what is no number stays.
func (p *speaker) minutesLong(n string) string {
	minutes, err := strconv.Atoi(n)
	if err != nil {
		return n
	}
	return p.length(time.Duration(minutes) * time.Minute)
}

// alertRules are the rules of one class.
func (p *speaker) alertRules(rules []AlertRule, class, workspace string) Table {
	table := Table{
		Caption: p.class(class), Empty: Empty{Text: p.say("alerts.no_rule")},
		Heads: []Head{{Text: p.say("alert.rule")}, {Text: p.say("alert.kind")}, {Text: p.say("alert.threshold")}, {Text: p.say("alert.of")}, {Text: p.say("alert.severity")}},
	}
	for _, r := range rules {
		if r.Class != class {
			continue
		}
		of := r.Route
		if r.Client != "" {
			of += " " + r.Client
		}
		if of == "" {
			of = p.say("alert.everything")
		}
		table.Rows = append(table.Rows, []Cell{
			{Text: r.Name, Href: Alerts.Path(workspace, "rule") + "?" + url.Values{"name": {r.Name}}.Encode()}, {Text: p.ruleKind(r.Kind)}, {Text: p.threshold(r)}, {Text: of}, {Text: p.severity(r.Severity)},
		})
	}
	return table
}

// AlertRuleForm is what a rule is typed into, under the names of the API. It
// posts to the page's own address with was, the name of the rule it takes the
// place of, and its version; one that goes posts to drop beneath it.
type AlertRuleForm struct {
	Shell   Shell
	Was     string // empty: a new rule
	Version string // of the rule as it was read
	Rule    AlertRule
	Windows []int64 // that there are, in minutes
	Bounds  []int64 // of latencies, in ms
	Wrong   Wrong
}

type ruleView struct {
	Title                                 string
	Problems                              []Mistake
	Post                                  string
	Hidden                                []Hidden
	Common, Errors, Latency, Burn, Enough []Field
	Drop                                  []Confirm
}

// AlertRuleForm writes the form of a rule.
func (s *Set) AlertRuleForm(w io.Writer, lang Lang, v AlertRuleForm) error {
	said := s.speaker(lang)
	at := v.Shell.Workspace.ID
	view := ruleView{Title: said.say("alerts.new"), Post: Alerts.Path(at, "rule")}
	if v.Was != "" {
		view.Title, view.Hidden = v.Was, []Hidden{{"was", v.Was}, {"version", v.Version}}
		view.Drop = []Confirm{{
			ID: "drop", Button: said.say("alert.drop"), Title: said.say("alert.drop_title", "Name", v.Was), Post: Alerts.Path(at, "drop"), Submit: said.say("alert.drop"),
			Hidden: []Hidden{{"name", v.Was}, {"version", v.Version}}, Grave: true,
		}}
	}
	groups := []*[]Field{&view.Common, &view.Errors, &view.Latency, &view.Burn, &view.Enough}
	var all []Field
	for i, fields := range said.ruleFields(v) {
		*groups[i] = fields
		all = append(all, fields...)
	}
	view.Problems = said.fields(all, v.Wrong)
	for _, group := range groups { // as said.fields has told what is wrong with each
		n := len(*group)
		*group, all = all[:n], all[n:]
	}
	return s.show(w, lang, "alert_rule", v.Shell, said, view)
}

// ruleFields are the inputs of a rule: those of every kind, of each kind, and
// how much there has to be.
func (p *speaker) ruleFields(v AlertRuleForm) [5][]Field {
	r := v.Rule
	number := func(name, label, value string) Field {
		return Field{Name: name, Type: "text", InputMode: "decimal", Label: label, Value: value, Optional: true}
	}
	return [5][]Field{
		{
			{Name: "name", Type: "text", Label: p.say("alert.rule"), Hint: p.say("alert.name_hint"), Value: r.Name, Autocomplete: "off"},
			choices("class", p.say("alert.traffic"), r.Class, Option{Value: "external", Text: p.say("alert.external")}, Option{Value: "internal", Text: p.say("alert.internal")}),
			choices("kind", p.say("alert.kind"), r.Kind, Option{Value: "error_rate", Text: p.say("alert.error_rate")}, Option{Value: "latency", Text: p.say("alert.latency")}, Option{Value: "burn_rate", Text: p.say("alert.burn_rate")}),
			choices("severity", p.say("alert.severity"), r.Severity, Option{Value: "page", Text: p.say("alert.page")}, Option{Value: "ticket", Text: p.say("alert.ticket")}),
			{Name: "route", Type: "text", Label: p.say("alert.route"), Hint: p.say("alert.all_hint"), Value: r.Route, Optional: true},
			{Name: "client", Type: "text", Label: p.say("alert.client"), Hint: p.say("alert.all_hint"), Value: r.Client, Optional: true},
			choices("window_minutes", p.say("alert.window"), r.Window, minutes(v.Windows)...),
			number("for_minutes", p.say("alert.for"), r.For),
		},
		{number("over", p.say("alert.over_share"), r.Over)},
		{number("percentile", p.say("alert.percentile"), r.Percentile), choices("over_ms", p.say("alert.over_ms"), r.OverMS, minutes(v.Bounds)...)},
		{number("objective", p.say("alert.objective"), r.Objective), number("factor", p.say("alert.factor"), r.Factor), choices("short_window_minutes", p.say("alert.short"), r.ShortWindow, minutes(v.Windows)...)},
		{number("min_requests", p.say("alert.min_requests"), r.MinRequests), number("min_bad", p.say("alert.min_bad"), r.MinBad)},
	}
}

// choices is a list to choose one from.
func choices(name, label, now string, options ...Option) Field {
	for i := range options {
		options[i].Chosen = options[i].Value == now
	}
	return Field{Name: name, Type: "select", Label: label, Options: options, Optional: true}
}

func minutes(all []int64) []Option {
	var options []Option
	for _, n := range all {
		text := strconv.FormatInt(n, 10)
		options = append(options, Option{Value: text, Text: text})
	}
	return options
}
