package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/fichadev/ficha/internal/token"
)

const (
	askAgain   = time.Hour        // what the provider tells of itself may change
	tryAgain   = 5 * time.Second  // when it could not be asked: who waited in line is answered at once
	askWithin  = 10 * time.Second // each request
	mostAnswer = 1 << 20          // bytes of one
)

// algorithms are those that an ID token may be signed with. There is no none
// among them, and none that the client's secret or a public key could be the
// key of (RFC 8725, 3.1).
var algorithms = []string{oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA, oidc.PS256, oidc.PS384, oidc.PS512, oidc.RS256, oidc.RS384, oidc.RS512}

// known is what the provider has told of itself.
type known struct {
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	oauth    oauth2.Config
	names    bool // every answer names its issuer (RFC 9207)
}

// discover returns what the provider tells of itself, an hour old at most, or
// older where it cannot be asked. Unavailable says that it never could.
func (p *Provider) discover(ctx context.Context) (*known, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pause := askAgain
	if p.known == nil {
		pause = tryAgain
	}
	if p.asked.IsZero() || p.now().Sub(p.asked) >= pause {
		k, err := p.ask(context.WithoutCancel(ctx)) // others wait for it too
		p.asked = p.now()
		if p.fault = err; err == nil {
			p.known = k
		}
	}
	if p.known == nil {
		return nil, p.unreachable(p.fault)
	}
	return p.known, nil
}

// unreachable is the refusal of a sign-in that the provider has no part in now.
func (p *Provider) unreachable(cause error) error {
	return &token.Refusal{
		Code: token.Unavailable, Text: p.cfg.Name + " cannot be reached; sign in with your password, or try again in a moment",
		RetryAfter: tryAgain, Cause: shortened(cause),
	}
}

// shortened keeps a log readable: libraries put whole answers into their errors.
func shortened(err error) error {
	const most = 300
	text := err.Error()
	if len(text) <= most {
		return err
	}
	return errors.New(strings.ToValidUTF8(text[:most], "") + "…")
}

// ask reads the discovery document (OpenID Connect Discovery 1.0, 4).
func (p *Provider) ask(ctx context.Context) (*known, error) {
	provider, err := oidc.NewProvider(p.with(ctx), p.cfg.Issuer)
	if err != nil {
		return nil, fmt.Errorf("ask %s who it is: %w", p.cfg.Issuer, err)
	}
	var says struct {
		Keys    string   `json:"jwks_uri"`
		Methods []string `json:"token_endpoint_auth_methods_supported"`
		Names   bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err := provider.Claims(&says); err != nil {
		return nil, fmt.Errorf("read what %s says of itself: %w", p.cfg.Issuer, err)
	}
	k := &known{provider: provider, names: says.Names, oauth: oauth2.Config{
		ClientID: p.cfg.ClientID, ClientSecret: p.cfg.ClientSecret, RedirectURL: p.callback, Scopes: p.scopes, Endpoint: provider.Endpoint(),
	}}
	addresses := []string{k.oauth.Endpoint.AuthURL, k.oauth.Endpoint.TokenURL, says.Keys}
	if told := provider.UserInfoEndpoint(); told != "" { // it need not have one
		addresses = append(addresses, told)
	}
	for _, address := range addresses {
		if u, err := url.Parse(address); err != nil || !isSafe(u, strings.HasPrefix(p.cfg.Issuer, "http:")) {
			return nil, fmt.Errorf("%s names the address %q, to which no secret may be sent", p.cfg.Issuer, address)
		}
	}
	if k.oauth.Endpoint.AuthStyle, err = style(says.Methods); err != nil {
		return nil, fmt.Errorf("%s: %w", p.cfg.Issuer, err)
	}
	k.verifier = provider.VerifierContext(p.with(ctx), &oidc.Config{ClientID: p.cfg.ClientID, SupportedSigningAlgs: algorithms, Now: p.now})
	return k, nil
}

// style returns how the provider wants our secret. One that does not say wants
// it in a header (OpenID Connect Discovery 1.0, 3).
func style(methods []string) (oauth2.AuthStyle, error) {
	switch {
	case len(methods) == 0, slices.Contains(methods, "client_secret_basic"):
		return oauth2.AuthStyleInHeader, nil
	case slices.Contains(methods, "client_secret_post"):
		return oauth2.AuthStyleInParams, nil
	}
	return 0, errors.New("it takes no client secret")
}

// with has the libraries ask through our client.
func (p *Provider) with(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.client)
}

// newClient returns a client that follows no redirect, waits not for ever and
// reads no more than it must.
func newClient() *http.Client {
	return &http.Client{
		Timeout: askWithin, Transport: bounded{http.DefaultTransport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bounded cuts every answer off where it is too long.
type bounded struct{ http.RoundTripper }

// RoundTrip sends one request.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(answer.Body, mostAnswer), answer.Body}
	return answer, nil
}
