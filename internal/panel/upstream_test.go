package panel_test

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/store"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/upstream"
	"github.com/fichadev/ficha/internal/upstream/upstreamtest"
)

// withUpstream builds a house whose people may sign in with another provider.
// new@acme.example was added and has no password. issuer is the house's own, if
// it is not where it listens.
func withUpstream(t *testing.T, issuer ...string) (*servertest.House, *upstreamtest.Provider) {
	t.Helper()
	var h *servertest.House
	far, err := upstreamtest.New(func() time.Time { return h.Clock.Now() })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(far.Close)
	h = servertest.Start(t, strings.Replace(world, "clients:", "  - {email: new@acme.example, memberships: [{workspace: ws1}]}\nclients:", 1), func(cfg *server.Config) {
		cfg.Issuer = cmp.Or(append(issuer, cfg.Issuer)...)
		cfg.Upstream = upstream.Config{Issuer: far.URL, ClientID: upstreamtest.ClientID, ClientSecret: upstreamtest.Secret, Name: "Acme <ID>"}
	})
	return h, far
}

// account makes the browser's account at the provider another one.
func account(far *upstreamtest.Provider, subject, email string) {
	far.Claims = map[string]any{"sub": subject, "email": email, "email_verified": true}
}

// goes sends the browser to the provider, by the link of the sign-in, and returns
// the address that it is sent back to.
func (b *browser) goes(login string) string {
	b.t.Helper()
	page := b.open(login).says(http.StatusOK, "Continue with Acme <ID>")
	_, rest, _ := strings.Cut(page.html, `href="/panel/login/upstream?`)
	href, _, _ := strings.Cut(rest, `"`)
	s := b.open("/panel/login/upstream?" + strings.ReplaceAll(href, "&amp;", "&"))
	back := b.do(http.MethodGet, s.away, nil).Header.Get("Location")
	if !strings.HasPrefix(back, b.h.URL+"/panel/login/upstream/callback?") {
		b.t.Fatalf("%s leads back to %q", s.away, back)
	}
	return strings.TrimPrefix(back, b.h.URL)
}

// continues signs in at the provider and returns the page that follows.
func (b *browser) continues(login string) *shown {
	b.t.Helper()
	return b.open(b.goes(login))
}

func TestWhoWasAddedContinuesWithTheProvider(t *testing.T) {
	h, far := withUpstream(t)
	account(far, "sub-new", "new@acme.example")
	b := newBrowser(t, h)
	s := b.continues("/panel/login?next=" + url.QueryEscape("/panel/security"))
	s.says(200, "How you sign in", "new@acme.example signs you in", "your only way in")
	if s.url != "/panel/security" || strings.Contains(s.html, "/panel/security/upstream/remove") {
		t.Errorf("ends on %s, with the only way in to remove", s.url)
	}
	if got := b.follow(b.do(http.MethodPost, h.URL+"/panel/security/upstream/remove", nil)); got.status != http.StatusConflict || !strings.Contains(got.text, "does not go as things stand") {
		t.Errorf("the only way in was removed: %d %s", got.status, got.text)
	}
	if b.session().Person == "" || b.cookie("ficha_upstream") != "" {
		t.Error("what was held on the way is still there")
	}
	account(far, "sub-new", "another@acme.example")
	newBrowser(t, h).continues("/panel/login").says(200, "Your account")
}

// The plain form stays first, with the password in it; the provider is a link
// below it.
func TestPasswordStaysTheFirstWayIn(t *testing.T) {
	h, far := withUpstream(t)
	s := newBrowser(t, h).open("/panel/login")
	if f := s.forms[0]; f.action != "/panel/login" || !f.fields.Has("email") || !f.fields.Has("password") {
		t.Errorf("the first form is %+v", f)
	}
	if strings.Index(s.html, "/panel/login/upstream") < strings.Index(s.html, "</form>") {
		t.Error("the link stands above the form")
	}
	if n := len(far.Requests); n != 0 {
		t.Errorf("the page asked the provider %d times", n)
	}
	if long := newBrowser(t, h).open("/panel/login?next=" + url.QueryEscape("/panel/?x="+strings.Repeat("x", 2100))); strings.Contains(long.html, "/panel/login/upstream") {
		t.Error("a way that is too long for a cookie is offered")
	}
	plain := newBrowser(t, newHouse(t, nil))
	if s := plain.open("/panel/login"); strings.Contains(s.html, "upstream") {
		t.Error("without a provider one is offered")
	}
	plain.open("/panel/login/upstream").says(404)
}

func TestPasswordIsAskedBeforeTheLink(t *testing.T) {
	h, far := withUpstream(t)
	account(far, "sub-ana", "ana@acme.example")
	b := newBrowser(t, h)
	s := b.continues("/panel/login?next="+url.QueryEscape("/panel/security")).says(200, "Sign in here once", "ana@acme.example at Acme <ID>")
	if b.cookie("ficha_session") != "" || strings.Contains(s.html, "/panel/login/upstream?") {
		t.Error("signed in without the password, or led in a circle")
	}
	s.form("/panel/login").fill("password", "wrong").post().says(403, "Sign in here once")
	s = s.form("/panel/login").fill("password", password).post()
	s.says(200, "That account signs you in too", "ana@acme.example signs you in")
	newBrowser(t, h).continues("/panel/login").says(200, "Your account", "Ana Admin")
	other := newBrowser(t, h)
	other.signIn("ana@acme.example").says(200)
	b.open("/panel/security").form("/panel/security/upstream/remove").post().says(200, "The link is gone", "No account at Acme <ID> signs you in")
	other.open("/panel/").says(200, "Sign in")
	newBrowser(t, h).continues("/panel/login").says(200, "Sign in here once")
}

// The account waits for one person; whoever else signs in keeps their own.
func TestLinkIsNotGivenToWhoeverSignsInNext(t *testing.T) {
	h, far := withUpstream(t)
	account(far, "sub-ana", "ana@acme.example")
	b := newBrowser(t, h)
	s := b.continues("/panel/login").says(200, "Sign in here once")
	s.form("/panel/login").fill("email", "lim@acme.example", "password", password).post().says(200, "Lim Limited")
	b.open("/panel/security").says(200, "No account at Acme <ID> signs you in")
	newBrowser(t, h).continues("/panel/login").says(200, "Sign in here once")
}

func TestCodeIsAskedForAfterTheProvider(t *testing.T) {
	h, far := withUpstream(t)
	account(far, "sub-ana", "ana@acme.example")
	b := newBrowser(t, h)
	b.continues("/panel/login").form("/panel/login").fill("password", password).post().says(200, "Your account")
	secret, _ := b.app()
	h.Clock.Move(time.Minute)
	far.Claims["amr"] = []string{"mfa"} // it is not asked
	other := newBrowser(t, h)
	s := other.continues("/panel/login?next="+url.QueryEscape("/panel/security")).says(200, "One more step")
	if other.cookie("ficha_session") != "" {
		t.Fatal("signed in without a code")
	}
	s.form("/panel/login/second").fill("code", code(t, h, secret)).post().says(200, "How you sign in")
}

func TestWhoIsTurnedAwayIsToldWhatToDo(t *testing.T) {
	h, far := withUpstream(t)
	account(far, "sub-new", "new@acme.example")
	newBrowser(t, h).continues("/panel/login").says(200, "Your account")
	for want, change := range map[string]func(){
		"Nobody here has the address stranger@acme.example": func() { account(far, "s", "stranger@acme.example") },
		"does not vouch for your e-mail address": func() {
			account(far, "s", "ana@acme.example")
			far.Claims["email_verified"] = false
		},
		"is linked to another account at Acme <ID>": func() { account(far, "sub-2", "new@acme.example") },
		"Acme <ID> did not sign you in":             func() { far.Answer = func(q url.Values) { q.Del("code"); q.Set("error", "access_denied") } },
		"You belong to no workspace":                func() { account(far, "sub-none", "none@acme.example") },
	} {
		far.Answer = nil
		change()
		b := newBrowser(t, h)
		back := b.goes("/panel/login?next=" + url.QueryEscape("/panel/security"))
		s := b.open(back)
		if s.status == http.StatusOK { // none@acme.example has a password
			s = s.form("/panel/login").fill("password", password).post()
		}
		s.says(403, want)
		if b.cookie("ficha_session") != "" {
			t.Errorf("%s: there is a session", want)
		}
		if strings.Contains(s.html, "code=") || strings.Contains(s.html, "state=") {
			t.Errorf("%s: the page holds the answer", want)
		}
	}
	for _, secret := range []string{upstreamtest.Secret, "access\"", "ana@acme.example"} {
		if strings.Contains(h.Log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

func TestProviderThatIsDownLeavesThePassword(t *testing.T) {
	h, far := withUpstream(t)
	far.Down = true
	b := newBrowser(t, h)
	s := b.open("/panel/login/upstream?next="+url.QueryEscape("/panel/security")).says(503, "Acme <ID> cannot be reached", "Sign in")
	s.form("/panel/login").fill("email", "ana@acme.example", "password", password).post().says(200, "How you sign in")
	far.Down = false
	h.Clock.Move(time.Minute)
	account(far, "sub-new", "new@acme.example")
	newBrowser(t, h).continues("/panel/login").says(200, "Your account")
}

// Somebody else's answer signs nobody in (login CSRF), nor does one that was
// given before.
func TestAnswerBelongsToTheBrowserThatAsked(t *testing.T) {
	h, far := withUpstream(t)
	account(far, "sub-new", "new@acme.example")
	attacker, victim := newBrowser(t, h), newBrowser(t, h)
	answer := attacker.goes("/panel/login")
	victim.open(answer).says(403, "took too long or was gone before")
	victim.open("/panel/login/upstream")
	victim.open(answer).says(403, "Acme <ID> did not sign you in")
	at, _ := url.Parse(h.URL)
	kept := []*http.Cookie{{Name: "ficha_upstream", Value: attacker.cookie("ficha_upstream"), Path: "/"}} //nolint:gosec // what the browser holds
	attacker.open(answer).says(200, "Your account")
	attacker.client.Jar.SetCookies(at, kept)
	attacker.open(answer).says(403, "took too long or was gone before")
	if victim.cookie("ficha_session") != "" {
		t.Error("the victim is signed in as the attacker")
	}
}

func TestWayBackEndsInsideTheHouse(t *testing.T) {
	h, far := withUpstream(t)
	account(far, "sub-new", "new@acme.example")
	for _, next := range []string{"https://evil.example/", "//evil.example", "/\\evil.example", "/panel/../../evil"} {
		b := newBrowser(t, h)
		s := b.open("/panel/login/upstream?next=" + url.QueryEscape(next))
		back := b.do(http.MethodGet, s.away, nil).Header.Get("Location")
		if end := b.open(strings.TrimPrefix(back, h.URL)); end.url != "/panel/" {
			t.Errorf("%s ends on %s %s", next, end.url, end.away)
		}
	}
}

// Where a sign-in began at an application, it goes on there.
func TestConsentIsAskedForAfterTheProvider(t *testing.T) {
	h, far := withUpstream(t)
	account(far, "sub-new", "new@acme.example")
	asked := url.Values{
		"response_type": {"code"}, "client_id": {"spa"}, "redirect_uri": {"http://127.0.0.1:9/callback"}, "scope": {"openid catalog:read"}, "state": {"a b&c"},
		"code_challenge": {strings.Repeat("a", 43)}, "code_challenge_method": {"S256"},
	}
	s := newBrowser(t, h).continues("/panel/login?next=" + url.QueryEscape("/oauth2/authorize?"+asked.Encode()))
	s.says(200, "Notes", "new@acme.example").form("/panel/consent")
}

func TestWhoShowsAnewWhoTheyAreIsAskedThereToo(t *testing.T) {
	h, far := withUpstream(t)
	account(far, "sub-new", "new@acme.example")
	b := newBrowser(t, h)
	b.continues("/panel/login").says(200, "Your account")
	b.continues("/panel/login?prompt=login").says(403, "did not ask you again")
	far.Claims["auth_time"] = h.Clock.Now().Unix()
	b.continues("/panel/login?prompt=login").says(200, "Your account")
}

func TestDisabledPersonIsNotSignedInByTheProvider(t *testing.T) {
	h, far := withUpstream(t)
	account(far, "sub-new", "new@acme.example")
	b := newBrowser(t, h)
	b.continues("/panel/login").says(200, "Your account")
	if err := h.Identity.DisableUser(t.Context(), token.Actor{Kind: token.System, ID: "apply"}, b.session().Person, "gone"); err != nil {
		t.Fatal(err)
	}
	newBrowser(t, h).continues("/panel/login").says(403, "may not sign in")
}

// What the browser holds on the way is for this host alone.
func TestWayToTheProviderIsHeldByThisHost(t *testing.T) {
	for issuer, want := range map[string][]string{"": {"ficha_upstream="}, "https://tokens.example.com": {"__Host-ficha_upstream=", "Secure"}} {
		h, _ := withUpstream(t, issuer)
		got := h.Request("GET", "/panel/login/upstream", nil).Header.Get("Set-Cookie")
		for _, part := range append(want, "Path=/", "Max-Age=600", "HttpOnly", "SameSite=Lax") {
			if !strings.Contains(got, part) || strings.Contains(got, "Domain") {
				t.Errorf("the cookie %q lacks %s", got, part)
			}
		}
	}
}

// TestPolicyCountsTheProviderAsOneFactor: a passkey proves two things, an account
// at the provider beside it does not.
func TestPolicyCountsTheProviderAsOneFactor(t *testing.T) {
	h, far := withUpstream(t)
	account(far, "sub-new", "new@acme.example")
	b := newBrowser(t, h)
	b.continues("/panel/login")
	if err := h.Store.Do(t.Context(), func(tx *store.Tx) error {
		_, err := tx.AddPasskey(t.Context(), &token.Passkey{ID: []byte("k"), Person: b.session().Person, Name: "key", Credential: []byte("{}"), CreatedAt: 1})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	tried, err := h.Authority.Simulate(t.Context(), "ws1", token.Policy{SecondFactor: token.SecondForAll}, false)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(tried.Lacking, func(p *token.Person) bool { return p.Email == "new@acme.example" }) {
		t.Errorf("lacking: %v", tried.Lacking)
	}
}
