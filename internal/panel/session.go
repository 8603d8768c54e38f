package panel

import (
	"net/http"

	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

const (
	sessionCookie  = "ficha_session"
	languageCookie = "ficha_lang"
	languageKept   = 365 * 24 * 60 * 60 // seconds
)

// cookie returns a cookie that only this host gets, from no script and from no
// form of another site. Its name says so where the connection is a safe one
// (RFC 6265bis, 4.1.3.2).
func (p *Panel) cookie(name, value string, seconds int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure wherever the issuer is https; http is for loopback alone
		Name: p.cookieName(name), Value: value, Path: "/", MaxAge: seconds,
		Secure: p.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

func (p *Panel) cookieName(name string) string {
	if p.secure {
		return "__Host-" + name
	}
	return name
}

// cookieValue returns the value of a cookie, empty without one.
func (p *Panel) cookieValue(c *web.Call, name string) string {
	cookie, err := c.Request.Cookie(p.cookieName(name))
	if err != nil {
		return ""
	}
	return cookie.Value
}

// SessionSecret returns the secret of the session that the browser's cookie
// holds, unjudged; empty without one.
func (p *Panel) SessionSecret(c *web.Call) string { return p.cookieValue(c, sessionCookie) }

// Session returns the session that the browser's cookie stands for, judged now,
// and makes its person the actor of the call. There is none, and that is no
// refusal, where the cookie is missing or what it stands for has ended. An
// error says that this cannot be known.
func (p *Panel) Session(c *web.Call) (*token.Record, error) {
	secret := p.SessionSecret(c)
	if secret == "" {
		return nil, nil
	}
	return p.judge(c, secret, "")
}

// judge returns the record of a session's secret, nil if it opens nothing. With
// a workspace, the question is about that one.
func (p *Panel) judge(c *web.Call, secret, workspace string) (*token.Record, error) {
	r, verdict, err := p.cfg.Verifier.Judge(c.Context(), secret, token.Use{
		Now: c.Now().UnixMilli(), Surface: token.AtPages, Workspace: workspace, AnyWorkspace: true, Address: c.Address(), Agent: c.Agent(), Route: c.Pattern(),
	})
	if token.Is(err, token.InvalidToken) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c.SetActor(token.ActorOf(r, verdict))
	return r, nil
}

// begin makes a session for somebody who has shown who they are, always a new
// one: the browser may hold one that somebody else put there. The one it held
// ends. It reports false for a person whose session opens nothing, and the
// browser gets none.
func (p *Panel) begin(c *web.Call, person *token.Person) (bool, error) {
	if err := p.end(c); err != nil {
		return false, err
	}
	c.SetActor(token.Actor{Kind: token.User, ID: person.ID, Name: person.Email})
	made, err := p.cfg.Authority.SignIn(c.Context(), c.Actor(), person)
	if err != nil {
		return false, err
	}
	if r, err := p.judge(c, made.Secret, ""); err != nil || r == nil {
		return false, err
	}
	http.SetCookie(c, p.cookie(sessionCookie, made.Secret, 0))
	return true, nil
}

// end ends the session that the browser holds, if it lives.
func (p *Panel) end(c *web.Call) error {
	r, err := p.Session(c)
	if err != nil || r == nil {
		return err
	}
	return p.cfg.Authority.SignOut(c.Context(), c.Actor(), r.Token)
}

// language returns the language of the pages for this browser: what it asks for
// now, which it is then remembered by, what it asked for before, or what its
// settings say.
func (p *Panel) language(c *web.Call) pages.Lang {
	accept := c.Request.Header.Get("Accept-Language")
	query, err := c.Query("scope")
	if asked := query.Get("lang"); err == nil && asked != "" {
		lang := p.cfg.Pages.Language(accept, asked)
		if string(lang) == asked {
			http.SetCookie(c, p.cookie(languageCookie, asked, languageKept))
		}
		return lang
	}
	return p.cfg.Pages.Language(accept, p.cookieValue(c, languageCookie))
}

// person says who is signed in, for a page.
func person(p *token.Person) pages.Person { return pages.Person{Name: p.Name, Email: p.Email} }
