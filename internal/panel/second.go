package panel

import (
	"crypto/rand"
	"io"
	"net/http"
	"net/url"

	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

const (
	halfwayCookie = "ficha_halfway"
	halfwayKept   = 10 * 60 // seconds
	secondPath    = "/panel/login/second"
)

// askPasskey returns a question for the sign-in and the nonce of the script that
// puts it; nothing where browsers have no passkeys for this address.
func (p *Panel) askPasskey() (*pages.Ceremony, string, error) {
	if !p.cfg.Identity.PasskeysPossible() {
		return nil, "", nil
	}
	asked, err := p.cfg.Identity.AskPasskey()
	return &pages.Ceremony{Options: asked.Options, Kept: asked.Kept}, rand.Text(), err
}

// loginByPasskey signs somebody in by what a device answered.
func (p *Panel) loginByPasskey(c *web.Call) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	person, err := p.cfg.Identity.AuthenticatePasskey(c.Context(), form.Get("kept"), form.Get("credential"))
	if err != nil {
		return err
	}
	http.SetCookie(c, p.cookie(halfwayCookie, "", -1))
	return p.enter(c, person, local(form.Get("next")))
}

// shapePasskey shows the sign-in again where a passkey signed nobody in.
func (p *Panel) shapePasskey(c *web.Call, err error) {
	form, formErr := c.Form()
	if formErr != nil || !token.Is(err, token.AccessDenied) || p.loginAgain(c, form, pages.LoginPasskey) != nil {
		p.shape(c, err)
	}
}

// loginAgain shows the sign-in with what went wrong on a page after it.
func (p *Panel) loginAgain(c *web.Call, form web.Form, why pages.LoginError) error {
	next := local(form.Get("next"))
	return p.drawLogin(c, http.StatusForbidden, pages.Login{Here: loginFor(next), Next: next, Error: why})
}

// halfway asks somebody for a code whose password was right. What says so is
// sealed and stays in their browser, for ten minutes: a flow that nobody
// finishes costs nothing.
func (p *Panel) halfway(c *web.Call, person *token.Person, next string) error {
	sealed, err := p.cfg.Identity.Halfway(person)
	if err != nil {
		return err
	}
	http.SetCookie(c, p.cookie(halfwayCookie, sealed, halfwayKept))
	return c.Redirect(secondFor(next))
}

func secondFor(next string) string {
	if next == homePath {
		return secondPath
	}
	return secondPath + "?" + url.Values{"next": {next}}.Encode()
}

// showSecond asks for a code.
func (p *Panel) showSecond(c *web.Call) error {
	query, err := c.Query()
	if err != nil {
		return err
	}
	next := local(query.Get("next"))
	_, err = p.cfg.Identity.SecondOf(c.Context(), p.cookieValue(c, halfwayCookie))
	if token.Is(err, token.AccessDenied) {
		return c.Redirect(loginFor(next))
	}
	if err != nil {
		return err
	}
	return p.drawSecond(c, http.StatusOK, pages.Second{Next: next})
}

func (p *Panel) drawSecond(c *web.Call, status int, v pages.Second) (err error) {
	v.Here = secondFor(v.Next)
	if v.Asked, v.Nonce, err = p.askPasskey(); err != nil {
		return err
	}
	return p.write(c, status, p.endsAt(c, v.Next), v.Nonce, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.Second(w, lang, v) })
}

// second takes the code and signs in.
func (p *Panel) second(c *web.Call) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	person, err := p.cfg.Identity.SecondOf(c.Context(), p.cookieValue(c, halfwayCookie))
	if token.Is(err, token.AccessDenied) {
		return p.loginAgain(c, form, pages.LoginTooLate)
	}
	if err != nil {
		return err
	}
	next := local(form.Get("next"))
	err = p.cfg.Identity.ProveCode(c.Context(), c.Actor(), person, form.Get("code"))
	switch {
	case token.Is(err, token.AccessDenied):
		return p.drawSecond(c, http.StatusForbidden, pages.Second{Next: next, Wrong: true})
	case token.Is(err, token.TooMany):
		return p.drawSecond(c, http.StatusTooManyRequests, pages.Second{Next: next, Many: true})
	case err != nil:
		return err
	}
	http.SetCookie(c, p.cookie(halfwayCookie, "", -1))
	return p.enter(c, person, next)
}
