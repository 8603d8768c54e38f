package trials

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/factor"
)

// lifecycle goes through what happens to secrets after they were issued, and
// through those that people and other servers hold.
func lifecycle(t *testing.T, w web, seen canaries) {
	t.Helper()
	ana := as(secret("ANA_TOKEN"), "north")
	hook := must(t, 201)(w.ask("POST", "/v1/webhooks", map[string]any{"url": "https://hooks.north.example/", "events": []string{"*"}}, ana...))
	seen.keep("webhook", hook.text("secret"))
	seen.keep("webhook's next", must(t, 201)(w.ask("POST", "/v1/webhooks/"+hook.text("id")+"/rotations", map[string]any{}, ana...)).text("secret"))
	made := must(t, 201)(w.issue(nil))
	turned := must(t, 201)(w.ask("POST", "/v1/tokens/"+made.text("id")+"/rotations", map[string]any{}, ana...))
	must(t, 200)(w.verify(turned.text("token")))
	must(t, 200)(w.ask("POST", "/v1/tokens/lookup", map[string]any{"token": turned.text("token")}, ana...))
	must(t, 200)(w.ask("POST", "/v1/leaks", map[string]any{"token": made.text("token"), "url": "https://paste.example/" + made.text("token"), "source": made.text("token")[:50]}))
	must(t, 201)(w.ask("POST", "/v1/clients/harbour/secrets", map[string]any{}, as(secret("CLEO_TOKEN"), "south")...))
	feed := must(t, 201)(w.ask("POST", "/v1/expiry-feed", nil, ana...)).text("url")
	_, address, _ := strings.Cut(feed, "/v1/expiry-feeds/")
	seen.keep("calendar", strings.TrimSuffix(address, ".ics"))
	must(t, 200)(w.ask("GET", "/v1/expiry-feeds/"+address, nil))
	must(t, 404)(w.ask("GET", "/v1/expiry-feeds/"+address+"x", nil))
	b := w.browser()
	if err := b.signIn("ana@north.example", secret("ANA_PASSWORD")); err != nil {
		t.Fatal(err)
	}
	session := []string{"Cookie", b.cookieHeader(), "Origin", b.base, "X-Workspace-Id", "north"}
	acting := must(t, 201)(w.ask("POST", "/v1/impersonations", map[string]any{"user": "ben@north.example", "reason": "trial"}, session...))
	must(t, 200)(w.verify(acting.text("token")))
	logins := must(t, 200)(w.ask("GET", "/v1/client-tokens", nil, ana...))
	login := regexp.MustCompile(`"id":"([0-9a-z]{13})"`).FindStringSubmatch(logins.body)
	next := must(t, 201)(w.ask("POST", "/v1/client-tokens/"+login[1]+"/rotations", map[string]any{}, ana...)).text("client_token")
	seen.keep("client token", next)
	must(t, 200)(w.ask("POST", "/token/generate", fields{"email": "ben@north.example", "password": secret("BEN_PASSWORD") + ":" + next}))
	factors(t, w, seen)
}

// factors lets Cleo show a code of an app beside her password, and then one of
// her recovery codes.
func factors(t *testing.T, w web, seen canaries) {
	t.Helper()
	b := w.browser()
	if err := b.signIn("cleo@south.example", secret("CLEO_PASSWORD")); err != nil {
		t.Fatal(err)
	}
	if a, err := b.visit("POST", "/panel/security/app", nil); err != nil || a.status >= 400 {
		t.Fatalf("%d, %v", a.status, err)
	}
	page := must(t, 200)(b.visit("GET", "/panel/security/app", nil))
	shown := regexp.MustCompile(`[A-Z2-7]{4}( [A-Z2-7]{4}){7}`).FindString(page.body)
	app := strings.ReplaceAll(shown, " ", "")
	seen.keep("app", app)
	code, err := factor.Code(app, time.Now().Unix()/30)
	if err != nil {
		t.Fatal(err)
	}
	codes := must(t, 200)(b.visit("POST", "/panel/security/app/confirm", fields{"code": code}.form()))
	recovery := regexp.MustCompile(`[a-z2-7]{4}(-[a-z2-7]{4}){3}`).FindAllString(codes.body, -1)
	for _, code := range recovery {
		seen.keep("recovery", code)
		seen.keep("recovery", strings.ReplaceAll(code, "-", ""))
	}
	if len(recovery) == 0 {
		t.Fatal("no recovery codes were shown")
	}
	other := w.browser()
	if err := other.signIn("cleo@south.example", secret("CLEO_PASSWORD")); err != nil {
		t.Fatal(err)
	}
	must(t, 403)(other.visit("POST", "/panel/login/second", fields{"code": "aaaa-aaaa-aaaa-aaaa"}.form()))
	must(t, 303)(other.visit("POST", "/panel/login/second", fields{"code": recovery[0]}.form()))
}
