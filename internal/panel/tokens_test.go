package panel_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

const ws1Tokens = "/panel/w/ws1/tokens"

// as opens a browser in English and signs somebody in.
func as(t *testing.T, h *servertest.House, email string) *browser {
	t.Helper()
	b := newBrowser(t, h)
	b.accept = "en"
	b.signIn(email)
	return b
}

var secretOnPage = regexp.MustCompile(`<code class="secret" id="secret[^"]*">([^<]+)</code>`)

// choose picks the level of a resource in the form of an order.
func (f *form) choose(scopes string) *form {
	f.page.b.t.Helper()
	for name, values := range f.choices {
		if strings.HasPrefix(name, "scopes-") {
			for _, value := range values {
				if value == scopes {
					return f.fill(name, value)
				}
			}
		}
	}
	f.page.b.t.Fatalf("the form offers no %s: %v", scopes, f.choices)
	return f
}

// make orders a token by the form, and returns its secret and the path of its
// page.
func (b *browser) make(kind, name, scopes string, more ...string) (secret, page string) {
	b.t.Helper()
	f := b.open(ws1Tokens+"/new?type="+kind).form(ws1Tokens+"/new").fill("name", name).fill(more...).choose(scopes)
	made := f.post("action", "create").says(200, name, "never again", "Not copied yet")
	found := secretOnPage.FindStringSubmatch(made.html)
	if found == nil || made.url != ws1Tokens+"/new" || made.header.Get("Cache-Control") != "no-store" {
		b.t.Fatalf("the page of a new token: %s %v\n%s", made.url, made.header, made.text)
	}
	r, err := b.h.Verifier.Find(b.t.Context(), found[1])
	if err != nil {
		b.t.Fatal(err)
	}
	return found[1], ws1Tokens + "/" + r.Token.ID.String()
}

// opens reports whether a secret opens anything.
func (b *browser) opens(secret string) bool {
	b.t.Helper()
	return b.h.Request("GET", "/verify", nil, "Authorization", "Bearer "+secret, "User-Agent", "curl/8.9").Status == http.StatusOK
}

func TestTokenIsShownOnceAndTheSamePostMakesNoSecond(t *testing.T) {
	h := newHouse(t, nil)
	b := as(t, h, "lim@acme.example")
	b.open(ws1Tokens).says(200, "You have no token yet")
	f := b.open(ws1Tokens+"/new").says(200, "Token name").form(ws1Tokens+"/new").fill("name", "my CLI").choose("catalog:read")
	first, again := f.post("action", "create").says(200), f.post("action", "create").says(200)
	secret := secretOnPage.FindStringSubmatch(first.html)[1]
	if got := secretOnPage.FindStringSubmatch(again.html)[1]; got != secret {
		t.Errorf("the same post gave %s, then %s", secret, got)
	}
	if strings.Count(first.html, secret) != 1 || strings.Contains(first.url, secret) {
		t.Error("the secret stands on the page more than once, or in its address")
	}
	list := b.open(ws1Tokens).says(200, "1 token", "my CLI", "…"+secret[len(secret)-4:], "catalog:read", "Never used", "Active")
	if strings.Contains(list.html, secret) || strings.Contains(h.Log.String(), secret) {
		t.Error("the secret is in a list or the log")
	}
	if !b.opens(secret) {
		t.Fatal("the token opens nothing")
	}
	b.open(ws1Tokens).says(200, "curl/8.9")
	f.post("action", "create").says(409) // its answer is wiped by the first use
}

func TestFormKeepsWhatWasTypedAndSaysWhatIsWrong(t *testing.T) {
	h := newHouse(t, nil)
	b := as(t, h, "ana@acme.example")
	open := func() *form { return b.open(ws1Tokens + "/new?type=service").form(ws1Tokens + "/new") }
	f := open().fill("name", "bot", "purpose", "sync").choose("catalog:read")
	if s := f.fill("addresses", "not-an-address").post("action", "create").says(422, "Please check this"); s.form(ws1Tokens+"/new").fields.Get("name") != "bot" {
		t.Error("the form forgot the name")
	}
	open().fill("name", "").choose("catalog:read").post("action", "create").says(422, "This is needed")
	open().fill("name", "bot").post("action", "create").says(422, "Choose at least one scope")
	open().fill("name", "bot", "expires", "31536000").choose("catalog:read").post("action", "create").says(422, "at most 90 days")
	open().fill("name", "bot", "expires", "date", "date", "2020-01-01").choose("catalog:read").post("action", "create").says(422, "a date to come")
	if secret, _ := b.make("service", "dated", "catalog:read", "expires", "date", "date", "2026-12-01"); !strings.HasPrefix(secret, "eyJ") {
		t.Errorf("a service token is %s", secret)
	}
	b.open("/panel/w/ws1/inventory").says(200, "dated", "2026-12-02 00:00 UTC")
}

func TestLinkFillsTheFormAndThePreviewSaysTheSameInCode(t *testing.T) {
	b := as(t, newHouse(t, nil), "ana@acme.example")
	b.open(ws1Tokens) // the workspace that is looked at last
	query := "?" + url.Values{"name": {"deploy CLI"}, "scopes": {"content:write catalog:read"}, "expires": {"7d"}, "purpose": {"deploys"}}.Encode()
	s := b.open("/panel/tokens/new" + query)
	if !strings.HasPrefix(s.url, ws1Tokens+"/new?") {
		t.Fatalf("ends on %s", s.url)
	}
	s.says(200, "deploy CLI may use catalog (read), content (write) until 2026-11-29 12:00 UTC.")
	f := s.form(ws1Tokens + "/new")
	if f.fields.Get("name") != "deploy CLI" || f.fields.Get("purpose") != "deploys" || f.fields.Get("expires") != "604800" || f.fields.Get("type") != "service" {
		t.Errorf("filled in %v", f.fields)
	}
	preview := f.post("action", "preview").says(200, "What it will be", "deploy CLI may use catalog (read), content (write)", `"ttl": 604800`, "BE_CLIENT_SECRET", "import requests", "http.NewRequestWithContext", b.h.URL+"/v1/tokens")
	preview.form(ws1Tokens+"/new").post("action", "create").says(200, "deploy CLI is made")
	stranger := newBrowser(t, b.h)
	if s := stranger.open("/panel/tokens/new" + query); !strings.HasPrefix(s.url, "/panel/login?next=") {
		t.Errorf("a stranger ends on %s", s.url)
	}
}

func TestMembersMakeTheirOwnTokensAndSeeNoOthers(t *testing.T) {
	h := newHouse(t, nil)
	ana, lim := as(t, h, "ana@acme.example"), as(t, h, "lim@acme.example")
	_, service := ana.make("service", "bot", "content:write")
	_, hers := ana.make("personal", "hers", "content:write")
	secret, his := lim.make("personal", "his", "catalog:read")
	for _, path := range []string{service, hers} {
		lim.open(path).says(404)
		for _, deed := range []string{"revoke", "suspend", "resume", "brownout", "approve", "deny", "rotate"} {
			lim.follow(lim.do("POST", h.URL+path+"/"+deed, url.Values{"grace": {"60"}, "minutes": {"5"}, "once": {"x"}})).says(404)
		}
	}
	lim.open("/panel/w/ws1/inventory").says(403)
	if s := lim.open(ws1Tokens+"/new?type=service").says(200, "New personal token"); strings.Contains(s.text, "Service token") {
		t.Error("a member is offered service tokens")
	}
	forged := url.Values{"type": {"service"}, "name": {"x"}, "scopes": {"catalog:read"}, "expires": {"3600"}, "once": {"x"}, "action": {"create"}}
	lim.follow(lim.do("POST", h.URL+ws1Tokens+"/new", forged)).says(403)
	ana.open(his).says(200, "his") // an administrator sees it, and may end it
	ana.follow(ana.do("POST", h.URL+his+"/rotate", url.Values{"grace": {"60"}, "once": {"x"}})).says(200, "Nothing was done: you may not do this")
	ana.open(his).form(his+"/revoke").post().says(200, "The token is revoked")
	if lim.opens(secret) {
		t.Error("it opens on")
	}
	ana.open("/panel/w/ws2/tokens").says(404) // not a member there
}

func TestRotationIsFollowedOnThePageOfTheToken(t *testing.T) {
	h := newHouse(t, nil)
	b := as(t, h, "ana@acme.example")
	old, page := b.make("service", "bot", "content:write")
	turned := b.open(page).says(200, "Active", "Rotate").form(page+"/rotate").fill("grace", "3600").post().says(200, "The old secret works on", "never again")
	secret := secretOnPage.FindStringSubmatch(turned.html)[1]
	s := b.open(page).says(200, "Both secrets work", "New secret, not used yet")
	if secret == old || !b.opens(old) || strings.Contains(s.html, secret) {
		t.Error("the secrets")
	}
	if !b.opens(secret) {
		t.Fatal("the new secret opens nothing")
	}
	s = b.open(page).says(200, "The old one ends at 2026-11-22 13:00 UTC")
	base := page + "/rotations/"
	undo := ""
	for _, f := range s.forms {
		if strings.HasPrefix(f.action, base) && strings.HasSuffix(f.action, "/undo") {
			undo = f.action
		}
	}
	s.form(undo).post().says(200, "The rotation has gone on", "The old secret stays")
	h.Clock.Move(2 * time.Hour)
	if b.opens(secret) || !b.opens(old) {
		t.Error("after the rotation was undone, the new secret lives or the old one does not")
	}
}

func TestSmallerTokenIsProposedByWhatIsUsed(t *testing.T) {
	h := newHouse(t, nil)
	b := as(t, h, "ana@acme.example")
	f := b.open(ws1Tokens+"/new?type=service").form(ws1Tokens+"/new").fill("name", "wide").choose("catalog:read")
	made := f.choose("content:write").post("action", "create").says(200)
	secret := secretOnPage.FindStringSubmatch(made.html)[1]
	if a := h.Request("GET", "/verify?scope=catalog:read", nil, "Authorization", "Bearer "+secret); a.Status != 200 {
		t.Fatal(a.Status)
	}
	r, err := h.Verifier.Find(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	page := ws1Tokens + "/" + r.Token.ID.String()
	s := b.open(page).says(200, "Not used", "Rotate into the smaller one", "may lack something")
	var shrink *form
	for _, f := range s.forms {
		if f.action == page+"/rotate" && f.fields.Has("scopes") {
			shrink = f
		}
	}
	small := shrink.post().says(200, "never again")
	r, err = h.Verifier.Find(t.Context(), secretOnPage.FindStringSubmatch(small.html)[1])
	if err != nil || r.Token.Scopes.String() != "catalog:read" {
		t.Errorf("the smaller one: %v, %v", r, err)
	}
}

func TestTokenIsStoppedAndSetGoingOnItsPage(t *testing.T) {
	h := newHouse(t, nil)
	b := as(t, h, "ana@acme.example")
	secret, page := b.make("service", "bot", "content:write")
	b.open(page).form(page+"/suspend").post("reason", "odd traffic").says(200, "The token is suspended", "Suspended")
	if b.opens(secret) {
		t.Error("a suspended token opens")
	}
	b.open(page).says(200, "curl/8.9", "Who needed it meanwhile").form(page+"/resume").post().says(200, "opens again")
	b.open(page).form(page+"/brownout").fill("minutes", "5").post().says(200, "off for a while", "Opens again")
	h.Clock.Move(6 * time.Minute)
	if !b.opens(secret) {
		t.Error("it is still off after the brown-out")
	}
	end := b.open(page).form(page + "/revoke")
	end.post("reason", "no longer needed").says(200, "The token is revoked", "no longer needed")
	end.post().says(200, "somebody was faster")
	if s := b.open(page).says(200, "Revoked"); len(s.forms) > 1 {
		t.Errorf("a dead token has forms: %v", s.forms)
	}
}

func TestTokenThatWaitsIsDecidedBySomebodyElse(t *testing.T) {
	h := newHouse(t, nil)
	ana, two := as(t, h, "ana@acme.example"), as(t, h, "two@acme.example")
	approvals(t, h)
	secret, page := ana.make("service", "bot", "content:write")
	s := ana.open(page).says(200, "Waits for approval", "an administrator who did not make it")
	for _, f := range s.forms {
		if f.action == page+"/approve" {
			t.Error("its maker may approve it")
		}
	}
	ana.follow(ana.do("POST", h.URL+page+"/approve", url.Values{})).says(200, "you may not do this")
	two.open(page).form(page+"/approve").post().says(200, "The token is approved", "Active")
	if !ana.opens(secret) {
		t.Error("it opens nothing")
	}
	_, page = ana.make("service", "other", "content:write")
	two.open(page).form(page+"/deny").post("reason", "no").says(200, "The token is denied", "Revoked")
}

// approvals has service tokens of ws1 wait.
func approvals(t *testing.T, h *servertest.House) {
	t.Helper()
	if _, err := h.Apply(t.Context(), "more.yaml", []byte(`
workspaces:
  - {id: ws1, name: Acme, scopes: ["content:write", "catalog:read", "crm.objects.contacts.read", "forms"], policy: {approval: [service]}}
`), false); err != nil {
		t.Fatal(err)
	}
	w, err := h.Verifier.Workspace(t.Context(), "ws1")
	if err != nil || !w.Policy.Approves(token.Service) {
		t.Fatalf("%+v, %v", w, err)
	}
}
