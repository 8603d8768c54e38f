package panel_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/token"
)

func TestSignInShowsWhoIAmAndWhereIBelong(t *testing.T) {
	b := newBrowser(t, newHouse(t, nil))
	if s := b.open("/panel/"); s.url != "/panel/login" {
		t.Fatalf("a stranger ends on %s", s.url)
	}
	s := b.signIn("ana@acme.example").says(200, "Ana Admin", "Acme", "Super admin", "No app has access")
	if s.url != "/panel/" {
		t.Errorf("signing in ends on %s", s.url)
	}
	if s := b.open("/panel/login?next=/panel/"); s.url != "/panel/" {
		t.Errorf("who is signed in ends on %s", s.url)
	}
	for _, path := range []string{"/", "/panel"} {
		if s := b.open(path); s.url != "/panel/" {
			t.Errorf("%s ends on %s", path, s.url)
		}
	}
	b.open("/panel/login?next=/panel/&prompt=login").says(200).form("/panel/login")
}

func TestAnswerToSignInNeverPostsOn(t *testing.T) {
	b := newBrowser(t, newHouse(t, nil))
	res := b.open("/panel/login").form("/panel/login").fill("email", "ana@acme.example", "password", password).raw()
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/panel/" || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("answer %d %v, want 303", res.StatusCode, res.Header)
	}
}

func TestWrongPasswordAndUnknownAccountAreOneAnswer(t *testing.T) {
	b := newBrowser(t, newHouse(t, nil))
	next := "/oauth2/authorize?client_id=spa&state=x"
	var answers []string
	for _, email := range []string{"ana@acme.example", "nobody@acme.example"} {
		s := b.open("/panel/login?next="+url.QueryEscape(next)).form("/panel/login").fill("email", email, "password", "wrong-password").post()
		s.says(403, "is not right")
		f := s.form("/panel/login")
		if f.fields.Get("email") != email || f.fields.Get("next") != next || f.fields.Get("password") != "" {
			t.Errorf("the form keeps %v", f.fields)
		}
		if s.header.Get("Www-Authenticate") != "" || s.header.Get("Set-Cookie") != "" {
			t.Errorf("headers %v", s.header)
		}
		answers = append(answers, strings.ReplaceAll(s.html, email, ""))
	}
	if answers[0] != answers[1] {
		t.Error("the two answers differ")
	}
	b.open("/panel/login").form("/panel/login").fill("email", "ana@acme.example").post().says(400, "Enter your e-mail address")
	if strings.Contains(b.h.Log.String(), "wrong-password") || strings.Contains(b.h.Log.String(), "ana@") {
		t.Error("the log holds what was typed")
	}
	if !strings.Contains(b.h.Log.String(), string(token.AccessDenied)) {
		t.Error("the log does not say that it was refused")
	}
}

func TestGuessingIsStoppedForAWhile(t *testing.T) {
	h := newHouse(t, nil)
	b := newBrowser(t, h)
	try := func(email, word string) *shown {
		return b.open("/panel/login").form("/panel/login").fill("email", email, "password", word).post()
	}
	for range 10 {
		try("ana@acme.example", "wrong").says(403)
	}
	if s := try("ana@acme.example", password).says(429, "Too many attempts"); s.header.Get("Retry-After") == "" {
		t.Error("429 without Retry-After")
	}
	try("ana@acme.example", "wrong").says(429)
	try("lim@acme.example", password).says(200) // another account from the same place
	b.open("/panel/").form("/panel/logout").post()
	h.Clock.Move(2 * time.Minute)
	try("ana@acme.example", password).says(200, "Ana Admin")
}

func TestSignInMakesANewSessionAndEndsTheOld(t *testing.T) {
	h := newHouse(t, nil)
	b := newBrowser(t, h)
	at, _ := url.Parse(h.URL)
	b.client.Jar.SetCookies(at, []*http.Cookie{{Name: "ficha_session", Value: "planted-by-somebody", Path: "/"}}) //nolint:gosec // what a stranger would plant
	b.signIn("ana@acme.example").says(200)
	first := b.cookie("ficha_session")
	if first == "planted-by-somebody" || first == "" {
		t.Fatalf("the session is %q", first)
	}
	old := b.session()
	b.open("/panel/login?prompt=login").form("/panel/login").fill("email", "lim@acme.example", "password", password).post().says(200, "Lim Limited")
	if b.cookie("ficha_session") == first {
		t.Error("the session stayed the same")
	}
	r, err := h.Verifier.Record(t.Context(), old.ID)
	if err != nil || r.Token.EndedAt == 0 {
		t.Errorf("the session before it lives on: %v", err)
	}
	if strings.Contains(h.Log.String(), first) {
		t.Error("the log holds a session's secret")
	}
}

func TestSessionCookieIsForThisHostAndNoScript(t *testing.T) {
	for issuer, want := range map[string][]string{
		"":                           {"ficha_session=fch_", "Path=/", "HttpOnly", "SameSite=Lax"},
		"https://tokens.example.com": {"__Host-ficha_session=fch_", "Path=/", "HttpOnly", "SameSite=Lax", "Secure"},
	} {
		h := newHouse(t, func(cfg *server.Config) {
			if issuer != "" {
				cfg.Issuer = issuer
			}
		})
		a := h.Request("POST", "/panel/login", url.Values{"email": {"ana@acme.example"}, "password": {password}})
		cookie := a.Header.Get("Set-Cookie")
		parts := strings.Split(cookie, "; ")
		if len(parts) != len(want) || !strings.HasPrefix(cookie, want[0]) || strings.Contains(cookie, "Domain") {
			t.Fatalf("%s: cookie %q, want %q", issuer, cookie, want)
		}
		for _, part := range want[1:] {
			if !strings.Contains(cookie, "; "+part) {
				t.Errorf("%s: cookie %q lacks %s", issuer, cookie, part)
			}
		}
		name, _, _ := strings.Cut(parts[0], "=")
		if got := h.Request("GET", "/panel/", nil, "Cookie", parts[0]); got.Status != 200 {
			t.Errorf("%s: the cookie %s opens %d", issuer, name, got.Status)
		}
		if issuer != "" {
			plain := strings.TrimPrefix(parts[0], "__Host-")
			if got := h.Request("GET", "/panel/", nil, "Cookie", plain); got.Status != 302 {
				t.Errorf("%s: a cookie that another host could set opens %d", issuer, got.Status)
			}
		}
	}
}

func TestSignedOutCookieIsDeadEverywhere(t *testing.T) {
	h := newHouse(t, nil)
	b := newBrowser(t, h)
	home := b.signIn("ana@acme.example")
	cookie, session, consent := "ficha_session="+b.cookie("ficha_session"), b.session(), b.ask(install())
	s := home.form("/panel/logout").post()
	if s.url != "/panel/login" || b.cookie("ficha_session") != "" {
		t.Errorf("signing out ends on %s with cookie %q", s.url, b.cookie("ficha_session"))
	}
	for _, path := range []string{"/panel/", consent} {
		if a := h.Request("GET", path, nil, "Cookie", cookie); a.Status != 302 || !strings.HasPrefix(a.Header.Get("Location"), "/panel/login") {
			t.Errorf("%s answers %d to a session that was signed out", path, a.Status)
		}
	}
	id := strings.TrimPrefix(consent, "/panel/consent?request=")
	if a := h.Request("POST", "/panel/consent", url.Values{"request": {id}, "action": {"allow"}, "workspace": {"ws1"}}, "Cookie", cookie); a.Status != 403 {
		t.Errorf("it consents: %d", a.Status)
	}
	for _, surface := range []token.Surface{token.AtPages, token.AtAPI, token.AtVerify, token.AtIntrospect} {
		r, err := h.Verifier.Record(t.Context(), session.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Verifier.Weigh(t.Context(), r, token.Use{Now: h.Clock.Now().UnixMilli(), Surface: surface, AnyWorkspace: true}); err == nil {
			t.Errorf("surface %d lets it in", surface)
		}
	}
	b.open("/panel/login").says(200)
}

func TestSessionEndsByItself(t *testing.T) {
	h := newHouse(t, nil)
	b := newBrowser(t, h)
	b.signIn("ana@acme.example").says(200)
	h.Clock.Move(11 * time.Hour)
	if s := b.open("/panel/"); s.url != "/panel/" {
		t.Errorf("after 11 hours: %s", s.url)
	}
	h.Clock.Move(time.Hour)
	if s := b.open("/panel/"); s.url != "/panel/login" {
		t.Errorf("after 12 hours: %s", s.url)
	}
}

func TestPersonWithoutWorkspaceIsToldSoAndGetsNoSession(t *testing.T) {
	b := newBrowser(t, newHouse(t, nil))
	b.signIn("none@acme.example").says(403, "You belong to no workspace")
	if b.cookie("ficha_session") != "" {
		t.Error("a session was made")
	}
	if s := b.open("/panel/"); s.url != "/panel/login" {
		t.Errorf("ends on %s", s.url)
	}
}

func TestBearerTokenIsNoSession(t *testing.T) {
	h := newHouse(t, nil)
	b := newBrowser(t, h)
	b.signIn("ana@acme.example")
	secret := b.cookie("ficha_session")
	if a := h.Request("GET", "/panel/", nil, "Authorization", "Bearer "+secret); a.Status != 302 {
		t.Errorf("a session in the header opens the page: %d", a.Status)
	}
	last := "0"
	if strings.HasSuffix(secret, last) {
		last = "1"
	}
	if a := h.Request("GET", "/panel/", nil, "Cookie", "ficha_session="+secret[:len(secret)-1]+last); a.Status != 302 {
		t.Errorf("a changed secret opens the page: %d", a.Status)
	}
}

// TestFormOfAnotherSiteIsRefused tries every form that the server takes.
func TestFormOfAnotherSiteIsRefused(t *testing.T) {
	h := newHouse(t, nil)
	b := newBrowser(t, h)
	b.signIn("ana@acme.example").says(200)
	consent := b.ask(install())
	posts := map[string]url.Values{
		"/panel/login":   {"email": {"ana@acme.example"}, "password": {password}},
		"/panel/consent": {"request": {strings.TrimPrefix(consent, "/panel/consent?request=")}, "action": {"allow"}, "workspace": {"ws1"}},
	}
	wildcards := regexp.MustCompile(`{\w+}`)
	for _, r := range h.Floor.Routes() {
		if path, ok := strings.CutPrefix(r.Pattern, "POST /panel/"); ok {
			path = "/panel/" + wildcards.ReplaceAllString(strings.Replace(path, "{workspace}", "ws1", 1), "x")
			if _, there := posts[path]; !there {
				posts[path] = nil
			}
		}
	}
	if len(posts) < 50 {
		t.Fatalf("only %d forms", len(posts))
	}
	for path, values := range posts {
		for _, headers := range [][]string{
			{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"},
			{"Sec-Fetch-Site", "same-site", "Origin", "https://sub.example"},
			{"Sec-Fetch-Site", "cross-site", "Origin", "null"}, // a frame in a sandbox
			{"Sec-Fetch-Site", "", "Origin", "null"},
			{"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
		} {
			res := b.do("POST", h.URL+path, values, headers...)
			if res.StatusCode != 403 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
				t.Errorf("%s with %q answers %d %s, want a page with 403", path, headers, res.StatusCode, res.Header.Get("Content-Type"))
			}
		}
	}
	b.open(consent).says(200).form("/panel/consent") // still signed in, still asked
}
