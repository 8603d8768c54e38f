package panel

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

type applicationReads interface {
	Clients(ctx context.Context, workspace, after string, limit int) ([]*token.Client, error)
	TrafficSeries(ctx context.Context, q token.TrafficQuery, minutes int) ([]token.Traffic, error)
}

// applications is the area of the programs that are registered in a workspace.
func (p *Panel) applications() area {
	at := func(more string) string { return parted(pages.Applications, more) }
	return area{name: pages.Applications, admins: true, routes: []web.Route{
		p.shows(at(""), p.listApplications),
		p.shows(at("/new"), p.newApplication),
		p.shown(at("/new"), p.createApplication),
		p.shows(at("/{id}"), p.showApplication),
		p.shows(at("/{id}/edit"), p.editApplication),
		p.does(at("/{id}/edit"), p.changeApplication),
		p.does(at("/{id}/disable"), p.disableApplication),
		p.does(at("/{id}/enable"), p.enableApplication),
		p.shown(at("/{id}/secrets"), p.addSecret),
		p.shown(at("/{id}/secrets/{secret}/rotate"), p.rotateSecret),
		p.does(at("/{id}/secrets/{secret}/end"), p.endSecret),
		p.does(at("/{id}/rotations/{rotation}/{step}"), p.turnSecret),
	}}
}

func (p *Panel) listApplications(c *web.Call, v *visit) error {
	query, err := c.Query()
	if err != nil {
		return err
	}
	list, err := p.cfg.Store.Clients(c.Context(), v.workspace.ID, query.Get("after"), pageLength+1)
	if err != nil {
		return err
	}
	list, next := cut(list, func(one *token.Client) string { return one.ID })
	view := pages.ApplicationList{Shell: v.shell, Now: c.Now(), Pager: pager(c, next)}
	for _, one := range list {
		view.Items = append(view.Items, viewOfClient(one))
	}
	return p.show(c, v, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.ApplicationList(w, lang, view) })
}

func viewOfClient(c *token.Client) pages.Application {
	a := pages.Application{
		ID: c.ID, Name: c.Name, Description: c.Description, Number: c.Number, AuthMethod: c.AuthMethod, Grants: c.GrantTypes, RedirectURIs: c.RedirectURIs,
		Scopes: c.Scope, Optional: c.OptionalScope, Distribution: c.Distribution, Workspaces: c.Workspaces, InstallableBy: c.InstallableBy,
		Impersonates: c.MayImpersonate, CreatedAt: instantOf(c.CreatedAt), DisabledAt: instantOf(c.DisabledAt),
	}
	if c.AccessTTL > 0 {
		a.AccessTTL = typedSpan(c.AccessTTL)
	}
	return a
}

// clientOf returns the client that the path names, if it is the workspace's.
func (p *Panel) clientOf(c *web.Call, v *visit) (*token.Client, error) {
	id, err := c.PathValue("id")
	if err != nil {
		return nil, err
	}
	one, err := p.cfg.Verifier.Client(c.Context(), id)
	if err != nil {
		return nil, err
	}
	if one == nil || one.Workspace != v.workspace.ID {
		return nil, token.Errorf(token.NotFound, "there is no such application in this workspace")
	}
	return one, nil
}

func (p *Panel) newApplication(c *web.Call, v *visit) error {
	return p.drawApplication(c, v, http.StatusOK, pages.ApplicationForm{Fresh: p.cfg.Authority.NewClientID(), Application: pages.Application{
		Grants: []string{"authorization_code", "refresh_token"}, AuthMethod: authority.ByBasic, Distribution: "private",
	}})
}

func (p *Panel) drawApplication(c *web.Call, v *visit, status int, view pages.ApplicationForm) error {
	view.Shell = v.shell
	return p.showWith(c, v, status, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.ApplicationForm(w, lang, view) })
}

// typedApplication reads the form, as it stands on the page and as it is
// declared.
func typedApplication(form web.Form, workspace string) (typed pages.Application, d token.Client, err error) {
	typed = pages.Application{
		Name: strings.TrimSpace(form.Get("client_name")), Description: strings.TrimSpace(form.Get("description")), AuthMethod: form.Get("token_endpoint_auth_method"),
		Grants: form.All("grant_types"), RedirectURIs: wordsOf(form.Get("redirect_uris")), Scopes: wordsOf(form.Get("scope")),
		Optional: wordsOf(form.Get("optional_scope")), Distribution: form.Get("distribution"), Workspaces: wordsOf(form.Get("workspaces")),
		InstallableBy: form.Get("installable_by"), AccessTTL: strings.TrimSpace(form.Get("access_token_ttl")),
	}
	d = token.Client{
		Workspace: workspace, Name: typed.Name, Description: typed.Description, AuthMethod: typed.AuthMethod, GrantTypes: typed.Grants, RedirectURIs: typed.RedirectURIs,
		Distribution: typed.Distribution, InstallableBy: typed.InstallableBy,
	}
	if typed.Distribution == "listed" {
		d.Workspaces = typed.Workspaces
	}
	if d.Scope, err = token.MakeScopes(typed.Scopes); err != nil {
		return typed, d, token.AtField("scope", "%s", token.AsRefusal(err).Text)
	}
	if d.OptionalScope, err = token.MakeScopes(typed.Optional); err != nil {
		return typed, d, token.AtField("optional_scope", "%s", token.AsRefusal(err).Text)
	}
	if typed.AccessTTL != "" {
		seconds, ok := spanOf(typed.AccessTTL)
		if !ok {
			return typed, d, token.AtField("access_token_ttl", "must be a length of time such as 30m or 1h")
		}
		d.AccessTTL = seconds
	}
	return typed, d, nil
}

// createApplication registers an application, and answers with its first secret
// if it has one. If we die before that, its page offers to make one. The form
// holds the id, so that sending it again leads to the one that it made.
func (p *Panel) createApplication(c *web.Call, v *visit) error {
	form, err := c.Form("grant_types")
	if err != nil {
		return err
	}
	fresh := form.Get("id")
	had, err := p.cfg.Verifier.Client(c.Context(), fresh)
	if err != nil {
		return err
	}
	if had != nil {
		return c.Redirect(pages.Applications.Path(v.workspace.ID, fresh))
	}
	typed, d, err := typedApplication(form, v.workspace.ID)
	d.ID = fresh
	if err == nil {
		err = p.cfg.Authority.Register(c.Context(), c.Actor(), d)
	}
	if said, ok := wrong(err); ok {
		return p.drawApplication(c, v, http.StatusUnprocessableEntity, pages.ApplicationForm{Fresh: fresh, Application: typed, Wrong: said})
	}
	if err != nil {
		return err
	}
	if d.Public() {
		return p.lead(c, pages.Applications.Path(v.workspace.ID, d.ID), pages.ApplicationSaved)
	}
	return p.giveSecret(c, v, d.ID, d.Name)
}

// giveSecret makes one more secret, and is the one answer that holds it.
func (p *Panel) giveSecret(c *web.Call, v *visit, id, name string) error {
	_, secret, err := p.cfg.Authority.AddSecret(c.Context(), c.Actor(), v.workspace.ID, id)
	if err != nil {
		return p.done(c, pages.Applications.Path(v.workspace.ID, id), "", err)
	}
	return p.drawClientSecret(c, v, pages.ApplicationSecret{ID: id, Name: name, Secret: secret})
}

func (p *Panel) drawClientSecret(c *web.Call, v *visit, view pages.ApplicationSecret) error {
	view.Shell = v.shell
	view.Shell.Here = "" // a language link would ask for this page again, which there is none of
	return p.show(c, v, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.ApplicationSecret(w, lang, view) })
}

func (p *Panel) editApplication(c *web.Call, v *visit) error {
	one, err := p.clientOf(c, v)
	if err != nil {
		return err
	}
	v.shell.Crumbs = []pages.Crumb{{Text: appName(one), Href: pages.Applications.Path(v.workspace.ID, one.ID)}}
	return p.drawApplication(c, v, http.StatusOK, pages.ApplicationForm{Application: viewOfClient(one)})
}

func (p *Panel) changeApplication(c *web.Call, v *visit) error {
	one, err := p.clientOf(c, v)
	if err != nil {
		return err
	}
	form, err := c.Form("grant_types")
	if err != nil {
		return err
	}
	typed, d, err := typedApplication(form, v.workspace.ID)
	typed.ID, d.ID = one.ID, one.ID
	if err == nil {
		err = p.cfg.Authority.Register(c.Context(), c.Actor(), d)
	}
	back := pages.Applications.Path(v.workspace.ID, one.ID)
	if said, ok := wrong(err); ok {
		v.shell.Crumbs = []pages.Crumb{{Text: appName(one), Href: back}}
		return p.drawApplication(c, v, http.StatusUnprocessableEntity, pages.ApplicationForm{Application: typed, Wrong: said})
	}
	return p.done(c, back, pages.ApplicationSaved, err)
}

func (p *Panel) disableApplication(c *web.Call, v *visit) error {
	one, err := p.clientOf(c, v)
	if err != nil {
		return err
	}
	form, err := c.Form()
	if err != nil {
		return err
	}
	err = p.cfg.Authority.DisableClient(c.Context(), c.Actor(), v.workspace.ID, one.ID, form.Get("reason"))
	return p.done(c, pages.Applications.Path(v.workspace.ID, one.ID), pages.ApplicationDisabled, err)
}

func (p *Panel) enableApplication(c *web.Call, v *visit) error {
	one, err := p.clientOf(c, v)
	if err != nil {
		return err
	}
	err = p.cfg.Authority.EnableClient(c.Context(), c.Actor(), v.workspace.ID, one.ID)
	return p.done(c, pages.Applications.Path(v.workspace.ID, one.ID), pages.ApplicationEnabled, err)
}

func (p *Panel) addSecret(c *web.Call, v *visit) error {
	one, err := p.clientOf(c, v)
	if err != nil {
		return err
	}
	return p.giveSecret(c, v, one.ID, one.Name)
}

// rotateSecret replaces a secret by another, and is the one answer that holds it.
func (p *Panel) rotateSecret(c *web.Call, v *visit) error {
	one, err := p.clientOf(c, v)
	if err != nil {
		return err
	}
	id, err := idOf(c, "secret")
	if err != nil {
		return err
	}
	_, secret, err := p.cfg.Authority.RotateSecret(c.Context(), c.Actor(), authority.SecretTurn{
		What: token.RotatesClientSecret, Workspace: v.workspace.ID, Credential: one.ID, Secret: id, Grace: secretGrace,
	})
	if err != nil {
		return p.done(c, pages.Applications.Path(v.workspace.ID, one.ID), "", err)
	}
	return p.drawClientSecret(c, v, pages.ApplicationSecret{ID: one.ID, Name: one.Name, Secret: secret, Beside: true})
}

func (p *Panel) endSecret(c *web.Call, v *visit) error {
	one, err := p.clientOf(c, v)
	if err != nil {
		return err
	}
	id, err := idOf(c, "secret")
	if err != nil {
		return err
	}
	err = p.cfg.Authority.EndSecret(c.Context(), c.Actor(), v.workspace.ID, one.ID, id)
	return p.done(c, pages.Applications.Path(v.workspace.ID, one.ID), pages.ApplicationSecretOf, err)
}

func (p *Panel) turnSecret(c *web.Call, v *visit) error {
	one, err := p.clientOf(c, v)
	if err != nil {
		return err
	}
	return p.moveRotation(c, v, one.ID, pages.Applications.Path(v.workspace.ID, one.ID))
}

// showApplication shows an application, its secrets, and the link by which it is
// installed.
func (p *Panel) showApplication(c *web.Call, v *visit) error {
	one, err := p.clientOf(c, v)
	if err != nil {
		return err
	}
	query, err := c.Query("optional")
	if err != nil {
		return err
	}
	view := pages.ApplicationPage{Shell: v.shell, Now: c.Now(), Application: viewOfClient(one)}
	for _, s := range one.Secrets {
		view.Secrets = append(view.Secrets, viewOfSecret(s, c.Now()))
	}
	base := pages.Applications.Path(v.workspace.ID, one.ID, "rotations")
	if view.Turning, err = p.openRotation(c, v, token.RotatesClientSecret, one.ID, base); err != nil {
		return err
	}
	if err := p.countRequests(c, v, one.ID, &view); err != nil {
		return err
	}
	p.buildLink(one, query, &view)
	return p.show(c, v, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.ApplicationPage(w, lang, view) })
}

func viewOfSecret(s token.Secret, now time.Time) pages.AppSecret {
	view := pages.AppSecret{ID: s.ID.String(), LastFour: s.LastFour, State: "active", CreatedAt: instantOf(s.CreatedAt), ExpiresAt: instantOf(s.ExpiresAt)}
	switch {
	case s.EndedAt != 0:
		view.State = "ended"
	case !s.Live(now.UnixMilli()):
		view.State = "expired"
	case s.RetiresAt != 0:
		view.State = "retiring"
	case s.Replaces != 0:
		view.State = "pending"
	}
	return view
}

// countRequests counts what protected services saw of an application in a day.
func (p *Panel) countRequests(c *web.Call, v *visit, client string, view *pages.ApplicationPage) error {
	day, err := p.cfg.Store.TrafficSeries(c.Context(), token.TrafficQuery{
		Workspace: v.workspace.ID, Client: client, From: c.Now().Add(-24 * time.Hour).UnixMilli(),
	}, 24*60)
	for _, t := range day {
		view.Requests, view.Errors, view.Refused = view.Requests+t.Count, view.Errors+t.Errors, view.Refused+t.Refused
	}
	return err
}

// buildLink makes the address that installs an application: for HubSpot's
// contract as it stands; for the standard with blanks that the application fills.
func (p *Panel) buildLink(one *token.Client, query web.Form, view *pages.ApplicationPage) {
	if len(one.RedirectURIs) == 0 || !one.Grants("authorization_code") || one.DisabledAt != 0 {
		return
	}
	view.Contract, view.Redirect = query.Get("contract"), query.Get("redirect_uri")
	if !slices.Contains(one.RedirectURIs, view.Redirect) {
		view.Redirect = one.RedirectURIs[0]
	}
	for _, scope := range query.All("optional") {
		if one.OptionalScope.Has(scope) {
			view.Chosen = append(view.Chosen, scope)
		}
	}
	q := url.Values{"client_id": {one.ID}, "redirect_uri": {view.Redirect}}
	path := "/oauth2/authorize"
	if view.Contract == "hubspot" {
		path = "/oauth/authorize"
		q.Set("scope", one.Scope.String())
		if len(view.Chosen) > 0 {
			q.Set("optional_scope", strings.Join(view.Chosen, " "))
		}
	} else {
		q.Set("response_type", "code")
		q.Set("scope", strings.Join(slices.Concat(one.Scope, view.Chosen), " "))
		q.Set("state", "STATE")
		q.Set("code_challenge", "CHALLENGE")
		q.Set("code_challenge_method", "S256")
	}
	view.Link = p.cfg.Authority.Issuer() + path + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}
