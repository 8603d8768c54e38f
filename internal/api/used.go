package api

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// A useView is one use of a token as an answer shows it.
type useView struct {
	ID        string       `json:"id"`
	At        *string      `json:"at"`
	SecretID  string       `json:"secret_id,omitempty"`
	Workspace string       `json:"workspace"`
	Route     string       `json:"route"`
	Method    string       `json:"method,omitempty"`
	Status    int          `json:"status,omitempty"`
	Address   string       `json:"address,omitempty"`
	Agent     string       `json:"user_agent,omitempty"`
	Scopes    token.Scopes `json:"scopes"`
	Outcome   string       `json:"outcome"`
	Actor     string       `json:"actor"`
	For       string       `json:"on_behalf_of,omitempty"`
	Source    string       `json:"source"` // records, or audit where the use stands there
}

// listUses serves GET /v1/tokens/{id}/uses: everything that the token did, as
// far as the server keeps single uses. Those of an impersonated token stand in
// the audit and are merged in.
func (f *Face) listUses(c *web.Call, who *caller) error {
	t, err := f.found(c, who, token.AdminRead)
	if err != nil {
		return err
	}
	q := filterOf(c, "from", "until", "limit", "cursor")
	ask := token.UseQuery{
		Credential: t.Credential, Workspace: t.Workspace, From: q.instant("from"), Until: q.instant("until"), Before: q.id("cursor"), Limit: q.limit(),
	}
	if q.err != nil {
		return q.err
	}
	rows, err := f.cfg.Store.UseRecords(c.Context(), ask)
	if err != nil {
		return err
	}
	var views []useView
	for i := range rows {
		views = append(views, viewOfUse(&rows[i]))
	}
	if t.Kind == token.Impersonated {
		audited, err := f.auditedUses(c, t, ask)
		if err != nil {
			return err
		}
		views = append(views, audited...)
		slices.SortFunc(views, func(a, b useView) int { return cmp.Compare(b.ID, a.ID) })
	}
	p := page[useView]{Items: append([]useView{}, views[:min(len(views), ask.Limit)]...)}
	if len(p.Items) == ask.Limit {
		p.Next = &p.Items[ask.Limit-1].ID // a last page that is full leads to an empty one
	}
	return c.WriteJSON(http.StatusOK, struct {
		page[useView]
		Recorded string `json:"recorded"`
	}{p, f.cfg.Verifier.Recorded()})
}

func viewOfUse(r *token.UseRecord) useView {
	return useView{
		ID: r.ID.String(), At: instant(r.ID.Time().UnixMilli()), SecretID: r.Secret.String(), Workspace: r.Workspace, Route: r.Route, Method: r.Method,
		Status: r.Status, Address: r.Address, Agent: r.Agent, Scopes: scopesOf(r.Scope), Outcome: r.Outcome, Actor: r.Actor, For: r.For, Source: "records",
	}
}

// scopesOf returns scopes that were checked when they came.
func scopesOf(list string) token.Scopes {
	return append(token.Scopes{}, strings.Fields(list)...)
}

// auditedUses returns the uses of a token that the audit holds.
func (f *Face) auditedUses(c *web.Call, t *token.Token, q token.UseQuery) ([]useView, error) {
	events, _, err := f.cfg.Store.Trail(c.Context(), token.Trail{
		Workspace: t.Workspace, Target: "token:" + t.Credential.String(), Action: "impersonation.used",
		From: q.From, Until: q.Until, Before: q.Before, Limit: q.Limit,
	})
	if err != nil {
		return nil, err
	}
	views := make([]useView, len(events))
	for i, e := range events {
		route, _ := e.Detail["route"].(string)
		views[i] = useView{
			ID: e.ID.String(), At: instant(e.At), Workspace: e.Workspace, Route: route, Address: e.Actor.Address, Agent: e.Actor.Agent,
			Scopes: token.Scopes{}, Outcome: token.UseAllowed, Actor: e.Actor.ID, For: e.Actor.For, Source: "audit",
		}
	}
	return views, nil
}

// A scopesView is what a token may do beside what it does.
type scopesView struct {
	Granted   token.Scopes    `json:"granted"`
	Used      []usedScopeView `json:"used"`
	Unused    token.Scopes    `json:"unused"`
	Since     *string         `json:"since"` // the record begins
	Days      int64           `json:"days"`  // whole ones of record
	Uses      int64           `json:"uses"`
	Unscoped  int64           `json:"uses_without_scopes"`
	Proposal  token.Scopes    `json:"proposal"`
	Confident bool            `json:"confident"`
}

type usedScopeView struct {
	Scope string  `json:"scope"`
	First *string `json:"first_used_at"`
	Last  *string `json:"last_used_at"`
}

// usedScopes serves GET /v1/tokens/{id}/scopes.
func (f *Face) usedScopes(c *web.Call, who *caller) error {
	t, err := f.found(c, who, token.AdminRead)
	if err != nil {
		return err
	}
	use, err := f.cfg.Authority.ScopeUse(c.Context(), t.ID)
	if err != nil {
		return err
	}
	return c.WriteJSON(http.StatusOK, viewOfScopes(t, use, c.Now().UnixMilli()))
}

// viewOfScopes holds what a token was granted against what it used.
func viewOfScopes(t *token.Token, use token.ScopeUse, now int64) scopesView {
	fit := t.Fit(use, now)
	v := scopesView{
		Granted: append(token.Scopes{}, t.Scopes...), Used: []usedScopeView{}, Proposal: append(token.Scopes{}, fit.Proposal...), Unused: append(token.Scopes{}, fit.Unused...),
		Since: instant(fit.Since), Days: fit.Days, Uses: use.Count, Unscoped: use.Unscoped, Confident: fit.Confident,
	}
	for _, s := range use.Scopes {
		v.Used = append(v.Used, usedScopeView{s.Name, instant(s.First), instant(s.Last)})
	}
	return v
}
