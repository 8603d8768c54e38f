package e2e

import (
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// install returns the address that HubSpot's contract gives to people.
func (h *house) install() string {
	return h.url + "/oauth/authorize?" + url.Values{
		"client_id": {"hs-client"}, "redirect_uri": {h.app.callback}, "scope": {"oauth crm.objects.contacts.read"}, "optional_scope": {"forms"}, "state": {"s 1"},
	}.Encode()
}

// authorize returns the address of the standard contract.
func (h *house) authorize() string {
	return h.url + "/oauth2/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {"spa"}, "redirect_uri": {h.app.callback}, "scope": {"openid offline_access catalog:read content:write"}, "state": {"s 1"},
		"code_challenge": {strings.Repeat("a", 43)}, "code_challenge_method": {"S256"},
	}.Encode()
}

// TestPersonGivesAccess walks from the application's link over sign-in and
// consent back to the application, under the policies that are really sent.
func TestPersonGivesAccess(t *testing.T) {
	h := start(t)
	for _, lang := range []struct{ tag, submit, allow, account string }{
		{"en", "Sign in", "Allow", "Your account"},
		{"es", "Iniciar sesión", "Permitir", "Tu cuenta"},
	} {
		for _, scripts := range []bool{true, false} {
			for contract, link := range map[string]string{"hubspot": h.install(), "oauth2": h.authorize()} {
				name := lang.tag + " " + contract
				if !scripts {
					name += " without scripts"
				}
				t.Run(name, func(t *testing.T) {
					b := newBrowser(t, scripts)
					_, before := h.app.last()
					b.do(chromedp.Navigate(h.url+"/panel/login?lang="+lang.tag), chromedp.Navigate(link))
					b.says("button.main", lang.submit)
					b.signIn("ana@acme.example")
					b.says(`button[value="allow"]`, lang.allow)
					b.do(chromedp.Click(chromedp.CSS(`button[value="allow"]`)), chromedp.WaitVisible(chromedp.CSS("#welcome")))
					query, after := h.app.last()
					heard, err := url.ParseQuery(query)
					if err != nil || after != before+1 || heard.Get("code") == "" || heard.Get("state") != "s 1" {
						t.Errorf("the application heard %q, %d times", query, after-before)
					}
					b.do(chromedp.Navigate(h.url + "/panel/"))
					b.says("h1", lang.account)
				})
			}
		}
	}
}

func TestPersonSaysNoAndTakesAccessBack(t *testing.T) {
	h := start(t)
	b := newBrowser(t, true)
	b.do(chromedp.Navigate(h.authorize()))
	b.signIn("ana@acme.example")
	b.do(chromedp.Click(chromedp.CSS(`button[value="deny"]`)), chromedp.WaitVisible(chromedp.CSS("#welcome")))
	if query, _ := h.app.last(); !strings.Contains(query, "error=access_denied") {
		t.Errorf("the application heard %q", query)
	}
	_, before := h.app.last()
	b.do(chromedp.Navigate(h.install()), chromedp.Click(chromedp.CSS(`button[value="deny"]`)), chromedp.WaitVisible(chromedp.CSS(".notice.calm")))
	if _, after := h.app.last(); after != before {
		t.Error("HubSpot's contract tells the application of a no")
	}
	b.do(
		chromedp.Navigate(h.install()),
		chromedp.Click(chromedp.CSS(`button[value="allow"]`)), chromedp.WaitVisible(chromedp.CSS("#welcome")),
		chromedp.Navigate(h.url+"/panel/"),
		chromedp.Click(chromedp.CSS(`form[action$="/end"] button`)), chromedp.WaitNotPresent(chromedp.CSS(`form[action$="/end"]`)),
		chromedp.Click(chromedp.CSS(`.out button`)), chromedp.WaitVisible(chromedp.CSS("#password")),
	)
}
