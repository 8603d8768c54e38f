// Package panel knows the pages for people: signing in and out, the account
// page, the one consent page of every contract, and the set-up of an empty
// server. It holds no rule of its own; who may do what, authority and identity
// decide.
package panel

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/verifier"
	"github.com/fichadev/ficha/internal/web"
)

// Catalogue says what scopes mean.
type Catalogue interface {
	Scopes(ctx context.Context) ([]*token.ScopeInfo, error)
}

// Config is what the pages work with. All of it is required.
type Config struct {
	Authority *authority.Authority
	Identity  *identity.Identity
	Verifier  *verifier.Verifier
	Catalogue Catalogue
	Pages     *pages.Set
	Issuer    string // the public base URL; cookies are Secure where it is https
}

// A Panel answers browsers. It is safe for use by many at once.
type Panel struct {
	cfg    Config
	secure bool
}

// New returns the pages, ready to be mounted.
func New(cfg Config) *Panel {
	return &Panel{cfg: cfg, secure: strings.HasPrefix(cfg.Issuer, "https://")}
}

// The addresses that handlers send people to.
const (
	homePath    = "/panel/"
	loginPath   = "/panel/login"
	consentPath = "/panel/consent"
)

// Routes lists every page. What a form posts must come from a page of ours.
func (p *Panel) Routes() []web.Route {
	shown := web.Rule{Auth: web.AuthNone, Body: web.NoBody, Shape: p.shape}
	mine := web.Rule{Auth: web.AuthSession, Body: web.NoBody, Shape: p.shape}
	posted := web.Rule{Auth: web.AuthNone, Mutates: true, SameOrigin: true, Shape: p.shape}
	decided := web.Rule{Auth: web.AuthSession, Mutates: true, SameOrigin: true, Shape: p.shape}
	tried := posted
	tried.Shape = p.shapeLogin
	style, _ := p.cfg.Pages.Style()
	return []web.Route{
		{Pattern: "GET /panel", Rule: shown, Handle: func(c *web.Call) error { return c.Redirect(homePath) }},
		{Pattern: "GET /panel/{$}", Rule: mine, Handle: p.home},
		{Pattern: "GET /panel/login", Rule: shown, Handle: p.showLogin},
		{Pattern: "POST /panel/login", Rule: tried, Handle: p.login},
		{Pattern: "POST /panel/logout", Rule: posted, Handle: p.logout},
		{Pattern: "GET /panel/consent", Rule: mine, Handle: p.showConsent},
		{Pattern: "POST /panel/consent", Rule: decided, Handle: p.answerConsent},
		{Pattern: "POST /panel/grants/{id}/end", Rule: decided, Handle: p.takeBack},
		{Pattern: "GET /panel/setup", Rule: shown, Handle: p.showSetup},
		{Pattern: "POST /panel/setup", Rule: posted, Handle: p.setup},
		{Pattern: "GET " + style, Rule: shown, Handle: p.style},
		{Pattern: "GET /panel/", Rule: shown, Handle: func(*web.Call) error { return token.Errorf(token.NotFound, "there is no such page") }},
	}
}

// style serves the style sheet, whose path changes with what it says.
func (p *Panel) style(c *web.Call) error {
	_, css := p.cfg.Pages.Style()
	c.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	return c.WriteRaw(http.StatusOK, "text/css; charset=utf-8", css)
}

// A page writes itself in a language.
type page func(w io.Writer, lang pages.Lang) error

// write answers with a page, whole or not at all. redirectURI is where the
// page's form may lead in the end, empty for none but ourselves.
func (p *Panel) write(c *web.Call, status int, redirectURI string, draw page) error {
	var body bytes.Buffer
	if err := draw(&body, p.language(c)); err != nil {
		return err
	}
	pages.SecurityHeaders(c.Header(), redirectURI)
	return c.WriteRaw(status, "text/html; charset=utf-8", body.Bytes())
}
