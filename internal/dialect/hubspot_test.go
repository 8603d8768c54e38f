package dialect_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

const hubspotResources = `
scopes:
  - {name: "crm.objects.contacts.read"}
  - {name: "forms"}
  - {name: "automation"}
workspaces:
  - {id: acme, name: Acme, number: 62515, domain: acme.example, scopes: ["crm.objects.contacts.read", "forms"]}
  - {id: maker, name: Makers, number: 777, scopes: ["crm.objects.contacts.read"]}
users:
  - {email: super@acme.test, name: Super, number: 501, memberships: [{workspace: acme, role: super_admin}]}
  - {email: second@acme.test, name: Second, memberships: [{workspace: acme, role: super_admin}]}
  - {email: narrow@acme.test, name: Narrow, memberships: [{workspace: acme, role: super_admin, scopes: ["forms"]}]}
  - {email: plain@acme.test, name: Plain, memberships: [{workspace: acme, role: member}]}
  - {email: both@acme.test, name: Both, memberships: [{workspace: acme, role: super_admin}, {workspace: maker, role: super_admin}]}
clients:
  - client_id: hs-client
    client_secret: hs-secret-canary
    number: 77
    workspace: maker
    distribution: public
    client_name: Contacts sync
    redirect_uris: ["https://www.example.com/auth-callback"]
    grant_types: [authorization_code, refresh_token, client_credentials]
    scope: "oauth crm.objects.contacts.read"
    optional_scope: "forms automation"
  - client_id: hs-other
    client_secret: hs-other-secret
    workspace: maker
    redirect_uris: ["https://other.example.com/cb"]
    grant_types: [authorization_code]
    scope: "oauth"
`

const (
	callback = "https://www.example.com/auth-callback"
	consents = "/panel/consent?request="
)

// hubspotHouse is a house with one app and the people of the account that it
// is installed in.
type hubspotHouse struct {
	*servertest.House
	t *testing.T
}

func newHubSpot(t *testing.T) hubspotHouse {
	t.Helper()
	return hubspotHouse{servertest.Start(t, hubspotResources, nil), t}
}

// link is the authorize link that the vendor's own SDK makes, with changes.
func link(change ...string) string {
	q := url.Values{
		"client_id": {"hs-client"}, "redirect_uri": {callback}, "scope": {"oauth crm.objects.contacts.read"}, "state": {"st/å?&="},
	}
	for i := 0; i+1 < len(change); i += 2 {
		if change[i+1] == "" {
			q.Del(change[i])
			continue
		}
		q.Set(change[i], change[i+1])
	}
	return "/oauth/authorize?" + q.Encode()
}

// signIn returns the record of a new session and its cookie.
func (h hubspotHouse) signIn(email string) (*token.Record, string) {
	h.t.Helper()
	ctx := context.Background()
	id, err := h.Store.PersonByEmail(ctx, email)
	if err != nil || id == "" {
		h.t.Fatalf("no person %s: %v", email, err)
	}
	person, err := h.Store.Person(ctx, id)
	if err != nil {
		h.t.Fatal(err)
	}
	made, err := h.Authority.SignIn(ctx, token.Actor{Kind: token.User, ID: id}, person)
	if err != nil {
		h.t.Fatal(err)
	}
	r, err := h.Verifier.Record(ctx, made.Token.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	return r, "ficha_session=" + made.Secret
}

// pending opens a link as somebody and returns the request that then waits.
func (h hubspotHouse) pending(session, path string) token.ID {
	h.t.Helper()
	a := h.Request("GET", path, nil, "Cookie", session)
	text, ok := strings.CutPrefix(a.Header.Get("Location"), consents)
	id, valid := token.ParseID(text)
	if a.Status != http.StatusFound || !ok || !valid {
		h.t.Fatalf("GET %s: %d to %q, want the consent page\n%s", path, a.Status, a.Header.Get("Location"), a.Body)
	}
	return id
}

// install lets the app in as a super admin and returns the code.
func (h hubspotHouse) install(path string, ticked ...string) string {
	h.t.Helper()
	session, cookie := h.signIn("super@acme.test")
	return h.approve(session, h.pending(cookie, path), ticked...).Get("code")
}

// approve says yes and returns what the browser carries to the app.
func (h hubspotHouse) approve(session *token.Record, id token.ID, ticked ...string) url.Values {
	h.t.Helper()
	who := token.Actor{Kind: token.User, ID: session.Person.ID}
	target, err := h.Authority.Approve(context.Background(), who, session.Token, id, "acme", ticked)
	if err != nil {
		h.t.Fatal(err)
	}
	uri, err := url.Parse(target)
	if err != nil || !strings.HasPrefix(target, callback+"?") {
		h.t.Fatalf("the browser goes to %q, %v", target, err)
	}
	return uri.Query()
}

// form is a request's form of the app, with more.
func form(more ...string) url.Values {
	f := url.Values{"client_id": {"hs-client"}, "client_secret": {"hs-secret-canary"}}
	for i := 0; i+1 < len(more); i += 2 {
		f.Set(more[i], more[i+1])
	}
	return f
}

func exchange(code string) url.Values {
	return form("grant_type", "authorization_code", "code", code, "redirect_uri", callback)
}

func refresh(secret string) url.Values {
	return form("grant_type", "refresh_token", "refresh_token", secret)
}

// installed returns the access and the refresh token of a fresh install.
func (h hubspotHouse) installed() (access, refresh string) {
	h.t.Helper()
	a := h.Request("POST", "/oauth/v1/token", exchange(h.install(link())))
	if a.Status != http.StatusOK {
		h.t.Fatalf("exchange: %d %s", a.Status, a.Body)
	}
	return text(a, "access_token"), text(a, "refresh_token")
}

// text returns a member of an answer, empty if it is no text.
func text(a servertest.Answer, name string) string {
	s, _ := a.JSON[name].(string)
	return s
}

// wantJSON checks members of an answer.
func wantJSON(t *testing.T, a servertest.Answer, status int, members map[string]any) {
	t.Helper()
	if a.Status != status {
		t.Errorf("status %d, want %d: %s", a.Status, status, a.Body)
	}
	for name, want := range members {
		if got := a.JSON[name]; !same(got, want) {
			t.Errorf("%s is %v, want %v in %s", name, got, want, a.Body)
		}
	}
}

// same compares what came as JSON with a text, a number, a truth or a list of
// texts separated by spaces.
func same(got, want any) bool {
	if list, ok := got.([]any); ok {
		words := make([]string, len(list))
		for i := range list {
			words[i], _ = list[i].(string)
		}
		return strings.Join(words, " ") == want
	}
	if n, ok := want.(int); ok {
		return got == float64(n)
	}
	return got == want
}

// lives reports whether a token opens an API now.
func (h hubspotHouse) lives(secret string) bool {
	h.t.Helper()
	_, _, err := h.Verifier.Judge(context.Background(), secret, token.Use{Now: h.Clock.Now().UnixMilli(), Surface: token.AtVerify})
	if err != nil && !token.Is(err, token.InvalidToken) {
		h.t.Fatal(err)
	}
	return err == nil
}

// The journey of the vendor's guide: link, consent, code, tokens, refreshing.
func TestAppIsInstalledRefreshedAndToldAbout(t *testing.T) {
	h := newHubSpot(t)
	session, cookie := h.signIn("super@acme.test")
	answer := h.approve(session, h.pending(cookie, link()))
	if answer.Get("state") != "st/å?&=" || answer.Get("code") == "" {
		t.Fatalf("the app is answered %v", answer)
	}
	a := h.Request("POST", "/oauth/v1/token", exchange(answer.Get("code")))
	wantJSON(t, a, 200, map[string]any{
		"token_type": "bearer", "expires_in": 1800, "hub_id": 62515, "scopes": "oauth crm.objects.contacts.read",
		"scope": "oauth crm.objects.contacts.read", "user_id": 501, "app_id": 77, "token_use": "access_token",
	})
	if a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the tokens may be stored: %v", a.Header)
	}
	access, renewing := text(a, "access_token"), text(a, "refresh_token")
	if len(access) == 0 || len(access) > 300 || renewing == "" || !h.lives(access) {
		t.Fatalf("access token of %d characters, refresh token of %d", len(access), len(renewing))
	}

	h.Clock.Move(10 * time.Minute)
	b := h.Request("POST", "/oauth/v1/token", refresh(renewing))
	wantJSON(t, b, 200, map[string]any{"refresh_token": renewing, "expires_in": 1800, "hub_id": 62515, "user_id": 501})
	if text(b, "access_token") == access || !h.lives(text(b, "access_token")) || !h.lives(access) {
		t.Error("refreshing gives one more access token and ends none")
	}

	wantJSON(t, h.Request("GET", "/oauth/v1/access-tokens/"+access, nil), 200, map[string]any{
		"token": access, "token_type": "access", "user": "super@acme.test", "hub_domain": "acme.example", "hub_id": 62515, "app_id": 77,
		"user_id": 501, "expires_in": 1200, "scopes": "oauth crm.objects.contacts.read", "is_private_distribution": false,
	})
	wantJSON(t, h.Request("GET", "/oauth/v1/refresh-tokens/"+renewing, nil), 200, map[string]any{
		"token": renewing, "token_type": "refresh", "client_id": "hs-client", "hub_id": 62515, "user_id": 501, "user": "super@acme.test",
		"hub_domain": "acme.example", "scopes": "oauth crm.objects.contacts.read",
	})
}

// The vendor's guide sends redirect_uri when it refreshes; its SDK does not.
func TestRefreshingTakesRedirectURIOrNone(t *testing.T) {
	h := newHubSpot(t)
	_, renewing := h.installed()
	with := refresh(renewing)
	with.Set("redirect_uri", callback)
	for _, f := range []url.Values{with, refresh(renewing), refresh(renewing)} {
		wantJSON(t, h.Request("POST", "/oauth/v1/token", f), 200, map[string]any{"refresh_token": renewing})
	}
}

func TestEveryVersionGivesTokens(t *testing.T) {
	h := newHubSpot(t)
	for _, version := range []string{"v1", "v3", "2026-03", "2026-09"} {
		a := h.Request("POST", "/oauth/"+version+"/token", exchange(h.install(link())))
		wantJSON(t, a, 200, map[string]any{"hub_id": 62515, "token_use": "access_token"})
		wantJSON(t, h.Request("POST", "/oauth/"+version+"/token", refresh(text(a, "refresh_token"))), 200, map[string]any{"token_type": "bearer"})
	}
	a := h.Request("POST", "/oauth/v2/token", exchange("x"))
	wantJSON(t, a, 404, map[string]any{"status": "error", "message": "there is no such version"})
}

func TestWhoIsNotSignedInComesBackAfterwards(t *testing.T) {
	h := newHubSpot(t)
	for _, path := range []string{link(), strings.Replace(link(), "/oauth/", "/oauth/62515/", 1)} {
		a := h.Request("GET", path, nil)
		to, err := url.Parse(a.Header.Get("Location"))
		if err != nil || a.Status != http.StatusFound || to.Path != "/panel/login" || to.Query().Get("next") != path {
			t.Errorf("GET %s: %d to %q", path, a.Status, a.Header.Get("Location"))
		}
	}
}

// The errors of an authorize link end on a page: nothing is sent to an address
// that is not known to be right, and the contract has no error for the app.
func TestWrongLinkEndsOnAPage(t *testing.T) {
	h := newHubSpot(t)
	_, cookie := h.signIn("super@acme.test")
	const insufficient, mismatch = "because the provided scopes are insufficient", "because there is a mismatch between the scopes"
	for name, wrong := range map[string]struct {
		path   string
		status int
		says   string
	}{
		"unknown app":               {link("client_id", "<b>x</b>"), 400, ""},
		"no app":                    {link("client_id", ""), 400, ""},
		"no redirect URI":           {link("redirect_uri", ""), 400, ""},
		"path suffix":               {link("redirect_uri", callback+"/x"), 400, ""},
		"query added":               {link("redirect_uri", callback+"?x=1"), 400, ""},
		"fragment":                  {link("redirect_uri", callback+"#x"), 400, ""},
		"dot segments":              {link("redirect_uri", "https://www.example.com/x/../auth-callback"), 400, ""},
		"user info":                 {link("redirect_uri", "https://www.example.com@evil.test/auth-callback"), 400, ""},
		"prefix of a domain":        {link("redirect_uri", "https://www.example.com.evil.test/auth-callback"), 400, ""},
		"script":                    {link("redirect_uri", "javascript:alert(1)"), 400, ""},
		"another app's":             {link("redirect_uri", "https://other.example.com/cb"), 400, ""},
		"other errors beside it":    {link("redirect_uri", "https://evil.test/", "response_type", "token", "scope", "x"), 400, ""},
		"sent twice":                {link() + "&state=2", 400, ""},
		"response type":             {link("response_type", "token"), 400, ""},
		"required scope left out":   {link("scope", "oauth"), 400, insufficient},
		"no scope":                  {link("scope", ""), 400, insufficient},
		"required scope as option":  {link("scope", "oauth", "optional_scope", "crm.objects.contacts.read"), 400, insufficient},
		"scope not configured":      {link("scope", "oauth crm.objects.contacts.read content:write"), 400, mismatch},
		"unknown scope":             {link("scope", "oauth crm.objects.contacts.read nothing"), 400, mismatch},
		"optional scope in scope":   {link("scope", "oauth crm.objects.contacts.read forms"), 400, mismatch},
		"plain challenge":           {link("code_challenge", strings.Repeat("a", 43), "code_challenge_method", "plain"), 400, ""},
		"challenge without method":  {link("code_challenge", strings.Repeat("a", 43)), 400, ""},
		"method without challenge":  {link("code_challenge_method", "S256"), 400, ""},
		"account is no number":      {strings.Replace(link(), "/oauth/", "/oauth/v1/", 1), 404, ""},
		"account is not positive":   {strings.Replace(link(), "/oauth/", "/oauth/0/", 1), 404, ""},
		"account with a sign":       {strings.Replace(link(), "/oauth/", "/oauth/+62515/", 1), 404, ""},
		"account of somebody else":  {strings.Replace(link(), "/oauth/", "/oauth/777/", 1), 404, ""},
		"account that nobody knows": {strings.Replace(link(), "/oauth/", "/oauth/999999/", 1), 404, ""},
	} {
		a := h.Request("GET", wrong.path, nil, "Cookie", cookie)
		page := strings.ReplaceAll(string(a.Body), "&#39;", "'")
		if a.Status != wrong.status || a.Header.Get("Location") != "" || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d to %q as %s, want a page with %d", name, a.Status, a.Header.Get("Location"), a.Header.Get("Content-Type"), wrong.status)
		}
		if !strings.Contains(page, wrong.says) || strings.Contains(page, "<b>x</b>") {
			t.Errorf("%s: the page does not say %q, or repeats markup:\n%s", name, wrong.says, page)
		}
	}
}

func TestStandardClientMayNameTheCodeFlow(t *testing.T) {
	h := newHubSpot(t)
	if h.install(link("response_type", "code")) == "" {
		t.Error("no code")
	}
}

func TestOptionalScopesAreDroppedSilently(t *testing.T) {
	h := newHubSpot(t)
	// The account has no automation, and nobody has the last one.
	code := h.install(link("optional_scope", "forms automation never.heard.of"), "forms", "automation", "never.heard.of")
	wantJSON(t, h.Request("POST", "/oauth/v3/token", exchange(code)), 200, map[string]any{"scopes": "oauth crm.objects.contacts.read forms"})
}

func TestAccountInThePathIsTheOnlyChoice(t *testing.T) {
	h := newHubSpot(t)
	session, cookie := h.signIn("both@acme.test")
	for path, choices := range map[string]int{link(): 2, strings.Replace(link(), "/oauth/", "/oauth/62515/", 1): 1} {
		asked, err := h.Authority.Pending(context.Background(), session.Token, h.pending(cookie, path))
		if err != nil || len(asked.Choices) != choices {
			t.Fatalf("%s: %d choices, %v; want %d", path, len(asked.Choices), err, choices)
		}
	}
}

// The guide: who does not hold every scope, or is no super admin, cannot
// install, and nothing of the try is kept.
func TestOnlySuperAdminsWithEveryScopeInstall(t *testing.T) {
	h := newHubSpot(t)
	ctx := context.Background()
	for _, email := range []string{"plain@acme.test", "narrow@acme.test"} {
		session, cookie := h.signIn(email)
		id := h.pending(cookie, link())
		_, err := h.Authority.Approve(ctx, token.Actor{Kind: token.User, ID: session.Person.ID}, session.Token, id, "acme", nil)
		if r := token.AsRefusal(err); r == nil || r.Reason != token.NeedsSuperAdmin {
			t.Errorf("%s installs: %v", email, err)
		}
		if _, err := h.Authority.Pending(ctx, session.Token, id); err != nil {
			t.Errorf("the refused yes of %s was kept as an answer: %v", email, err)
		}
		if given, err := h.Authority.Given(ctx, session.Person); err != nil || len(given) != 0 {
			t.Errorf("%s gave %v, %v", email, given, err)
		}
	}
}

// The guide: "if the user does not grant access, no request is sent".
func TestRefusalOfThePersonSendsNothing(t *testing.T) {
	h := newHubSpot(t)
	session, cookie := h.signIn("super@acme.test")
	to, err := h.Authority.Deny(context.Background(), token.Actor{Kind: token.User, ID: session.Person.ID}, session.Token, h.pending(cookie, link()))
	if err != nil || to != "" {
		t.Errorf("the browser goes to %q, %v", to, err)
	}
}

func TestInstallOutlivesItsInstaller(t *testing.T) {
	h := newHubSpot(t)
	access, renewing := h.installed()
	installer, _ := h.signIn("super@acme.test")
	other, _ := h.signIn("second@acme.test")
	who := token.Actor{Kind: token.User, ID: other.Person.ID, Workspace: "acme"}
	if err := h.Identity.Remove(context.Background(), who, installer.Person.ID, "acme", "left"); err != nil {
		t.Fatal(err)
	}
	wantJSON(t, h.Request("POST", "/oauth/v1/token", refresh(renewing)), 200, map[string]any{"hub_id": 62515, "user_id": 501})
	if !h.lives(access) {
		t.Error("the access token ended with the membership of the installer")
	}
}

func TestChallengeOfAnAppMustBeMet(t *testing.T) {
	h := newHubSpot(t)
	verifier := strings.Repeat("verify", 8)
	sum := sha256.Sum256([]byte(verifier))
	path := link("code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]), "code_challenge_method", "S256")
	for sent, status := range map[string]int{"": 400, strings.Repeat("wrong-", 8): 400, verifier: 200} {
		f := exchange(h.install(path))
		if sent != "" {
			f.Set("code_verifier", sent)
		}
		if a := h.Request("POST", "/oauth/2026-03/token", f); a.Status != status {
			t.Errorf("verifier %q: %d %s, want %d", sent, a.Status, a.Body, status)
		}
	}
}

// requirePKCE sets the policy of a workspace.
func (h hubspotHouse) requirePKCE(workspace string, yes bool) {
	h.t.Helper()
	session, _ := h.signIn("both@acme.test")
	who := token.Actor{Kind: token.User, ID: session.Person.ID, Workspace: workspace}
	if _, err := h.Authority.PutPolicy(h.t.Context(), who, workspace, token.Policy{RequirePKCE: yes}, ""); err != nil {
		h.t.Fatal(err)
	}
}

func TestWorkspaceThatRequiresPKCETakesNoRequestWithout(t *testing.T) {
	h := newHubSpot(t)
	proved := link("code_challenge", strings.Repeat("c", 43), "code_challenge_method", "S256")
	h.requirePKCE("maker", true) // the app's home: whoever installs it
	const want = "code_challenge is required by the workspace"
	if a := h.Request("GET", link(), nil); a.Status != http.StatusBadRequest {
		t.Errorf("%d %s, want 400", a.Status, a.Body)
	}
	if h.install(proved) == "" {
		t.Error("no code for a request that has a challenge")
	}
	h.requirePKCE("maker", false)
	h.requirePKCE("acme", true) // the account that installs it
	session, cookie := h.signIn("super@acme.test")
	_, err := h.Authority.Approve(t.Context(), token.Actor{Kind: token.User, ID: session.Person.ID}, session.Token, h.pending(cookie, link()), "acme", nil)
	if r := token.AsRefusal(err); r == nil || r.Code != token.InvalidRequest || !strings.Contains(r.Text, want) {
		t.Errorf("installed without a challenge: %v", err)
	}
	if h.install(proved) == "" {
		t.Error("no code for a request that has a challenge")
	}
}
