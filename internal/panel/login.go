package panel

import (
	"io"
	"net/http"
	"net/url"

	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// signInRoutes are the pages of signing in and out.
func (p *Panel) signInRoutes() []web.Route {
	tried := p.posted()
	tried.Shape = p.shapeLogin
	keyed := p.posted()
	keyed.Shape = p.shapePasskey
	return []web.Route{
		{Pattern: "GET /panel/login", Rule: p.open(), Handle: p.showLogin},
		{Pattern: "POST /panel/login", Rule: tried, Handle: p.login},
		{Pattern: "POST /panel/login/passkey", Rule: keyed, Handle: p.loginByPasskey},
		{Pattern: "GET /panel/login/second", Rule: p.open(), Handle: p.showSecond},
		{Pattern: "POST /panel/login/second", Rule: p.posted(), Handle: p.second},
		{Pattern: "POST /panel/logout", Rule: p.posted(), Handle: p.logout},
	}
}

// showLogin shows the sign-in, or sends on who is signed in, unless prompt asks
// to show who they are anew (OpenID Connect Core, 3.1.2.1).
func (p *Panel) showLogin(c *web.Call) error {
	query, err := c.Query()
	if err != nil {
		return err
	}
	next := local(query.Get("next"))
	r, err := p.Session(c)
	if err != nil {
		return err
	}
	anew := query.Get("prompt") == "login"
	if r != nil && !anew {
		return c.Redirect(next)
	}
	v := pages.Login{Here: loginFor(next), Next: next}
	if v.Anew = anew; anew {
		v.Here = loginAnew(next)
	}
	return p.drawLogin(c, http.StatusOK, v)
}

func (p *Panel) drawLogin(c *web.Call, status int, v pages.Login) (err error) {
	v.Said, v.Mail = p.said(c), p.cfg.Mail
	p.offerUpstream(c, &v)
	if v.Asked, v.Nonce, err = p.askPasskey(); err != nil {
		return err
	}
	return p.write(c, status, p.endsAt(c, v.Next), v.Nonce, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.Login(w, lang, v) })
}

// endsAt returns the redirect URI of the authorization that a sign-in is in the
// middle of, if the client has registered it: where nothing is left to ask, the
// browser goes there straight from the form.
func (p *Panel) endsAt(c *web.Call, next string) string {
	u, err := url.Parse(next)
	if err != nil {
		return ""
	}
	query := u.Query()
	redirectURI := query.Get("redirect_uri")
	if redirectURI == "" {
		return ""
	}
	if _, err := p.cfg.Authority.RedirectTarget(c.Context(), query.Get("client_id"), redirectURI); err != nil {
		return "" // the authorize endpoint says so; the form works, and ends there
	}
	return redirectURI
}

// login signs somebody in. What it refuses, shapeLogin shows.
func (p *Panel) login(c *web.Call) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	email, password := form.Get("email"), form.Get("password")
	if email == "" || password == "" {
		return token.Errorf(token.InvalidRequest, "e-mail address and password are both needed")
	}
	person, err := p.cfg.Identity.Authenticate(c.Context(), c.Actor(), email, password)
	if err != nil {
		return err
	}
	return p.proven(c, person, local(form.Get("next")))
}

// proven signs in somebody who has shown their password, or that the other
// provider knows them, once they have shown a code too where they owe one.
func (p *Panel) proven(c *web.Call, person *token.Person, next string) error {
	needs, err := p.cfg.Identity.NeedsSecond(c.Context(), person)
	if err != nil {
		return err
	}
	if needs {
		return p.halfway(c, person, next)
	}
	return p.enter(c, person, next)
}

// enter begins a session and leads on; who belongs to no workspace, to what they
// are invited to.
func (p *Panel) enter(c *web.Call, person *token.Person, next string) error {
	opens, err := p.begin(c, person)
	if err != nil {
		return err
	}
	if !opens {
		return p.leadInvited(c, person)
	}
	if err := p.linkWaiting(c); err != nil {
		return err
	}
	return c.Redirect(next)
}

// shapeLogin shows the sign-in again, with what was typed but the password. A
// refusal has the status of the floor's table: 403 for what is wrong, since a
// 401 would owe a challenge (RFC 9110, 15.5.2).
func (p *Panel) shapeLogin(c *web.Call, err error) {
	refusal := token.AsRefusal(err)
	form, formErr := c.Form()
	said := loginError(refusal)
	if formErr != nil || said == "" {
		p.shape(c, err)
		return
	}
	next := local(form.Get("next"))
	v := pages.Login{Here: loginFor(next), Next: next, Email: form.Get("email"), Error: said}
	if p.drawLogin(c, web.Status(refusal.Code), v) != nil {
		p.shape(c, err)
	}
}

// loginError says what a refusal means to who signs in, "" if it is not about
// signing in.
func loginError(r *token.Refusal) pages.LoginError {
	switch r.Code {
	case token.AccessDenied:
		return pages.LoginWrong
	case token.InvalidRequest:
		return pages.LoginMissing
	case token.TooMany:
		return pages.LoginTooMany
	case token.Unavailable, token.OutcomeUnknown:
		return pages.LoginUnavailable
	}
	return ""
}

// logout ends the session, on every page and surface, and shows the sign-in.
func (p *Panel) logout(c *web.Call) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	if err := p.end(c); err != nil {
		return err
	}
	http.SetCookie(c, p.cookie(sessionCookie, "", -1))
	http.SetCookie(c, p.cookie(arrivedCookie, "", -1))
	return c.Redirect(loginFor(local(form.Get("next"))))
}
