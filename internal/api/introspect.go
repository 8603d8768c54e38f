package api

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// mostAsked is how many tokens one request may ask about.
const mostAsked = 100

type introspectBody struct {
	Token  string   `json:"token"`
	Tokens []string `json:"tokens"`
	// Address is whence the holder came. A token that is bound to networks is
	// active nowhere else, and so not where this is not said.
	Address string `json:"address"`
}

// An introspection is what is said of a token: RFC 7662, 2.2, and ours. An
// inactive one is active alone.
type introspection struct {
	Active    bool       `json:"active"`
	Scope     string     `json:"scope,omitempty"`
	ClientID  string     `json:"client_id,omitempty"`
	Username  string     `json:"username,omitempty"`
	TokenType string     `json:"token_type,omitempty"`
	Expires   int64      `json:"exp,omitempty"`
	IssuedAt  int64      `json:"iat,omitempty"`
	Subject   string     `json:"sub,omitempty"`
	Audience  []string   `json:"aud,omitempty"`
	Issuer    string     `json:"iss,omitempty"`
	JTI       string     `json:"jti,omitempty"`
	Act       *act       `json:"act,omitempty"`
	Workspace string     `json:"workspace,omitempty"`
	Kind      token.Kind `json:"kind,omitempty"`
	TokenID   string     `json:"token_id,omitempty"`
	Networks  []string   `json:"addresses,omitempty"` // the answer holds for these alone
}

// introspect serves POST /v1/tokens/introspect: one token, or many. To ask is to
// use: it counts against max_uses, and the use of an impersonated token is on
// record before the answer says yes.
func (f *Face) introspect(c *web.Call, who *caller) error {
	if who.client == nil {
		if err := who.mayAdministrate(token.AdminRead); err != nil {
			return f.introspectSelf(c, who, err)
		}
	}
	var body introspectBody
	if err := c.JSON(&body); err != nil {
		return err
	}
	switch {
	case (body.Token == "") == (body.Tokens == nil):
		return token.AtField("token", "name one token, or several in tokens")
	case len(body.Tokens) > mostAsked:
		return token.AtField("tokens", "may have at most %d", mostAsked)
	case body.Token != "":
		said, err := f.say(c, who, body.Token, body.Address)
		if err != nil {
			return err
		}
		return c.WriteJSON(http.StatusOK, said)
	}
	all := make([]introspection, len(body.Tokens))
	for i, secret := range body.Tokens {
		var err error
		if all[i], err = f.say(c, who, secret, body.Address); err != nil {
			return err
		}
	}
	return c.WriteJSON(http.StatusOK, map[string]any{"results": all})
}

// introspectSelf tells the holder of a token about the very one, and refuses all
// else as it was refused.
func (f *Face) introspectSelf(c *web.Call, who *caller, refused error) error {
	var body introspectBody
	if err := c.JSON(&body); err != nil {
		return err
	}
	r, err := f.cfg.Verifier.Find(c.Context(), body.Token)
	if err != nil || who.record == nil || r.Token.ID != who.record.Token.ID {
		return refused
	}
	return c.WriteJSON(http.StatusOK, f.saying(who.record, who.verdict))
}

// say tells of one token what its caller may learn. Unknown, ended and somebody
// else's are one answer.
func (f *Face) say(c *web.Call, who *caller, secret, address string) (introspection, error) {
	r, v, err := f.ask(c, who, secret, address)
	switch {
	case err == nil:
		return f.saying(r, v), nil
	case isNo(err):
		return introspection{}, nil
	}
	return introspection{}, err
}

// ask judges a token for a caller who may learn of it; what they may not is as
// unknown, and is neither used nor recorded.
func (f *Face) ask(c *web.Call, who *caller, secret, address string) (*token.Record, token.Verdict, error) {
	use := token.Use{Now: c.Now().UnixMilli(), Surface: token.AtIntrospect, Asker: who.client, Address: token.CleanAddress(address), Route: c.Pattern()}
	r, err := f.cfg.Verifier.Find(c.Context(), secret)
	if err != nil {
		return nil, token.Verdict{}, err
	}
	if r.Token.Workspace == "" {
		use.Workspace = who.workspace
	}
	v, err := f.cfg.Verifier.Weigh(c.Context(), r, use)
	if err != nil {
		return nil, v, err
	}
	if !who.mayAsk(r.Token, v.Workspace) {
		return nil, token.Verdict{}, token.Errorf(token.InvalidToken, "the token is another's")
	}
	v, err = f.cfg.Verifier.JudgeFound(c.Context(), r, use)
	return r, v, err
}

func (k *caller) mayAsk(t *token.Token, workspace string) bool {
	if k.client != nil {
		return authority.MayAsk(k.client, t, workspace)
	}
	return workspace == k.workspace && t.Kind != token.Refresh // as authority.MayAsk has it
}

// isNo tells the refusals that mean no from those that mean not now.
func isNo(err error) bool {
	return token.Is(err, token.InvalidToken) || token.Is(err, token.WorkspaceRequired) || token.Is(err, token.Forbidden)
}

func (f *Face) saying(r *token.Record, v token.Verdict) introspection {
	t, issuer := r.Token, f.cfg.Authority.Issuer()
	s := introspection{
		Active: true, Scope: v.Scopes.String(), ClientID: t.Client, TokenType: "Bearer", Expires: t.ExpiresAt / 1000, IssuedAt: t.IssuedAt / 1000,
		Subject: t.Subject(), Audience: strings.Fields(cmp.Or(t.Audience, issuer)), Issuer: issuer, JTI: t.ID.String(),
		Workspace: v.Workspace, Kind: t.Kind, TokenID: t.Credential.String(),
	}
	if r.Person != nil {
		s.Username = r.Person.Email
	}
	s.Networks = networkTexts(v.Networks)
	if t.Actor != "" {
		s.Act = &act{t.Actor}
	}
	return s
}
