package web

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fichadev/ficha/internal/metric"
	"github.com/fichadev/ficha/internal/token"
)

// A Route is one entry of a room's list: where, under which rule, and what.
type Route struct {
	Pattern string            // of http.ServeMux: "POST /v1/tokens"; without a method, any
	Rule    Rule              //
	Handle  func(*Call) error // writes an answer, or returns a refusal or a fault
}

// A Rule is what holds on a route. A route without a rule cannot be mounted.
type Rule struct {
	Auth  string       // who may call: one of the names below, or the room's own; required
	Scope token.Scopes // what a bearer must hold; the room checks it, tests compare

	Body  int64    // most bytes of a body: 0 is 64 KiB, NoBody reads none
	Media []string // types a body may have; empty: any

	Parameters int // most parameters of a form: 0 is 64

	Mutates         bool // changes state
	Secret          bool // the answer holds a secret and is never stored
	CORS            bool // scripts of any origin may read the answer; no credentials
	SameOrigin      bool // a browser may not send it from another origin
	NoForeignOrigin bool // an Origin header, if there is one, is the issuer's

	// Shape writes a refusal as the contract of the route does; nil: as /v1
	// does. The error always holds a *token.Refusal (token.AsRefusal): a fault
	// arrives as ServerError, without its cause. Retry-After, challenge and
	// no-store are set before it is called.
	Shape func(*Call, error)
}

// Names of rules that several rooms use. AuthClient and AuthBearer decide which
// challenge a 401 carries.
const (
	AuthNone    = "none"       // anybody
	AuthClient  = "client"     // a client by its secret or key
	AuthBearer  = "bearer"     // a bearer token or client secret in the header
	AuthSession = "session"    // a person signed in to the pages
	AuthPath    = "path-token" // the token in the path is the proof
)

// NoBody is the Rule.Body of a route that reads none: what is sent is not
// looked at.
const NoBody = -1

// defaultBody is the limit of a body unless the rule names another.
const defaultBody = 64 << 10

// check refuses a route that promises what it cannot keep.
func (r *Route) check() error {
	switch rule := r.Rule; {
	case r.Handle == nil:
		return errors.New("it has no handler")
	case rule.Auth == "":
		return errors.New("its rule does not say who may call it: set Auth")
	case rule.Body < NoBody:
		return errors.New("its body has a negative limit")
	case rule.CORS && (rule.SameOrigin || rule.NoForeignOrigin):
		return errors.New("CORS lets other origins in, SameOrigin and NoForeignOrigin keep them out: choose one")
	case rule.Auth == AuthSession && rule.Mutates && !rule.SameOrigin:
		return errors.New("a session may change state from its own origin only: set SameOrigin")
	}
	return nil
}

// Mount adds routes. It reports a route without a rule, with a contradictory
// one, or whose pattern is malformed or taken; the floor is then not to be
// used. All routes are mounted before the first request.
func (f *Floor) Mount(routes ...Route) error {
	for _, route := range routes {
		if err := f.mount(route); err != nil {
			return fmt.Errorf("mount %q: %w", route.Pattern, err)
		}
		f.routes = append(f.routes, route)
	}
	return nil
}

func (f *Floor) mount(route Route) (err error) {
	if err := route.check(); err != nil {
		return err
	}
	if route.Rule.Body == 0 {
		route.Rule.Body = defaultBody
	}
	if route.Rule.Shape == nil {
		route.Rule.Shape = writeRefusal
	}
	defer func() {
		if v := recover(); v != nil { // ServeMux panics on patterns that clash
			err = fmt.Errorf("pattern: %v", v)
		}
	}()
	f.mux.Handle(route.Pattern, &mounted{Route: route, counts: f.metrics.Route(route.Pattern)})
	if route.Rule.CORS {
		f.mountPreflight(route)
	}
	return nil
}

// Routes returns the mounted routes in the order they came, so that a test can
// drive every one of them.
func (f *Floor) Routes() []Route { return append([]Route(nil), f.routes...) }

// mounted is a route with the place where it is counted.
type mounted struct {
	Route
	counts *metric.Route
}

// splitPattern returns the method of a pattern, empty for any, and the rest.
func splitPattern(pattern string) (method, path string) {
	method, path, ok := strings.Cut(pattern, " ")
	if !ok {
		return "", pattern
	}
	return method, strings.TrimLeft(path, " \t")
}
