package hostile_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every secret of these tests holds a word that nothing else does. After each
// was shown, right and wrong and in wrong places, it stands in no line of the
// log, no metric, no audit row, no answer and no file.
func TestNoSecretIsWrittenAnywhere(t *testing.T) {
	p := start(t)
	h := p.hold(t)
	ana := p.signedIn(t, "ana@acme.example")
	admin := bearer("canary-pat-ana-admin-000")
	secrets := []string{"canary", strings.TrimPrefix(ana[1], "ficha_session=")}
	for _, s := range h.all() {
		secrets = append(secrets, s)
	}
	made := p.call(t, "POST", "/v1/clients/mint/secrets", "{}", admin).json("client_secret")
	code := p.allowed(t, ana, standard("web", "catalog:read", "https://web.example/cb", "state", "said", "nonce", "said"), "acme")
	secrets = append(secrets, made, code)
	var said []string
	see := func(a answer) {
		said = append(said, a.body, a.header.Get("Location"), a.header.Get("WWW-Authenticate"))
	}
	for _, s := range secrets {
		q := url.QueryEscape(s)
		see(p.call(t, "POST", "/api/token?grant_type=client_credentials&client_id=fan&client_secret="+q, nil, nil))
		see(p.call(t, "POST", "/api/token?grant_type="+q+"&client_id="+q+"&client_secret=x", nil, nil))
		see(p.call(t, "POST", "/oauth/v1/token?grant_type=refresh_token&client_id="+q+"&client_secret=x&refresh_token="+q, form(), nil))
		see(p.call(t, "GET", "/oauth/v1/access-tokens/x"+url.PathEscape(s), nil, nil))
		see(p.call(t, "DELETE", "/oauth/v1/refresh-tokens/x"+url.PathEscape(s), nil, nil))
		see(p.call(t, "PUT", "/oauth/v1/access-tokens/"+url.PathEscape(s), nil, nil))
		see(p.call(t, "GET", "/no/such/"+url.PathEscape(s)+"?token="+q, nil, nil))
		see(p.call(t, "GET", "//double//"+url.PathEscape(s), nil, nil))
		see(p.call(t, "POST", "/oauth2/token?client_secret="+q, form("grant_type", s, "client_id", s), basic(s, s)))
		see(p.call(t, "POST", "/oauth2/token", form("grant_type", "authorization_code", "code", s, "code", s), basic("web", s)))
		see(p.call(t, "POST", "/oauth2/token", form("grant_type", "client_credentials", "scope", s, "resource", s), basic("form", s)))
		see(p.call(t, "POST", "/token/generate", `{"email":"`+s+`","password":"`+s+`:`+s+`"}`, nil))
		see(p.call(t, "POST", "/panel/login", form("email", "x@y.example", "password", s), headers{"Sec-Fetch-Site", "same-origin"}))
		see(p.call(t, "GET", "/panel/consent?request="+q, nil, ana))
		see(p.call(t, "GET", "/oauth/authorize?client_id="+q+"&redirect_uri="+q, nil, ana))
		see(p.call(t, "POST", "/v1/tokens", `{"name":"x","scopes":["catalog:read"],"ttl":"`+s+`","`+s+`":1}`, bearer(s, "X-Workspace-Id", "acme", "Idempotency-Key", s)))
		see(p.call(t, "GET", "/v1/tokens?cursor="+q, nil, bearer(s, "X-Workspace-Id", s)))
		see(p.call(t, "GET", "/verify?scope="+q, nil, headers{"Authorization", "Bearer " + s, "Accesstoken", s + "x"}))
	}
	for _, a := range said {
		for _, s := range secrets[1:] {
			if strings.Contains(a, s) && !strings.Contains(a, "/panel/login?next=") {
				t.Errorf("an answer repeats a secret: %.200s", a)
			}
		}
	}
	p.redeemed(t, "/oauth2/token", "web", "web-canary-client-secret", "https://web.example/cb", code, "code_verifier", proof)
	written := map[string]string{
		"metrics": p.call(t, "GET", "/metrics", nil, nil).body, "audit": p.call(t, "GET", "/v1/audit?limit=200", nil, admin).body,
		"inventory": p.call(t, "GET", "/v1/tokens?limit=200", nil, admin).body, "clients": p.call(t, "GET", "/v1/clients", nil, admin).body,
	}
	p.killed(t) // what is on disk now is what a thief would find
	p.mu.Lock()
	written["log"] = p.said.String()
	p.mu.Unlock()
	files, err := filepath.Glob(filepath.Join(p.dir, "*"))
	if err != nil || len(files) < 3 {
		t.Fatalf("files: %v, %v", files, err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		written[filepath.Base(name)] = string(text)
	}
	for where, text := range written {
		for _, s := range secrets {
			if at := strings.Index(text, s); at >= 0 {
				t.Errorf("%s: holds a secret: …%q…", where, text[max(0, at-60):min(len(text), at+60)])
			}
		}
	}
}
