package oauth_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

// The world of these tests: two workspaces, two people and one client of each
// kind. A client's secret is its name and -secret.
const resources = `
workspaces:
  - {id: ws1, name: Acme}
  - {id: ws2, name: Other}
roles:
  - {workspace: ws1, name: reader, scopes: ["catalog:read"]}
users:
  - email: ana@example.test
    name: Ana
    password: "correct horse battery"
    memberships: [{workspace: ws1, role: super_admin}, {workspace: ws2, role: admin}]
  - email: ben@example.test
    name: Ben
    password: "correct horse battery"
    memberships: [{workspace: ws1, role: member}]
  - email: eva@example.test
    memberships: [{workspace: ws2, role: super_admin}]
clients:
  - client_id: web
    client_secret: web-secret
    workspace: ws1
    redirect_uris: ["https://app.example.test/callback", "https://app.example.test/other?tenant=1"]
    grant_types: [authorization_code, refresh_token]
    scope: "openid profile offline_access catalog:read content:write assets:read admin:read"
  - client_id: rival
    client_secret: rival-secret
    workspace: ws1
    redirect_uris: ["https://rival.example.test/callback"]
    grant_types: [authorization_code, refresh_token]
    scope: "catalog:read content:write"
  - client_id: spa
    token_endpoint_auth_method: none
    workspace: ws1
    redirect_uris: ["https://spa.example.test/callback"]
    grant_types: [authorization_code, refresh_token]
    scope: "openid offline_access catalog:read content:write assets:read"
  - client_id: native
    token_endpoint_auth_method: none
    application_type: native
    workspace: ws1
    redirect_uris: ["http://127.0.0.1/callback", "http://localhost/callback"]
    grant_types: [authorization_code]
    scope: "catalog:read"
  - client_id: codeless
    client_secret: codeless-secret
    workspace: ws1
    redirect_uris: ["https://codeless.example.test/callback"]
    grant_types: [client_credentials]
    scope: "catalog:read"
  - client_id: machine
    client_secret: machine-secret
    workspace: ws1
    may_impersonate: true
    grant_types: [client_credentials, refresh_token]
    scope: "openid admin:read catalog:read content:write assets:read"
  - client_id: signer
    client_secret: signer-secret
    workspace: ws1
    grant_types: [client_credentials]
    scope: "catalog:read"
    access_token_format: jwt
  - client_id: poster
    client_secret: poster-secret
    token_endpoint_auth_method: client_secret_post
    workspace: ws1
    grant_types: [client_credentials]
    scope: "catalog:read"
  - client_id: "odd+name/1%"
    client_secret: "p%40ss+w:rd & more"
    workspace: ws1
    grant_types: [client_credentials]
    scope: "catalog:read"
  - client_id: gateway
    client_secret: gateway-secret
    workspace: ws1
    grant_types: []
    introspect: workspace
  - client_id: listener
    client_secret: listener-secret
    workspace: ws1
    grant_types: []
  - client_id: stranger
    client_secret: stranger-secret
    workspace: ws2
    grant_types: []
    introspect: workspace
  - client_id: everywhere
    client_secret: everywhere-secret
    workspace: ws1
    distribution: public
    redirect_uris: ["https://everywhere.example.test/callback"]
    grant_types: [authorization_code, refresh_token]
    scope: "catalog:read"
resources:
  - {identifier: "https://api.example.test/", workspace: ws1, scopes: ["catalog:read"], token_format: jwt, introspection_client: listener}
  - {identifier: "https://files.example.test/", workspace: ws1, scopes: ["assets:read"]}
  - {identifier: "https://anything.example.test/", workspace: ws1}
  - {identifier: "https://foreign.example.test/", workspace: ws2, scopes: ["catalog:read"]}
`

// verifier is a code verifier of RFC 7636, appendix B.
const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

type world struct {
	*servertest.House
	t testing.TB
}

func start(t testing.TB) world {
	t.Helper()
	return startWith(t, nil)
}

func startWith(t testing.TB, change func(*server.Config)) world {
	t.Helper()
	return world{servertest.Start(t, resources, change), t}
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

// post sends a form as one of the confidential clients.
func (w world) post(path, client string, form url.Values) servertest.Answer {
	w.t.Helper()
	return w.Request("POST", path, form, "Authorization", basic(client, client+"-secret"))
}

// values makes a form of names and values in turn; an empty value is left out.
func values(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Add(pairs[i], pairs[i+1])
		}
	}
	return v
}

// own gets a token by client credentials.
func (w world) own(client string, pairs ...string) servertest.Answer {
	w.t.Helper()
	return w.post("/oauth2/token", client, withGrant("client_credentials", pairs))
}

func withGrant(grant string, pairs []string) url.Values {
	form := values(pairs...)
	form.Set("grant_type", grant)
	return form
}

// public sends a form to the token endpoint as a client without a secret.
func (w world) public(client, grant string, pairs ...string) servertest.Answer {
	w.t.Helper()
	form := withGrant(grant, pairs)
	form.Set("client_id", client)
	return w.Request("POST", "/oauth2/token", form)
}

// signIn returns the session of a person, as the browser's cookie and as a row.
func (w world) signIn(email string) (cookie string, session *token.Token) {
	w.t.Helper()
	out, err := w.Authority.SignIn(context.Background(), token.Actor{Kind: token.User}, w.person(email))
	if err != nil {
		w.t.Fatal(err)
	}
	return "ficha_session=" + out.Secret, out.Token
}

func (w world) person(email string) *token.Person {
	w.t.Helper()
	id, err := w.Store.PersonByEmail(context.Background(), email)
	if err != nil || id == "" {
		w.t.Fatalf("person %s: %q, %v", email, id, err)
	}
	p, err := w.Store.Person(context.Background(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

var redirects = map[string]string{
	"web": "https://app.example.test/callback", "rival": "https://rival.example.test/callback", "spa": "https://spa.example.test/callback",
	"native": "http://127.0.0.1/callback", "codeless": "https://codeless.example.test/callback", "everywhere": "https://everywhere.example.test/callback",
}

// request returns a good authorize request of a client, changed as pairs say;
// an empty value takes a parameter away.
func request(client string, pairs ...string) url.Values {
	v := values("response_type", "code", "client_id", client, "redirect_uri", redirects[client], "scope", "catalog:read content:write",
		"state", "s1", "code_challenge", challenge(verifier), "code_challenge_method", "S256")
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Del(pairs[i])
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return v
}

// authorize sends an authorize request with a browser's cookie.
func (w world) authorize(cookie string, query url.Values) servertest.Answer {
	w.t.Helper()
	return w.Request("GET", "/oauth2/authorize?"+query.Encode(), nil, "Cookie", cookie)
}

// consent lets a person say yes on the consent page that a request led to, for
// a workspace, and returns where the browser goes.
func (w world) consent(at servertest.Answer, session *token.Token, workspace string) *url.URL {
	w.t.Helper()
	asked := w.location(at)
	id, ok := token.ParseID(asked.Query().Get("request"))
	if asked.Path != "/panel/consent" || !ok {
		w.t.Fatalf("the request leads to %s, want the consent page", asked)
	}
	to, err := w.Authority.Approve(context.Background(), token.Actor{Kind: token.User, ID: session.Person}, session, id, workspace, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

// location returns where an answer redirects to.
func (w world) location(a servertest.Answer) *url.URL {
	w.t.Helper()
	u, err := url.Parse(a.Header.Get("Location"))
	if err != nil || a.Status != http.StatusFound && a.Status != http.StatusSeeOther {
		w.t.Fatalf("status %d to %q (%v), want a redirect: %s", a.Status, a.Header.Get("Location"), err, a.Body)
	}
	return u
}

// code returns a code that a person gave to a client in ws1.
func (w world) code(client, email string, pairs ...string) string {
	w.t.Helper()
	cookie, session := w.signIn(email)
	code := w.consent(w.authorize(cookie, request(client, pairs...)), session, "ws1").Query().Get("code")
	if code == "" {
		w.t.Fatal("no code came back")
	}
	return code
}

// exchange redeems a code as a client, with everything right but what pairs
// change.
func (w world) exchange(client, code string, pairs ...string) servertest.Answer {
	w.t.Helper()
	form := values("grant_type", "authorization_code", "code", code, "redirect_uri", redirects[client], "code_verifier", verifier)
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Del(pairs[i])
		if pairs[i+1] != "" {
			form.Add(pairs[i], pairs[i+1])
		}
	}
	if client == "spa" || client == "native" {
		form.Set("client_id", client)
		return w.Request("POST", "/oauth2/token", form)
	}
	return w.post("/oauth2/token", client, form)
}

// refresh asks for new tokens as a client.
func (w world) refresh(client, secret string, pairs ...string) servertest.Answer {
	w.t.Helper()
	pairs = append(pairs, "refresh_token", secret)
	if client == "spa" {
		return w.public(client, "refresh_token", pairs...)
	}
	return w.post("/oauth2/token", client, withGrant("refresh_token", pairs))
}

// introspect asks about a token as the gateway of ws1.
func (w world) introspect(secret string) map[string]any {
	w.t.Helper()
	return w.introspectAs("gateway", secret)
}

func (w world) introspectAs(client, secret string) map[string]any {
	w.t.Helper()
	a := w.post("/oauth2/introspect", client, values("token", secret))
	if a.Status != http.StatusOK || a.JSON == nil {
		w.t.Fatalf("introspect answers %d: %s", a.Status, a.Body)
	}
	return a.JSON
}

func (w world) active(secret string) bool {
	w.t.Helper()
	return w.introspect(secret)["active"] == true
}

// must returns a text of a successful answer.
func (w world) must(a servertest.Answer, name string) string {
	w.t.Helper()
	text, _ := a.JSON[name].(string)
	if a.Status != http.StatusOK || text == "" {
		w.t.Fatalf("status %d without %s: %s", a.Status, name, a.Body)
	}
	return text
}

// refused checks status and error of a refusal, that it is never stored, and
// that nothing of our insides stands in it.
func (w world) refused(a servertest.Answer, status int, code string) {
	w.t.Helper()
	if a.Status != status || a.JSON["error"] != code {
		w.t.Errorf("got %d %v, want %d %s: %s", a.Status, a.JSON["error"], status, code, a.Body)
	}
	if got := a.Header.Get("Cache-Control"); got != "no-store" {
		w.t.Errorf("Cache-Control is %q, want no-store", got)
	}
	for name := range a.JSON {
		if name != "error" && name != "error_description" {
			w.t.Errorf("a refusal has %s: %s", name, a.Body)
		}
	}
	if strings.Contains(string(a.Body), "SELECT") || strings.Contains(string(a.Body), ".go:") {
		w.t.Errorf("the refusal shows our insides: %s", a.Body)
	}
}

// sql changes the database behind the server's back.
func (w world) sql(statements ...string) {
	w.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(w.Config.DataDir, "ficha.db"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.ExecContext(context.Background(), s); err != nil {
			w.t.Fatalf("%s: %v", s, err)
		}
	}
}

// breakStore makes every write of tokens, grants and records fail; the function
// it returns mends that.
func (w world) breakStore() (mend func()) {
	w.t.Helper()
	var mending []string
	for _, on := range []string{"INSERT ON tokens_short", "INSERT ON tokens_long", "UPDATE ON tokens_short", "UPDATE ON tokens_long", "UPDATE ON grants", "INSERT ON events"} {
		name := strings.NewReplacer(" ", "_").Replace("broken_" + on)
		w.sql("CREATE TRIGGER " + name + " BEFORE " + on + " BEGIN SELECT RAISE(ABORT, 'the disk is gone'); END")
		mending = append(mending, "DROP TRIGGER "+name)
	}
	return func() { w.sql(mending...) }
}
