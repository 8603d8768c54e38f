package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/fichadev/ficha/internal/metric"
	"github.com/fichadev/ficha/internal/token"
)

// maxLine is the longest request target that is read, in bytes.
const maxLine = 16 << 10

// Config is what a floor needs. Log, Metrics, Now and Issuer are required.
type Config struct {
	Log     *slog.Logger
	Metrics *metric.Set
	Now     func() time.Time
	Issuer  string // the public base URL

	// TrustedProxies are the peers whose X-Forwarded-For and X-Request-Id are
	// believed. Empty: nobody's.
	TrustedProxies []netip.Prefix
	// Internal tells the traffic of the house from the rest.
	Internal Internal
	// Timeout is how long a handler may take; 0 means 10 s.
	Timeout time.Duration
}

// A Floor is an http.Handler of all mounted routes. It may be used by many at
// once after the last Mount.
type Floor struct {
	log     *slog.Logger
	metrics *metric.Set
	now     func() time.Time
	origin  string // of the issuer
	proxies []netip.Prefix
	timeout time.Duration

	internal Internal

	mux        *http.ServeMux
	routes     []Route
	preflights map[string]*preflight // by path
	origins    *http.CrossOriginProtection
	nowhere    *mounted // stands for all paths that are no route
}

// New returns a floor without routes.
func New(cfg Config) (*Floor, error) {
	if cfg.Log == nil || cfg.Metrics == nil || cfg.Now == nil {
		return nil, errors.New("web: Log, Metrics and Now are required")
	}
	issuer, err := url.Parse(cfg.Issuer)
	if err != nil || issuer.Scheme == "" || issuer.Host == "" {
		return nil, fmt.Errorf("web: the issuer %q is no absolute URL: set it to the public base URL", cfg.Issuer)
	}
	f := &Floor{
		log: cfg.Log, metrics: cfg.Metrics, now: cfg.Now, proxies: cfg.TrustedProxies, timeout: cfg.Timeout,
		internal:   cfg.Internal,
		origin:     issuer.Scheme + "://" + issuer.Host,
		mux:        http.NewServeMux(),
		preflights: make(map[string]*preflight),
		origins:    http.NewCrossOriginProtection(),
	}
	f.internal.Header = http.CanonicalHeaderKey(f.internal.Header)
	if f.timeout <= 0 {
		f.timeout = 10 * time.Second
	}
	// Behind a proxy the Host header may not be the public one.
	if err := f.origins.AddTrustedOrigin(f.origin); err != nil {
		return nil, fmt.Errorf("web: the issuer's origin: %w", err)
	}
	f.nowhere = &mounted{Route: Route{Pattern: "unmatched", Rule: Rule{Shape: writeRefusal}}, counts: cfg.Metrics.Route("unmatched")}
	return f, nil
}

// ServeHTTP answers one request, whatever happens in its handler: a panic ends
// that request alone.
func (f *Floor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := f.begin(w, r)
	defer c.end()
	f.mux.ServeHTTP(c, r)
	if c.route == nil {
		c.unmatched()
	}
}

// begin makes the call of a request. Calls are not pooled: a context that a
// slow query still holds would then belong to somebody else's request.
func (f *Floor) begin(w http.ResponseWriter, r *http.Request) *Call {
	start := f.now()
	c := &Call{Request: r, w: w, floor: f, start: start}
	c.clock = clock{Context: r.Context(), now: f.now, at: start.Add(f.timeout)}
	c.address, c.id, c.proxied = f.whence(r)
	h := w.Header()
	every := [...]string{c.id, "nosniff", "no-referrer"} // one array for the values that every answer has
	h["X-Request-Id"], h["X-Content-Type-Options"], h["Referrer-Policy"] = every[0:1:1], every[1:2:2], every[2:3:3]
	if r.ProtoMajor == 1 && len(r.TransferEncoding) > 0 {
		// A length beside the chunks may have meant another end of this request
		// to a proxy before us, and net/http no longer shows whether there was
		// one: nothing that follows on the connection is read (RFC 9112, 6.1).
		h.Set("Connection", "close")
	}
	return c
}

// ServeHTTP runs the route inside the call that the floor has begun.
func (m *mounted) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	c := w.(*Call) //nolint:errcheck,forcetypeassert // only a floor holds a mounted route
	c.route = m
	err := c.enter()
	if err == nil {
		err = m.Handle(c)
	}
	if err == nil && c.status == 0 {
		err = errors.New("the handler answered nothing") // 200 would be a yes that nobody said
	}
	if err != nil {
		c.fail(err)
	}
}

// enter checks what holds on every route before its handler runs.
func (c *Call) enter() error {
	rule, r := &c.route.Rule, c.Request
	if rule.Secret {
		noStore(c.Header())
	}
	if err := c.checkOrigin(); err != nil {
		return err
	}
	if len(r.RequestURI) > maxLine {
		return token.Errorf(uriTooLong, "the request line is over %d bytes", maxLine)
	}
	return c.admitBody()
}

// unmatched answers what the mux would have: a path that is no route, a method
// that the path does not take, or a path that is not in its one clean spelling.
// The mux would redirect the last; a redirect would repeat the query, which
// may hold secrets, so it is not found.
func (c *Call) unmatched() {
	h := c.Header()
	h.Del("Location")
	h.Del("Content-Type")
	c.route = c.floor.nowhere
	if c.muxed == http.StatusMethodNotAllowed {
		c.fail(token.Errorf(token.MethodNotAllowed, "this path takes %s", h.Get("Allow")))
		return
	}
	c.fail(token.Errorf(token.NotFound, "there is nothing here"))
}

// unknowable reports whether a fault means that the answer could not be learned
// in time, rather than that something is broken.
func unknowable(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}
