package trials

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// A browser is a person at the pages: it keeps cookies and follows nothing by
// itself.
type browser struct {
	web
	cookies map[string]string
}

func (w web) browser() *browser { return &browser{w, map[string]string{}} }

// visit sends a request as a browser would and keeps the cookies.
func (b *browser) visit(method, path string, form url.Values) (answer, error) {
	var header []string
	if cookies := b.cookieHeader(); cookies != "" {
		header = append(header, "Cookie", cookies)
	}
	var body any
	if method == http.MethodPost {
		header = append(header, "Origin", b.base)
		body = form
	}
	a, err := b.ask(method, path, body, header...)
	if err != nil {
		return a, err
	}
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		b.cookies[c.Name] = c.Value
	}
	return a, nil
}

func (b *browser) cookieHeader() string {
	var pairs []string
	for name, value := range b.cookies {
		pairs = append(pairs, name+"="+value)
	}
	return strings.Join(pairs, "; ")
}

// signIn gives the browser a session.
func (b *browser) signIn(email, password string) error {
	a, err := b.visit("POST", "/panel/login", fields{"email": email, "password": password}.form())
	if err == nil && a.status/100 != 3 {
		err = fmt.Errorf("sign in: %d", a.status)
	}
	return err
}

// An app is a registered client that asks people.
type app struct {
	id, path, redirect, scope string
	verifier                  string // PKCE; empty: none
}

func syncApp() app {
	return app{"sync", "/oauth/authorize", "https://sync.example/callback", "oauth crm.objects.contacts.read", ""}
}

func phoneApp() app {
	return app{"phone", "/oauth2/authorize", "https://phone.example/callback", "catalog:read", strings.Repeat("phone-verifier-", 4)}
}

// request begins an authorization and returns its id, as the consent page has
// it.
func (b *browser) request(a app) (string, error) {
	q := fields{"client_id": a.id, "redirect_uri": a.redirect, "scope": a.scope, "state": "s", "response_type": "code"}.form()
	if a.verifier != "" {
		sum := sha256.Sum256([]byte(a.verifier))
		q.Set("code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]))
		q.Set("code_challenge_method", "S256")
	}
	got, err := b.visit("GET", a.path+"?"+strings.ReplaceAll(q.Encode(), "+", "%20"), nil)
	if err != nil {
		return "", err
	}
	if got.status/100 != 3 {
		return "", fmt.Errorf("authorize: %d %s", got.status, got.body)
	}
	return param(got.header.Get("Location"), "request"), nil
}

// allow says yes to a request for a workspace.
func (b *browser) allow(request, workspace string) (answer, error) {
	return b.visit("POST", "/panel/consent", fields{"request": request, "workspace": workspace, "action": "allow"}.form())
}

// code walks from the app to its code.
func (b *browser) code(a app, workspace string) (string, error) {
	request, err := b.request(a)
	if err != nil {
		return "", err
	}
	got, err := b.allow(request, workspace)
	if err != nil {
		return "", err
	}
	code := param(got.header.Get("Location"), "code")
	if code == "" {
		return "", fmt.Errorf("consent: %d, to %q", got.status, got.header.Get("Location"))
	}
	return code, nil
}

func param(address, name string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Query().Get(name)
}

// exchange redeems a code as its app does.
func (w web) exchange(a app, code string) (answer, error) {
	form := fields{"grant_type": "authorization_code", "client_id": a.id, "redirect_uri": a.redirect, "code": code}
	if a.verifier != "" {
		form["code_verifier"] = a.verifier
		return w.ask("POST", "/oauth2/token", form.form())
	}
	form["client_secret"] = secret("SYNC_SECRET")
	return w.ask("POST", "/oauth/v1/token", form.form())
}

// renew uses a refresh token as its app does.
func (w web) renew(a app, refresh string) (answer, error) {
	form := fields{"grant_type": "refresh_token", "client_id": a.id, "refresh_token": refresh}
	if a.verifier != "" {
		return w.ask("POST", "/oauth2/token", form.form())
	}
	form["client_secret"] = secret("SYNC_SECRET")
	return w.ask("POST", "/oauth/v1/token", form.form())
}
