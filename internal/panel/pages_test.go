package panel_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/server/servertest"
)

// Every route of the panel, as a stranger and as a person.
func TestEveryPageIsNeverFramedCachedOrReferred(t *testing.T) {
	h := newHouse(t, nil)
	b := newBrowser(t, h)
	b.signIn("ana@acme.example")
	b.open("/panel/?lang=en")
	pages := 0
	for _, route := range h.Panel.Routes() {
		method, path, _ := strings.Cut(route.Pattern, " ")
		path = strings.NewReplacer("{$}", "", "{id}", "0000000000000", "{workspace}", "ws1").Replace(path)
		for _, one := range []*browser{b, newBrowser(t, h)} {
			res := one.do(method, h.URL+path, nil)
			pages += held(t, route.Pattern, res)
			if method == http.MethodGet {
				head := one.do(http.MethodHead, h.URL+path, nil)
				if head.StatusCode != res.StatusCode || head.Header.Get("Content-Type") != res.Header.Get("Content-Type") {
					t.Errorf("HEAD %s answers %d %s, GET %d", path, head.StatusCode, head.Header.Get("Content-Type"), res.StatusCode)
				}
			}
			if method == http.MethodPost { // signing out in the middle would hide the rest
				b.signIn("ana@acme.example")
			}
		}
	}
	for _, path := range []string{b.ask(install()), b.ask(standard())} {
		pages += held(t, path, b.do(http.MethodGet, h.URL+path, nil))
	}
	if pages < 15 {
		t.Errorf("only %d answers were pages", pages)
	}
}

// held checks the headers of an answer and reports 1 for a page.
func held(t *testing.T, what string, res *reply) int {
	t.Helper()
	head := res.Header
	if media := head.Get("Content-Type"); strings.HasPrefix(media, "text/css") || strings.HasPrefix(media, "text/javascript") {
		if !strings.Contains(head.Get("Cache-Control"), "immutable") || head.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", what, head)
		}
		return 0
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"} {
		if head.Get(name) != want {
			t.Errorf("%s answers %d with %s %q, want %q", what, res.StatusCode, name, head.Get(name), want)
		}
	}
	if head.Get("Location") != "" || head.Get("Content-Type") == "image/png" {
		return 0
	}
	csp := head.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"} {
		if !strings.Contains(csp, part) {
			t.Errorf("%s answers %d with policy %q, which lacks %s", what, res.StatusCode, csp, part)
		}
	}
	if strings.HasPrefix(head.Get("Content-Disposition"), "attachment;") {
		return 0
	}
	if head.Get("X-Frame-Options") != "DENY" || !strings.HasPrefix(head.Get("Content-Type"), "text/html") {
		t.Errorf("%s answers %d: %v", what, res.StatusCode, head)
	}
	return 1
}

func TestFormsMayLeadToAnApplicationThatIsRegistered(t *testing.T) {
	b := newBrowser(t, newHouse(t, nil))
	policy := func(path string) string { return b.open(path).header.Get("Content-Security-Policy") }
	next := func(client, uri string) string {
		return "/panel/login?next=" + url.QueryEscape("/oauth2/authorize?client_id="+client+"&redirect_uri="+url.QueryEscape(uri))
	}
	if got := policy(next("spa", "http://127.0.0.1:9/callback")); !strings.Contains(got, "form-action 'self' http:;") {
		t.Errorf("sign-in inside an authorization: %s", got)
	}
	for _, path := range []string{"/panel/login", next("spa", "http://evil.example/"), next("other", "http://127.0.0.1:9/callback")} {
		if got := policy(path); strings.Contains(got, "form-action 'self' ") {
			t.Errorf("%s: %s", path, got)
		}
	}
	b.signIn("ana@acme.example")
	if got := policy(b.ask(install())); !strings.Contains(got, "form-action 'self' http:;") {
		t.Errorf("consent: %s", got)
	}
}

func TestLanguageIsTheBrowsersUntilChosen(t *testing.T) {
	b := newBrowser(t, newHouse(t, nil))
	for accept, want := range map[string]string{"": "Sign in", "es-AR,es;q=0.9": "Iniciar sesión", "pt": "Entrar", "de-AT": "Anmelden", "fr": "Sign in", "garbage;;": "Sign in"} {
		b.accept = accept
		b.open("/panel/login").says(200, want)
	}
	b.accept = "es"
	b.open("/panel/login?next=%2Fpanel%2F&lang=xx").says(200, "Iniciar sesión")
	b.open("/panel/login?next=%2Fpanel%2F&lang=de").says(200, "Anmelden")
	b.open("/panel/login").says(200, "Anmelden")
	b.signIn("ana@acme.example").says(200, "Ihr Konto")
	b.open("/panel/nothing").says(404)
	b.open(b.ask(install())+"&lang=es").says(200, "solicita acceso", "Leer contactos")
}

func TestNamesAreTextAndNeverMarkup(t *testing.T) {
	b := newBrowser(t, newHouse(t, nil))
	b.signIn("two@acme.example")
	consent := b.ask(install())
	shown := []*shown{b.open("/panel/"), b.open(consent)}
	b.open(consent).form("/panel/consent").post("action", "allow")
	shown = append(shown, b.open("/panel/"), b.open("/panel/login?prompt=login&next="+url.QueryEscape("/panel/?\"><script>alert(1)</script>")),
		b.open("/panel/<script>alert(1)</script>"), b.open("/panel/setup?token="+url.QueryEscape("\"><script>alert(1)</script>")))
	for _, s := range shown {
		for _, markup := range []string{"<script>", "<img", "<b>", "<i>"} {
			if strings.Contains(s.html, markup) {
				t.Errorf("%s holds %s", s.url, markup)
			}
		}
	}
}

func TestErrorPageNamesTheRequestAndNothingOfOurs(t *testing.T) {
	h := newHouse(t, nil)
	b := newBrowser(t, h)
	s := b.open("/panel/secret-path?password=hunter2").says(404, "There is nothing here")
	if id := s.header.Get("X-Request-Id"); id == "" || !strings.Contains(s.text, id) {
		t.Errorf("the page does not name the request %q", id)
	}
	long := b.open("/panel/login?next=/panel/" + strings.Repeat("a", 5000)).says(400)
	if strings.Contains(long.text, "aaaa") {
		t.Error("the page repeats the request")
	}
	b.follow(b.do("POST", h.URL+"/panel/login", url.Values{"email": {strings.Repeat("a", 70_000)}})).says(413)
	b.follow(b.do("POST", h.URL+"/panel/login", nil, "Content-Type", "text/plain")).says(400)
	for _, secret := range []string{"hunter2", "secret-path", "aaaa"} {
		if strings.Contains(h.Log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

func TestBrokenDatabaseIsOurFaultAndSaysSo(t *testing.T) {
	h := newHouse(t, nil)
	b := newBrowser(t, h)
	f := b.open("/panel/login").form("/panel/login").fill("email", "ana@acme.example", "password", password)
	if err := h.Store.Close(); err != nil {
		t.Fatal(err)
	}
	s := f.post()
	if s.status < 500 || strings.Contains(s.text, "sql") || strings.Contains(s.text, "closed") {
		t.Errorf("answers %d:\n%s", s.status, s.text)
	}
}

func TestFirstSuperAdminIsMadeOnce(t *testing.T) {
	h := servertest.Start(t, "", nil)
	b := newBrowser(t, h)
	secret, needed, err := h.Identity.SetupLink(t.Context())
	if err != nil || !needed {
		t.Fatal(needed, err)
	}
	s := b.open("/panel/setup?token="+secret).says(200, "Welcome to Ficha", "12 characters")
	if strings.Count(s.html, secret) != 1 {
		t.Error("the link's secret is in more than the hidden field")
	}
	f := s.form("/panel/setup").fill("email", "ana@acme.example", "name", "Ana", "workspace", "Acme")
	s = f.post().says(422, "This is needed")
	if f := s.form("/panel/setup"); f.fields.Get("email") != "ana@acme.example" || f.fields.Get("token") != secret {
		t.Errorf("the form keeps %v", f.fields)
	}
	f.fill("password", "short").post().says(422, "at least 12 characters")
	f.fill("password", password, "email", "not an address").post().says(422, "cannot be used")
	f.fill("email", "ana@acme.example").fields.Set("token", "WRONG")
	f.post().says(403, "no longer works")
	s = f.fill("token", secret).post().says(200, "Ana", "Acme", "Super admin")
	if s.url != "/panel/" {
		t.Errorf("ends on %s", s.url)
	}
	f.post().says(403, "no longer works")
	b.signIn("ana@acme.example").says(200)
	if strings.Contains(h.Log.String(), secret) {
		t.Error("the log holds the link's secret")
	}
}
