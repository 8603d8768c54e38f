package pages

import (
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// form returns the form that posts to path.
func form(t *testing.T, doc *element, path string) *element {
	t.Helper()
	f := with(doc.all("form"), "action", path)
	if f == nil {
		t.Fatalf("no form posts to %s", path)
	}
	return f
}

// fill returns what a browser would post from a form at once, without a button.
func fill(f *element) map[string][]string {
	posted := make(map[string][]string)
	for _, input := range f.all("input") {
		_, checked := input.attr["checked"]
		if kind := input.attr["type"]; kind != "checkbox" && kind != "radio" || checked {
			posted[input.attr["name"]] = append(posted[input.attr["name"]], input.attr["value"])
		}
	}
	return posted
}

func TestLoginPostsAddressPasswordAndNext(t *testing.T) {
	doc := mustParse(t, login("", Login{Next: "/oauth2/authorize?client_id=a&state=b", Email: "ana@acme.example"}).html(t, newSet(t), English))
	f := form(t, doc, loginPath)
	want := map[string][]string{"next": {"/oauth2/authorize?client_id=a&state=b"}, "email": {"ana@acme.example"}, "password": {""}}
	if got := fill(f); !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("posts %v, want %v", got, want)
	}
	inputs := doc.all("input")
	if got := with(inputs, "name", "email").attr["autocomplete"]; got != "username" {
		t.Errorf("email autocomplete = %q", got)
	}
	if got := with(inputs, "name", "password").attr; got["autocomplete"] != "current-password" || got["type"] != "password" {
		t.Errorf("password input = %v", got)
	}
	if first := doc.all("button")[0]; !slices.Contains(f.all("button"), first) {
		t.Errorf("the first button of the page is %q, which does not sign in", first.text)
	}
}

func TestLoginErrorIsAnnouncedAndLeadsToTheField(t *testing.T) {
	for _, code := range []LoginError{LoginWrong, LoginMissing, LoginTooMany, LoginUnavailable, "new"} {
		doc := mustParse(t, login("", Login{Error: code}).html(t, newSet(t), English))
		alert := with(doc.all("div"), "role", "alert")
		if alert == nil || len(alert.all("a")) != 1 || alert.all("a")[0].attr["href"] != "#email" {
			t.Errorf("%s: no summary that leads to the address", code)
		}
		invalid := with(doc.all("input"), "aria-invalid", "true") != nil
		if want := code == LoginWrong || code == LoginMissing; invalid != want {
			t.Errorf("%s: inputs marked invalid = %v, want %v", code, invalid, want)
		}
	}
	doc := mustParse(t, login("", Login{}).html(t, newSet(t), English))
	if with(doc.all("div"), "role", "alert") != nil {
		t.Error("the first visit shows an error")
	}
}

func TestSetupShowsEachErrorAtItsFieldAndInTheSummary(t *testing.T) {
	v := Setup{Token: "one-time", Email: "kept@acme.example", MinPassword: 12,
		Errors: map[string]FieldError{"password": FieldShort, "workspace": FieldMissing}}
	doc := mustParse(t, setup("", v).html(t, newSet(t), English))
	links := with(doc.all("div"), "role", "alert").all("a")
	if len(links) != 2 || links[0].attr["href"] != "#password" || links[1].attr["href"] != "#workspace" {
		t.Errorf("summary has %d links, want #password and #workspace", len(links))
	}
	if !strings.Contains(links[0].text, "12") {
		t.Errorf("summary says %q, want the rule", links[0].text)
	}
	password := with(doc.all("input"), "name", "password")
	if got := password.attr["aria-describedby"]; got != "password-error password-hint" || password.attr["value"] != "" {
		t.Errorf("password input = %v", password.attr)
	}
	if got := fill(form(t, doc, setupPath)); got["email"][0] != "kept@acme.example" || got["token"][0] != "one-time" {
		t.Errorf("posts %v: what was typed is lost", got)
	}
}

func TestSetupTokenIsInNoLink(t *testing.T) {
	html := setup("", Setup{Token: "one-time-secret"}).html(t, newSet(t), English)
	if n := strings.Count(html, "one-time-secret"); n != 1 {
		t.Errorf("the token is there %d times, want once", n)
	}
}

func TestHomeSignsOut(t *testing.T) {
	doc := mustParse(t, home("", Home{Shell: Shell{Person: ana}, Memberships: []Membership{{"Acme", "", "super_admin"}, {"Basin", "", "press"}}}).html(t, newSet(t), Spanish))
	leave := form(t, doc, logoutPath)
	if len(leave.all("button")) != 1 {
		t.Error("no button signs out")
	}
	for _, want := range []string{"Ana Admin", "ana@acme.example", "Superadministrador", "press"} {
		if !strings.Contains(doc.text, want) {
			t.Errorf("home does not say %q", want)
		}
	}
}

func TestHomeEndsEachAccessByAFormOfItsOwn(t *testing.T) {
	doc := mustParse(t, home("", Home{Shell: Shell{Person: ana}, Accesses: accesses()}).html(t, newSet(t), English))
	for _, a := range accesses() {
		f := form(t, doc, "/panel/grants/"+a.ID+"/end")
		if len(f.all("button")) != 1 {
			t.Errorf("%s has no button that ends it", a.App)
		}
	}
	for _, want := range []string{"Installed by Ana Admin on 2026-11-22", "Installed by Carl Gone (left) on 2026-11-22", "Allowed by you on 2026-11-22", "Read contacts"} {
		if !strings.Contains(doc.text, want) {
			t.Errorf("home does not say %q", want)
		}
	}
}

func consentDoc(t *testing.T, change func(*Consent)) *element {
	t.Helper()
	return mustParse(t, consent("", change).html(t, newSet(t), English))
}

func TestConsentPostsRequestWorkspaceAndTickedScopes(t *testing.T) {
	f := form(t, consentDoc(t, nil), consentPath)
	want := map[string][]string{"request": {"r1"}, "workspace": {"ws1"}, "scope": {"forms"}}
	if got := fill(f); !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("posts %v, want %v", got, want)
	}
	var offered []string
	for _, input := range f.all("input") {
		if input.attr["name"] == "scope" {
			offered = append(offered, input.attr["value"])
		}
	}
	if want := []string{"forms", "crm.objects.deals.read", "offline_access"}; !slices.Equal(offered, want) {
		t.Errorf("offers %v, want %v: required scopes are no choice", offered, want)
	}
}

func TestAllowAndDenyWeighTheSame(t *testing.T) {
	buttons := form(t, consentDoc(t, nil), consentPath).all("button")
	if len(buttons) != 2 {
		t.Fatalf("%d buttons, want allow and deny", len(buttons))
	}
	for i, want := range []string{"allow", "deny"} {
		if b := buttons[i]; b.attr["name"] != "action" || b.attr["value"] != want || b.attr["class"] != buttons[0].attr["class"] {
			t.Errorf("button %d = %v, want action %s in the same dress", i, b.attr, want)
		}
	}
}

func TestSeveralWorkspacesAreAChoice(t *testing.T) {
	doc := consentDoc(t, func(c *Consent) { c.Workspaces = workspaces(3) })
	if got := fill(form(t, doc, consentPath))["workspace"]; !slices.Equal(got, []string{"ws1"}) {
		t.Errorf("three: chosen %v, want the one that the view chose", got)
	}
	doc = consentDoc(t, func(c *Consent) { c.Workspaces = workspaces(manyWorkspaces + 1) })
	list := with(doc.all("select"), "name", "workspace")
	if list == nil || len(list.all("option")) != manyWorkspaces+2 {
		t.Fatal("many: no list with all of them")
	}
	if _, ok := list.all("option")[2].attr["selected"]; !ok {
		t.Error("many: the one that the view chose is not selected")
	}
	doc = consentDoc(t, func(c *Consent) { c.Workspaces = nil })
	if with(doc.all("input"), "name", "workspace") != nil {
		t.Error("none: a workspace is posted")
	}
}

func TestNotYouSignsOutAndComesBack(t *testing.T) {
	doc := consentDoc(t, nil)
	leave := form(t, doc, logoutPath)
	if got := fill(leave)["next"]; !slices.Equal(got, []string{"/oauth2/authorize?client_id=sync"}) {
		t.Errorf("comes back to %v", got)
	}
	if with(doc.all("button"), "form", leave.attr["id"]) == nil {
		t.Error("no button says it")
	}
}

func TestConsentSaysWhoAsksForWhatAndForHowLong(t *testing.T) {
	doc := consentDoc(t, nil)
	for _, want := range []string{"Contacts sync", "Copies contacts to the newsletter.", "Acme Labs", "Verified publisher",
		"app.contacts-sync.example", "Ana Admin", "ana@acme.example", "Read contacts", "crm.objects.contacts.read", "30 minutes", "renewed"} {
		if !strings.Contains(doc.text, want) {
			t.Errorf("consent does not say %q", want)
		}
	}
	doc = consentDoc(t, func(c *Consent) { c.App.Verified, c.Renewable, c.AccessTTL = false, false, time.Hour })
	if strings.Contains(doc.text, "Verified publisher") || !strings.Contains(doc.text, "not verified") {
		t.Error("an unverified publisher is not called one")
	}
	if strings.Contains(doc.text, "renewed") || !strings.Contains(doc.text, "after 1 hour") {
		t.Error("access that ends is said to be renewed")
	}
}

func TestScopesAreGroupedByDomain(t *testing.T) {
	groups, err := newSet(t).groupScopes(English, "x", []Scope{{Name: "crm.a"}, {Name: "forms"}, {Name: "crm.b"}, {Name: "openid"}, {Name: "email"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range groups {
		for _, line := range g.Scopes {
			got = append(got, g.Heading+"/"+line.Name)
		}
	}
	want := []string{"Crm/crm.a", "Crm/crm.b", "/forms", "Your identity/openid", "Your identity/email"}
	if !slices.Equal(got, want) {
		t.Errorf("groups %v, want %v", got, want)
	}
}

func TestTextInAnotherLanguageSaysSo(t *testing.T) {
	doc := mustParse(t, consent("", nil).html(t, newSet(t), German))
	if span := with(doc.all("span"), "lang", "en"); span == nil || span.text != "Read contacts" {
		t.Errorf("the English description on the German page is not marked: %v", span)
	}
}

func TestNeedsAdminNamesWhoCanInstall(t *testing.T) {
	v := NeedsAdmin{App: App{Name: "Sync & Co?cc=eve@x"}, Workspace: "Acme",
		Admins: []Person{{"Berta", "berta+admin@acme.example"}, {"Eve", "eve@acme.example,mallory@x?bcc=a"}}}
	doc := mustParse(t, needsAdmin("", v).html(t, newSet(t), English))
	var links []string
	for _, a := range doc.all("a") {
		links = append(links, a.attr["href"])
	}
	const letter = "?subject=Please%20install%20Sync%20%26%20Co%3Fcc%3Deve%40x&body=I%20would%20like%20to%20use%20Sync%20%26%20Co%3Fcc%3Deve%40x%20with%20Acme.%20Could%20you%20install%20it%3F"
	want := []string{"mailto:berta+admin@acme.example" + letter, "mailto:eve@acme.example%2Cmallory@x%3Fbcc=a" + letter}
	if !slices.Equal(links, want) {
		t.Errorf("links\n%s\nwant\n%s", strings.Join(links, "\n"), strings.Join(want, "\n"))
	}
	v.Admins = nil
	if doc := mustParse(t, needsAdmin("", v).html(t, newSet(t), English)); !strings.Contains(doc.text, "Nobody") {
		t.Error("nobody to ask is not said")
	}
}

func TestProblemShowsStatusAndDetailOnlyWhenThereIsOne(t *testing.T) {
	s := newSet(t)
	text := mustParse(t, problem("", Problem{Code: UnknownClient, Status: 404, Request: "7f3a"}).html(t, s, English)).text
	if !strings.Contains(text, "Error 404") || !strings.Contains(text, "Request 7f3a") {
		t.Errorf("problem says %q", text)
	}
	text = mustParse(t, problem("", Problem{Code: Refused, Status: 200}).html(t, s, English)).text
	if strings.Contains(text, "Error") || !strings.Contains(text, "You did not grant access") {
		t.Errorf("a refusal reads like an error: %q", text)
	}
}

type brokenPipe struct{ wrote int }

var errBroken = errors.New("broken pipe")

func (b *brokenPipe) Write([]byte) (int, error) { b.wrote++; return 0, errBroken }

func TestWriteFaultIsReportedAfterOneWrite(t *testing.T) {
	w := &brokenPipe{}
	if err := newSet(t).Home(w, English, Home{}); !errors.Is(err, errBroken) || w.wrote != 1 {
		t.Errorf("err = %v after %d writes", err, w.wrote)
	}
}

func BenchmarkConsent(b *testing.B) {
	s := newSet(b)
	v := fullConsent()
	for b.Loop() {
		if err := s.Consent(io.Discard, German, v); err != nil {
			b.Fatal(err)
		}
	}
}
