// Package oauth knows the standards: the authorization server's endpoints as
// the RFCs describe them, under /oauth2 and /.well-known. It reads requests and
// writes answers; what may be given to whom is decided elsewhere.
package oauth

import (
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/keys"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/verifier"
	"github.com/fichadev/ficha/internal/web"
)

// contract is what tokens of this face are marked with.
const contract = "oauth2"

// Pages are what the browser shows on the way through an authorize request.
type Pages interface {
	// Problem writes a page about an error that may not be answered by a
	// redirect: a refusal, or a fault as web.ServerError.
	Problem(c *web.Call, err error) error
	// Session returns the session that the browser holds, judged now at
	// token.AtPages; nil when nobody is signed in. An error means that this
	// cannot be known.
	Session(c *web.Call) (*token.Record, error)
}

// Config is what the face works with. All of it is required.
type Config struct {
	Authority *authority.Authority
	Verifier  *verifier.Verifier
	Ring      *keys.Ring
	Pages     Pages
	Now       func() time.Time
}

// A Face answers on the standard endpoints. It is safe for use by many at once.
type Face struct {
	cfg      Config
	issuer   string
	metadata []byte
}

// New returns the face of an authority.
func New(cfg Config) *Face {
	issuer := cfg.Authority.Issuer()
	return &Face{cfg: cfg, issuer: issuer, metadata: describe(issuer)}
}

// Routes lists the endpoints.
func (f *Face) Routes() []web.Route {
	page := web.Rule{Auth: web.AuthNone, Shape: f.page}
	open := web.Rule{Auth: web.AuthNone, Body: web.NoBody, CORS: true}
	secret := web.Rule{Auth: web.AuthClient, Mutates: true, Secret: true, NoForeignOrigin: true, Shape: refuse}
	ask := web.Rule{Auth: web.AuthClient, Secret: true, NoForeignOrigin: true, Shape: refuse}
	end := web.Rule{Auth: web.AuthClient, Mutates: true, NoForeignOrigin: true, Shape: refuse}
	return []web.Route{
		{Pattern: "GET /oauth2/authorize", Rule: page, Handle: f.authorize},
		{Pattern: "POST /oauth2/authorize", Rule: page, Handle: f.authorize},
		{Pattern: "POST /oauth2/token", Rule: secret, Handle: f.token},
		{Pattern: "POST /oauth2/introspect", Rule: ask, Handle: f.introspect},
		{Pattern: "POST /oauth2/revoke", Rule: end, Handle: f.revoke},
		{Pattern: "GET /oauth2/jwks", Rule: open, Handle: f.jwks},
		{Pattern: "GET /.well-known/oauth-authorization-server", Rule: open, Handle: f.describe},
	}
}
