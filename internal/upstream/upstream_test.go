package upstream_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/upstream"
	"github.com/fichadev/ficha/internal/upstream/upstreamtest"
)

const callback = "http://127.0.0.1:8080/panel/login/upstream/callback"

// A pair is a provider and the one under test, which asks it.
type pair struct {
	*upstream.Provider
	t   *testing.T
	far *upstreamtest.Provider
	now time.Time
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{t: t, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return p.now }
	far, err := upstreamtest.New(clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(far.Close)
	p.far = far
	p.Provider, err = upstream.New(upstream.Config{
		Issuer: far.URL, ClientID: upstreamtest.ClientID, ClientSecret: upstreamtest.Secret, Name: "Acme ID",
	}, callback, clock)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// claim changes what the far one says of the account.
func (p *pair) claim(more map[string]any) { maps.Copy(p.far.Claims, more) }

// walk does as a browser does between a question and its answer.
func (p *pair) walk(address string) upstream.Answer {
	p.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	back, err := url.Parse(res.Header.Get("Location"))
	if err != nil || !strings.HasPrefix(back.String(), callback) {
		p.t.Fatalf("%s answers %s and leads to %q", address, res.Status, back)
	}
	q := back.Query()
	return upstream.Answer{State: q.Get("state"), Code: q.Get("code"), Issuer: q.Get("iss"), Error: q.Get("error")}
}

func (p *pair) signIn(anew bool) (upstream.Claims, error) {
	p.t.Helper()
	address, q, err := p.Ask(p.t.Context(), anew)
	if err != nil {
		return upstream.Claims{}, err
	}
	return p.Check(p.t.Context(), q, p.walk(address))
}

func TestProviderVouchesForAPerson(t *testing.T) {
	p := newPair(t)
	if p.far.Requests["/.well-known/openid-configuration"] != 0 {
		t.Error("the provider was asked before anybody signed in")
	}
	want := upstream.Claims{Subject: "sub-1", Email: "ana@acme.example", Verified: true}
	for range 2 {
		if got, err := p.signIn(false); err != nil || got != want {
			t.Fatalf("got %+v, %v; want %+v", got, err, want)
		}
	}
	if n := p.far.Requests["/.well-known/openid-configuration"]; n != 1 {
		t.Errorf("the provider was asked %d times who it is, want once", n)
	}
	asked := p.far.Heard["/authorize"]
	if asked.Get("scope") != "openid email profile" || asked.Get("response_type") != "code" || asked.Has("max_age") || len(asked.Get("state")) < 22 {
		t.Errorf("the question is %v", asked)
	}
	p.now = p.now.Add(2 * time.Hour)
	if _, err := p.signIn(false); err != nil || p.far.Requests["/.well-known/openid-configuration"] != 2 {
		t.Errorf("after two hours: %v, asked %d times", err, p.far.Requests["/.well-known/openid-configuration"])
	}
}

// What a provider signs is believed only where all of it is right.
func TestHostileTokensSignNobodyIn(t *testing.T) {
	stranger, err := upstreamtest.New(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stranger.Close)
	hour := int64(3600)
	for name, lie := range map[string]func(*pair){
		"another nonce":           func(p *pair) { p.claim(map[string]any{"nonce": "another"}) },
		"no nonce":                func(p *pair) { p.claim(map[string]any{"nonce": nil}) },
		"another audience":        func(p *pair) { p.claim(map[string]any{"aud": "another"}) },
		"no audience":             func(p *pair) { p.claim(map[string]any{"aud": nil}) },
		"issued to another":       func(p *pair) { p.claim(map[string]any{"azp": "another"}) },
		"for two, issued to none": func(p *pair) { p.claim(map[string]any{"aud": []string{upstreamtest.ClientID, "another"}}) },
		"another issuer":          func(p *pair) { p.claim(map[string]any{"iss": "https://evil.example"}) },
		"expired":                 func(p *pair) { p.claim(map[string]any{"exp": p.now.Unix() - 1}) },
		"without an expiry":       func(p *pair) { p.claim(map[string]any{"exp": nil}) },
		"issued long ago":         func(p *pair) { p.claim(map[string]any{"iat": p.now.Unix() - hour}) },
		"issued tomorrow":         func(p *pair) { p.claim(map[string]any{"iat": p.now.Unix() + hour}) },
		"not issued":              func(p *pair) { p.claim(map[string]any{"iat": nil}) },
		"no subject":              func(p *pair) { p.claim(map[string]any{"sub": ""}) },
		"a subject over 255":      func(p *pair) { p.claim(map[string]any{"sub": strings.Repeat("s", 256)}) },
		"a subject with a NUL":    func(p *pair) { p.claim(map[string]any{"sub": "a\x00b"}) },
		"no signature":            func(p *pair) { p.far.Sign = upstreamtest.Unsigned },
		"HMAC by the public key":  func(p *pair) { p.far.Sign = p.far.Signed(jose.HS256, "rsa", p.far.PublicRSA()) },
		"HMAC by the secret": func(p *pair) {
			p.far.Sign = p.far.Signed(jose.HS256, "rsa", []byte(upstreamtest.Secret+strings.Repeat(".", 32)))
		},
		"a stranger's key": func(p *pair) { p.far.Sign = p.far.Signed(jose.RS256, "rsa", stranger.RSA()) },
		"no token":         func(p *pair) { p.far.Sign = func([]byte) string { return "" } },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t)
			lie(p)
			if got, err := p.signIn(false); !token.Is(err, token.AccessDenied) {
				t.Errorf("got %+v, %v; want %s", got, err, token.AccessDenied)
			}
		})
	}
}

func TestHonestTokensOfOtherFormsAreBelieved(t *testing.T) {
	for name, form := range map[string]func(*pair){
		"RS256": func(p *pair) { p.far.Sign = p.far.Signed(jose.RS256, "rsa", p.far.RSA()) },
		"for two, issued to us": func(p *pair) {
			p.claim(map[string]any{"aud": []string{upstreamtest.ClientID, "x"}, "azp": upstreamtest.ClientID})
		},
		"verified as text":    func(p *pair) { p.claim(map[string]any{"email_verified": "true"}) },
		"Entra's word for it": func(p *pair) { p.claim(map[string]any{"email_verified": nil, "xms_edov": true}) },
		"our secret in the form": func(p *pair) {
			p.far.Metadata = map[string]any{"token_endpoint_auth_methods_supported": []string{"client_secret_post"}}
		},
		"a small token": func(p *pair) {
			p.far.UserInfo = maps.Clone(p.far.Claims)
			p.claim(map[string]any{"email": nil, "email_verified": nil})
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t)
			form(p)
			if got, err := p.signIn(false); err != nil || !got.Verified || got.Email != "ana@acme.example" {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestAddressIsOnlyWhatTheProviderVouchesFor(t *testing.T) {
	p := newPair(t)
	p.claim(map[string]any{"email_verified": false, "xms_edov": true})
	p.far.UserInfo = map[string]any{"sub": "sub-1", "email": "ana@acme.example", "email_verified": true}
	if got, err := p.signIn(false); err != nil || got.Verified {
		t.Errorf("an address that is said not to be verified: %+v, %v", got, err)
	}
	p.claim(map[string]any{"email_verified": nil, "xms_edov": nil})
	p.far.UserInfo = map[string]any{"sub": "sub-2", "email": "ana@acme.example", "email_verified": true}
	if got, err := p.signIn(false); !token.Is(err, token.AccessDenied) {
		t.Errorf("what is told of another account: %+v, %v", got, err)
	}
	p.far.UserInfo = nil
	p.now = p.now.Add(2 * time.Hour)
	if got, err := p.signIn(false); err != nil || got.Verified {
		t.Errorf("an address that nobody vouches for: %+v, %v", got, err)
	}
}

// A code of another provider, of another browser or of before is sent nowhere.
func TestMixedUpAnswersAreNotBelieved(t *testing.T) {
	p := newPair(t)
	ctx := t.Context()
	address, q, err := p.Ask(ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	good := p.walk(address)
	for name, a := range map[string]upstream.Answer{
		"another issuer": {State: good.State, Code: good.Code, Issuer: "https://evil.example"},
		"no issuer":      {State: good.State, Code: good.Code},
		"another state":  {State: "another", Code: good.Code, Issuer: good.Issuer},
		"no state":       {Code: good.Code, Issuer: good.Issuer},
		"an error":       {State: good.State, Issuer: good.Issuer, Error: "access_denied"},
		"no code":        {State: good.State, Issuer: good.Issuer},
	} {
		if _, err := p.Check(ctx, q, a); !token.Is(err, token.AccessDenied) {
			t.Errorf("%s: %v, want %s", name, err, token.AccessDenied)
		}
	}
	if n := p.far.Requests["/token"]; n != 0 {
		t.Errorf("%d codes were sent to the provider", n)
	}
	_, other, err := p.Ask(ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	stolen := good
	stolen.State = other.State
	if _, err := p.Check(ctx, other, stolen); !token.Is(err, token.AccessDenied) {
		t.Errorf("a code of another browser: %v", err)
	}
	if _, err := p.Check(ctx, q, good); !token.Is(err, token.AccessDenied) {
		t.Errorf("a code that was used: %v", err)
	}
}

func TestIssuerMayBeLeftOutWhereItIsNotAnnounced(t *testing.T) {
	p := newPair(t)
	p.far.Metadata = map[string]any{"authorization_response_iss_parameter_supported": nil}
	p.far.Answer = func(q url.Values) { q.Del("iss") }
	if _, err := p.signIn(false); err != nil {
		t.Error(err)
	}
	p.far.Answer = func(q url.Values) { q.Set("iss", "https://evil.example") }
	if _, err := p.signIn(false); !token.Is(err, token.AccessDenied) {
		t.Errorf("another issuer: %v", err)
	}
}

func TestWhoMustSignInAnewIsAskedAnew(t *testing.T) {
	p := newPair(t)
	for name, at := range map[string]any{"not said": nil, "an hour ago": p.now.Add(-time.Hour).Unix()} {
		p.claim(map[string]any{"auth_time": at})
		_, err := p.signIn(true)
		if r := token.AsRefusal(err); r == nil || r.Reason != token.NotAnew {
			t.Errorf("%s: %v, want %s", name, err, token.NotAnew)
		}
	}
	if p.far.Heard["/authorize"].Get("max_age") != "0" {
		t.Errorf("the question is %v", p.far.Heard["/authorize"])
	}
	p.claim(map[string]any{"auth_time": p.now.Unix()})
	if _, err := p.signIn(true); err != nil {
		t.Error(err)
	}
}

func TestProviderThatIsDownIsAskedAgain(t *testing.T) {
	p := newPair(t)
	p.far.Down = true
	if _, err := p.signIn(false); !token.Is(err, token.Unavailable) {
		t.Fatalf("got %v, want %s", err, token.Unavailable)
	}
	p.far.Down = false
	if _, err := p.signIn(false); !token.Is(err, token.Unavailable) {
		t.Errorf("it is asked for each who comes: %v", err)
	}
	p.now = p.now.Add(6 * time.Second)
	if _, err := p.signIn(false); err != nil {
		t.Errorf("it came back: %v", err)
	}
	p.now, p.far.Down = p.now.Add(2*time.Hour), true
	if _, q, err := p.Ask(t.Context(), false); err != nil {
		t.Errorf("what it told of itself is forgotten: %v", err)
	} else if _, err := p.Check(t.Context(), q, upstream.Answer{State: q.State, Code: "c", Issuer: p.far.URL}); !token.Is(err, token.Unavailable) {
		t.Errorf("a code that it cannot be asked for: %v", err)
	}
}

func TestWhoWaitedForAProviderThatHangsIsAnsweredAtOnce(t *testing.T) {
	p := newPair(t)
	asked := 0
	hangs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		p.now = p.now.Add(10 * time.Second)
		w.WriteHeader(http.StatusGatewayTimeout)
	}))
	t.Cleanup(hangs.Close)
	one, err := upstream.New(upstream.Config{Issuer: hangs.URL, ClientID: "c", ClientSecret: "s", Name: "n"}, callback, func() time.Time { return p.now })
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, _, err := one.Ask(t.Context(), false); !token.Is(err, token.Unavailable) {
			t.Errorf("got %v, want %s", err, token.Unavailable)
		}
	}
	if asked != 1 {
		t.Errorf("it was asked %d times, ten seconds each", asked)
	}
}

// No provider has a secret sent where it can be read, or answers for another.
func TestProviderThatCannotBeTrustedIsNotAsked(t *testing.T) {
	far := func(change func(*pair)) error {
		p := newPair(t)
		change(p)
		_, _, err := p.Ask(t.Context(), false)
		return err
	}
	for name, change := range map[string]func(*pair){
		"another issuer": func(p *pair) { p.far.Metadata = map[string]any{"issuer": "https://evil.example"} },
		"a token endpoint without TLS": func(p *pair) {
			p.far.Metadata = map[string]any{"token_endpoint": "http://accounts.example.com/token"}
		},
		"no keys": func(p *pair) { p.far.Metadata = map[string]any{"jwks_uri": nil} },
		"a secret that it cannot take": func(p *pair) {
			p.far.Metadata = map[string]any{"token_endpoint_auth_methods_supported": []string{"none"}}
		},
		"two megabytes": func(p *pair) { p.far.Metadata = map[string]any{"x": strings.Repeat("x", 2<<20)} },
	} {
		if err := far(change); !token.Is(err, token.Unavailable) {
			t.Errorf("%s: %v, want %s", name, err, token.Unavailable)
		}
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	p := newPair(t)
	moved := httptest.NewServer(http.RedirectHandler(p.far.URL+"/.well-known/openid-configuration", http.StatusFound))
	t.Cleanup(moved.Close)
	one, err := upstream.New(upstream.Config{Issuer: moved.URL, ClientID: "c", ClientSecret: "s", Name: "n"}, callback, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := one.Ask(context.Background(), false); !token.Is(err, token.Unavailable) || p.far.Requests["/.well-known/openid-configuration"] != 0 {
		t.Errorf("got %v, and the provider was asked %v", err, p.far.Requests)
	}
}

func TestHalfAConfigurationSaysWhatLacks(t *testing.T) {
	whole := upstream.Config{Issuer: "https://accounts.example.com", ClientID: "c", ClientSecret: "s", Name: "n"}
	for want, change := range map[string]func(*upstream.Config){
		"upstream-issuer":        func(c *upstream.Config) { c.Issuer = "" },
		"upstream-client-id":     func(c *upstream.Config) { c.ClientID = "" },
		"upstream-client-secret": func(c *upstream.Config) { c.ClientSecret = "" },
		"upstream-name":          func(c *upstream.Config) { c.Name = "" },
		"https://":               func(c *upstream.Config) { c.Issuer = "http://accounts.example.com" },
		"is no issuer":           func(c *upstream.Config) { c.Issuer = "https://accounts.example.com?tenant=1" },
		"lacks openid":           func(c *upstream.Config) { c.Scopes = "email" },
	} {
		c := whole
		change(&c)
		if _, err := upstream.New(c, callback, time.Now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error that says %q", err, want)
		}
	}
	if _, err := upstream.New(whole, callback, time.Now); err != nil {
		t.Error(err)
	}
}
