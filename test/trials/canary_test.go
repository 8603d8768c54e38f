package trials

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// canaries are the secrets that went over the wire, by what they are.
type canaries map[string]string

// keep remembers a secret. What is shorter than a secret may be is none.
func (c canaries) keep(name, secret string) {
	if len(secret) >= 12 {
		c[fmt.Sprintf("%s %d", name, len(c))] = secret
	}
}

// see gathers what an answer gave: tokens, client secrets, codes, cookies.
func (c canaries) see(_ *http.Request, _ []byte, a answer) {
	for _, name := range []string{"token", "access_token", "refresh_token", "client_secret"} {
		c.keep(name, a.text(name))
	}
	to := a.header.Get("Location")
	c.keep("code", param(to, "code"))
	for _, cookie := range (&http.Response{Header: a.header}).Cookies() {
		c.keep("cookie", cookie.Value)
	}
}

// forms are the ways in which a text may have been written down.
func forms(secret string) [][]byte {
	quoted := url.QueryEscape(secret)
	all := []string{secret, quoted, url.PathEscape(secret), hex.EncodeToString([]byte(secret))}
	for _, plain := range []string{secret, quoted} {
		all = append(all,
			base64.RawStdEncoding.EncodeToString([]byte(plain)), base64.RawURLEncoding.EncodeToString([]byte(plain)))
	}
	var texts [][]byte
	for _, one := range all {
		texts = append(texts, []byte(one))
	}
	return texts
}

// found names the canaries that sing in a text.
func (c canaries) found(text []byte) (singing []string) {
	for name, secret := range c {
		for _, form := range forms(secret) {
			if bytes.Contains(text, form) {
				singing = append(singing, fmt.Sprintf("%s (…%s)", name, secret[len(secret)-4:]))
				break
			}
		}
	}
	return singing
}

func (c canaries) silentIn(t *testing.T, where string, text []byte) {
	t.Helper()
	for _, name := range c.found(text) {
		t.Errorf("%s holds a secret: %s", where, name)
	}
}

// TestNoSecretIsWrittenDown walks through every contract, rightly and wrongly,
// and looks for each secret that passed in everything that the program wrote
// and in every answer that refuses.
func TestNoSecretIsWrittenDown(t *testing.T) {
	seen := canaries{}
	for name, value := range secrets() {
		seen.keep(name, value)
	}
	p := run(t, start{apply: houseFile(), env: []string{"FICHA_LOG_LEVEL=debug"}})
	var refusals bytes.Buffer
	p.watch = func(req *http.Request, body []byte, a answer) {
		seen.see(req, body, a)
		if a.status >= 400 {
			fmt.Fprintf(&refusals, "%v %s\n", a.header, a.body)
		}
	}
	journey(t, p.web, seen)
	lifecycle(t, p.web, seen)
	seen.silentIn(t, "an answer that refuses", refusals.Bytes())
	for _, path := range []string{"/metrics", "/healthz", "/readyz", "/.well-known/oauth-authorization-server"} {
		seen.silentIn(t, path, []byte(must(t, 200)(p.ask("GET", path, nil)).body))
	}
	for _, path := range []string{"/v1/audit?limit=200", "/v1/tokens?limit=200", "/v1/clients", "/v1/users"} {
		got := must(t, 200)(p.ask("GET", path, nil, as(secret("ANA_TOKEN"), "north")...))
		seen.silentIn(t, path, []byte(got.body))
	}
	backup := filepath.Join(t.TempDir(), "backup.db")
	if said, err := p.tell("", "backup", backup); err != nil {
		t.Fatalf("ficha backup: %v: %s", err, said)
	}
	seen.silentInFiles(t, p, backup)
	if code := p.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
	seen.silentInFiles(t, p, backup)
	t.Logf("%d secrets", len(seen))
	if len(seen) < 60 {
		t.Errorf("only %d secrets passed: the journey is not the whole one", len(seen))
	}
}

// silentInFiles looks through what the process wrote; the master key is a
// secret of its own and known to be one.
func (c canaries) silentInFiles(t *testing.T, p *program, more ...string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	known := false
	for _, path := range append(append(files, p.said), more...) {
		if filepath.Base(path) == "master.key" {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c.silentIn(t, filepath.Base(path), text)
		known = known || bytes.Contains(text, []byte("Ana's administration"))
	}
	if !known {
		t.Error("not even a name that is known to be there was found: the files are not those of the program")
	}
}

// journey goes through the contracts.
func journey(t *testing.T, w web, seen canaries) {
	t.Helper()
	ben := fields{"email": "ben@north.example", "password": secret("BEN_PASSWORD") + ":" + secret("CLIENT_TOKEN")}
	key := []string{"Idempotency-Key", "a-key-that-is-no-secret"}
	own := must(t, 200)(w.own("backend", secret("BACKEND_SECRET"))).text("access_token")
	made := must(t, 201)(w.issue(nil, key...))
	must(t, 201)(w.issue(nil, key...))
	must(t, 201)(w.issue(map[string]any{"type": "ephemeral", "max_uses": 1, "format": "opaque"}))
	acting := must(t, 201)(w.issue(map[string]any{"type": "impersonated", "on_behalf_of": "ben@north.example", "reason": "trial", "ttl": 60}))
	must(t, 200)(w.verify(acting.text("token")))
	fans := fields{"grant_type": "client_credentials", "client_id": "fans", "client_secret": secret("FANS_SECRET")}.form().Encode()
	must(t, 200)(w.ask("POST", "/api/token?"+fans, nil))
	must(t, 200)(w.ask("POST", "/token/generate", ben))
	ana := bearer(secret("ANA_TOKEN"))
	must(t, 201)(w.ask("POST", "/users/me/access_tokens", map[string]any{"name": "n", "scopes": []string{"content_management_read"}}, ana...))
	must(t, 201)(w.ask("POST", "/v1/clients/backend/secrets", map[string]any{}, as(secret("ANA_TOKEN"), "north")...))
	b := w.browser()
	if err := b.signIn("ana@north.example", secret("ANA_PASSWORD")); err != nil {
		t.Fatal(err)
	}
	for _, a := range []app{syncApp(), phoneApp()} {
		code, err := b.code(a, "north")
		if err != nil {
			t.Fatal(err)
		}
		given := must(t, 200)(w.exchange(a, code))
		must(t, 200)(w.renew(a, given.text("refresh_token")))
		must(t, 400)(w.exchange(a, code)) // once more: a refusal that knows the code
		must(t, 400)(w.renew(a, given.text("refresh_token")))
	}
	seen.keep("verifier", phoneApp().verifier)
	misuse(t, w, seen, own)
	must(t, 200)(w.revoke("backend", secret("BACKEND_SECRET"), own))
	must(t, 200)(w.ask("POST", "/v1/tokens/"+made.text("id")+"/revoke", map[string]any{"reason": "trial"}, as(secret("BACKEND_SECRET"), "north")...))
	must(t, 303)(b.visit("POST", "/panel/logout", nil))
}

// misuse sends secrets that are wrong, and right ones to the wrong place.
func misuse(t *testing.T, w web, seen canaries, tok string) {
	t.Helper()
	wrong := "a-wrong-secret-that-somebody-typed-61"
	seen.keep("wrong", wrong)
	esc := url.PathEscape(tok)
	for _, one := range []struct {
		method, path string
		body         any
		header       []string
	}{
		{"POST", "/oauth2/token", fields{"grant_type": "client_credentials"}.form(), basic("backend", wrong)},
		{"POST", "/oauth2/token?client_secret=" + wrong, fields{"grant_type": "client_credentials"}.form(), nil},
		{"POST", "/oauth2/token", "grant_type=" + wrong + "%zz", []string{"Content-Type", "application/x-www-form-urlencoded"}},
		{"POST", "/api/token?grant_type=client_credentials&client_id=fans&client_secret=" + wrong, nil, nil},
		{"POST", "/token/generate", fields{"email": "ben@north.example", "password": wrong + ":" + secret("CLIENT_TOKEN")}, nil},
		{"POST", "/token/generate", `{"email":"ben@north.example","password":"` + wrong, []string{"Content-Type", "application/json"}},
		{"POST", "/token/generate", fields{"email": wrong, "password": wrong}, nil},
		{"POST", "/v1/tokens", map[string]any{"name": "n", "scopes": []string{"catalog:read"}}, as(wrong, "north")},
		{"POST", "/v1/tokens", map[string]any{"nme": wrong}, as(secret("BACKEND_SECRET"), "north")},
		{"GET", "/verify", nil, bearer(wrong)},
		{"GET", "/verify", nil, bearer(tok + "x")},
		{"GET", "/oauth/v1/access-tokens/" + esc, nil, nil},
		{"GET", "/oauth/v1/refresh-tokens/" + esc, nil, nil},
		{"DELETE", "/oauth/v1/refresh-tokens/" + esc, nil, nil},
		{"GET", "/oauth/v1/access-tokens/" + wrong, nil, nil},
		{"GET", "/no/such/path/" + esc + "?token=" + wrong, nil, nil},
		{"GET", "/v1/tokens/" + esc, nil, as(secret("BACKEND_SECRET"), "north")},
		{"GET", "/v1/tokens?q=" + esc + "&nonsense=" + wrong, nil, as(secret("ANA_TOKEN"), "north")},
		{"POST", "/panel/setup", fields{"token": wrong, "email": "a@b.example", "name": "n", "password": wrong, "workspace": "w"}.form(), []string{"Origin", w.base}},
		{"POST", "/panel/login", fields{"email": "ana@north.example", "password": wrong}.form(), []string{"Origin", w.base}},
		{"GET", "/panel/", nil, []string{"Cookie", "ficha=" + wrong + "; __Host-ficha=" + wrong}},
	} {
		got, err := w.ask(one.method, one.path, one.body, one.header...)
		if err != nil {
			t.Fatalf("%s %s: %v", one.method, one.path, err)
		}
		if got.status == 500 {
			t.Errorf("%s %s: 500 %s", one.method, one.path, got.body)
		}
	}
}

// TestSetupLinkIsPrintedAndNowhereElse: the first link goes to the operator's
// terminal, and is in no log and no file.
func TestSetupLinkIsPrintedAndNowhereElse(t *testing.T) {
	p := run(t, start{env: []string{"FICHA_LOG_LEVEL=debug"}})
	link := ""
	for link == "" && p.lines.Scan() {
		link = param(strings.TrimSpace(p.lines.Text()), "token")
	}
	password := "a password for the first of all"
	seen := canaries{}
	seen.keep("link", link)
	seen.keep("password", password)
	p.watch = seen.see
	form := fields{"token": link, "email": "first@north.example", "name": "Ana's administration", "password": password, "workspace": "North"}.form()
	for range 2 { // the second time it works no more
		got, err := p.ask("POST", "/panel/setup", form, "Origin", p.base)
		if err != nil || got.status >= 500 {
			t.Fatalf("%d %s, %v", got.status, got.body, err)
		}
		if got.status >= 400 {
			seen.silentIn(t, "the refusal", []byte(got.body))
		}
	}
	if len(seen) < 3 {
		t.Errorf("%d secrets passed, want the link, the password and a session", len(seen))
	}
	seen.silentInFiles(t, p)
}
