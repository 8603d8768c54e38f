package api

import (
	"net/http"
	"slices"

	"github.com/fichadev/ficha/internal/alert"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// An alertView is an incident as every answer shows it.
type alertView struct {
	ID         string           `json:"id"`
	Rule       string           `json:"rule"`
	Class      string           `json:"class"`
	Severity   string           `json:"severity"`
	State      token.AlertState `json:"state"`
	Since      *string          `json:"since"`
	FiredAt    *string          `json:"fired_at"`
	ResolvedAt *string          `json:"resolved_at"`
	Detail     map[string]any   `json:"detail,omitempty"` // what was measured when it fired
}

// A rulesView is the rules of a workspace.
type rulesView struct {
	BuiltIn bool         `json:"built_in"` // the workspace has made none
	Rules   []alert.Rule `json:"rules"`
}

func (f *Face) alertRoutes() []web.Route {
	return []web.Route{
		f.admin("GET /v1/alerts", token.AdminRead, f.listAlerts),
		f.admin("GET /v1/alerts/rules", token.AdminRead, f.getAlertRules),
		f.admin("PUT /v1/alerts/rules", token.AdminWrite, f.putAlertRules),
	}
}

// listAlerts serves GET /v1/alerts: what is pending and firing, and what was.
func (f *Face) listAlerts(c *web.Call, who *caller) error {
	q := filterOf(c, "state", "rule", "limit", "cursor")
	limit := q.limit()
	ask := token.AlertQuery{
		Workspace: who.workspace, Rule: q.text("rule"), Before: q.id("cursor"), Limit: min(limit+1, token.MostListed),
		State: token.AlertState(q.oneOf("state", string(token.AlertPending), string(token.AlertFiring), string(token.AlertResolved))),
	}
	if q.err != nil {
		return q.err
	}
	alerts, err := f.cfg.Store.Alerts(c.Context(), ask)
	if err != nil {
		return err
	}
	views := make([]alertView, len(alerts))
	for i, a := range alerts {
		views[i] = alertView{
			ID: a.ID.String(), Rule: a.Rule, Class: a.Class, Severity: a.Severity, State: a.State,
			Since: instant(a.Since), FiredAt: instant(a.FiredAt), ResolvedAt: instant(a.ResolvedAt), Detail: a.Detail,
		}
	}
	return c.WriteJSON(http.StatusOK, pageOf(views, limit, func(v alertView) string { return v.ID }))
}

// getAlertRules serves GET /v1/alerts/rules.
func (f *Face) getAlertRules(c *web.Call, who *caller) error {
	text, err := f.cfg.Store.AlertRules(c.Context(), who.workspace)
	if err != nil {
		return err
	}
	tag(c, token.VersionOf(text))
	if text == nil {
		return c.WriteJSON(http.StatusOK, rulesView{BuiltIn: true, Rules: alert.Defaults()})
	}
	rules, err := alert.Parse(text)
	if err != nil {
		return err
	}
	return c.WriteJSON(http.StatusOK, rulesView{Rules: rules})
}

// putAlertRules serves PUT /v1/alerts/rules: the rules as they shall be, or the
// built-in ones again. It answers with what is then so.
func (f *Face) putAlertRules(c *web.Call, who *caller) error {
	var want rulesView
	if err := c.JSON(&want); err != nil {
		return err
	}
	switch {
	case want.BuiltIn && want.Rules != nil && !slices.Equal(want.Rules, alert.Defaults()):
		return token.AtField("built_in", "these are not the built-in rules; leave it out to have them, or leave them out")
	case want.BuiltIn:
		want.Rules = nil
	case want.Rules == nil:
		return token.AtField("rules", "give the rules, an empty list for none, or built_in: true")
	}
	from, err := expected(c)
	if err != nil {
		return err
	}
	if err := f.cfg.Authority.PutAlertRules(c.Context(), who.actor, who.workspace, want.Rules, from); err != nil {
		return err
	}
	return f.getAlertRules(c, who)
}
