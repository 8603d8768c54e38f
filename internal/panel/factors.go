package panel

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/url"

	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// addPasskey takes a new passkey of the person's.
func (p *Panel) addPasskey(c *web.Call, v *visit) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	err = p.cfg.Identity.AddPasskey(c.Context(), c.Actor(), form.Get("name"), form.Get("kept"), form.Get("credential"))
	switch r := token.AsRefusal(err); {
	case r != nil && len(r.Fields) > 0:
		return p.drawSecurity(c, v, http.StatusUnprocessableEntity, fieldErrors(r))
	case token.Is(err, token.AccessDenied), token.Is(err, token.Conflict):
		return p.drawSecurity(c, v, http.StatusUnprocessableEntity, map[string]pages.FieldError{"credential": pages.FieldInvalid})
	case err != nil:
		return err
	}
	return p.lead(c, securityPath, pages.PasskeyAdded)
}

// removePasskey takes a passkey of the person's away.
func (p *Panel) removePasskey(c *web.Call, _ *visit) error {
	text, err := c.PathValue("id")
	if err != nil {
		return err
	}
	id, err := hex.DecodeString(text)
	if err != nil {
		return token.Errorf(token.NotFound, "there is no such passkey")
	}
	if err := p.cfg.Identity.RemovePasskey(c.Context(), c.Actor(), id); err != nil {
		return err
	}
	return p.lead(c, securityPath, pages.PasskeyRemoved)
}

const appPath = "/panel/security/app"

// startApp makes the secret of an app that shows codes.
func (p *Panel) startApp(c *web.Call, _ *visit) error {
	if err := p.cfg.Identity.StartAuthenticator(c.Context(), c.Actor()); err != nil {
		return err
	}
	return c.Redirect(appPath)
}

// showApp shows the secret of the app that waits for its first code.
func (p *Panel) showApp(c *web.Call, v *visit) error { return p.drawApp(c, v, http.StatusOK, nil) }

func (p *Panel) drawApp(c *web.Call, v *visit, status int, wrong map[string]pages.FieldError) error {
	secret, err := p.cfg.Identity.WaitingSecret(c.Context(), c.Actor())
	if err != nil {
		return err
	}
	if secret == "" {
		return c.Redirect(securityPath)
	}
	view := pages.AppSetup{Shell: v.shell, Secret: secret, Errors: wrong}
	view.Shell.Here = appPath
	return p.showWith(c, v, status, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.AppSetup(w, lang, view) })
}

// appPicture shows that secret as a picture.
func (p *Panel) appPicture(c *web.Call, _ *visit) error {
	site, err := url.Parse(p.cfg.Issuer)
	if err != nil {
		return err
	}
	picture, err := p.cfg.Identity.WaitingImage(c.Context(), c.Actor(), site.Host)
	if err != nil {
		return err
	}
	if picture == nil {
		return token.Errorf(token.NotFound, "no app waits to be set up")
	}
	pages.SecurityHeaders(c.Header(), "", "")
	return c.WriteRaw(http.StatusOK, "image/png", picture)
}

// confirmApp takes the first code of the app, and shows recovery codes.
func (p *Panel) confirmApp(c *web.Call, v *visit) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	codes, err := p.cfg.Identity.ConfirmAuthenticator(c.Context(), c.Actor(), form.Get("code"))
	switch r := token.AsRefusal(err); {
	case r != nil && len(r.Fields) > 0:
		return p.drawApp(c, v, http.StatusUnprocessableEntity, map[string]pages.FieldError{"code": pages.FieldWrong})
	case token.Is(err, token.NotFound):
		return c.Redirect(securityPath)
	case err != nil:
		return err
	}
	return p.drawCodes(c, v, codes)
}

// drawCodes shows recovery codes in the answer to the form itself: they are kept
// nowhere that another page could read them from.
func (p *Panel) drawCodes(c *web.Call, v *visit, codes []string) error {
	view := pages.RecoveryCodes{Shell: v.shell, Codes: codes}
	view.Shell.Here = "" // this page is shown once, in one language
	return p.show(c, v, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.RecoveryCodes(w, lang, view) })
}

// newCodes shows new recovery codes.
func (p *Panel) newCodes(c *web.Call, v *visit) error {
	codes, err := p.cfg.Identity.RenewRecoveryCodes(c.Context(), c.Actor())
	if err != nil {
		return err
	}
	return p.drawCodes(c, v, codes)
}

// removeApp asks for no code any more.
func (p *Panel) removeApp(c *web.Call, _ *visit) error {
	if err := p.cfg.Identity.RemoveAuthenticator(c.Context(), c.Actor()); err != nil {
		return err
	}
	return p.lead(c, securityPath, pages.AppRemoved)
}
