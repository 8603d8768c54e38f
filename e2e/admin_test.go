package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// administrate signs somebody in who looks after ws1, and returns the address of
// its pages.
func (b *browser) administrate(h *house, lang string) string {
	b.t.Helper()
	b.do(chromedp.Navigate(h.url + "/panel/login?lang=" + lang))
	b.signIn("ana@acme.example")
	b.do(chromedp.WaitVisible(chromedp.CSS(".out button")))
	return h.url + "/panel/w/ws1"
}

// webhook makes one by the form and shows its page.
func (b *browser) webhook(at, url string) {
	b.t.Helper()
	b.do(
		chromedp.Navigate(at+"/webhooks"), click(".head .button"), chromedp.WaitVisible(chromedp.CSS("#url")),
		write("#url", url), click("#group-0"), click("main form .main"),
		chromedp.WaitVisible(chromedp.CSS("#secret")),
	)
}

// TestWorkspaceIsLookedAfter walks through the pages of administration, with and
// without scripts: a webhook with its secret once, its deliveries and its end; a
// policy that is tried; a rule of alerts.
func TestWorkspaceIsLookedAfter(t *testing.T) {
	h := start(t)
	for name, scripts := range map[string]bool{"with scripts": true, "without scripts": false} {
		t.Run(name, func(t *testing.T) {
			b := newBrowser(t, scripts)
			at := b.administrate(h, "en")
			b.webhook(at, "https://hooks.acme.example/in")
			if secret := ask(b, chromedp.Text(chromedp.CSS("#secret"))); !strings.HasPrefix(secret, "whsec_") {
				t.Errorf("the secret is %q", secret)
			}
			if scripts {
				b.do(click("button[data-copy]"))
				b.do(chromedp.WaitVisible(chromedp.CSS("body[data-copied]")))
			}
			b.do(click("main p:last-child a"), click(`form[action$="/test"] button`), chromedp.WaitVisible(chromedp.CSS("td a")))
			b.says("#said", "A test event is on its way. The deliveries tell what came of it.")
			b.do(click("td a"), chromedp.WaitVisible(chromedp.CSS("pre")), click(".trail li:last-child a"))
			b.do(click(`button[commandfor="end"]`), chromedp.WaitVisible(chromedp.CSS("#end")), click(`#end button[type="submit"]`))
			b.says("#said", "The webhook was deleted.")
			b.do(
				chromedp.Navigate(at+"/policies"), write(`[name="max_ttl.service"]`, "30d"),
				click(`button[value="try"]`), chromedp.WaitVisible(chromedp.CSS("#tried")),
			)
			b.do(chromedp.Navigate(at+"/alerts"), click("tbody td a"), click("main form .main"))
			b.says("#said", "The rules were saved.")
		})
	}
}
