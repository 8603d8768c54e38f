package web

import (
	"net/http"
	"strings"

	"github.com/fichadev/ficha/internal/token"
)

// checkOrigin keeps browsers of other origins off the routes that ask for it.
// It changes the header of the answer where the route is open to all.
func (c *Call) checkOrigin() error {
	rule := &c.route.Rule
	if rule.CORS {
		c.Header().Set("Access-Control-Allow-Origin", "*")
	}
	if rule.NoForeignOrigin && c.foreignOrigin() {
		return token.Errorf(token.Forbidden, "this endpoint takes client secrets and is not for scripts of another origin")
	}
	if rule.SameOrigin && c.floor.origins.Check(c.Request) != nil {
		return token.Errorf(token.Forbidden, "the request comes from another site; open the page here and try again")
	}
	return nil
}

// foreignOrigin reports whether a browser says that the request comes from a
// page that is not the issuer's; "null" is foreign.
func (c *Call) foreignOrigin() bool {
	for _, origin := range c.Request.Header["Origin"] {
		if origin != c.floor.origin {
			return true
		}
	}
	return false
}

// preflight answers the question of a browser whether it may send a request
// (the CORS protocol of the Fetch standard). methods grows while routes of the
// same path are mounted.
type preflight struct{ methods []string }

// mountPreflight lets browsers ask about a path; a pattern without a method
// takes OPTIONS itself.
func (f *Floor) mountPreflight(route Route) {
	method, path := splitPattern(route.Pattern)
	if method == "" {
		return
	}
	p := f.preflights[path]
	if p == nil {
		p = &preflight{}
		f.preflights[path] = p
		pattern := http.MethodOptions + " " + path
		f.mux.Handle(pattern, &mounted{
			Route:  Route{Pattern: pattern, Rule: Rule{Auth: AuthNone, Body: NoBody, CORS: true, Shape: writeRefusal}, Handle: p.answer},
			counts: f.metrics.Route(pattern),
		})
	}
	p.methods = append(p.methods, method)
}

func (p *preflight) answer(c *Call) error {
	h := c.Header()
	h.Set("Access-Control-Allow-Methods", strings.Join(p.methods, ", "))
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	h.Set("Access-Control-Max-Age", "600")
	c.WriteHeader(http.StatusNoContent)
	return nil
}
