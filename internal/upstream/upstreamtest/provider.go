// Package upstreamtest knows an OpenID provider for tests, small and honest
// until it is told to lie: it checks what a relying party owes (PKCE, the
// client's secret, a code used once) and signs with go-jose.
package upstreamtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// What a relying party is known by.
const (
	ClientID = "ficha"
	// Secret has characters that must be escaped in a header (RFC 6749, 2.3.1).
	Secret = "s%cret:with+signs"
)

// A Provider is one that runs on loopback. Its fields are set before it is
// asked, or while nobody asks.
type Provider struct {
	URL string
	Now func() time.Time

	Claims   map[string]any        // of the ID token, over those that are right; nil takes one away
	UserInfo map[string]any        // what the endpoint of that name answers; nil: there is none
	Metadata map[string]any        // of discovery, over what is right; nil takes a member away
	Sign     func([]byte) string   // nil: ES256 with a key that is published
	Answer   func(url.Values)      // what a browser brings back, changed
	Down     bool                  // it answers 503 to everything
	Requests map[string]int        // by path
	Heard    map[string]url.Values // what each path was last asked

	front *httptest.Server
	ec    *ecdsa.PrivateKey
	rsa   *rsa.PrivateKey

	mu    sync.Mutex
	codes map[string]url.Values // the question of each code that is not used
}

// New starts a provider whose account is sub-1, ana@acme.example. The caller
// closes it.
func New(now func() time.Time) (*Provider, error) {
	p := &Provider{Now: now, Requests: map[string]int{}, Heard: map[string]url.Values{}, codes: map[string]url.Values{}}
	p.Claims = map[string]any{"sub": "sub-1", "email": "ana@acme.example", "email_verified": true}
	var err error
	if p.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	if p.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return nil, err
	}
	p.front = httptest.NewServer(p)
	p.URL = p.front.URL
	return p, nil
}

// Close stops the provider.
func (p *Provider) Close() { p.front.Close() }

// ServeHTTP answers as a provider does.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.ParseForm() != nil || p.Down {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	p.Requests[r.URL.Path]++
	p.Heard[r.URL.Path] = r.Form
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		right := map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"token_endpoint_auth_methods_supported": []string{"client_secret_basic"},
			"id_token_signing_alg_values_supported": []string{"ES256", "RS256"}, "authorization_response_iss_parameter_supported": true,
		}
		if p.UserInfo != nil {
			right["userinfo_endpoint"] = p.URL + "/userinfo"
		}
		write(w, http.StatusOK, over(right, p.Metadata))
	case "/keys":
		write(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
			{Key: p.ec.Public(), KeyID: "ec", Algorithm: "ES256", Use: "sig"}, {Key: p.rsa.Public(), KeyID: "rsa", Algorithm: "RS256", Use: "sig"},
		}})
	case "/authorize":
		p.authorize(w, r)
	case "/token":
		p.token(w, r)
	case "/userinfo":
		if r.Header.Get("Authorization") != "Bearer access" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		write(w, http.StatusOK, p.UserInfo)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// authorize sends the browser back with a code, as if its person had signed in.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	back, err := url.Parse(r.Form.Get("redirect_uri"))
	if err != nil || r.Form.Get("client_id") != ClientID || r.Form.Get("code_challenge_method") != "S256" || r.Form.Get("nonce") == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	code := rand.Text()
	p.codes[code] = r.Form
	answer := url.Values{"code": {code}, "state": {r.Form.Get("state")}, "iss": {p.URL}}
	if p.Answer != nil {
		p.Answer(answer)
	}
	back.RawQuery = answer.Encode()
	w.Header().Set("Location", back.String()) // wherever it was asked to: it is for tests
	w.WriteHeader(http.StatusFound)
}

// token gives an ID token for a code, once, to the client that holds both
// secrets.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	asked, known := p.codes[r.Form.Get("code")]
	delete(p.codes, r.Form.Get("code"))
	id, secret, inHeader := r.BasicAuth()
	if secret, _ = url.QueryUnescape(secret); !inHeader {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	challenge := sha256.Sum256([]byte(r.Form.Get("code_verifier")))
	switch {
	case id != ClientID || secret != Secret:
		write(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	case !known || asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(challenge[:]) || asked.Get("redirect_uri") != r.Form.Get("redirect_uri"):
		write(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	now := p.Now().Unix()
	claims, err := json.Marshal(over(map[string]any{"iss": p.URL, "aud": ClientID, "iat": now, "exp": now + 300, "nonce": asked.Get("nonce")}, p.Claims))
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	sign := p.Sign
	if sign == nil {
		sign = p.Signed(jose.ES256, "ec", p.ec)
	}
	write(w, http.StatusOK, map[string]any{"access_token": "access", "token_type": "Bearer", "id_token": sign(claims)})
}

// Signed returns how to sign with a key.
func (p *Provider) Signed(alg jose.SignatureAlgorithm, kid string, key any) func([]byte) string {
	return func(claims []byte) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", kid))
		if err != nil {
			return err.Error()
		}
		signed, err := signer.Sign(claims)
		if err != nil {
			return err.Error()
		}
		text, err := signed.CompactSerialize()
		if err != nil {
			return err.Error()
		}
		return text
	}
}

// RSA returns the other key that is published, as rsa.
func (p *Provider) RSA() crypto.Signer { return p.rsa }

// PublicRSA returns what a program that lets the token choose its algorithm
// would take for the key of an HMAC.
func (p *Provider) PublicRSA() []byte {
	text, err := x509.MarshalPKIXPublicKey(p.rsa.Public())
	if err != nil {
		return nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: text})
}

// Unsigned writes claims as a token without a signature.
func Unsigned(claims []byte) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none","kid":"ec"}`)) + "." + encode(claims) + "."
}

// over lays values over others; nil takes one away.
func over(right, changed map[string]any) map[string]any {
	all := maps.Clone(right)
	for name, value := range changed {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	return all
}

func write(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // whoever asked may have gone
}
