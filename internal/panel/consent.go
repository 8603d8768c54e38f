package panel

import (
	"io"
	"net/http"
	"net/url"
	"slices"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// consentRoutes are the page of every contract and its answer.
func (p *Panel) consentRoutes() []web.Route {
	return []web.Route{
		{Pattern: "GET /panel/consent", Rule: p.mine(), Handle: p.showConsent},
		{Pattern: "POST /panel/consent", Rule: p.decided(), Handle: p.answerConsent},
		{Pattern: "POST /panel/consent/request", Rule: p.decided(), Handle: p.requestInstall},
	}
}

// showConsent asks the person about a pending request, or says who can answer
// it.
func (p *Panel) showConsent(c *web.Call) error {
	query, err := c.Query()
	if err != nil {
		return err
	}
	r, err := p.Session(c)
	if err != nil {
		return err
	}
	if r == nil {
		return c.Redirect(loginFor(consentFor(query.Get("request"))))
	}
	if led, err := p.leadOwing(c, r.Person); led || err != nil {
		return err
	}
	a, err := p.asked(c, r, query.Get("request"))
	if err != nil {
		return err
	}
	if refusal := a.refusal(""); refusal != nil {
		return p.refuse(c, a, refusal, "")
	}
	return p.ask(c, a)
}

// consentFor returns the address of the page about a request.
func consentFor(id string) string {
	return consentPath + "?" + url.Values{"request": {id}}.Encode()
}

// asked is a pending request and the person who is asked.
type asked struct {
	*authority.Asked
	id     token.ID
	record *token.Record
}

// asked reads a pending request of this session. An id that is none is over as
// well: nobody learns which requests there are.
func (p *Panel) asked(c *web.Call, r *token.Record, text string) (asked, error) {
	id, _ := token.ParseID(text)
	q, err := p.cfg.Authority.Pending(c.Context(), r.Token, id)
	if err != nil {
		return asked{}, err
	}
	c.SetClient(q.Client.ID)
	return asked{q, id, r}, nil
}

// here returns the address of the page.
func (a asked) here() string { return consentFor(a.id.String()) }

// again returns where somebody else would ask the same: this request is the
// session's own.
func (a asked) again() string { return local(a.Request.Again) }

// open returns the choices that nothing stands in the way of.
func (a asked) open() []*authority.Choice {
	var open []*authority.Choice
	for i := range a.Choices {
		if a.Choices[i].Refusal == nil {
			open = append(open, &a.Choices[i])
		}
	}
	return open
}

// choice returns the choice of a workspace, "" the first one that somebody else
// could open or, failing that, the first.
func (a asked) choice(workspace string) *authority.Choice {
	i := slices.IndexFunc(a.Choices, func(ch authority.Choice) bool {
		if workspace != "" {
			return ch.Workspace.ID == workspace
		}
		return ch.Ask != ""
	})
	switch {
	case i >= 0:
		return &a.Choices[i]
	case workspace == "" && len(a.Choices) > 0:
		return &a.Choices[0]
	}
	return nil
}

// refusal says why nothing can be chosen, nil if something can.
func (a asked) refusal(workspace string) error {
	if workspace == "" && len(a.open()) > 0 {
		return nil
	}
	if ch := a.choice(workspace); ch != nil {
		return ch.Refusal
	}
	return token.Errorf(token.AccessDenied, "the person is not a member of the workspace that was asked for")
}

// ask shows the consent page.
func (p *Panel) ask(c *web.Call, a asked) error {
	described, err := p.described(c)
	if err != nil {
		return err
	}
	open := a.open()
	v := pages.Consent{Here: a.here(), Again: a.again(), RequestID: a.id.String(), Person: person(a.record.Person)}
	if v.App, err = p.app(c, a); err != nil {
		return err
	}
	if v.AccessTTL, v.Renewable, err = a.Terms(open[0]); err != nil {
		return err
	}
	required, optional := a.Offer(open[0])
	for i, ch := range open {
		v.Workspaces = append(v.Workspaces, pages.Workspace{ID: ch.Workspace.ID, Name: nameOf(ch.Workspace), Chosen: i == 0})
		_, more := a.Offer(ch) // what the chosen one does not have is left out of the grant
		optional = optional.Union(more)
	}
	ticked := reads
	if a.Request.Installed {
		ticked = always
	}
	v.Required, v.Optional = described.list(required, nil), described.list(optional, ticked)
	return p.write(c, http.StatusOK, a.Request.RedirectURI, "", func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.Consent(w, lang, v) })
}

// app describes the client that asks. Its publisher is known where it can be
// let into no workspace but its own.
func (p *Panel) app(c *web.Call, a asked) (pages.App, error) {
	app := pages.App{Name: appName(a.Client), Description: a.Client.Description, RedirectHost: hostOf(a.Request.RedirectURI)}
	app.Verified = !slices.ContainsFunc(a.Choices, func(ch authority.Choice) bool {
		return ch.Workspace.ID != a.Client.Workspace && a.Client.MayOpen(ch.Workspace.ID)
	})
	home, err := p.cfg.Verifier.Workspace(c.Context(), a.Client.Workspace)
	if err == nil && home != nil {
		app.Publisher = nameOf(home)
	}
	return app, err
}

func appName(c *token.Client) string {
	if c.Name == "" {
		return c.ID
	}
	return c.Name
}

// hostOf returns where a redirect URI leads, as people know it: its host, or
// the scheme by which a native application is opened.
func hostOf(redirectURI string) string {
	u, err := url.Parse(redirectURI)
	if err != nil {
		return ""
	}
	if u.Host == "" {
		return u.Scheme + ":"
	}
	return u.Host
}

// refuse says why a request cannot be approved, and who could.
func (p *Panel) refuse(c *web.Call, a asked, refusal error, workspace string) error {
	ch := a.choice(workspace)
	if ch == nil || ch.Ask == "" {
		return refusal
	}
	described, err := p.described(c)
	if err != nil {
		return err
	}
	v := pages.NeedsAdmin{Here: a.here(), Again: a.again(), Person: person(a.record.Person), Workspace: nameOf(ch.Workspace), Missing: described.list(ch.Missing, nil)}
	v.Super = ch.Ask == token.SuperAdmin
	if v.App, err = p.app(c, a); err != nil {
		return err
	}
	admins, err := p.cfg.Authority.Admins(c.Context(), ch.Workspace.ID, ch.Ask)
	if err != nil {
		return err
	}
	for _, admin := range admins {
		v.Admins = append(v.Admins, person(admin))
	}
	if p.cfg.Mail && len(admins) > 0 {
		v.RequestID, v.WorkspaceID = a.id.String(), ch.Workspace.ID
	}
	return p.write(c, http.StatusForbidden, "", "", func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.NeedsAdmin(w, lang, v) })
}
