package oauth

import (
	"net/http"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// token is the token endpoint (RFC 6749, 3.2).
func (f *Face) token(c *web.Call) error {
	form, err := c.Form("resource")
	if err != nil {
		return err
	}
	grant := form.Get("grant_type")
	switch grant {
	case byCode, byRefresh, byClient:
	case "":
		return token.Errorf(token.InvalidRequest, "grant_type is missing")
	default:
		return token.Errorf(token.UnsupportedGrantType, "this server gives tokens for %s, %s and %s", byCode, byRefresh, byClient)
	}
	client, err := f.client(c, form)
	if err != nil {
		return err
	}
	if !client.Grants(grant) {
		return token.Errorf(token.UnauthorizedClient, "the client is not registered for %s", grant)
	}
	out, err := f.give(c, client, grant, form)
	if err != nil {
		return err
	}
	return c.WriteJSON(http.StatusOK, answerOf(out, f.cfg.Now()))
}

// give does what a grant type asks for.
func (f *Face) give(c *web.Call, client *token.Client, grant string, form web.Form) (*authority.Issued, error) {
	scopes, err := scopesOf(form)
	if err != nil {
		return nil, err
	}
	resources := filled(form.All("resource"))
	switch grant {
	case byCode:
		if form.Get("code") == "" {
			return nil, token.Errorf(token.InvalidRequest, "code is missing")
		}
		return f.cfg.Authority.Exchange(c.Context(), c.Actor(), client, authority.Redemption{
			Contract: contract, Code: form.Get("code"), RedirectURI: form.Get("redirect_uri"), Verifier: form.Get("code_verifier"),
			Form: authority.AsRegistered, Resources: resources,
		})
	case byRefresh:
		if form.Get("refresh_token") == "" {
			return nil, token.Errorf(token.InvalidRequest, "refresh_token is missing")
		}
		return f.cfg.Authority.Refresh(c.Context(), c.Actor(), client, authority.Renewal{
			Contract: contract, Secret: form.Get("refresh_token"), Scopes: scopes, Form: authority.AsRegistered, Resources: resources,
		})
	}
	return f.cfg.Authority.IssueOwn(c.Context(), c.Actor(), client, authority.Own{Contract: contract, Scopes: scopes, Resources: resources})
}

// scopesOf reads the parameter scope, nil where it is not sent.
func scopesOf(form web.Form) (token.Scopes, error) {
	if form.Get("scope") == "" {
		return nil, nil
	}
	return token.ParseScopes(form.Get("scope"))
}

// filled drops parameters without a value, which count as not sent.
func filled(values []string) (kept []string) {
	for _, v := range values {
		if v != "" {
			kept = append(kept, v)
		}
	}
	return kept
}

// An answer is RFC 6749, 5.1. Scope is always there, so that a client never has
// to guess whether it got less than it asked for.
type answer struct {
	AccessToken      string `json:"access_token"`
	TokenType        string `json:"token_type"`
	ExpiresIn        int64  `json:"expires_in"`
	RefreshToken     string `json:"refresh_token,omitempty"`
	RefreshExpiresIn int64  `json:"refresh_token_expires_in,omitempty"`
	Scope            string `json:"scope"`
}

func answerOf(out *authority.Issued, now time.Time) answer {
	a := answer{
		AccessToken: out.Secret, TokenType: "Bearer", ExpiresIn: out.Token.SecondsLeft(now.UnixMilli()),
		RefreshToken: out.RefreshSecret, Scope: out.Token.Scopes.String(),
	}
	if out.Refresh != nil && out.Refresh.ExpiresAt != 0 {
		a.RefreshExpiresIn = out.Refresh.SecondsLeft(now.UnixMilli())
	}
	return a
}
