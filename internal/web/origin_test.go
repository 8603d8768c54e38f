package web_test

import (
	"testing"
)

func originStage(t *testing.T) *stage {
	page, secret, open, more := route("POST /page", ok), route("POST /token", ok), route("GET /jwks", ok), route("POST /jwks", ok)
	page.Rule.SameOrigin = true
	secret.Rule.NoForeignOrigin = true
	open.Rule.CORS, more.Rule.CORS = true, true
	return newStage(t, nil, page, secret, open, more, route("/any", ok))
}

func TestPageIsPostedFromItsOwnOriginOnly(t *testing.T) {
	s := originStage(t)
	for _, c := range []struct {
		status  int
		headers []string
	}{
		{200, nil},
		{200, []string{"Sec-Fetch-Site: same-origin", "Origin: https://tokens.example.com"}},
		{200, []string{"Origin: https://tokens.example.com"}},
		{200, []string{"Sec-Fetch-Site: cross-site", "Origin: https://tokens.example.com"}}, // a proxy changed Host
		{403, []string{"Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}},
		{403, []string{"Sec-Fetch-Site: same-site", "Origin: https://other.example.com"}},
		{403, []string{"Origin: https://evil.example"}},
		{403, []string{"Origin: null"}},
	} {
		w := s.do("POST", "/page", "", c.headers...)
		if w.Code != c.status {
			t.Errorf("%q gets %d, want %d", c.headers, w.Code, c.status)
		}
	}
	refused(t, s.do("POST", "/page", "", "Origin: null"), 403, "forbidden")
}

func TestEndpointOfSecretsRefusesForeignScripts(t *testing.T) {
	s := originStage(t)
	for origin, status := range map[string]int{
		"https://tokens.example.com":      200,
		"https://evil.example":            403,
		"http://tokens.example.com":       403,
		"https://tokens.example.com:8443": 403,
		"null":                            403,
	} {
		w := s.do("POST", "/token", "", "Origin: "+origin)
		if w.Code != status {
			t.Errorf("%s gets %d, want %d", origin, w.Code, status)
		}
		for name := range w.Header() {
			if len(name) > 14 && name[:14] == "Access-Control" {
				t.Errorf("%s: %s is sent where secrets are", origin, name)
			}
		}
	}
	refused(t, s.do("OPTIONS", "/token", "", "Origin: https://evil.example", "Access-Control-Request-Method: POST"), 405, "method_not_allowed")
}

func TestOpenDocumentIsReadableFromEverywhereWithoutCredentials(t *testing.T) {
	s := originStage(t)
	h := s.do("GET", "/jwks", "", "Origin: https://app.example").Header()
	if h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("headers %v, want * without credentials", h)
	}
	w := s.do("OPTIONS", "/jwks", "", "Origin: https://app.example", "Access-Control-Request-Method: GET")
	if w.Code != 204 || w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Access-Control-Allow-Methods") != "GET, POST" {
		t.Errorf("preflight: %d %v", w.Code, w.Header())
	}
	if h := s.do("GET", "/any", "", "Origin: https://app.example").Header(); h.Get("Access-Control-Allow-Origin") != "" {
		t.Error("a route that is not open has CORS headers")
	}
	if n := len(s.Routes()); n != 5 {
		t.Errorf("%d routes are listed, want the 5 that were mounted", n)
	}
}
