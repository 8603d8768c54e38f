package authority

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/fichadev/ficha/internal/token"
)

// codeFacts are what a code remembers of the authorize request.
type codeFacts struct {
	RedirectURI string `json:"redirect_uri"`
	Challenge   string `json:"code_challenge,omitempty"`
	Nonce       string `json:"nonce,omitempty"`
	AuthTime    int64  `json:"auth_time,omitempty"`
}

// Redemption asks for tokens by an authorization code.
type Redemption struct {
	Contract    string // the face that asks: a code is worth nothing at another
	Code        string
	RedirectURI string // empty: not sent
	Verifier    string // empty: not sent
	Form        Form
	Resources   []string // fewer than were asked for; empty: all
	Always      bool     // give a refresh token whatever was asked (HubSpot)
}

// Exchange redeems an authorization code once (RFC 6749, 4.1.3; RFC 7636, 4.6).
// A second redemption, by the client it was issued to, ends what the first one
// gave. A code is redeemed under the contract that it was asked for by: another
// one's rules, of PKCE or of refresh tokens, are no way around its own.
func (a *Authority) Exchange(ctx context.Context, who token.Actor, c *token.Client, ask Redemption) (*Issued, error) {
	r, err := a.code(ctx, c, ask.Code)
	if err != nil {
		return nil, err
	}
	t := r.Token
	if t.EndedAt != 0 {
		return nil, a.usedCode(ctx, who, r)
	}
	if t.Contract != ask.Contract {
		return nil, badCode()
	}
	if _, err := a.cfg.Judge.Weigh(ctx, r, token.Use{Now: a.cfg.Now().UnixMilli(), Surface: token.AtToken}); err != nil {
		return nil, codeRefusal(err)
	}
	if err := matches(t, ask); err != nil {
		return nil, err
	}
	to, err := a.aim(ctx, c, t, t.Scopes, ask.Resources, ask.Form)
	if err != nil {
		return nil, err
	}
	out, err := a.mint(ctx, who, Order{
		Kind: token.Access, Contract: t.Contract, Form: to.Form, Client: t.Client, Workspace: t.Workspace, Person: t.Person,
		Scopes: to.Scopes, Audience: to.Audience, Grant: r.Grant, Refresh: ask.Always || refreshable(c, t.Scopes),
		Replaces: &Replaced{Token: t, Reason: "redeemed"},
	})
	if refusal := token.AsRefusal(err); refusal != nil {
		if refusal.Reason == token.Lost {
			return nil, a.usedCode(ctx, who, r)
		}
		return nil, codeRefusal(err)
	}
	return out, err
}

// code finds the code of a client. A foreign client changes nothing.
func (a *Authority) code(ctx context.Context, c *token.Client, secret string) (*token.Record, error) {
	r, err := a.cfg.Judge.Find(ctx, secret)
	if err == nil && r.Token.Kind == token.AuthCode && r.Token.Client == c.ID {
		return r, nil
	}
	if err == nil || token.Is(err, token.InvalidToken) {
		return nil, badCode()
	}
	return nil, err
}

func badCode() *token.Refusal {
	return token.Errorf(token.InvalidGrant, "missing or unknown auth code").Because(token.UnknownCode)
}

func (a *Authority) usedCode(ctx context.Context, who token.Actor, r *token.Record) error {
	if r.Grant == nil {
		return badCode()
	}
	return a.endFamily(ctx, who, r.Grant, r.Token, "authorization code reused")
}

// refreshable reports whether a code grant gives a refresh token: to clients
// registered for it, and in OpenID requests only with offline_access (OpenID
// Connect Core, 11).
func refreshable(c *token.Client, granted token.Scopes) bool {
	return c.Grants("refresh_token") && (!granted.Has("openid") || granted.Has(token.OfflineAccess))
}

func codeRefusal(err error) error {
	r := token.AsRefusal(err)
	if r == nil {
		return err
	}
	if r.Reason == token.Expired {
		return token.Errorf(token.InvalidGrant, "the authorization code has expired; begin again").Because(token.ExpiredCode)
	}
	switch r.Code {
	case token.InvalidToken, token.AccessDenied, token.InvalidScope:
		return token.Errorf(token.InvalidGrant, "what the authorization code stands on has ended: %s", r.Text).Because(token.UnknownCode)
	}
	return err
}

// matches holds a redemption against the authorize request.
func matches(t *token.Token, ask Redemption) error {
	var facts codeFacts
	if err := json.Unmarshal([]byte(t.Data), &facts); err != nil {
		return fmt.Errorf("read a code: %w", err)
	}
	// OAuth 2.1 lets a client leave the redirect URI out where PKCE binds the
	// code; a different one is refused always (RFC 6749, 4.1.3).
	if ask.RedirectURI != facts.RedirectURI && (ask.RedirectURI != "" || facts.Challenge == "") {
		return token.Errorf(token.InvalidGrant, "redirect_uri is not the one of the authorization request").Because(token.RedirectMismatch)
	}
	switch {
	case facts.Challenge == "" && ask.Verifier != "":
		// A verifier without a challenge is a downgrade (RFC 9700, 4.8.2).
		return token.Errorf(token.InvalidGrant, "code_verifier was sent, but the authorization request had no code_challenge").Because(token.BadVerifier)
	case facts.Challenge == "":
		return nil
	case !verifies(ask.Verifier, facts.Challenge):
		return token.Errorf(token.InvalidGrant, "code_verifier is missing or does not match").Because(token.BadVerifier)
	}
	return nil
}

// verifies is S256 of RFC 7636, 4.6.
func verifies(verifier, challenge string) bool {
	if len(verifier) < 43 || len(verifier) > 128 {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}
