package api

import (
	"net/http"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// refuse writes a refusal as /v1 does. A scope that nobody knows is a mistake in
// the request and names the field; one that is known and not allowed is a matter
// of rights.
func refuse(c *web.Call, err error) {
	r := token.AsRefusal(err)
	c.WriteRefusal(status(r), r)
}

func status(r *token.Refusal) int {
	switch {
	case r.Code == token.InvalidScope && r.Fields != nil:
		return http.StatusUnprocessableEntity
	case r.Code == token.InvalidScope:
		return http.StatusForbidden
	}
	return web.Status(r.Code)
}

// badScope refuses scopes that cannot be asked for at all.
func badScope(text string) error {
	return &token.Refusal{Code: token.InvalidScope, Text: text, Fields: []token.Field{{Name: "scopes", Text: text}}}
}

// notFound is said of what is unknown and of what is another's alike.
func notFound(what string) error {
	return token.Errorf(token.NotFound, "there is no such %s here", what)
}
