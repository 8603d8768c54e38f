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

// Config is what the pages work with. All of it but Mail is required.
type Config struct {
	Authority *authority.Authority
	Identity  *identity.Identity
	Verifier  *verifier.Verifier
	Catalogue Catalogue
	Store     Store
	Pages     *pages.Set
	Issuer    string // the public base URL; cookies are Secure where it is https
	Mail      bool   // letters are sent

	Environment string // production, staging, …

	// Jobs tells of what happens by itself when it was done last.
	Jobs func(ctx context.Context) ([]token.JobState, error)
}

// A Panel answers browsers. It is safe for use by many at once.
type Panel struct {
	cfg    Config
	secure bool
	areas  []area // in the order of the navigation
}

// New returns the pages, ready to be mounted.
func New(cfg Config) *Panel {
	p := &Panel{cfg: cfg, secure: strings.HasPrefix(cfg.Issuer, "https://")}
	p.areas = p.allAreas()
	return p
}

// The addresses that handlers send people to.
const (
	homePath    = "/panel/"
	loginPath   = "/panel/login"
	consentPath = "/panel/consent"
)

// Routes lists every page. What a form posts must come from a page of ours.
func (p *Panel) Routes() []web.Route {
	routes := p.signInRoutes()
	routes = append(routes, p.consentRoutes()...)
	routes = append(routes, p.setupRoutes()...)
	routes = append(routes, p.resetRoutes()...)
	routes = append(routes, p.foundRoutes()...)
	routes = append(routes, p.upstreamRoutes()...)
	routes = append(routes, p.securityRoutes()...)
	routes = append(routes, p.lostFactorsRoutes()...)
	routes = append(routes, p.homeRoutes()...)
	routes = append(routes, p.invitationRoutes()...)
	for _, a := range p.areas {
		routes = append(routes, a.routes...)
	}
	return append(routes, p.fixedRoutes()...)
}

// open is the rule of a page that anybody may see.
func (p *Panel) open() web.Rule {
	return web.Rule{Auth: web.AuthNone, Body: web.NoBody, Shape: p.shape}
}

// posted is the rule of a form that anybody may send from a page of ours.
func (p *Panel) posted() web.Rule {
	return web.Rule{Auth: web.AuthNone, Mutates: true, SameOrigin: true, Shape: p.shape}
}

// mine is the rule of a page for who is signed in.
func (p *Panel) mine() web.Rule {
	return web.Rule{Auth: web.AuthSession, Body: web.NoBody, Shape: p.shape}
}

// decided is the rule of a form of who is signed in.
func (p *Panel) decided() web.Rule {
	return web.Rule{Auth: web.AuthSession, Mutates: true, SameOrigin: true, Shape: p.shape}
}

// fixedRoutes are the files that pages load, and what is no page.
func (p *Panel) fixedRoutes() []web.Route {
	style, css := p.cfg.Pages.Style()
	script, js := p.cfg.Pages.Script()
	return []web.Route{
		{Pattern: "GET " + style, Rule: p.open(), Handle: fixed("text/css; charset=utf-8", css)},
		{Pattern: "GET " + script, Rule: p.open(), Handle: fixed("text/javascript; charset=utf-8", js)},
		{Pattern: "GET /panel/", Rule: p.open(), Handle: p.elsewhere},
	}
}

// fixed serves a file whose path changes with what it says.
func fixed(media string, content []byte) func(*web.Call) error {
	return func(c *web.Call) error {
		c.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		return c.WriteRaw(http.StatusOK, media, content)
	}
}

// A page writes itself in a language.
type page func(w io.Writer, lang pages.Lang) error

// write answers with a page, whole or not at all. redirectURI is where the
// page's form may lead in the end, empty for none but ourselves; nonce lets the
// page's script run, empty for a page without.
func (p *Panel) write(c *web.Call, status int, redirectURI, nonce string, draw page) error {
	var body bytes.Buffer
	if err := draw(&body, p.language(c)); err != nil {
		return err
	}
	pages.SecurityHeaders(c.Header(), redirectURI, nonce)
	return c.WriteRaw(status, "text/html; charset=utf-8", body.Bytes())
}
