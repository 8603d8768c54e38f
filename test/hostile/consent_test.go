package hostile_test

import (
	"net/url"
	"strings"
	"testing"
)

// A consent is one person's answer, in one session, to one request, from our own
// page; everything else stores nothing and gives no code.
func TestConsentIsForOneSessionOneRequestOnce(t *testing.T) {
	p := start(t)
	ana, leo := p.signedIn(t, "ana@acme.example"), p.signedIn(t, "leo@acme.example")
	again := p.signedIn(t, "ana@acme.example")
	const hub = "https://hub.example/cb"
	id, _ := p.asked(t, ana, hubspot("hub", "oauth crm.read content_management_manage", hub))
	yes := func(more ...string) url.Values {
		f := form("request", id, "action", "allow", "workspace", "acme")
		for i := 0; i+1 < len(more); i += 2 {
			f.Set(more[i], more[i+1])
		}
		return f
	}
	cookie := headers{"Cookie", ana[1]}
	for name, c := range map[string]struct {
		who  headers
		body url.Values
	}{
		"nobody":                 {headers{"Sec-Fetch-Site", "same-origin"}, yes()},
		"another person":         {leo, yes()},
		"another session":        {again, yes()},
		"another site":           {append(cookie, "Sec-Fetch-Site", "cross-site"), yes()},
		"another port":           {append(cookie, "Sec-Fetch-Site", "same-site"), yes()},
		"an old browser":         {append(cookie, "Origin", "https://evil.example"), yes()},
		"an opaque origin":       {append(cookie, "Origin", "null"), yes()},
		"another workspace":      {ana, yes("workspace", "globex")},
		"no such workspace":      {ana, yes("workspace", "nowhere")},
		"no such request":        {ana, yes("request", "06hivvucmgfk4")},
		"no answer":              {ana, yes("action", "")},
		"another answer":         {ana, yes("action", "ALLOW")},
		"a scope beyond":         {ana, yes("scope", "crm.read\"><script>")},
		"the answer in pieces":   {ana, url.Values{"request": {id, id}, "action": {"allow"}, "workspace": {"acme"}}},
		"the workspace repeated": {ana, url.Values{"request": {id}, "action": {"allow"}, "workspace": {"acme", "globex"}}},
	} {
		a := p.call(t, "POST", "/panel/consent", c.body, c.who)
		if a.code < 400 || a.code > 499 || a.header.Get("Location") != "" || strings.Contains(a.body, "<script") {
			t.Errorf("%s: %s to %q", name, a, a.header.Get("Location"))
		}
	}
	a := p.call(t, "GET", "/panel/consent?"+yes().Encode(), nil, ana)
	if a.code >= 300 && a.code < 400 {
		t.Errorf("an answer by GET: %s", a)
	}
	a = p.call(t, "POST", "/panel/consent", yes("scope", "catalog:write"), ana)
	to, _ := url.Parse(a.header.Get("Location"))
	if to.Query().Get("code") == "" {
		t.Fatalf("the honest answer: %s", a)
	}
	if got := p.redeemed(t, "/oauth/v1/token", "hub", "hub-canary-client-secret", hub, to.Query().Get("code")); got.json("scope") != "oauth crm.read content_management_manage" {
		t.Errorf("a scope that was not asked for was ticked: %s", got)
	}
	if a := p.call(t, "POST", "/panel/consent", yes(), ana); a.code != 403 || a.header.Get("Location") != "" {
		t.Errorf("answered twice: %s", a)
	}
}

// Who signs in comes back to a page of ours and nowhere else.
func TestSignInLeadsNowhereElse(t *testing.T) {
	p := start(t)
	own := []string{"/panel/", "/panel/login", "/panel/consent", "/oauth2/authorize", "/oauth/authorize"}
	for _, next := range []string{
		"https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil.example", "/%2fevil.example", "/%5cevil.example", "http:evil.example",
		"javascript:alert(1)", " //evil.example", "/\t/evil.example", "/panel/..//evil.example", "/panel/%2e%2e//evil.example", "/oauth/..\\evil", "////evil.example",
		"/panel/\r\nLocation: https://evil.example", "/panel/%0d%0aX: y", "@evil.example", "/panel@evil.example", "https:/evil.example", "/v1/tokens", "/metrics",
		"/oauth2/authorize#@evil.example", "/oauth2/authorize/../../evil", "", "?", "/panel/\u2028", "/panel/logout",
	} {
		a := p.call(t, "POST", "/panel/login", form("email", "ana@acme.example", "password", "canary-password-ana", "next", next), headers{"Sec-Fetch-Site", "same-origin"})
		to, err := url.Parse(a.header.Get("Location"))
		if a.code != 303 || err != nil || to.Host != "" || to.Scheme != "" {
			t.Errorf("%q: %d to %q", next, a.code, a.header.Get("Location"))
			continue
		}
		ours := false
		for _, path := range own {
			ours = ours || to.Path == path || strings.HasPrefix(to.Path, "/panel/")
		}
		if !ours {
			t.Errorf("%q: leads to %q", next, to)
		}
		if page := p.call(t, "GET", "/panel/login?next="+url.QueryEscape(next), nil, nil); strings.Contains(page.body, "evil.example") {
			t.Errorf("%q: stands on the sign-in page", next)
		}
	}
}

// Every page is kept out of frames and caches, runs no script, and shows what
// strangers wrote as text.
func TestPagesHoldNoMarkupOfStrangers(t *testing.T) {
	p := start(t)
	ana := p.signedIn(t, "ana@acme.example")
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>`
	q := url.QueryEscape(evil)
	id, _ := p.asked(t, ana, standard("web", "catalog:read", "https://web.example/cb", "state", evil))
	for _, path := range []string{
		"/panel/", "/panel/login?next=" + q, "/panel/login?lang=" + q, "/panel/consent?request=" + id, "/panel/consent?request=" + q, "/panel/" + url.PathEscape(evil),
		"/panel/setup?token=" + q, "/oauth/authorize?client_id=" + q, "/oauth/authorize?client_id=hub&redirect_uri=" + q, "/oauth2/authorize?client_id=" + q,
		"/oauth2/authorize?" + q + "=1", "/oauth/" + url.PathEscape(evil) + "/authorize?client_id=hub", "/oauth2/authorize?client_id=web&redirect_uri=javascript:alert(1)",
	} {
		for _, who := range []headers{nil, ana} {
			a := p.call(t, "GET", path, nil, append(headers{"Accept-Language", evil}, who...))
			// The one script of the pages' own has a source and a nonce.
			if strings.Contains(a.body, "<script>") || strings.Contains(a.body, "<img src=x") || strings.Count(a.body, "<script") > 1 {
				t.Errorf("%s: markup: %s", path, a)
			}
			if a.code >= 300 && a.code < 400 {
				continue
			}
			csp := a.header.Get("Content-Security-Policy")
			if !strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "default-src 'none'") || a.header.Get("Cache-Control") != "no-store" ||
				a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("%s: headers %v", path, a.header)
			}
		}
	}
	for _, path := range []string{"/" + url.PathEscape(evil), "/v1/" + url.PathEscape(evil), "/users/me/" + url.PathEscape(evil), "/oauth/v9/token", "/v1/tokens/" + url.PathEscape(evil)} {
		a := p.call(t, "GET", path, nil, bearer("canary-pat-ana-admin-000"))
		if strings.Contains(a.body, "<script") || strings.Contains(a.header.Get("Content-Type"), "html") || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %s %v", path, a, a.header)
		}
	}
}
