package panel_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/factor"
	"github.com/fichadev/ficha/internal/factor/factortest"
	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

// code is what an app with a secret shows now.
func code(t *testing.T, h *servertest.House, secret string) string {
	t.Helper()
	c, err := factor.Code(secret, h.Clock.Now().Unix()/30)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sets an app up through the pages and returns its secret and the codes.
func (b *browser) app() (secret string, codes []string) {
	b.t.Helper()
	s := b.open("/panel/security").form("/panel/security/app").post().says(200, "Set up an app")
	secret = strings.ReplaceAll(regexp.MustCompile(`[A-Z2-7]{4}( [A-Z2-7]{4}){7}`).FindString(s.text), " ", "")
	picture := b.do(http.MethodGet, b.h.URL+"/panel/security/app.png", nil)
	if picture.Header.Get("Content-Type") != "image/png" || picture.Header.Get("Cache-Control") != "no-store" {
		b.t.Errorf("the picture: %v", picture.Header)
	}
	s.form("/panel/security/app/confirm").fill("code", "000000").post().says(422, "This is not right")
	s = s.form("/panel/security/app/confirm").fill("code", code(b.t, b.h, secret)).post().says(200, "Your recovery codes")
	codes = regexp.MustCompile(`[a-z2-7]{4}(-[a-z2-7]{4}){3}`).FindAllString(s.text, -1)
	if len(codes) != 10 {
		b.t.Fatalf("%d codes in\n%s", len(codes), s.text)
	}
	return secret, codes
}

func TestPasswordAndCodeSignInTogether(t *testing.T) {
	h := newHouse(t, nil)
	b := newBrowser(t, h)
	b.signIn("ana@acme.example").says(200, "Your account")
	secret, codes := b.app()
	h.Clock.Move(time.Minute)

	other := newBrowser(t, h)
	s := other.open("/panel/login?next="+url.QueryEscape("/panel/security")).form("/panel/login").fill("email", "ana@acme.example", "password", password).post()
	s.says(200, "One more step")
	if other.cookie("ficha_session") != "" {
		t.Error("the password alone has a session")
	}
	other.open("/panel/").says(200, "Sign in") // nothing is open yet
	s.form("/panel/login/second").fill("code", "123456").post().says(403, "This is not right")
	s.form("/panel/login/second").fill("code", code(t, h, secret)).post().says(200, "How you sign in", "10 recovery codes left", "2 sessions")

	third := newBrowser(t, h)
	third.signIn("ana@acme.example").form("/panel/login/second").fill("code", code(t, h, secret)).post().says(403, "This is not right") // used
	third.open("/panel/login/second").form("/panel/login/second").fill("code", codes[0]).post().says(200, "Your account")
	third.open("/panel/security").says(200, "9 recovery codes left").form("/panel/security/app/remove").post().says(200, "No code is asked for any more")
	newBrowser(t, h).signIn("ana@acme.example").says(200, "Your account")
	for _, secret := range append(codes, secret) {
		if strings.Contains(h.Log.String(), secret) {
			t.Error("the log holds a code or the secret")
		}
	}
}

func TestSecondStepIsOverAfterTenMinutes(t *testing.T) {
	h := newHouse(t, nil)
	b := newBrowser(t, h)
	b.signIn("ana@acme.example")
	secret, _ := b.app()
	other := newBrowser(t, h)
	s := other.signIn("ana@acme.example").says(200, "One more step")
	h.Clock.Move(11 * time.Minute)
	s.form("/panel/login/second").fill("code", code(t, h, secret)).post().says(403, "This took too long")
	other.open("/panel/login/second").says(200, "Sign in")
}

func TestPasskeySignsInWhoeverHoldsIt(t *testing.T) {
	h := newHouse(t, func(c *server.Config) { c.Issuer = "http://localhost:8080" })
	b := newBrowser(t, h)
	b.signIn("ana@acme.example")
	device := &factortest.Device{Origin: "http://localhost:8080"}
	s := b.open("/panel/security").says(200, "You have no passkey yet")
	answer, err := device.Create(asked(t, s))
	if err != nil {
		t.Fatal(err)
	}
	f := s.form("/panel/security/passkeys").fill("credential", string(answer))
	f.post().says(422, "This cannot be used") // without a name
	f.fill("name", "Phone").post().says(200, "The passkey works from now on", "Phone")

	other := newBrowser(t, h)
	s = other.open("/panel/login?next=" + url.QueryEscape("/panel/security"))
	answer, err = device.Get(asked(t, s))
	if err != nil {
		t.Fatal(err)
	}
	f = s.form("/panel/login/passkey").fill("credential", string(answer))
	f.post().says(200, "How you sign in", "2 sessions")
	newBrowser(t, h).follow(newBrowser(t, h).do(http.MethodPost, h.URL+"/panel/login/passkey", f.fields)).says(403, "This passkey is not known here") // once
	f.fill("credential", "{}").post().says(403, "This passkey is not known here")

	s = b.open("/panel/security")
	for _, f := range s.forms {
		if strings.HasSuffix(f.action, "/remove") && strings.Contains(f.action, "passkeys") {
			f.post().says(200, "The passkey signs nobody in any more")
		}
	}
	s = other.open("/panel/login?prompt=login")
	answer, _ = device.Get(asked(t, s))
	s.form("/panel/login/passkey").fill("credential", string(answer)).post().says(403, "This passkey is not known here")
}

// asked is what a page wants to know of the browser's passkeys.
func asked(t *testing.T, s *shown) []byte {
	t.Helper()
	found := regexp.MustCompile(`data-options="([^"]*)"`).FindStringSubmatch(s.html)
	if found == nil {
		t.Fatalf("%s asks nothing", s.url)
	}
	return []byte(strings.NewReplacer("&#34;", `"`, "&#43;", "+", "&amp;", "&").Replace(found[1]))
}

func TestWaysToSignInAreChangedByWhoSignedInLately(t *testing.T) {
	h := newHouse(t, nil)
	b := newBrowser(t, h)
	b.signIn("ana@acme.example")
	f := b.open("/panel/security").form("/panel/security/app")
	h.Clock.Move(16 * time.Minute)
	f.post().says(200, "Sign in")
	b.open("/panel/security/app").says(200, "Sign in")
	b.open("/panel/security").says(200, "show once more who you are")
}

func TestNewPasswordEndsTheOtherSessions(t *testing.T) {
	h := newHouse(t, nil)
	b, other := newBrowser(t, h), newBrowser(t, h)
	b.signIn("ana@acme.example")
	other.signIn("ana@acme.example")
	f := b.open("/panel/security").says(200, "2 sessions").form("/panel/security/password")
	f.fill("old_password", "wrong", "new_password", "another long password").post().says(422, "This is not right")
	f.fill("old_password", password, "new_password", "short").post().says(422, "at least 12 characters")
	f.fill("new_password", "another long password").post().says(200, "Your password is another one now", "1 session")
	other.open("/panel/").says(200, "Sign in")
	b.open("/panel/").says(200, "Your account")
}

func TestSessionsEndOneByOneAndTogether(t *testing.T) {
	h := newHouse(t, nil)
	b, second, third, stranger := newBrowser(t, h), newBrowser(t, h), newBrowser(t, h), newBrowser(t, h)
	for _, one := range []*browser{b, second, third} {
		one.signIn("ana@acme.example")
	}
	stranger.signIn("lim@acme.example")
	foreign := "/panel/security/sessions/" + b.session().ID.String() + "/end"
	stranger.follow(stranger.do(http.MethodPost, h.URL+foreign, nil)).says(404)
	b.open("/panel/security").says(200, "3 sessions").form("/panel/security/sessions/"+second.session().ID.String()+"/end").post().says(200, "The session has ended", "2 sessions")
	second.open("/panel/").says(200, "Sign in")
	b.open("/panel/security").form("/panel/security/sessions/end").post("which", "others").says(200, "All other sessions have ended", "1 session")
	third.open("/panel/").says(200, "Sign in")
	stranger.open("/panel/").says(200, "Your account")
	third.signIn("ana@acme.example")
	b.open("/panel/security").form("/panel/security/sessions/end").post("which", "all").says(200, "Sign in")
	third.open("/panel/").says(200, "Sign in")
}

func TestProfileIsKeptAndItsLanguageIsThePages(t *testing.T) {
	b := newBrowser(t, newHouse(t, nil))
	b.signIn("ana@acme.example")
	f := b.open("/panel/").form("/panel/profile")
	f.fill("name", "a\nb").post().says(422, "This cannot be used")
	f.fill("name", "Ana María", "locale", "es").post().says(200, "Guardado", "Ana María")
	b.open("/panel/?lang=en").says(200, "Ana María")
}

func TestLetterToWhoForgotTheirPassword(t *testing.T) {
	h := newHouse(t, nil)
	b, thief := newBrowser(t, h), newBrowser(t, h)
	thief.signIn("ana@acme.example")
	for _, email := range []string{"ana@acme.example", "nobody@acme.example"} {
		s := b.open("/panel/forgot").form("/panel/forgot").fill("email", email).post()
		s.says(200, "If there is an account with this address")
		if strings.Contains(s.html, email) {
			t.Errorf("the page repeats %s", email)
		}
	}
	r, err := h.Store.PersonByEmail(t.Context(), "ana@acme.example")
	if err != nil {
		t.Fatal(err)
	}
	secret, err := h.Identity.MintReset(t.Context(), r) // as the sender of letters does
	if err != nil {
		t.Fatal(err)
	}
	s := b.open("/panel/reset/"+secret).says(200, "Choose another password")
	if strings.Count(s.html, secret) != 1 || s.header.Get("Referrer-Policy") != "no-referrer" {
		t.Error("the secret is in more than the hidden field, or goes along")
	}
	f := s.form("/panel/reset")
	f.fill("password", "short").post().says(422, "at least 12 characters")
	f.fill("password", "another long password").post().says(200, "Sign in", "Your password is another one now")
	f.post().says(403, "used already or is too old")
	thief.open("/panel/").says(200, "Sign in")
	b.open("/panel/login").form("/panel/login").fill("email", "ana@acme.example", "password", "another long password").post().says(200, "Your account")
	if strings.Contains(h.Log.String(), secret) {
		t.Error("the log holds the link's secret")
	}
}

func TestDisabledPersonFinishesNoSignIn(t *testing.T) {
	h := newHouse(t, nil)
	b := newBrowser(t, h)
	b.signIn("lim@acme.example")
	secret, _ := b.app()
	h.Clock.Move(time.Minute)
	other := newBrowser(t, h)
	f := other.signIn("lim@acme.example").form("/panel/login/second")
	if err := h.Identity.DisableUser(t.Context(), token.Actor{Kind: token.System, ID: "apply"}, b.session().Person, "gone"); err != nil {
		t.Fatal(err)
	}
	if f.fill("code", code(t, h, secret)).post(); other.cookie("ficha_session") != "" {
		t.Error("somebody who was disabled halfway is signed in")
	}
}

func TestMemberWhoLostTheirPhoneIsLetInBySuperAdmins(t *testing.T) {
	h := newHouse(t, nil)
	lim, ana := newBrowser(t, h), newBrowser(t, h)
	lim.signIn("lim@acme.example")
	lim.app()
	page := "/panel/w/ws1/members/" + lim.session().Person + "/factors"
	lim.open(page).says(404)
	ana.signIn("ana@acme.example")
	f := ana.open(page).says(200, "Lim Limited has lost their phone").form(page)
	f.post().says(422, "This is needed")
	lim.follow(lim.do(http.MethodPost, h.URL+page, url.Values{"reason": {"lost"}})).says(404)
	f.fill("reason", "lost phone").post().says(200, "Their password alone signs them in now")
	newBrowser(t, h).signIn("lim@acme.example").says(200, "Your account")
	ana.open("/panel/w/ws1/members/nobody/factors").says(404)
}

// TestWhoLacksADemandedFactorSetsItUpAndDoesNothingElse: on no page, in no
// consent and not by the API before; from the day on that the policy says.
func TestWhoLacksADemandedFactorSetsItUpAndDoesNothingElse(t *testing.T) {
	b := administrator(t, nil)
	const list = "/v1/users"
	policy := token.Policy{SecondFactor: token.SecondForAdmins, EnforceFrom: b.h.Clock.Now().Add(10 * time.Minute).UnixMilli()}
	tried, err := b.h.Authority.Simulate(t.Context(), "ws1", policy, false)
	if err != nil || len(tried.Lacking) == 0 || !slices.ContainsFunc(tried.Lacking, func(p *token.Person) bool { return p.Email == "ana@acme.example" }) {
		t.Errorf("tried: %+v, %v", tried, err)
	}
	b.open(policyPath).form(policyPath).fill("require_second_factor", "admins", "enforce_from", b.h.Clock.Now().Add(10*time.Minute).Format("2006-01-02T15:04")).
		post("action", "save").says(200, "The policy was saved")
	b.open(policyPath).says(200, "Second factor when signing in", "Of administrators")
	if res := b.do(http.MethodGet, b.h.URL+list, nil); res.StatusCode != http.StatusOK {
		t.Errorf("before the day: %d", res.StatusCode)
	}
	b.h.Clock.Move(10 * time.Minute)
	for _, path := range []string{"/panel/", policyPath, "/panel/w/ws1/tokens"} {
		b.open(path).says(200, "asks for a second factor", "Codes of an app")
	}
	if res := b.do(http.MethodGet, b.h.URL+list, nil); res.StatusCode != http.StatusForbidden {
		t.Errorf("by the API: %d", res.StatusCode)
	}
	member := newBrowser(t, b.h)
	member.accept = "en"
	member.signIn("lim@acme.example")
	member.open("/panel/").says(200, "lim@acme.example")
	b.app()
	b.open(policyPath).says(200, "Second factor when signing in")
	if res := b.do(http.MethodGet, b.h.URL+list, nil); res.StatusCode != http.StatusOK {
		t.Errorf("with one: %d", res.StatusCode)
	}
}
