package api

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// expiryRoutes are those about what can be changed of a token, which is not its
// expiry.
func (f *Face) expiryRoutes() []web.Route {
	return []web.Route{
		f.admin("PATCH /v1/tokens/{id}", token.AdminWrite, f.changeToken),
		f.admin("PUT /v1/tokens/{id}", token.AdminWrite, f.changeToken),
	}
}

// changeBody is what can be changed of a token, and what callers believe that
// can.
type changeBody struct {
	Name    *string `json:"name"`
	Purpose *string `json:"purpose"`
	Owner   *string `json:"owner"`

	ExpiresAt json.RawMessage `json:"expires_at"`
	ExpiresIn json.RawMessage `json:"expires_in"`
	TTL       json.RawMessage `json:"ttl"`
	Scopes    json.RawMessage `json:"scopes"`
}

// check refuses what would make another token of it. An expiry that could be
// added later would end what somebody was told never ends; one that could be
// moved would make every promise of it void.
func (b *changeBody) check() error {
	for _, fixed := range []struct {
		name  string
		given json.RawMessage
	}{{"expires_at", b.ExpiresAt}, {"expires_in", b.ExpiresIn}, {"ttl", b.TTL}, {"scopes", b.Scopes}} {
		if fixed.given != nil {
			return token.AtField(fixed.name, "is set when a token is made and never after; make a new one, or rotate this one")
		}
	}
	if b.Name == nil && b.Purpose == nil && b.Owner == nil {
		return token.AtField("name", "name at least one of name, purpose and owner: nothing else of a token can be changed")
	}
	return nil
}

// changeToken serves PATCH and PUT /v1/tokens/{id}: what is not named stays.
func (f *Face) changeToken(c *web.Call, who *caller) error {
	t, err := f.found(c, who, token.AdminWrite)
	if err != nil {
		return err
	}
	var body changeBody
	if err := c.JSON(&body); err != nil {
		return err
	}
	if err := body.check(); err != nil {
		return err
	}
	if !who.sees(t) { // the caller's own token, which opens another workspace too
		return notFound("token")
	}
	d := token.Description{Name: body.Name, Purpose: body.Purpose, Owner: body.Owner}
	if d.Owner != nil {
		owner, err := f.owner(c, who.workspace, *d.Owner)
		if err != nil {
			return err
		}
		d.Owner = &owner
	}
	if err := f.cfg.Authority.Describe(c.Context(), who.asPerson(), t, d); err != nil {
		return err
	}
	return f.writeAgain(c, t)
}

// expiryNotice is what the gate tells the holder of a token that expires soon,
// empty where it is not yet time to be told. It allocates only what it tells.
func expiryNotice(t *token.Token, now int64, issuer string) string {
	if _, due := t.Latest(now); !due {
		return ""
	}
	return "expires in " + span(t.ExpiresAt-now) + "; " + renewal(t, issuer)
}

// span writes how much is left (ms) in the unit that is of use, rounded down:
// nobody comes too late who believes it.
func span(left int64) string {
	for _, unit := range []struct {
		name string
		ms   int64
	}{{"day", 24 * time.Hour.Milliseconds()}, {"hour", time.Hour.Milliseconds()}, {"minute", time.Minute.Milliseconds()}} {
		switch n := left / unit.ms; {
		case n == 1:
			return "1 " + unit.name
		case n > 1:
			return strconv.FormatInt(n, 10) + " " + unit.name + "s"
		}
	}
	return "less than a minute"
}

// renewal says how a token that still lives is replaced.
func renewal(t *token.Token, issuer string) string {
	if t.Kind == token.Access {
		return "get a new one"
	}
	return "rotate at " + issuer + "/v1/tokens/" + t.Credential.String() + "/rotations"
}
