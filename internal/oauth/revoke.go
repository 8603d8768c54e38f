package oauth

import (
	"net/http"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// revoke ends a token for the client that holds it (RFC 7009). 200 means that
// the token opens nothing any more, or never was this client's; it is said
// after the ending is on disk, and never when the store could not be asked.
// token_type_hint helps nothing here: a secret says itself where its row is.
func (f *Face) revoke(c *web.Call) error {
	form, err := c.Form()
	if err != nil {
		return err
	}
	client, err := f.client(c, form)
	if err != nil {
		return err
	}
	secret := form.Get("token")
	if secret == "" {
		return token.Errorf(token.InvalidRequest, "token is missing")
	}
	if err := f.cfg.Authority.RevokeSecret(c.Context(), c.Actor(), client, secret, ""); err != nil {
		return err
	}
	return c.WriteJSON(http.StatusOK, struct{}{}) // which nobody need read; there are programs that want JSON
}
