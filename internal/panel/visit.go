package panel

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"

	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// A visit is one request of somebody who is signed in: who they are, in which
// workspace, and what stands around the page they see.
type visit struct {
	record     *token.Record
	workspaces []*token.Workspace // where they are a live member, by id
	workspace  *token.Workspace   // the one in the address; nil on a page about the person
	membership *token.Membership  // in it
	shell      pages.Shell
}

func (v *visit) person() *token.Person { return v.record.Person }

// An area is a part of the panel inside a workspace. Its routes are those of
// shows and does.
type area struct {
	name   pages.Area
	admins bool // only who administrates the workspace may open it
	routes []web.Route
}

// allAreas lists the areas in the order of the navigation.
func (p *Panel) allAreas() []area {
	return []area{p.tokens(), p.inventory(), p.applications(), p.members(), p.policies(), p.webhooks(), p.audit(), p.alerts(), p.usage(), p.keys(), p.jobs(), p.settings()}
}

// opens reports whether a member may open an area.
func (a area) opens(m *token.Membership) bool { return m.Live() && (!a.admins || m.IsAdmin()) }

// A handler answers who is signed in.
type handler func(*web.Call, *visit) error

// shows is the route of a page for who is signed in; others are led to the
// sign-in and back. A pattern under /panel/w/{workspace}/AREA is for live
// members of the workspace whom the area opens to.
func (p *Panel) shows(pattern string, show handler) web.Route {
	return web.Route{Pattern: "GET " + pattern, Rule: p.mine(), Handle: func(c *web.Call) error {
		return p.visited(c, loginFor(local(c.Request.URL.RequestURI())), show)
	}}
}

// does is the route of a form, for whom shows is. Its handler ends in lead, or
// writes the page again where the form was not right.
func (p *Panel) does(pattern string, do handler) web.Route {
	return web.Route{Pattern: "POST " + pattern, Rule: p.decided(), Handle: func(c *web.Call) error {
		return p.visited(c, loginPath, do)
	}}
}

// shown is a form whose answer holds a secret: a page that nobody keeps.
func (p *Panel) shown(pattern string, do handler) web.Route {
	r := p.does(pattern, do)
	r.Rule.Secret = true
	return r
}

// visited has a handler answer who is signed in, and leads all others away; who
// owes a second factor to where they set one up.
func (p *Panel) visited(c *web.Call, away string, answer handler) error {
	v, err := p.visit(c)
	if err != nil {
		return err
	}
	if v == nil {
		return c.Redirect(away)
	}
	if path := c.Request.URL.Path; path != securityPath && !strings.HasPrefix(path, securityPath+"/") {
		if led, err := p.leadOwing(c, v.person()); led || err != nil {
			return err
		}
	}
	return answer(c, v)
}

// leadOwing leads who owes a second factor to where they set one up, and reports
// whether it did.
func (p *Panel) leadOwing(c *web.Call, who *token.Person) (bool, error) {
	owed, err := p.cfg.Identity.OwesSecond(c.Context(), who)
	if err != nil || owed == "" {
		return false, err
	}
	return true, c.Redirect(securityPath)
}

// visit returns who visits, nil if nobody is signed in. NotFound says that they
// are no live member of the workspace in the address, Forbidden that the area is
// not theirs.
func (p *Panel) visit(c *web.Call) (*visit, error) {
	id, err := c.PathValue("workspace")
	if err != nil {
		return nil, err
	}
	secret := p.SessionSecret(c)
	if secret == "" {
		return nil, nil
	}
	r, err := p.judge(c, secret, "")
	if err != nil || r == nil {
		return nil, err
	}
	v := &visit{record: r}
	if v.workspaces, err = p.belongs(c, r.Person); err != nil {
		return nil, err
	}
	if id != "" {
		if err := p.into(c, v, secret, id); err != nil {
			return nil, err
		}
	}
	v.shell = p.shell(c, v)
	return v, nil
}

// belongs returns the workspaces that a person is a live member of and that are
// not disabled.
func (p *Panel) belongs(c *web.Call, who *token.Person) ([]*token.Workspace, error) {
	var all []*token.Workspace
	for _, m := range who.Live() {
		w, err := p.cfg.Verifier.Workspace(c.Context(), m.Workspace)
		if err != nil {
			return nil, err
		}
		if w != nil && w.DisabledAt == 0 {
			all = append(all, w)
		}
	}
	return all, nil
}

// into makes a visit one of a workspace: the session is judged for it, and the
// actor acts in it.
func (p *Panel) into(c *web.Call, v *visit, secret, id string) error {
	for _, w := range v.workspaces {
		if w.ID == id {
			v.workspace, v.membership = w, v.person().In(id)
		}
	}
	if v.workspace == nil {
		return token.Errorf(token.NotFound, "there is no such workspace, or you are not a member of it")
	}
	r, err := p.judge(c, secret, id)
	if err != nil {
		return err
	}
	if r == nil {
		return token.Errorf(token.Forbidden, "your session does not open this workspace")
	}
	if a := p.areaOf(c.Pattern()); a != nil && !a.opens(v.membership) {
		return token.Errorf(token.Forbidden, "only an admin of this workspace may open this page")
	}
	if p.cookieValue(c, workspaceCookie) != id {
		http.SetCookie(c, p.cookie(workspaceCookie, id, languageKept))
	}
	return nil
}

// areaOf returns the area of a route, nil if it belongs to none.
func (p *Panel) areaOf(pattern string) *area {
	for i, a := range p.areas {
		if slices.ContainsFunc(a.routes, func(r web.Route) bool { return r.Pattern == pattern }) {
			return &p.areas[i]
		}
	}
	return nil
}

// mostSwitched is how many workspaces the switch lists; the account page lists
// all.
const mostSwitched = 12

// shell returns what stands around the page of a visit.
func (p *Panel) shell(c *web.Call, v *visit) pages.Shell {
	shell := pages.Shell{Here: c.Request.URL.RequestURI(), Nonce: rand.Text(), Person: person(v.person()), Said: p.said(c)}
	at := v.from(p.cookieValue(c, workspaceCookie))
	if at == nil {
		return shell
	}
	shell.Workspace = pages.Workspace{ID: at.ID, Name: nameOf(at)}
	for _, a := range p.areas {
		if a.opens(v.person().In(at.ID)) {
			shell.Areas = append(shell.Areas, a.name)
		}
	}
	if len(v.workspaces) > 1 {
		for _, w := range v.workspaces[:min(len(v.workspaces), mostSwitched)] {
			shell.Workspaces = append(shell.Workspaces, pages.Workspace{ID: w.ID, Name: nameOf(w)})
		}
	}
	if a := p.areaOf(c.Pattern()); a != nil {
		shell.Area = a.name
	}
	return shell
}

// from returns the workspace of a visit: the one in the address, else the last
// one that was looked at, else the first.
func (v *visit) from(last string) *token.Workspace {
	if v.workspace != nil || len(v.workspaces) == 0 {
		return v.workspace
	}
	for _, w := range v.workspaces {
		if w.ID == last {
			return w
		}
	}
	return v.workspaces[0]
}
