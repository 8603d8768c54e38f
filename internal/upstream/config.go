package upstream

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Config names a provider. The zero value is none; Scopes alone may be left out.
type Config struct {
	Issuer       string // as the provider writes it, to the letter; https, or http on loopback
	ClientID     string // that the provider knows this server by
	ClientSecret string
	Name         string // that people know the provider by
	Scopes       string // with spaces between; empty: openid email profile
}

// A Provider asks one provider and judges its answers. It is safe for use by
// many at once.
type Provider struct {
	cfg      Config
	scopes   []string
	callback string
	now      func() time.Time
	client   *http.Client

	mu    sync.Mutex
	known *known    // nil until the provider has told of itself
	asked time.Time // when it last answered that, or did not
	fault error     // why it could not
}

// New returns the provider that a configuration names; callback is the address
// of ours that its answers come to. A half configuration is an error that says
// what lacks. The provider is first asked when somebody wants to sign in, so
// that this server starts without it.
func New(cfg Config, callback string, now func() time.Time) (*Provider, error) {
	var missing []string
	for _, one := range []struct{ name, value string }{
		{"upstream-issuer", cfg.Issuer}, {"upstream-client-id", cfg.ClientID}, {"upstream-client-secret", cfg.ClientSecret}, {"upstream-name", cfg.Name},
	} {
		if one.value == "" {
			missing = append(missing, one.name)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("sign-in with another provider lacks %s: give all of them or none", strings.Join(missing, ", "))
	}
	if u, err := url.Parse(cfg.Issuer); err != nil || u.RawQuery != "" || u.Fragment != "" || u.User != nil || !isSafe(u, true) {
		return nil, fmt.Errorf("upstream-issuer: %q is no issuer: write it as https://accounts.example.com; http is allowed on loopback only", cfg.Issuer)
	}
	p := &Provider{cfg: cfg, callback: callback, now: now, client: newClient()}
	p.scopes = strings.Fields(cmp.Or(cfg.Scopes, "openid email profile"))
	if !slices.Contains(p.scopes, "openid") {
		return nil, fmt.Errorf("upstream-scopes: %q lacks openid: add it", cfg.Scopes)
	}
	return p, nil
}

// Name returns what people know the provider by; empty where there is none.
func (p *Provider) Name() string {
	if p == nil {
		return ""
	}
	return p.cfg.Name
}

// Issuer returns what the provider's accounts are known by together with their
// subject; empty where there is none.
func (p *Provider) Issuer() string {
	if p == nil {
		return ""
	}
	return p.cfg.Issuer
}

// isSafe reports whether secrets may be sent to an address: over TLS, or, where
// that is allowed, to this machine.
func isSafe(u *url.URL, loopback bool) bool {
	host := u.Hostname()
	ip := net.ParseIP(host)
	here := host == "localhost" || ip != nil && ip.IsLoopback()
	return host != "" && (u.Scheme == "https" || u.Scheme == "http" && loopback && here)
}
