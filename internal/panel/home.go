package panel

import (
	"cmp"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// homeRoutes are the account page and what it does.
func (p *Panel) homeRoutes() []web.Route {
	lead := func(c *web.Call) error { return c.Redirect(homePath) }
	return []web.Route{
		{Pattern: "GET /{$}", Rule: p.open(), Handle: lead}, // whoever opens the address that the server prints
		{Pattern: "GET /panel", Rule: p.open(), Handle: lead},
		p.shows("/panel/{$}", p.home),
		p.shows("/panel/w/{workspace}", p.enterWorkspace),
		p.does("/panel/profile", p.saveProfile),
		p.does("/panel/grants/{id}/end", p.takeBack),
	}
}

// home shows where who is signed in belongs, and what they gave.
func (p *Panel) home(c *web.Call, v *visit) error {
	return p.drawHome(c, v, http.StatusOK, pages.Home{Shell: v.shell})
}

func (p *Panel) drawHome(c *web.Call, v *visit, status int, view pages.Home) (err error) {
	view.Locale = cmp.Or(view.Locale, v.person().Locale, string(p.language(c)))
	for _, w := range v.workspaces {
		m := v.person().In(w.ID)
		view.Memberships = append(view.Memberships, pages.Membership{Workspace: nameOf(w), Href: "/panel/w/" + url.PathEscape(w.ID), Role: m.Role})
	}
	offers, err := p.cfg.Identity.Invited(c.Context(), v.person().ID)
	if err != nil {
		return err
	}
	view.Invited = len(offers)
	if view.Accesses, err = p.accesses(c, v.person()); err != nil {
		return err
	}
	return p.showWith(c, v, status, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.Home(w, lang, view) })
}

// saveProfile changes the name and the language of who is signed in. The
// browser has the pages in that language from now on.
func (p *Panel) saveProfile(c *web.Call, v *visit) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	name, locale := form.Get("name"), form.Get("locale")
	err = p.cfg.Identity.SetProfile(c.Context(), c.Actor(), name, locale)
	if r := token.AsRefusal(err); r != nil && len(r.Fields) > 0 {
		view := pages.Home{Shell: v.shell, Locale: locale, Errors: fieldErrors(r)}
		view.Shell.Here, view.Shell.Person.Name = homePath, name
		return p.drawHome(c, v, http.StatusUnprocessableEntity, view)
	}
	if err != nil {
		return err
	}
	if slices.Contains(pages.Languages(), pages.Lang(locale)) {
		http.SetCookie(c, p.cookie(languageCookie, locale, languageKept))
	}
	return p.lead(c, homePath, pages.ProfileSaved)
}

// fieldErrors says which fields a refusal is about.
func fieldErrors(r *token.Refusal) map[string]pages.FieldError {
	wrong := map[string]pages.FieldError{}
	for _, f := range r.Fields {
		wrong[f.Name] = pages.FieldInvalid
	}
	return wrong
}

// accesses returns what a person may take back, as the page shows it.
func (p *Panel) accesses(c *web.Call, who *token.Person) ([]pages.Access, error) {
	given, err := p.cfg.Authority.Given(c.Context(), who)
	if err != nil || len(given) == 0 {
		return nil, err
	}
	described, err := p.described(c)
	if err != nil {
		return nil, err
	}
	var all []pages.Access
	for i := range given {
		all = append(all, access(&given[i], described))
	}
	return all, nil
}

func access(g *authority.Given, described descriptions) pages.Access {
	newest := g.Families[0]
	a := pages.Access{
		ID: newest.ID.String(), App: appName(g.Client), Workspace: nameOf(g.Workspace), Scopes: described.list(g.Scopes(), nil),
		Since: time.UnixMilli(newest.CreatedAt), Installed: newest.Installed, Left: g.Left,
	}
	if g.Person != nil {
		a.By = person(g.Person)
	}
	return a
}

// nameOf returns what people call a workspace.
func nameOf(w *token.Workspace) string {
	if w.Name == "" {
		return w.ID
	}
	return w.Name
}

// takeBack ends what an application was given.
func (p *Panel) takeBack(c *web.Call, v *visit) error {
	text, err := c.PathValue("id")
	if err != nil {
		return err
	}
	id, ok := token.ParseID(text)
	if !ok {
		return token.Errorf(token.NotFound, "there is no such access")
	}
	if err := p.cfg.Authority.TakeBack(c.Context(), c.Actor(), v.person(), id); err != nil {
		return err
	}
	return p.lead(c, homePath, pages.AccessEnded)
}
