package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// A library that others wrote finds its way with nothing but the addresses.
func (w world) library(client, secret string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: client, ClientSecret: secret, RedirectURL: redirects[client], Scopes: []string{"catalog:read", "content:write"},
		Endpoint: oauth2.Endpoint{AuthURL: w.URL + "/oauth2/authorize", TokenURL: w.URL + "/oauth2/token"},
	}
}

func TestLibraryGoesThroughCodeAndRefresh(t *testing.T) {
	for client, secret := range map[string]string{"web": "web-secret", "spa": ""} {
		w := start(t)
		cfg := w.library(client, secret)
		cookie, session := w.signIn("ben@example.test")
		proof := oauth2.GenerateVerifier()
		req, err := http.NewRequestWithContext(t.Context(), "GET", cfg.AuthCodeURL("state", oauth2.S256ChallengeOption(proof)), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Cookie", cookie)
		back := w.consent(w.Do(req), session, "ws1").Query()
		got, err := cfg.Exchange(t.Context(), back.Get("code"), oauth2.VerifierOption(proof))
		if err != nil {
			t.Fatalf("%s: %v", client, err)
		}
		if got.TokenType != "Bearer" || got.RefreshToken == "" || !w.active(got.AccessToken) {
			t.Errorf("%s: got a %s token, refresh %v", client, got.TokenType, got.RefreshToken != "")
		}
		got.Expiry = time.Unix(1, 0) // the library's own clock decides when it refreshes
		next, err := cfg.TokenSource(context.Background(), got).Token()
		if err != nil || next.AccessToken == got.AccessToken || !w.active(next.AccessToken) {
			t.Errorf("%s: refresh: %v", client, err)
		}
		_, err = cfg.Exchange(t.Context(), back.Get("code"), oauth2.VerifierOption(proof))
		if refused, ok := errors.AsType[*oauth2.RetrieveError](err); !ok || refused.ErrorCode != "invalid_grant" {
			t.Errorf("%s: the second exchange says %v, want invalid_grant", client, err)
		}
	}
}

func TestLibraryGetsATokenOfItsOwn(t *testing.T) {
	w := start(t)
	for name, cfg := range map[string]clientcredentials.Config{
		"header":  {ClientID: "machine", ClientSecret: "machine-secret", AuthStyle: oauth2.AuthStyleInHeader},
		"body":    {ClientID: "poster", ClientSecret: "poster-secret", AuthStyle: oauth2.AuthStyleInParams},
		"found":   {ClientID: "poster", ClientSecret: "poster-secret"},
		"escaped": {ClientID: "odd+name/1%", ClientSecret: "p%40ss+w:rd & more", AuthStyle: oauth2.AuthStyleInHeader},
	} {
		cfg.TokenURL = w.URL + "/oauth2/token"
		got, err := cfg.Token(t.Context())
		if err != nil || !w.active(got.AccessToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
