package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/fichadev/ficha/internal/token"
)

// plain returns a browser that runs no script, with Ana signed in.
func plain(t *testing.T, s *sample) *visitor {
	t.Helper()
	v := newVisitor(t, s, 0)
	s.signedIn("plain", "ana") // one walk signs out
	v.appears("plain", look{lang: "en"})
	return v
}

// did fails unless the page that follows begins with what was done.
func (v *visitor) did(want string) {
	v.browser.t.Helper()
	v.do(chromedp.WaitVisible(chromedp.CSS("#said p")))
	if got := ask(v.browser, chromedp.Text(chromedp.CSS("#said p"))); !strings.HasPrefix(got, want) {
		v.browser.t.Fatalf("the page says %q, want %q", got, want)
	}
}

// follow clicks what leads to another page, and waits for that page: it may look
// like the one that is left.
func (v *visitor) follow(css string) {
	v.browser.t.Helper()
	ask(v.browser, chromedp.Evaluate[chromedp.Void](`document.documentElement.dataset.left = ""`))
	v.do(click(css), chromedp.WaitNotPresent(chromedp.CSS("html[data-left]")), chromedp.WaitVisible(chromedp.CSS("main h1")))
}

// agrees opens the question before a deed, and says yes.
func (v *visitor) agrees(dialog string) {
	v.browser.t.Helper()
	v.do(click(`button[commandfor^="` + dialog + `"]`))
	v.follow(`dialog[open] button[type="submit"]`)
}

// secret returns the secret that the page shows once.
func (v *visitor) secret() string {
	v.browser.t.Helper()
	v.do(chromedp.WaitVisible(chromedp.CSS("#secret")))
	if ask(v.browser, chromedp.Evaluate[bool](`!!document.getElementById("copied")?.checkVisibility()`)) {
		v.browser.t.Error("the page says whether the secret was copied, which it cannot know")
	}
	return strings.TrimSpace(ask(v.browser, chromedp.Text(chromedp.CSS("#secret"))))
}

// opened reports whether a secret opens anything.
func (v *visitor) opened(secret string) bool {
	v.browser.t.Helper()
	return v.Request(http.MethodGet, "/verify", nil, "Authorization", "Bearer "+secret).Status == http.StatusOK
}

// TestEveryJourneyWorksWithoutScripts walks through each area of the panel with
// scripts switched off. Signing in, consent, webhooks and the service token that
// is found and revoked have journeys of their own.
func TestEveryJourneyWorksWithoutScripts(t *testing.T) {
	s := newSample(t)
	for name, walk := range map[string]func(*visitor){
		"my tokens": walkOwnTokens, "ephemeral token": walkEphemeral, "token": walkToken, "rotation": walkRotation, "inventory": walkInventory, "applications": walkApplications,
		"members": walkMembers, "roles": walkRoles, "policy": walkPolicy, "alerts": walkAlerts, "audit": walkAudit, "usage": walkUsage, "settings": walkSettings, "account": walkAccount,
	} {
		t.Run(name, func(t *testing.T) { walk(plain(t, s)) })
	}
}

func walkOwnTokens(v *visitor) {
	v.to(v.page("/tokens"))
	v.then(".head .button", "#name")
	v.then(`.tabs a[href*="personal"]`, "#name")
	v.do(write("#name", "Plain notebook"), click(`fieldset[data-find="catalog"] .choice:nth-child(2) input`), click(`button[value="create"]`))
	secret := v.secret()
	if !v.opened(secret) {
		v.browser.t.Fatal("the new token opens nothing")
	}
	v.then("main > p:last-child a", ".deeds")
	v.says("h1", "Plain notebook")
	v.to(v.page("/tokens"))
	v.agrees("revoke-") // the newest stands first
	v.did("The token is revoked. Nothing opens with it any more.")
	if v.opened(secret) {
		v.browser.t.Error("the token opens on")
	}
}

func walkEphemeral(v *visitor) {
	v.to(v.page("/tokens/new?type=ephemeral&name=Once&scopes=catalog%3Aread"))
	v.do(click(".order details summary"), write(`[name="max_uses"]`, "1"), click(`button[value="create"]`))
	secret := v.secret()
	if first, second := v.opened(secret), v.opened(secret); !first || second {
		v.browser.t.Errorf("a token for one use opens at first: %t, then: %t", first, second)
	}
}

func walkToken(v *visitor) {
	name := v.another()
	v.to(v.of(name))
	v.agrees("suspend")
	v.did("The token is suspended. It opens nothing until somebody resumes it.")
	v.agrees("resume")
	v.did("The token opens again what it may.")
	v.agrees("brownout")
	v.did("The token is off for a while. Here you see who needs it meanwhile.")
	v.agrees("resume")
	v.did("The token opens again what it may.")
	v.agrees("revoke")
	v.did("The token is revoked. Nothing opens with it any more.")
	if v.opened(v.made[name].Secret) {
		v.browser.t.Error("the token opens on")
	}
}

func walkRotation(v *visitor) {
	name := v.another()
	v.to(v.of(name))
	v.agrees("rotate")
	next, old := v.secret(), v.made[name].Secret
	v.to(v.of(name))
	v.agrees("turn-cancel")
	v.did("The rotation has gone on.")
	if v.opened(next) || !v.opened(old) {
		v.browser.t.Error("a rotation that was given up has left another secret than the old one")
	}
}

func walkInventory(v *visitor) {
	v.to(v.page("/inventory"))
	v.do(click("details.card > summary"), chromedp.SetValue(chromedp.CSS(`.filters [name="kind"]`), "personal"), write(`.filters [name="scope"]`, "assets:read"))
	v.then(`.filters button[type="submit"]`, ".active a")
	v.says("tbody td a", "Old import script")
	v.then(".active li:first-child a", ".active li:only-child")
	v.follow(".active a")
	v.follow(".cards a")
	v.do(write("#q", "Media pipeline"))
	v.follow(".find button")
	v.says("tbody td a", "Media pipeline")
}

func walkApplications(v *visitor) {
	v.to(v.page("/applications"))
	v.then(".head .button", `[name="client_name"]`)
	v.do(write(`[name="client_name"]`, "Plain shop"), write(`[name="redirect_uris"]`, "https://shop.acme.example/back"), write(`[name="scope"]`, "catalog:read"))
	v.follow("main form .main")
	v.secret()
	v.then("main p:last-child a", `a[href$="/edit"]`)
	v.says("h1", "Plain shop")
	v.then(`a[href$="/edit"]`, `[name="description"]`)
	v.do(write(`[name="description"]`, "Sells books"))
	v.follow("main form .main")
	v.did("The application was saved.")
	v.follow(`.filters button[type="submit"]`)
	v.do(chromedp.WaitVisible(chromedp.CSS("#link")))
	v.agrees("rotate-")
	v.secret()
	v.then("main p:last-child a", `a[href$="/edit"]`)
	v.agrees("disable")
	v.did("The application was disabled. Its tokens have ended.")
	v.agrees("enable")
	v.did("The application was enabled.")
}

func walkMembers(v *visitor) {
	v.to(v.page("/members"))
	v.then(".head .button", `[name="email"]`)
	v.do(write(`[name="email"]`, "eva@acme.example"), write(`[name="name"]`, "Eva Plain"))
	v.follow("main form .main")
	v.did("They are invited, and a member once they accept, within 7 days. A letter is on its way to them; who is new here chooses a password by its link.")
	id := need(v.browser.t, v.Store.PersonByEmail, "eva@acme.example")
	if err := v.Identity.Accept(v.browser.t.Context(), token.Actor{Kind: token.User, ID: id}, "acme"); err != nil {
		v.browser.t.Fatal(err)
	}
	v.to(v.page("/members/" + id + "/role"))
	v.do(chromedp.SetValue(chromedp.CSS(`[name="role"]`), "admin"))
	v.follow("main form .main")
	v.did("The member was changed.")
	v.to(v.page("/members/" + id))
	v.do(write(`form[action$="/remove"] [name="reason"]`, "left"))
	v.follow(`form[action$="/remove"] .grave`)
	v.did("The membership has ended, with every token that stood on it.")
}

func walkRoles(v *visitor) {
	v.to(v.page("/members/roles"))
	v.do(write("#name", "writer"), write("#scopes", "content:write"))
	v.follow("main form .main")
	v.did("The role was saved.")
	v.agrees("drop-writer")
	v.did("The role was removed.")
}

func walkPolicy(v *visitor) {
	v.to(v.page("/policies"))
	v.do(write(`[name="max_ttl.ephemeral"]`, "30m"))
	v.then(`button[value="try"]`, "#tried")
	v.follow(`button[value="save"]`)
	v.did("The policy was saved.")
}

func walkAlerts(v *visitor) {
	v.to(v.page("/alerts"))
	v.then(".head .button", `[name="over"]`)
	v.do(write(`[name="name"]`, "plain"), chromedp.Clear(chromedp.CSS(`[name="over"]`)), write(`[name="over"]`, "0.2"))
	v.follow("main form .main")
	v.did("The rules were saved.")
	v.to(v.page("/alerts/rule?name=plain"))
	v.agrees("drop")
	v.did("The rules were saved.")
}

func walkAudit(v *visitor) {
	v.to(v.page("/audit"))
	v.do(write(`[name="actor"]`, "bruno@acme.example"))
	v.follow(`.filters button[type="submit"]`)
	for _, said := range ask(v.browser, chromedp.Evaluate[[]string](`[...document.querySelectorAll("td a")].map(a => a.innerText)`)) {
		if !strings.Contains(said, "bruno@acme.example") {
			v.browser.t.Errorf("among what Bruno did stands %q", said)
		}
	}
	v.then("td a", "pre")
	v.then(".links a", "td a")
}

func walkUsage(v *visitor) {
	v.to(v.page("/usage"))
	v.then(`.ranges a[href*="7d"]`, `.ranges [aria-current][href*="7d"]`)
	v.do(write(`[name="client"]`, "website"))
	v.follow(`.filters button[type="submit"]`)
	v.do(click("section details summary"), chromedp.WaitVisible(chromedp.CSS("section details table")))
}

func walkSettings(v *visitor) {
	v.to(v.page("/settings"))
	v.do(chromedp.Clear(chromedp.CSS("#name")), write("#name", "Acme Books"))
	v.follow("main form .main")
	v.did("The settings were saved.")
	v.agrees("make-feed")
	if address := v.secret(); !strings.HasPrefix(address, sampleURL+"/v1/expiry-feeds/") {
		v.browser.t.Errorf("the calendar is at %s", address)
	}
	v.agrees("end-feed")
	v.did("The address of your calendar has ended.")
}

func walkAccount(v *visitor) {
	v.to(sampleURL + "/panel/")
	v.follow(`form[action$="/end"] button`)
	v.did("The access has ended.")
	v.do(chromedp.SetValue(chromedp.CSS(`[name="locale"]`), "de"))
	v.follow(`form[action="/panel/profile"] .main`)
	v.did("Gespeichert.")
	v.follow(`.foot a[hreflang="en"]`)
	v.do(click(".out button"), chromedp.WaitVisible(chromedp.CSS("#password")))
}
