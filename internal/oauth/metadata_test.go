package oauth_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestMetadataNamesWhatWorks(t *testing.T) {
	w := start(t)
	a := w.Request("GET", "/.well-known/oauth-authorization-server", nil)
	for name, want := range map[string]any{
		"issuer": w.URL, "authorization_endpoint": w.URL + "/oauth2/authorize", "token_endpoint": w.URL + "/oauth2/token",
		"introspection_endpoint": w.URL + "/oauth2/introspect", "revocation_endpoint": w.URL + "/oauth2/revoke", "jwks_uri": w.URL + "/oauth2/jwks",
		"authorization_response_iss_parameter_supported": true,
	} {
		if a.JSON[name] != want {
			t.Errorf("%s is %v, want %v", name, a.JSON[name], want)
		}
	}
	for name, want := range map[string][]string{
		"response_types_supported": {"code"}, "response_modes_supported": {"query"}, "code_challenge_methods_supported": {"S256"},
		"grant_types_supported":                         {"authorization_code", "refresh_token", "client_credentials"},
		"token_endpoint_auth_methods_supported":         {"client_secret_basic", "client_secret_post", "none"},
		"revocation_endpoint_auth_methods_supported":    {"client_secret_basic", "client_secret_post", "none"},
		"introspection_endpoint_auth_methods_supported": {"client_secret_basic", "client_secret_post"},
	} {
		if got := texts(a.JSON[name]); !slices.Equal(got, want) {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

func texts(v any) (all []string) {
	list, _ := v.([]any)
	for _, one := range list {
		if text, ok := one.(string); ok {
			all = append(all, text)
		}
	}
	return all
}

// What is announced is there, and what is there under /oauth2 is announced.
func TestEveryEndpointIsAnnouncedAndThere(t *testing.T) {
	w := start(t)
	announced := map[string]bool{}
	for name, value := range w.Request("GET", "/.well-known/oauth-authorization-server", nil).JSON {
		if text, ok := value.(string); ok && (strings.HasSuffix(name, "_endpoint") || strings.HasSuffix(name, "_uri")) {
			u, err := url.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			announced[u.Path] = true
			if a := w.Request("POST", u.Path, url.Values{}); a.Status == http.StatusNotFound {
				t.Errorf("%s is announced and not there", u.Path)
			}
		}
	}
	for _, route := range w.Floor.Routes() {
		_, path, _ := strings.Cut(route.Pattern, " ")
		if strings.HasPrefix(path, "/oauth2/") && !announced[path] {
			t.Errorf("%s is there and not announced", path)
		}
	}
}

func TestMetadataComesFromConfigurationAlone(t *testing.T) {
	w := start(t)
	plain := w.Request("GET", "/.well-known/oauth-authorization-server", nil)
	req, err := http.NewRequestWithContext(t.Context(), "GET", w.URL+"/.well-known/oauth-authorization-server", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "evil.example"
	for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Original-Host"} {
		req.Header.Set(name, "evil.example")
	}
	if got := w.Do(req); string(got.Body) != string(plain.Body) {
		t.Errorf("with another host: %s", got.Body)
	}
}

func TestPublicFactsMayBeReadByScriptsAndKept(t *testing.T) {
	w := start(t)
	for _, path := range []string{"/.well-known/oauth-authorization-server", "/oauth2/jwks"} {
		a := w.Request("GET", path, nil, "Origin", "https://any.example")
		h := a.Header
		if a.Status != 200 || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Credentials") != "" ||
			h.Get("Cache-Control") != "public, max-age=300" || h.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %v", path, a.Status, h)
		}
	}
}

func TestKeySetHoldsPublicKeysOnly(t *testing.T) {
	w := start(t)
	w.must(w.own("signer"), "access_token")
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(w.Request("GET", "/oauth2/jwks", nil).Body, &set); err != nil || len(set.Keys) == 0 {
		t.Fatalf("%d keys, %v", len(set.Keys), err)
	}
	for _, key := range set.Keys {
		for _, secret := range []string{"d", "p", "q", "dp", "dq", "qi", "k", "oth"} {
			if key[secret] != nil {
				t.Errorf("key %v has the private member %s", key["kid"], secret)
			}
		}
		if key["kid"] == "" || key["alg"] == "" || key["use"] != "sig" {
			t.Errorf("key %v", key)
		}
	}
}
