package api

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// verify serves /verify, the question of a proxy: may this request pass? A yes
// carries who it is in ten headers and no body. It is the hottest path of the
// product: it reads memory and writes headers.
func (f *Face) verify(c *web.Call) error {
	c.Protect(c.Pattern())
	secret, err := c.Bearer()
	if token.Is(err, token.InvalidRequest) {
		// Two tokens are no credentials. A proxy knows what 401 means and takes
		// 400 for a fault of ours.
		return token.Errorf(token.InvalidToken, "%s", token.AsRefusal(err).Text)
	}
	if err != nil {
		return err
	}
	use := token.Use{Now: c.Now().UnixMilli(), Surface: token.AtVerify, Address: c.Address(), Agent: c.Agent(), Route: c.Pattern()}
	if c.Request.URL.RawQuery != "" {
		if err := demands(c, &use); err != nil {
			return err
		}
	}
	r, v, err := f.cfg.Verifier.Judge(c.Context(), secret, use)
	switch {
	case err != nil && r != nil: // whose traffic is refused
		c.SetActor(token.Actor{Workspace: cmp.Or(v.Workspace, r.Token.Workspace)})
		c.SetClient(r.Token.Client)
		return err
	case err != nil:
		return err
	}
	c.SetActor(token.ActorOf(r, v))
	c.SetClient(r.Token.Client)
	writeIdentity(c.Header(), r.Token, v, expiryNotice(r.Token, use.Now, f.cfg.Authority.Issuer()))
	c.WriteHeader(http.StatusOK)
	return nil
}

// isRoute reports whether something may be the name of a protected route, such
// as "GET /orders/{id}": 1 to 128 printable ASCII characters.
func isRoute(name string) bool {
	if name == "" || len(name) > 128 {
		return false
	}
	for i := range len(name) {
		if name[i] < ' ' || name[i] > '~' {
			return false
		}
	}
	return true
}

// demands reads what the proxy asks of the token, and the name it gives to what
// it protects. A misspelt demand is refused: passed over, it would be a yes.
func demands(c *web.Call, use *token.Use) error {
	q, err := c.Query()
	if err != nil {
		return err
	}
	if !q.Within("scope", "workspace", "route", "audience") {
		return token.Errorf(token.InvalidRequest, "the query may hold scope, workspace, route and audience alone")
	}
	use.Workspace, use.Audience = q.Get("workspace"), q.Get("audience")
	if route := q.Get("route"); isRoute(route) {
		use.Route = route
		c.Protect(route)
	}
	if use.Scopes, err = token.ParseScopes(q.Get("scope")); err != nil {
		return token.Errorf(token.InvalidRequest, "the parameter scope cannot be read")
	}
	return nil
}

// writeIdentity says who it is. Every header is always there, empty where it has
// no value, so that a proxy that copies them overwrites whatever the caller sent
// under these names. The map is written directly: the names are in net/http's
// spelling, and one array holds all values.
func writeIdentity(h http.Header, t *token.Token, v token.Verdict, notice string) {
	credential := t.Credential.String()
	values := [...]string{
		t.Subject(), v.Workspace, t.Client, v.Scopes.String(), string(t.Kind), credential, credential, t.Actor, expires(t.ExpiresAt), notice, "no-store",
	}
	if t.ID != t.Credential {
		values[6] = t.ID.String()
	}
	for i := range values {
		values[i] = safe(values[i])
	}
	all := values[:]
	h["X-Auth-Subject"] = all[0:1:1]
	h["X-Auth-Workspace"] = all[1:2:2]
	h["X-Auth-Client"] = all[2:3:3]
	h["X-Auth-Scopes"] = all[3:4:4]
	h["X-Auth-Kind"] = all[4:5:5]
	h["X-Auth-Token-Id"] = all[5:6:6]
	h["X-Auth-Secret-Id"] = all[6:7:7]
	h["X-Auth-Actor"] = all[7:8:8]
	h["X-Auth-Expires"] = all[8:9:9]
	h["X-Auth-Expiry-Notice"] = all[9:10:10]
	h["Cache-Control"] = all[10:11:11]
}

// expires writes milliseconds as RFC 3339, empty for never.
func expires(ms int64) string {
	if ms == 0 {
		return ""
	}
	var text [len(time.RFC3339)]byte
	return string(time.UnixMilli(ms).UTC().AppendFormat(text[:0], time.RFC3339))
}

// safe leaves what may stand in a header whoever reads it: printable ASCII.
func safe(s string) string {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return strings.Map(func(r rune) rune {
				if r < ' ' || r > '~' {
					return '?'
				}
				return r
			}, s)
		}
	}
	return s
}

// refuseVerify answers a no in the shape of /v1. Where the answer could not be
// found it is 503: a proxy must be able to tell "no" from "ask again".
func refuseVerify(c *web.Call, err error) {
	r := token.AsRefusal(err)
	if r.Code == web.ServerError {
		r = token.Errorf(token.Unavailable, "the answer could not be found; try again later")
	}
	refuse(c, r)
}
