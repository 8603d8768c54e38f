package panel_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
)

// answer reads the query of the redirect URI that a page ended on.
func (s *shown) answer(redirectURI string) url.Values {
	s.b.t.Helper()
	query, found := strings.CutPrefix(s.away, redirectURI+"?")
	if !found {
		s.b.t.Fatalf("ends on %s%s (%d), want %s:\n%s", s.url, s.away, s.status, redirectURI, s.text)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		s.b.t.Fatal(err)
	}
	return values
}

func TestInstallGivesWhatIsRequiredAndWhatIsTicked(t *testing.T) {
	b := newBrowser(t, newHouse(t, nil))
	b.signIn("ana@acme.example")
	s := b.open(b.ask(install())).says(200, "Contacts <script>alert(1)</script> asks for access", "Copies <i>contacts</i>", "by Clay", "not verified",
		"Ana Admin", "Acme", "Read contacts", "Manage forms", "30 minutes", "renewed", "localhost:3000")
	f := s.form("/panel/consent")
	if got := f.choices["scope"]; !slices.Equal(got, []string{"forms"}) {
		t.Errorf("boxes %q, want forms alone: the account has no automation", got)
	}
	if got := f.fields["scope"]; !slices.Equal(got, []string{"forms"}) || f.fields.Get("workspace") != "ws1" {
		t.Errorf("at first it would post %v, want what the person holds ticked", f.fields)
	}
	values := f.post("action", "allow").answer("http://localhost:3000/oauth-callback")
	if values.Get("code") == "" || values.Get("state") != "a b&c=d/é" || len(values) != 2 {
		t.Errorf("the application hears %v", values)
	}
	b.open("/panel/").says(200, "Contacts <script>", "Installed by Ana Admin on 2026-11-22", "Read contacts", "Manage forms")
}

func TestStandardConsentTicksNothingThatWrites(t *testing.T) {
	b := newBrowser(t, newHouse(t, nil))
	b.signIn("ana@acme.example")
	s := b.open(b.ask(standard())).says(200, "Notes asks for access", "Verified publisher", "Confirm who you are", "127.0.0.1:9")
	f := s.form("/panel/consent")
	if got := f.choices["scope"]; !slices.Equal(got, []string{"catalog:read", "content:write"}) {
		t.Errorf("boxes %q", got)
	}
	if got := f.fields["scope"]; !slices.Equal(got, []string{"catalog:read"}) {
		t.Errorf("ticked at first: %q", got)
	}
	values := f.fill("scope", "content:write").post("action", "allow").answer("http://127.0.0.1:9/callback")
	if values.Get("code") == "" || values.Get("state") != "s1" || values.Get("iss") != b.h.URL {
		t.Errorf("the application hears %v", values)
	}
	given := b.granted("ana@acme.example")
	if want := (token.Scopes{"openid", "offline_access", "content:write"}); !slices.Equal(given, want) {
		t.Errorf("given %q, want %q", given, want)
	}
}

// TestPublisherOfAPrivateAppIsKnown: that its person is a member elsewhere too
// makes an app of their own workspace no stranger.
func TestPublisherOfAPrivateAppIsKnown(t *testing.T) {
	b := newBrowser(t, newHouse(t, nil))
	b.signIn("two@acme.example")
	s := b.open(b.ask(standard())).says(200, "Notes asks for access", "by Acme", "Verified publisher")
	if strings.Contains(s.text, "Basin") {
		t.Error("it can be let into another workspace")
	}
	b.open(b.ask(install())).says(200, "not verified")
}

// granted returns the scopes of the newest grant that a person may end.
func (b *browser) granted(email string) token.Scopes {
	b.t.Helper()
	id, err := b.h.Store.PersonByEmail(b.t.Context(), email)
	if err != nil {
		b.t.Fatal(err)
	}
	p, err := b.h.Verifier.Person(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	given, err := b.h.Authority.Given(b.t.Context(), p)
	if err != nil {
		b.t.Fatal(err)
	}
	if len(given) == 0 {
		return nil
	}
	return given[0].Families[0].Scopes
}

func TestNoParameterConsents(t *testing.T) {
	b := newBrowser(t, newHouse(t, nil))
	b.signIn("ana@acme.example")
	path := b.ask(install())
	b.open(path + "&action=allow&workspace=ws1&consent=yes&prompt=none").says(200).form("/panel/consent")
	id := strings.TrimPrefix(path, "/panel/consent?request=")
	for _, action := range []string{"", "yes", "ALLOW"} {
		b.follow(b.do("POST", b.h.URL+"/panel/consent", url.Values{"request": {id}, "workspace": {"ws1"}, "action": {action}})).says(400)
	}
	b.follow(b.do("POST", b.h.URL+"/panel/consent?action=allow", url.Values{"request": {id}, "workspace": {"ws1"}})).says(400)
	if given := b.granted("ana@acme.example"); given != nil {
		t.Errorf("given %q", given)
	}
}

func TestConsentIsBoundToItsSessionAndUsedOnce(t *testing.T) {
	h := newHouse(t, nil)
	b, other := newBrowser(t, h), newBrowser(t, h)
	b.signIn("ana@acme.example")
	other.signIn("two@acme.example")
	path := b.ask(install())
	other.open(path).says(403, "This request is over")
	values := url.Values{"request": {strings.TrimPrefix(path, "/panel/consent?request=")}, "workspace": {"ws1"}, "action": {"allow"}}
	for _, one := range []*browser{other, newBrowser(t, h)} {
		if res := one.do("POST", h.URL+"/panel/consent", values); res.StatusCode != 403 || res.Header.Get("Location") != "" {
			t.Errorf("another session gets %d %s", res.StatusCode, res.Header.Get("Location"))
		}
	}
	f := b.open(path).form("/panel/consent")
	f.post("action", "allow").answer("http://localhost:3000/oauth-callback")
	for _, action := range []string{"allow", "deny"} {
		f.post("action", action).says(403, "This request is over")
	}
	b.open(path).says(403, "This request is over")
	b.open("/panel/consent?request=garbage").says(403, "This request is over")
	b.open("/panel/consent").says(403, "This request is over")
}

func TestRequestThatWaitedTooLongIsOver(t *testing.T) {
	h := newHouse(t, nil)
	b := newBrowser(t, h)
	b.signIn("ana@acme.example")
	f := b.open(b.ask(install())).form("/panel/consent")
	h.Clock.Move(31 * time.Minute)
	f.post("action", "allow").says(403, "This request is over")
}

func TestNoIsToldAsTheContractSays(t *testing.T) {
	b := newBrowser(t, newHouse(t, nil))
	b.signIn("ana@acme.example")
	b.open(b.ask(install())).form("/panel/consent").post("action", "deny").says(200, "You did not grant access")
	values := b.open(b.ask(standard())).form("/panel/consent").post("action", "deny").answer("http://127.0.0.1:9/callback")
	if values.Get("error") != "access_denied" || values.Get("state") != "s1" || values.Get("iss") != b.h.URL || values.Has("code") {
		t.Errorf("the application hears %v", values)
	}
	if given := b.granted("ana@acme.example"); given != nil {
		t.Errorf("given %q", given)
	}
}

func TestWhoMayNotInstallLearnsWhoMay(t *testing.T) {
	b := newBrowser(t, newHouse(t, nil))
	b.signIn("lim@acme.example")
	path := b.ask(install())
	s := b.open(path).says(403, "You cannot install", "Read contacts", "Ana Admin", "ana@acme.example", "<img src=x onerror=alert(1)>", "Nothing was installed")
	if strings.Contains(s.html, `action="/panel/consent"`) {
		t.Error("the page has a form that consents")
	}
	id := strings.TrimPrefix(path, "/panel/consent?request=")
	b.follow(b.do("POST", b.h.URL+"/panel/consent", url.Values{"request": {id}, "workspace": {"ws1"}, "action": {"allow"}})).
		says(403, "You cannot install", "ana@acme.example")
	if given := b.granted("ana@acme.example"); given != nil {
		t.Errorf("given %q", given)
	}
}

func TestWorkspaceIsChosenAmongThoseThatMayBe(t *testing.T) {
	b := newBrowser(t, newHouse(t, nil))
	b.signIn("two@acme.example")
	f := b.open(b.ask(install())).says(200, "<b>Basin</b>", "Acme").form("/panel/consent")
	if got := f.choices["workspace"]; !slices.Equal(got, []string{"ws1", "ws2"}) && !slices.Equal(got, []string{"ws2", "ws1"}) {
		t.Fatalf("choices %q", got)
	}
	f.fill("workspace", "ws3").post("action", "allow").says(403, "may not do this")
	f.fill("workspace", "ws2").post("action", "allow").answer("http://localhost:3000/oauth-callback")
	b.open("/panel/").says(200, "<b>Basin</b>", "Installed by <img src=x onerror=alert(1)>")

	fixed := install()
	fixed.Workspace = "ws3" // not one of theirs
	b.open(b.ask(fixed)).says(403, "may not do this")
	fixed.Workspace = "ws1"
	if got := b.open(b.ask(fixed)).form("/panel/consent").fields.Get("workspace"); got != "ws1" {
		t.Errorf("the address named ws1, the form %s", got)
	}
}

func TestScopesThatWereNotOfferedAreNotGiven(t *testing.T) {
	b := newBrowser(t, newHouse(t, nil))
	b.signIn("ana@acme.example")
	f := b.open(b.ask(install())).form("/panel/consent")
	f.fields["scope"] = []string{"content:write", "admin:write", "automation"}
	f.post("action", "allow").answer("http://localhost:3000/oauth-callback")
	if given := b.granted("ana@acme.example"); !slices.Equal(given, token.Scopes{"oauth", "crm.objects.contacts.read"}) {
		t.Errorf("given %q", given)
	}
}

func TestNotYouSignsOutAndAsksAnew(t *testing.T) {
	b := newBrowser(t, newHouse(t, nil))
	b.signIn("ana@acme.example")
	s := b.open(b.ask(install())).form("/panel/logout").post()
	if s.url != "/panel/login?next=%2Foauth%2Fauthorize%3Fclient_id%3Dhs-client" {
		t.Errorf("ends on %s", s.url)
	}
	for _, again := range []string{"", "https://evil.example/", "//evil.example"} {
		b.signIn("ana@acme.example")
		q := install()
		q.Again = again
		if s := b.open(b.ask(q)).form("/panel/logout").post(); s.url != "/panel/login" {
			t.Errorf("%q: ends on %s", again, s.url)
		}
	}
}

func TestSignInComesBackToTheRequest(t *testing.T) {
	b := newBrowser(t, newHouse(t, nil))
	if s := b.open("/panel/consent?request=0123456789abc"); s.form("/panel/login").fields.Get("next") != "/panel/consent?request=0123456789abc" {
		t.Errorf("the form keeps %v", s.form("/panel/login").fields)
	}
}

// ends returns the forms that each end an access.
func (s *shown) ends() []*form {
	return slices.DeleteFunc(slices.Clone(s.forms), func(f *form) bool { return !strings.HasSuffix(f.action, "/end") })
}

func TestEachAccessEndsByItsButton(t *testing.T) {
	h := newHouse(t, nil)
	b := newBrowser(t, h)
	b.signIn("ana@acme.example")
	var tokens []*authority.Issued
	for range 2 { // the same consent twice is one line on the page
		code := b.open(b.ask(install())).form("/panel/consent").post("action", "allow").answer("http://localhost:3000/oauth-callback").Get("code")
		c, err := h.Verifier.Client(t.Context(), "hs-client")
		if err != nil {
			t.Fatal(err)
		}
		out, err := h.Authority.Exchange(t.Context(), token.Actor{}, c, authority.Redemption{Contract: "hubspot", Code: code, RedirectURI: "http://localhost:3000/oauth-callback", Always: true})
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, out)
	}
	home := b.open("/panel/").says(200, "Installed by Ana Admin")
	ends := home.ends()
	if len(ends) != 1 {
		t.Fatalf("%d buttons end an access, want 1", len(ends))
	}

	lim := newBrowser(t, h)
	lim.signIn("lim@acme.example").says(200, "No app has access")
	lim.follow(lim.do("POST", h.URL+ends[0].action, nil)).says(404)
	stranger := newBrowser(t, h)
	stranger.follow(stranger.do("POST", h.URL+ends[0].action, nil)).says(200).form("/panel/login")
	live := func() (n int) {
		for _, out := range tokens {
			if _, _, err := h.Verifier.Judge(t.Context(), out.Secret, token.Use{Now: h.Clock.Now().UnixMilli(), Surface: token.AtAPI}); err == nil {
				n++
			}
		}
		return n
	}
	if n := live(); n != 2 {
		t.Fatalf("%d tokens live after strangers tried to end them, want 2", n)
	}

	two := newBrowser(t, h) // another super admin of the workspace
	two.signIn("two@acme.example").says(200, "Installed by Ana Admin")
	two.follow(two.do("POST", h.URL+ends[0].action, nil)).says(200, "No app has access")
	if n := live(); n != 0 {
		t.Errorf("%d tokens live after the access was ended", n)
	}
	ends[0].post().says(404)
	b.open("/panel/").says(200, "No app has access")
	b.follow(b.do("POST", h.URL+"/panel/grants/garbage/end", nil)).says(404)
}

func TestConsentOfSomebodyElseIsNotMineToEnd(t *testing.T) {
	h := newHouse(t, nil)
	lim := newBrowser(t, h)
	lim.signIn("lim@acme.example")
	q := standard()
	q.Scopes = token.Scopes{"openid", "catalog:read"}
	lim.open(lim.ask(q)).form("/panel/consent").post("action", "allow").answer("http://127.0.0.1:9/callback")
	home := lim.open("/panel/").says(200, "Notes", "Allowed by you on 2026-11-22")
	b := newBrowser(t, h)
	b.signIn("ana@acme.example").says(200, "No app has access")
	end := home.ends()[0]
	b.follow(b.do("POST", h.URL+end.action, nil)).says(404)
	end.post().says(200, "No app has access")
}
