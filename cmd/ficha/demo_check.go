package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
)

// A job is the main job by one contract: a token comes to exist, opens
// something, ends, and opens nothing.
type job struct {
	contract string
	issue    func(ctx context.Context) (secret string, err error)
	header   string // that carries the token when it is used
	revoke   func(ctx context.Context, id string) error
}

// check does the main job by every contract, over the network as anybody else
// would.
func (d *demo) check(ctx context.Context, w io.Writer) error {
	for _, j := range []job{
		{"Be CMS", d.issueBeCMS, "Authorization", d.revoke},
		{"Fanbase", d.issueFanbase, "AccessToken", d.revoke},
		{"Chronos", d.issueChronos, "Authorization", d.revoke},
		{"HubSpot", d.issueHubSpot, "Authorization", d.revoke},
		{"Contentful", d.issueContentful, "Authorization", d.revokeContentful},
	} {
		if err := d.do(ctx, w, j); err != nil {
			return fmt.Errorf("%s: %w", j.contract, err)
		}
	}
	_, err := io.WriteString(w, "All five contracts work.\n")
	return err
}

func (d *demo) do(ctx context.Context, w io.Writer, j job) error {
	secret, err := j.issue(ctx)
	if err != nil {
		return fmt.Errorf("issue: %w", err)
	}
	yes, err := d.verify(ctx, j, secret)
	if err != nil {
		return err
	}
	if yes.status != http.StatusOK {
		return fmt.Errorf("verify answers %d to a new token", yes.status)
	}
	id := yes.header.Get("X-Auth-Token-Id")
	said := fmt.Sprintf("%-10s  issued   …%s, token %s\n", j.contract, secret[len(secret)-4:], id)
	said += fmt.Sprintf("%-10s  verified %s in %s: %s\n", j.contract, yes.header.Get("X-Auth-Kind"), yes.header.Get("X-Auth-Workspace"), yes.header.Get("X-Auth-Scopes"))
	if err := j.revoke(ctx, id); err != nil {
		return fmt.Errorf("revoke: %w", err)
	}
	no, err := d.verify(ctx, j, secret)
	if err != nil {
		return err
	}
	if no.status != http.StatusUnauthorized {
		return fmt.Errorf("verify answers %d to a revoked token", no.status)
	}
	_, err = io.WriteString(w, said+fmt.Sprintf("%-10s  revoked, and refused from then on\n", j.contract))
	return err
}

// verify asks the judge about a token, in the header that the contract has.
func (d *demo) verify(ctx context.Context, j job, secret string) (answer, error) {
	if j.header == "Authorization" {
		secret = "Bearer " + secret
	}
	return d.ask(ctx, http.MethodGet, "/verify?workspace=demo", "", j.header, secret)
}

// An answer is what the demo's server said.
type answer struct {
	status int
	header http.Header
	body   map[string]any
	url    string
}

// ask sends a request with header names and values in turn.
func (d *demo) ask(ctx context.Context, method, path, body string, header ...string) (answer, error) {
	return ask(ctx, http.DefaultClient, method, d.url+path, body, header...)
}

func ask(ctx context.Context, client *http.Client, method, address, body string, header ...string) (a answer, err error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return a, err
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		return a, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, mostRead))
	if err != nil {
		return a, err
	}
	a = answer{status: res.StatusCode, header: res.Header, url: res.Request.URL.String()}
	if json.Unmarshal(text, &a.body) != nil {
		a.body = nil // a page
	}
	return a, nil
}

// field reads a text out of an answer.
func field(a answer, err error, name string) (string, error) {
	if err != nil {
		return "", err
	}
	text, ok := a.body[name].(string)
	if !ok || len(text) < 4 {
		return "", fmt.Errorf("the answer %d has no %s", a.status, name)
	}
	return text, nil
}

func (d *demo) issueBeCMS(ctx context.Context) (string, error) {
	a, err := d.ask(ctx, http.MethodPost, "/v1/tokens", `{"name":"demo check","scopes":["content:write"],"ttl":600}`,
		"Authorization", "Bearer "+d.secrets["BACKEND_SECRET"], "X-Workspace-Id", "demo", "Content-Type", jsonType)
	return field(a, err, "token")
}

func (d *demo) issueFanbase(ctx context.Context) (string, error) {
	query := url.Values{"grant_type": {"client_credentials"}, "client_id": {"fan-club"}, "client_secret": {d.secrets["FANBASE_SECRET"]}}
	a, err := d.ask(ctx, http.MethodPost, "/api/token?"+query.Encode(), "")
	return field(a, err, "access_token")
}

func (d *demo) issueChronos(ctx context.Context) (string, error) {
	login := jsonOf(map[string]string{"email": "mia@demo.example", "password": d.secrets["MIA_PASSWORD"] + ":" + d.secrets["CLIENT_TOKEN"]})
	a, err := d.ask(ctx, http.MethodPost, "/token/generate", login, "Content-Type", jsonType)
	return field(a, err, "token")
}

func (d *demo) issueContentful(ctx context.Context) (string, error) {
	a, err := d.ask(ctx, http.MethodPost, "/users/me/access_tokens", `{"name":"demo check","scopes":["content_management_read"]}`,
		"Authorization", "Bearer "+d.secrets["PERSONAL_TOKEN"], "Content-Type", jsonType)
	return field(a, err, "token")
}

// issueHubSpot walks the pages as Ana's browser would, up to the code that the
// app is sent, and exchanges it as the app would.
func (d *demo) issueHubSpot(ctx context.Context) (string, error) {
	code, err := d.install(ctx)
	if err != nil {
		return "", err
	}
	form := url.Values{
		"grant_type": {"authorization_code"}, "client_id": {"contacts-sync"}, "client_secret": {d.secrets["HUBSPOT_SECRET"]},
		"redirect_uri": {d.redirect.uri}, "code": {code},
	}
	a, err := d.ask(ctx, http.MethodPost, "/oauth/v1/token", form.Encode(), "Content-Type", formType)
	return field(a, err, "access_token")
}

const formType = "application/x-www-form-urlencoded"

func (d *demo) install(ctx context.Context) (code string, err error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", err
	}
	browser := &http.Client{Jar: jar}
	shown, err := ask(ctx, browser, http.MethodGet, d.authorizeLink(), "")
	if err != nil {
		return "", err
	}
	login := url.Values{"email": {"ana@demo.example"}, "password": {d.secrets["ANA_PASSWORD"]}, "next": {queryOf(shown.url, "next")}}
	if shown, err = ask(ctx, browser, http.MethodPost, d.url+"/panel/login", login.Encode(), "Content-Type", formType, "Origin", d.url); err != nil {
		return "", err
	}
	consent := url.Values{"request": {queryOf(shown.url, "request")}, "workspace": {"demo"}, "scope": {"forms"}, "action": {"allow"}}
	if shown, err = ask(ctx, browser, http.MethodPost, d.url+"/panel/consent", consent.Encode(), "Content-Type", formType, "Origin", d.url); err != nil {
		return "", err
	}
	if code = queryOf(shown.url, "code"); code == "" {
		return "", errors.New("the pages ended at " + strings.SplitN(shown.url, "?", 2)[0] + " without a code")
	}
	return code, nil
}

// queryOf returns a parameter of an address, "" if it has none.
func queryOf(address, name string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Query().Get(name)
}

// revoke ends a token as an administrator of the workspace.
func (d *demo) revoke(ctx context.Context, id string) error {
	admin := remote{Server: d.url, Token: d.secrets["ADMIN_TOKEN"], Workspace: "demo"}
	return admin.post(ctx, "/v1/tokens/"+url.PathEscape(id)+"/revoke", map[string]string{"reason": "demo check"}, nil)
}

// revokeContentful ends a personal token as the person themselves: nobody else
// may.
func (d *demo) revokeContentful(ctx context.Context, id string) error {
	a, err := d.ask(ctx, http.MethodPut, "/users/me/access_tokens/"+url.PathEscape(id)+"/revoked", "", "Authorization", "Bearer "+d.secrets["PERSONAL_TOKEN"])
	if err == nil && a.status != http.StatusOK {
		err = fmt.Errorf("the answer is %d", a.status)
	}
	return err
}
