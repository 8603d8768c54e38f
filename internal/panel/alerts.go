package panel

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/fichadev/ficha/internal/alert"
	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

type alertReads interface {
	Alerts(ctx context.Context, q token.AlertQuery) ([]token.Alert, error)
	AlertRules(ctx context.Context, workspace string) ([]byte, error)
}

// alerts is the area of what is wrong with the traffic of a workspace.
func (p *Panel) alerts() area {
	at := func(more string) string { return parted(pages.Alerts, more) }
	return area{name: pages.Alerts, admins: true, routes: []web.Route{
		p.shows(at(""), p.listAlerts),
		p.shows(at("/rule"), p.editAlertRule),
		p.does(at("/rule"), p.putAlertRule),
		p.does(at("/drop"), p.dropAlertRule),
		p.does(at("/built-in"), p.builtInAlertRules),
	}}
}

func (p *Panel) listAlerts(c *web.Call, v *visit) error {
	query, err := c.Query()
	if err != nil {
		return err
	}
	ask := token.AlertQuery{Workspace: v.workspace.ID, Before: cursorOf(query), Limit: pageLength + 1}
	switch state := token.AlertState(query.Get("state")); state {
	case token.AlertPending, token.AlertFiring, token.AlertResolved:
		ask.State = state
	}
	list, err := p.cfg.Store.Alerts(c.Context(), ask)
	if err != nil {
		return err
	}
	list, next := cut(list, func(a token.Alert) string { return a.ID.String() })
	view := pages.AlertList{Shell: v.shell, Now: c.Now(), State: string(ask.State), Pager: pager(c, next)}
	for _, a := range list {
		one, err := incident(a)
		if err != nil {
			return err
		}
		view.Items = append(view.Items, one)
	}
	rules, _, builtIn, err := p.alertRules(c, v)
	if err != nil {
		return err
	}
	view.BuiltIn = builtIn
	for _, r := range rules {
		view.Rules = append(view.Rules, typedRule(r))
	}
	return p.show(c, v, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.AlertList(w, lang, view) })
}

// incident returns an alert as the list has it, with what was measured.
func incident(a token.Alert) (pages.Incident, error) {
	one := pages.Incident{
		ID: a.ID.String(), Rule: a.Rule, Class: a.Class, Severity: a.Severity, State: string(a.State), Since: instantOf(a.Since), FiredAt: instantOf(a.FiredAt),
		Resolved: instantOf(a.ResolvedAt),
	}
	var seen struct {
		Kind    alert.Kind `json:"kind"`
		Limit   float64    `json:"limit"`
		Windows []struct {
			Minutes, Requests, Bad int64
			Share                  float64
		} `json:"windows"`
	}
	text, err := json.Marshal(a.Detail)
	if err == nil {
		err = json.Unmarshal(text, &seen)
	}
	if err != nil {
		return one, fmt.Errorf("read what alert %s measured: %w", a.ID, err)
	}
	one.Latency, one.Allowed = seen.Kind == alert.Latency, percent(seen.Limit)
	for _, w := range seen.Windows {
		one.Measured = append(one.Measured, pages.Measured{Minutes: w.Minutes, Requests: w.Requests, Bad: w.Bad, Share: fmt.Sprintf("%.3g", 100*w.Share)})
	}
	return one, nil
}

// alertRules returns the rules of a workspace, their version, and whether they
// are the built-in ones.
func (p *Panel) alertRules(c *web.Call, v *visit) ([]alert.Rule, token.Version, bool, error) {
	text, err := p.cfg.Store.AlertRules(c.Context(), v.workspace.ID)
	version := token.VersionOf(text)
	if err != nil || text == nil {
		return alert.Defaults(), version, true, err
	}
	rules, err := alert.Parse(text)
	return rules, version, false, err
}

// typedRule returns a rule as it is typed; what its kind has not is left out.
func typedRule(r alert.Rule) pages.AlertRule {
	return pages.AlertRule{
		Name: r.Name, Kind: string(r.Kind), Class: r.Class, Severity: r.Severity, Route: r.Route, Client: r.Client, Over: share(r.Over), Percentile: share(r.Percentile),
		OverMS: whole(r.OverMS), Objective: share(r.Objective), Factor: share(r.Factor), Window: whole(r.Window), ShortWindow: whole(r.ShortWindow),
		For: strconv.FormatInt(r.For, 10), MinRequests: whole(r.MinRequests), MinBad: whole(r.MinBad),
		OverPercent: percent(r.Over), ObjectivePercent: percent(r.Objective),
	}
}

func share(f float64) string {
	if f == 0 {
		return ""
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// percent writes a share in %, without what binary fractions leave over.
func percent(f float64) string { return share(math.Round(f*1e8) / 1e6) }

func whole(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// editAlertRule shows the form of a new rule, or of the one in the address.
func (p *Panel) editAlertRule(c *web.Call, v *visit) error {
	query, err := c.Query()
	if err != nil {
		return err
	}
	name := query.Get("name")
	if name == "" {
		return p.drawAlertRule(c, v, http.StatusOK, pages.AlertRuleForm{Rule: pages.AlertRule{
			Class: token.External, Kind: string(alert.ErrorRate), Severity: alert.Ticket, Window: "5", For: "5", MinRequests: "100", MinBad: "5",
		}})
	}
	rules, _, _, err := p.alertRules(c, v)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(rules, func(r alert.Rule) bool { return r.Name == name })
	if i < 0 {
		return token.Errorf(token.NotFound, "there is no such rule")
	}
	return p.drawAlertRule(c, v, http.StatusOK, pages.AlertRuleForm{Was: name, Version: ruleVersion(rules[i]), Rule: typedRule(rules[i])})
}

func (p *Panel) drawAlertRule(c *web.Call, v *visit, status int, view pages.AlertRuleForm) error {
	view.Shell, view.Windows, view.Bounds = v.shell, alert.Spans(), token.TrafficBounds[:]
	return p.showWith(c, v, status, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.AlertRuleForm(w, lang, view) })
}

// putAlertRule saves a rule beside the others, or in the place of one.
func (p *Panel) putAlertRule(c *web.Call, v *visit) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	typed := pages.AlertRule{
		Name: strings.TrimSpace(form.Get("name")), Kind: form.Get("kind"), Class: form.Get("class"), Severity: form.Get("severity"), Route: strings.TrimSpace(form.Get("route")),
		Client: strings.TrimSpace(form.Get("client")), Over: form.Get("over"), Percentile: form.Get("percentile"), OverMS: form.Get("over_ms"),
		Objective: form.Get("objective"), Factor: form.Get("factor"), Window: form.Get("window_minutes"), ShortWindow: form.Get("short_window_minutes"),
		For: form.Get("for_minutes"), MinRequests: form.Get("min_requests"), MinBad: form.Get("min_bad"),
	}
	was, version := form.Get("was"), form.Get("version")
	rule, err := readRuleOf(typed)
	if err == nil {
		err = p.saveRules(c, v, func(rules []alert.Rule) ([]alert.Rule, error) {
			if was == "" {
				return append(rules, rule), nil
			}
			i, err := ruleAt(rules, was, &version)
			if err != nil {
				return nil, err
			}
			rules[i] = rule
			return rules, nil
		})
	}
	if said, ok := wrong(err); ok {
		return p.drawAlertRule(c, v, http.StatusUnprocessableEntity, pages.AlertRuleForm{Was: was, Version: version, Rule: typed, Wrong: ofOneRule(said)})
	}
	return p.done(c, pages.Alerts.Path(v.workspace.ID), pages.AlertRulesSaved, err)
}

// ruleAt finds the rule that a form was about. Where it is not as it was when the
// form was drawn it refuses with Outdated, and version is then that of now: who
// saves once more knows of it.
func ruleAt(rules []alert.Rule, name string, version *string) (int, error) {
	i := slices.IndexFunc(rules, func(r alert.Rule) bool { return r.Name == name })
	if i < 0 {
		return i, token.Errorf(token.NotFound, "there is no such rule any more")
	}
	is := ruleVersion(rules[i])
	drawn := token.Version(*version)
	*version = is
	return i, drawn.Meets(token.Version(is))
}

// ruleVersion is that of one rule: who changes another one is not in the way.
func ruleVersion(r alert.Rule) string {
	text, err := json.Marshal(r)
	if err != nil {
		return "" // nothing in a rule is without a text
	}
	return string(token.VersionOf(text))
}

// ofOneRule says of the form what is said of a rule among all: rules[3].over.
func ofOneRule(w pages.Wrong) pages.Wrong {
	fields := map[string]string{}
	for name, text := range w.Fields {
		if _, of, found := strings.Cut(name, "]."); found {
			name = of
		}
		fields[name] = text
	}
	w.Fields = fields
	return w
}

// saveRules changes the rules of the workspace.
func (p *Panel) saveRules(c *web.Call, v *visit, change func([]alert.Rule) ([]alert.Rule, error)) error {
	rules, version, _, err := p.alertRules(c, v)
	if err != nil {
		return err
	}
	if rules, err = change(rules); err != nil {
		return err
	}
	return p.cfg.Authority.PutAlertRules(c.Context(), c.Actor(), v.workspace.ID, rules, version)
}

func (p *Panel) dropAlertRule(c *web.Call, v *visit) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	err = p.saveRules(c, v, func(rules []alert.Rule) ([]alert.Rule, error) {
		version := form.Get("version")
		i, err := ruleAt(rules, form.Get("name"), &version)
		if err != nil {
			return nil, err
		}
		return slices.Delete(rules, i, i+1), nil
	})
	return p.done(c, pages.Alerts.Path(v.workspace.ID), pages.AlertRulesSaved, err)
}

// builtInAlertRules gives the workspace the rules that it began with.
func (p *Panel) builtInAlertRules(c *web.Call, v *visit) error {
	err := p.cfg.Authority.PutAlertRules(c.Context(), c.Actor(), v.workspace.ID, nil, "")
	return p.done(c, pages.Alerts.Path(v.workspace.ID), pages.AlertRulesBuiltIn, err)
}

// readRuleOf reads what is typed of a rule. The inputs of other kinds than its
// own are not looked at: they stand on the form all the same.
func readRuleOf(f pages.AlertRule) (r alert.Rule, err error) {
	r = alert.Rule{Name: f.Name, Kind: alert.Kind(f.Kind), Class: f.Class, Severity: f.Severity, Route: f.Route, Client: f.Client}
	n := numbers{}
	r.Window, r.For = n.whole("window_minutes", f.Window), n.whole("for_minutes", f.For)
	r.MinRequests, r.MinBad = n.whole("min_requests", f.MinRequests), n.whole("min_bad", f.MinBad)
	switch r.Kind {
	case alert.ErrorRate:
		r.Over = n.share("over", f.Over)
	case alert.Latency:
		r.Percentile, r.OverMS = n.share("percentile", f.Percentile), n.whole("over_ms", f.OverMS)
	case alert.BurnRate:
		r.Objective, r.Factor, r.ShortWindow = n.share("objective", f.Objective), n.share("factor", f.Factor), n.whole("short_window_minutes", f.ShortWindow)
	}
	return r, n.err
}

// numbers reads what is typed of numbers and keeps the first mistake.
type numbers struct{ err error }

func (n *numbers) whole(name, text string) int64 {
	if text = strings.TrimSpace(text); text == "" {
		return 0
	}
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil && n.err == nil {
		n.err = token.AtField(name, "must be a whole number")
	}
	return value
}

func (n *numbers) share(name, text string) float64 {
	if text = strings.ReplaceAll(strings.TrimSpace(text), ",", "."); text == "" {
		return 0
	}
	value, err := strconv.ParseFloat(text, 64)
	if (err != nil || math.IsNaN(value)) && n.err == nil {
		n.err = token.AtField(name, "must be a number")
	}
	return value
}
