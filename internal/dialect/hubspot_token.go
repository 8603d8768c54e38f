package dialect

import (
	"context"
	"net/http"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// token answers the token endpoint of every version.
func (h *HubSpot) token(c *web.Call) error {
	p, client, err := h.proven(c)
	if err != nil {
		return err
	}
	out, err := h.give(c, client, p)
	if err != nil {
		return err
	}
	return h.answer(c, client, out)
}

// give fills the grant that is asked for.
func (h *HubSpot) give(c *web.Call, client *token.Client, p hubspotParameters) (*authority.Issued, error) {
	switch p.get("grant_type") {
	case "authorization_code":
		return h.exchange(c, client, p)
	case "refresh_token":
		// redirect_uri comes along from some programs and says nothing here.
		return h.cfg.Authority.Refresh(c.Context(), c.Actor(), client, authority.Renewal{Contract: "hubspot", Secret: p.get("refresh_token")})
	case "client_credentials":
		return h.issue(c.Context(), c.Actor(), client, p)
	}
	return nil, token.Errorf(token.UnsupportedGrantType, "grant_type must be authorization_code, refresh_token or client_credentials")
}

func (h *HubSpot) exchange(c *web.Call, client *token.Client, p hubspotParameters) (*authority.Issued, error) {
	uri := p.get("redirect_uri")
	if uri == "" {
		return nil, token.Errorf(token.InvalidRequest, "redirect_uri is missing").Because(token.RedirectMismatch)
	}
	return h.cfg.Authority.Exchange(c.Context(), c.Actor(), client, authority.Redemption{
		Contract: "hubspot", Code: p.get("code"), RedirectURI: uri, Verifier: p.get("code_verifier"), Always: client.Grants("refresh_token"),
	})
}

// issue gives an app a token of its own: for the account that it was made in,
// and without a refresh token (RFC 6749, 4.4.3).
func (h *HubSpot) issue(ctx context.Context, who token.Actor, client *token.Client, p hubspotParameters) (*authority.Issued, error) {
	if !client.Grants("client_credentials") {
		return nil, token.Errorf(token.UnauthorizedClient, "the application is not registered for client_credentials")
	}
	scopes, err := token.ParseScopes(p.get("scope"))
	if err == nil && len(scopes) == 0 {
		scopes, err = h.cfg.Authority.DefaultScopes(ctx, client, client.Workspace)
	}
	if err != nil {
		return nil, err
	}
	return h.cfg.Authority.Issue(ctx, who, authority.Order{
		Kind: token.Access, Contract: "hubspot", Client: client.ID, Workspace: client.Workspace, Scopes: scopes,
	})
}

// hubspotTokens is the answer of the token endpoint. Scopes is the vendor's,
// Scope RFC 6749's.
type hubspotTokens struct {
	TokenType    string       `json:"token_type"`
	RefreshToken string       `json:"refresh_token,omitempty"`
	AccessToken  string       `json:"access_token"`
	ExpiresIn    int64        `json:"expires_in"`
	HubID        int64        `json:"hub_id"`
	Scopes       token.Scopes `json:"scopes"`
	Scope        string       `json:"scope"`
	UserID       int64        `json:"user_id,omitempty"` // of an install
	AppID        int64        `json:"app_id"`
	TokenUse     string       `json:"token_use"`
}

func (h *HubSpot) answer(c *web.Call, client *token.Client, out *authority.Issued) error {
	t := out.Token
	a := hubspotTokens{
		TokenType: "bearer", RefreshToken: out.RefreshSecret, AccessToken: out.Secret, ExpiresIn: t.SecondsLeft(c.Now().UnixMilli()),
		Scopes: hubspotScopes(t.Scopes), Scope: t.Scopes.String(), AppID: client.Number, TokenUse: "access_token",
	}
	if t.Grant == 0 {
		a.TokenUse = "client_credentials"
	}
	account, err := h.cfg.Verifier.Workspace(c.Context(), t.Workspace)
	if err != nil {
		return err
	}
	if account != nil {
		a.HubID = account.Number
	}
	person, err := h.cfg.Verifier.Person(c.Context(), t.Person)
	if err != nil {
		return err
	}
	if person != nil {
		a.UserID = person.Number
	}
	return c.WriteJSON(http.StatusOK, a)
}

// hubspotScopes returns scopes that are written as an array also where there
// are none.
func hubspotScopes(s token.Scopes) token.Scopes { return append(token.Scopes{}, s...) }

// proven reads the parameters of a request and returns the client that they, or
// Basic credentials in their place, prove.
func (h *HubSpot) proven(c *web.Call) (hubspotParameters, *token.Client, error) {
	p, err := readHubSpot(c)
	if err != nil {
		return p, nil, err
	}
	id, secret, err := c.Basic()
	if err != nil {
		return p, nil, err
	}
	switch {
	case secret == nil:
		id, secret = p.get("client_id"), []string{p.get("client_secret")}
	case p.get("client_secret") != "":
		return p, nil, token.Errorf(token.InvalidRequest, "the client secret is sent in two ways: send it in one")
	}
	client, err := h.cfg.Authority.AuthenticateClient(c.Context(), c.Actor(), authority.ByVendor, id, secret...)
	if err != nil {
		return p, nil, err
	}
	c.SetClient(client.ID)
	c.SetActor(token.Actor{Kind: token.App, ID: client.ID, Name: client.Name, Workspace: client.Workspace})
	if p.exposed() {
		h.cfg.QuerySecret(client.ID, "hubspot")
	}
	return p, client, nil
}

// hubspotParameters stand in a form; v1 takes them in the query too, each in
// one of both.
type hubspotParameters struct{ form, query web.Form }

func readHubSpot(c *web.Call) (p hubspotParameters, err error) {
	version := c.Request.PathValue("version")
	if !hubspotVersion(version) {
		return p, token.Errorf(token.NotFound, "there is no such version")
	}
	if p.form, err = c.Form(); err != nil || version != "v1" {
		return p, err
	}
	if p.query, err = c.Query(); err != nil {
		return p, err
	}
	for _, name := range p.query.Names() {
		if p.form.Has(name) {
			return p, token.Errorf(token.InvalidRequest, "a parameter is sent in the body and in the query: send it in the body")
		}
	}
	return p, nil
}

func hubspotVersion(v string) bool {
	switch v {
	case "v1", "v3", "2026-03", "2026-09":
		return true
	}
	return false
}

func (p hubspotParameters) get(name string) string {
	if value := p.form.Get(name); value != "" {
		return value
	}
	return p.query.Get(name)
}

// exposed reports whether a secret stood in the query.
func (p hubspotParameters) exposed() bool {
	return p.query.Get("client_secret") != "" || p.query.Get("refresh_token") != "" || p.query.Get("code") != ""
}
