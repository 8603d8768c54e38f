package panel

import (
	"io"
	"net/http"

	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// resetRoutes are the pages for who forgot their password.
func (p *Panel) resetRoutes() []web.Route {
	return []web.Route{
		{Pattern: "GET /panel/forgot", Rule: p.open(), Handle: p.showForgot},
		{Pattern: "POST /panel/forgot", Rule: p.posted(), Handle: p.forgot},
		{Pattern: "GET /panel/reset/{secret}", Rule: p.open(), Handle: p.showReset},
		{Pattern: "POST /panel/reset", Rule: p.posted(), Handle: p.reset},
	}
}

const forgotPath = "/panel/forgot"

func (p *Panel) showForgot(c *web.Call) error {
	query, err := c.Query()
	if err != nil {
		return err
	}
	return p.drawForgot(c, http.StatusOK, pages.Forgot{Sent: query.Get("sent") != ""})
}

func (p *Panel) drawForgot(c *web.Call, status int, v pages.Forgot) error {
	v.Here = forgotPath
	if v.Sent {
		v.Here += "?sent=1"
	}
	return p.write(c, status, "", "", func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.Forgot(w, lang, v) })
}

// forgot has a letter sent, and says the same whoever has the address.
func (p *Panel) forgot(c *web.Call) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	err = p.cfg.Identity.ForgotPassword(c.Context(), c.Actor(), form.Get("email"))
	if token.Is(err, token.TooMany) {
		return p.drawForgot(c, http.StatusTooManyRequests, pages.Forgot{Many: true})
	}
	if err != nil {
		return err
	}
	return c.Redirect(forgotPath + "?sent=1")
}

// showReset shows the form behind a link. Whether the link still works is said
// when it is used, as by showSetup.
func (p *Panel) showReset(c *web.Call) error {
	secret, err := c.PathValue("secret")
	if err != nil {
		return err
	}
	return p.drawReset(c, http.StatusOK, pages.Reset{Token: secret})
}

func (p *Panel) drawReset(c *web.Call, status int, v pages.Reset) error {
	v.MinPassword = identity.MinPassword
	return p.write(c, status, "", "", func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.Reset(w, lang, v) })
}

// reset gives who holds a link the password that they chose, ends their
// sessions, and has them sign in: with a code too, if they owe one.
func (p *Panel) reset(c *web.Call) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	secret, chosen := form.Get("token"), form.Get("password")
	person, err := p.cfg.Identity.ResetPassword(c.Context(), c.Actor(), secret, chosen)
	switch r := token.AsRefusal(err); {
	case token.Is(err, token.AccessDenied):
		return p.drawReset(c, http.StatusForbidden, pages.Reset{Over: true})
	case r != nil && len(r.Fields) > 0:
		return p.drawReset(c, http.StatusUnprocessableEntity, pages.Reset{Token: secret, Errors: map[string]pages.FieldError{"password": passwordError(chosen)}})
	case err != nil:
		return err
	}
	c.SetActor(token.Actor{Kind: token.User, ID: person.ID, Name: person.Email})
	if err := p.cfg.Authority.EndSessions(c.Context(), c.Actor(), 0); err != nil {
		return err
	}
	http.SetCookie(c, p.cookie(sessionCookie, "", -1))
	return p.lead(c, loginPath, pages.PasswordReset)
}

// passwordError says what is wrong with a password that was not taken.
func passwordError(chosen string) pages.FieldError {
	switch {
	case chosen == "":
		return pages.FieldMissing
	case len(chosen) < identity.MinPassword:
		return pages.FieldShort
	}
	return pages.FieldInvalid
}
