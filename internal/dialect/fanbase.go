package dialect

import (
	"context"
	"net/http"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// FanbaseConfig is what Fanbase's contract works with. All of it is required.
type FanbaseConfig struct {
	Authority   *authority.Authority
	QuerySecret func(client, contract string) // counts a secret that stood in the query
}

// Fanbase is the contract of Fanbase: one endpoint that takes a client's secret
// in the query and gives a signed access token and a refresh token. It is safe
// for use by many at once.
type Fanbase struct{ cfg FanbaseConfig }

// NewFanbase returns the face of Fanbase's contract.
func NewFanbase(cfg FanbaseConfig) *Fanbase { return &Fanbase{cfg} }

// Routes returns the routes of Fanbase's contract.
func (f *Fanbase) Routes() []web.Route {
	return []web.Route{{
		Pattern: "POST /api/token",
		Rule:    web.Rule{Auth: web.AuthClient, Mutates: true, Secret: true, NoForeignOrigin: true, Shape: fanbaseRefusal},
		Handle:  f.token,
	}}
}

// token gives tokens to a client that is registered for client_credentials. The
// contract gives it a refresh token beside, which RFC 6749, 4.4.3 would not, so
// that this registration is what refreshing needs too.
func (f *Fanbase) token(c *web.Call) error {
	p, err := readFanbase(c)
	if err != nil {
		return err
	}
	grant, err := p.required("grant_type")
	if err != nil {
		return err
	}
	if grant != "client_credentials" && grant != "refresh_token" {
		return token.Errorf(token.UnsupportedGrantType, "The informed Grant Type is invalid or not implemented")
	}
	client, err := f.client(c, p)
	if err != nil {
		return err
	}
	if !client.Grants("client_credentials") {
		return token.Errorf(token.UnauthorizedClient, "The client is not registered for client_credentials.")
	}
	out, err := f.give(c, client, p, grant)
	if err != nil {
		return err
	}
	return c.WriteJSON(http.StatusOK, struct {
		AccessToken  string `json:"access_token"`
		TokenType    string `json:"token_type"`
		ExpiresIn    int64  `json:"expires_in"`
		RefreshToken string `json:"refresh_token"`
		Scope        string `json:"scope"`
	}{out.Secret, "Bearer", out.Token.SecondsLeft(c.Now().UnixMilli()), out.RefreshSecret, out.Token.Scopes.String()})
}

// give fills the grant. Its family lives as long as the refresh token.
func (f *Fanbase) give(c *web.Call, client *token.Client, p fanbaseParameters, grant string) (*authority.Issued, error) {
	if grant == "refresh_token" {
		secret, err := p.required("refresh_token")
		if err != nil {
			return nil, err
		}
		return f.cfg.Authority.Refresh(c.Context(), c.Actor(), client, authority.Renewal{Contract: "fanbase", Secret: secret, Form: authority.Signed})
	}
	return f.issue(c.Context(), c.Actor(), client, &token.Grant{
		ID: token.NewID(c.Now(), token.Long), Contract: "fanbase", Client: client.ID, Workspace: client.Workspace, CreatedAt: c.Now().UnixMilli(),
	})
}

// issue begins a family with all that the client may hold: the contract has no
// word to ask for less. OpenID's scopes are among them, as in the vendor's own
// example, though there is no person whom they are about.
func (f *Fanbase) issue(ctx context.Context, who token.Actor, client *token.Client, family *token.Grant) (*authority.Issued, error) {
	own, err := f.cfg.Authority.DefaultScopes(ctx, client, client.Workspace)
	if err != nil {
		return nil, err
	}
	family.Scopes = client.Scope.Filter(func(s string) bool { return own.Has(s) || token.IsOpenID(s) })
	return f.cfg.Authority.Issue(ctx, who, authority.Order{
		Kind: token.Access, Contract: family.Contract, Form: authority.Signed, Client: client.ID, Workspace: client.Workspace,
		Scopes: family.Scopes, Family: family, Refresh: true,
	})
}

// client returns the client that the parameters, or Basic credentials in their
// place, prove.
func (f *Fanbase) client(c *web.Call, p fanbaseParameters) (*token.Client, error) {
	id, secret, err := c.Basic()
	if err != nil {
		return nil, err
	}
	if secret != nil && p.get("client_secret") != "" {
		return nil, token.Errorf(token.InvalidRequest, "The client secret is sent in two ways: send it in one.")
	}
	if secret == nil {
		if id, err = p.required("client_id"); err != nil {
			return nil, err
		}
		one, err := p.required("client_secret")
		if err != nil {
			return nil, err
		}
		secret = []string{one}
	}
	client, err := f.cfg.Authority.AuthenticateClient(c.Context(), c.Actor(), authority.ByVendor, id, secret...)
	if err != nil {
		return nil, err
	}
	c.SetClient(client.ID)
	c.SetActor(token.Actor{Kind: token.App, ID: client.ID, Name: client.Name, Workspace: client.Workspace})
	if p.exposed() {
		f.cfg.QuerySecret(client.ID, "fanbase")
	}
	return client, nil
}

// fanbaseParameters stand in the query, as the contract has it, or in a form,
// where no log of a proxy keeps them.
type fanbaseParameters struct{ query, form web.Form }

// readFanbase reads the parameters. A body is looked at only where the query
// does not hold the secret: the contract's own callers may send any, or none.
func readFanbase(c *web.Call) (p fanbaseParameters, err error) {
	if p.query, err = c.Query(); err != nil || p.query.Get("client_secret") != "" {
		return p, err
	}
	p.form, err = c.Form()
	return p, err
}

func (p fanbaseParameters) get(name string) string {
	if value := p.query.Get(name); value != "" {
		return value
	}
	return p.form.Get(name)
}

func (p fanbaseParameters) required(name string) (string, error) {
	value := p.get(name)
	if value == "" {
		return "", token.Errorf(token.InvalidRequest, "The request is missing a parameter: %s", name)
	}
	return value, nil
}

// exposed reports whether a secret stood in the query.
func (p fanbaseParameters) exposed() bool {
	return p.query.Get("client_secret") != "" || p.query.Get("refresh_token") != ""
}

// fanbaseRefusal writes a refusal. The vendor has one sentence for an unknown
// client and one for a wrong secret; told apart they would say which clients
// exist, so that ours is both.
func fanbaseRefusal(c *web.Call, err error) {
	r := token.AsRefusal(err)
	text := r.Text
	if r.Code == token.InvalidClient {
		text = "The informed Client ID is invalid, or the informed Client Secret does not match the correct secret."
	}
	_ = c.WriteJSON(web.Status(r.Code), struct { // strings always have JSON
		Error       token.Code `json:"error"`
		Description string     `json:"error_description"`
	}{r.Code, text})
}
