package oauth

import (
	"net/http"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// introspect says what a token opens now, to those who may ask about it, and
// nothing but that it opens nothing to all others (RFC 7662).
func (f *Face) introspect(c *web.Call) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	asker, err := f.client(c, form)
	if err != nil {
		return err
	}
	if asker.Public() {
		// Anybody can say a client_id (RFC 7662, 4).
		return token.Errorf(token.InvalidClient, "a client without a secret may not ask about tokens")
	}
	secret := form.Get("token")
	if secret == "" {
		return token.Errorf(token.InvalidRequest, "token is missing")
	}
	r, v, err := f.ask(c, asker, secret, token.CleanAddress(form.Get("address")))
	switch {
	case opensNothing(err):
		return c.WriteRaw(http.StatusOK, jsonType, []byte(`{"active":false}`))
	case err != nil:
		return err
	}
	return c.WriteRaw(http.StatusOK, jsonType, appendActive(make([]byte, 0, 768), r, v, f.issuer))
}

// ask puts the question to the judge. Whether the asker may know comes first,
// so that a stranger's question uses up nothing. A question from those who may
// is a use of the token: it was just shown to them. Whence it was shown they may
// say; a token that is bound to networks opens nothing for who does not.
func (f *Face) ask(c *web.Call, asker *token.Client, secret, address string) (*token.Record, token.Verdict, error) {
	r, err := f.cfg.Verifier.Find(c.Context(), secret)
	if err != nil {
		return nil, token.Verdict{}, err
	}
	u := token.Use{Now: f.cfg.Now().UnixMilli(), Surface: token.AtIntrospect, Asker: asker, Workspace: r.Token.Workspace, Address: address, Route: c.Pattern()}
	if u.Workspace == "" {
		u.Workspace = asker.Workspace // of the several that a person's token opens, the asker's is meant
	}
	if !authority.MayAsk(asker, r.Token, u.Workspace) {
		return nil, token.Verdict{}, token.Errorf(token.InvalidToken, "the token is not the asker's to know")
	}
	v, err := f.cfg.Verifier.JudgeFound(c.Context(), r, u)
	return r, v, err
}

// opensNothing tells the judge's no from not being able to ask.
func opensNothing(err error) bool {
	r := token.AsRefusal(err)
	if r == nil {
		return false
	}
	switch r.Code {
	case token.InvalidToken, token.InsufficientScope, token.WorkspaceRequired, token.Forbidden:
		return true
	}
	return false
}
