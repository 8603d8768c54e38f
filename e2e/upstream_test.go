package e2e

import (
	"bufio"
	"context"
	"net/url"
	"os"
	"os/exec"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// startProvider runs a real OpenID provider for the program at an address, until
// the test is over, and returns the variables that name it.
func startProvider(t *testing.T, base string) []string {
	t.Helper()
	const secret = "only-for-this-test"
	node := exec.CommandContext(context.WithoutCancel(t.Context()), "node", "provider.js")
	node.Dir = "../test/provider"
	node.Env = append(os.Environ(), "PROVIDER_CALLBACK="+base+"/panel/login/upstream/callback", "PROVIDER_SECRET="+secret)
	life, err := node.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = life.Close() // it ends by that
		_ = node.Wait()
	})
	first := bufio.NewScanner(out)
	if !first.Scan() {
		t.Fatal("the provider ended before it said where it is: npm ci in test/provider")
	}
	return []string{"FICHA_UPSTREAM_ISSUER=" + first.Text(), "FICHA_UPSTREAM_CLIENT_ID=ficha", "FICHA_UPSTREAM_CLIENT_SECRET=" + secret, "FICHA_UPSTREAM_NAME=Acme ID"}
}

// goes leads to the provider by the link of the sign-in.
func (b *browser) goes(login string) {
	b.t.Helper()
	b.do(chromedp.Navigate(login), click(`a[href^="/panel/login/upstream"]`))
}

// continues signs in at the provider under a name.
func (b *browser) continues(login, name string) {
	b.t.Helper()
	b.goes(login)
	b.do(chromedp.WaitVisible(chromedp.CSS("#name")), write("#name", name+"\r"))
}

// adds makes NAME@acme.example a member, on the pages.
func (b *browser) adds(at, name string) {
	b.t.Helper()
	b.do(
		chromedp.Navigate(at+"/members"), click(".head .button"), chromedp.WaitVisible(chromedp.CSS("#email")),
		write("#email", name+"@acme.example"), click("main form .main"), chromedp.WaitVisible(chromedp.CSS("#said p")),
	)
}

// forEverybody holds the page that is shown to WCAG 2.2 AA, in light on a screen
// and in dark on a phone. It needs scripts.
func (b *browser) forEverybody(scripts bool) {
	b.t.Helper()
	if !scripts {
		return
	}
	axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		b.t.Fatalf("%v: run npm ci here, as make deps does", err)
	}
	for _, one := range []struct {
		scheme string
		width  int64
	}{{"dark", 320}, {"light", 1280}} {
		call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: one.scheme}},
		})
		b.do(chromedp.EmulateViewport(one.width, 800))
		b.check(string(axe))
	}
}

// TestPeopleContinueWithAnotherProvider walks through it with a certified
// provider, with and without scripts: who was just added, who has a password,
// who comes back, who is asked anew, and who is not known.
func TestPeopleContinueWithAnotherProvider(t *testing.T) {
	base, there := named(t)
	h := start(t, append(startProvider(t, base), there...)...)
	h.url = base
	login := base + "/panel/login?lang=en&next=" + url.QueryEscape("/panel/security")
	at := newBrowser(t, true)
	pages := at.administrate(h, "en")
	for _, one := range []struct {
		name    string
		scripts bool
		added   string
		member  string
	}{
		{"with scripts", true, "nora", "lim"},
		{"without scripts", false, "nico", "ana"},
	} {
		t.Run(one.name, func(t *testing.T) {
			at.adds(pages, one.added)
			added := newBrowser(t, one.scripts)
			added.continues(login, one.added)
			added.arrives(`button[value="accept"]`, "Invitations")
			added.forEverybody(one.scripts)
			added.do(click(`button[value="accept"]`), chromedp.WaitVisible(chromedp.CSS("#said p")), chromedp.Navigate(base+"/panel/security"))
			added.arrives(`button[value="all"]`, "How you sign in")
			added.forEverybody(one.scripts)
			added.says(".card .facts + .hint", "It is your only way in. To remove it, choose a password or add a passkey first.")

			b := newBrowser(t, one.scripts)
			b.continues(login, one.member)
			b.says(".remark", "Sign in here once, as you always do. From then on "+one.member+"@acme.example at Acme ID signs you in too.")
			b.forEverybody(one.scripts)
			b.do(write("#password", password+"\r"))
			b.says("#said p", "Linked. That account signs you in too from now on.")
			b.forEverybody(one.scripts)
			b.do(click(".out button"), chromedp.WaitVisible(chromedp.CSS("#password")))
			b.forEverybody(one.scripts)
			b.goes(login) // signed in there already
			b.arrives(`button[value="all"]`, "How you sign in")
			b.continues(base+"/panel/login?prompt=login", one.member)
			b.arrives(`form[action="/panel/profile"]`, "Your account")
			b.do(chromedp.Navigate(base+"/panel/security"), click(`button[commandfor="drop-upstream"]`), click(`#drop-upstream button[type="submit"]`)) // a dialog without a script
			b.says("#said p", "The link is gone. All other sessions have ended.")

			linked := newBrowser(t, one.scripts) // by hand, to an account with another address
			linked.do(
				chromedp.Navigate(login), chromedp.WaitVisible(chromedp.CSS("#email")), write("#email", one.member+"@acme.example"), write("#password", password+"\r"),
				click(`a[href="/panel/security/upstream"]`), chromedp.WaitVisible(chromedp.CSS("#name")), write("#name", "other-"+one.added+"\r"),
			)
			linked.says(".card > .remark", "You came back from Acme ID as other-"+one.added+"@acme.example. Link it only if it is yours: from then on it signs you in here.")
			linked.forEverybody(one.scripts)
			linked.do(click(`button[value="link"]`))
			linked.says("#said p", "Linked. That account signs you in too from now on.")
			linked.do(click(".out button"), chromedp.WaitVisible(chromedp.CSS("#password")))
			linked.goes(login)
			linked.arrives(`button[value="all"]`, "How you sign in")

			stranger := newBrowser(t, one.scripts)
			stranger.continues(login, "stranger")
			stranger.says("#errors li", "Nobody here has the address stranger@acme.example. An admin of your workspace can add you under “Members”.")
		})
	}
	unsure := newBrowser(t, true)
	unsure.continues(login, "unverified-lim")
	unsure.says("#errors li", "Acme ID does not vouch for your e-mail address. Confirm it there, or use your password.")
}
