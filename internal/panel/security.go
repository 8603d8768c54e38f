package panel

import (
	"encoding/hex"
	"io"
	"net/http"
	"time"

	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

const securityPath = "/panel/security"

// securityRoutes are the page of how a person signs in, and what it does.
func (p *Panel) securityRoutes() []web.Route {
	return []web.Route{
		p.shows("/panel/security", p.security),
		p.does("/panel/security/password", p.changePassword),
		p.does("/panel/security/sessions/{id}/end", p.endSession),
		p.does("/panel/security/sessions/end", p.endSessions),
		p.does("/panel/security/passkeys", p.fresh(p.addPasskey)),
		p.does("/panel/security/passkeys/{id}/remove", p.fresh(p.removePasskey)),
		p.does("/panel/security/app", p.fresh(p.startApp)),
		p.shows("/panel/security/app", p.fresh(p.showApp)),
		p.shows("/panel/security/app.png", p.fresh(p.appPicture)),
		p.does("/panel/security/app/confirm", p.fresh(p.confirmApp)),
		p.does("/panel/security/app/remove", p.fresh(p.removeApp)),
		p.does("/panel/security/codes", p.fresh(p.newCodes)),
	}
}

// fresh lets only those through who signed in lately; others sign in again and
// come back.
func (p *Panel) fresh(answer handler) handler {
	return func(c *web.Call, v *visit) error {
		if !p.cfg.Identity.Recent(v.record.Token) {
			return c.Redirect(loginAnew(securityPath))
		}
		return answer(c, v)
	}
}

// security shows how somebody signs in, and where they are signed in.
func (p *Panel) security(c *web.Call, v *visit) error {
	return p.drawSecurity(c, v, http.StatusOK, nil)
}

func (p *Panel) drawSecurity(c *web.Call, v *visit, status int, wrong map[string]pages.FieldError) error {
	factors, err := p.cfg.Identity.Factors(c.Context(), v.person())
	if err != nil {
		return err
	}
	view := pages.Security{
		Shell: v.shell, Now: c.Now(), Fresh: p.cfg.Identity.Recent(v.record.Token), HasPassword: factors.Password, MinPassword: identity.MinPassword,
		App: factors.Authenticator, Codes: int(factors.RecoveryCodes), Possible: p.cfg.Identity.PasskeysPossible(), Errors: wrong,
	}
	view.Shell.Here = securityPath
	if view.Owed, err = p.cfg.Identity.OwesSecond(c.Context(), v.person()); err != nil {
		return err
	}
	for _, k := range factors.Passkeys {
		view.Passkeys = append(view.Passkeys, passkey(k))
	}
	if view.Possible && view.Fresh {
		asked, err := p.cfg.Identity.NewPasskey(c.Context(), c.Actor())
		if err != nil {
			return err
		}
		view.Asked = &pages.Ceremony{Options: asked.Options, Kept: asked.Kept}
	}
	if view.Upstream, err = p.upstream(c, v.person(), factors); err != nil {
		return err
	}
	if view.Sessions, err = p.sessions(c, v); err != nil {
		return err
	}
	return p.showWith(c, v, status, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.Security(w, lang, view) })
}

func passkey(k *token.Passkey) pages.Passkey {
	one := pages.Passkey{ID: hex.EncodeToString(k.ID), Name: k.Name, Made: time.UnixMilli(k.CreatedAt)}
	if k.UsedAt != 0 {
		one.Used = time.UnixMilli(k.UsedAt)
	}
	return one
}

func (p *Panel) sessions(c *web.Call, v *visit) ([]pages.SignedIn, error) {
	list, err := p.cfg.Authority.Sessions(c.Context(), v.person().ID)
	var all []pages.SignedIn
	for _, s := range list {
		all = append(all, pages.SignedIn{ID: s.Token.String(), Address: s.Address, Agent: s.Agent, Since: s.Token.Time(), Current: s.Token == v.record.Token.ID})
	}
	return all, err
}

// changePassword takes the old password and the new one. All other sessions of
// the person end: one of them may be whom they change it for.
func (p *Panel) changePassword(c *web.Call, v *visit) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	chosen := form.Get("new_password")
	err = p.cfg.Identity.SetPassword(c.Context(), c.Actor(), v.person().ID, form.Get("old_password"), chosen)
	if r := token.AsRefusal(err); r != nil && len(r.Fields) > 0 {
		wrong := map[string]pages.FieldError{}
		for _, f := range r.Fields {
			if wrong[f.Name] = pages.FieldWrong; f.Name == "new_password" {
				wrong[f.Name] = passwordError(chosen)
			}
		}
		return p.drawSecurity(c, v, http.StatusUnprocessableEntity, wrong)
	}
	if err != nil {
		return err
	}
	if err := p.cfg.Authority.EndSessions(c.Context(), c.Actor(), v.record.Token.ID); err != nil {
		return err
	}
	return p.lead(c, securityPath, pages.PasswordChanged)
}

// endSession ends one session of the person's.
func (p *Panel) endSession(c *web.Call, _ *visit) error {
	text, err := c.PathValue("id")
	if err != nil {
		return err
	}
	id, ok := token.ParseID(text)
	if !ok {
		return token.Errorf(token.NotFound, "there is no such session")
	}
	if err := p.cfg.Authority.EndSession(c.Context(), c.Actor(), id); err != nil {
		return err
	}
	return p.lead(c, securityPath, pages.SessionEnded)
}

// endSessions ends all sessions of the person but this one, or this one too.
func (p *Panel) endSessions(c *web.Call, v *visit) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	if form.Get("which") != "all" {
		if err := p.cfg.Authority.EndSessions(c.Context(), c.Actor(), v.record.Token.ID); err != nil {
			return err
		}
		return p.lead(c, securityPath, pages.SessionsEnded)
	}
	if err := p.cfg.Authority.EndSessions(c.Context(), c.Actor(), 0); err != nil {
		return err
	}
	http.SetCookie(c, p.cookie(sessionCookie, "", -1))
	return c.Redirect(loginPath)
}
