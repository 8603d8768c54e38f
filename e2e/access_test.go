package e2e

import (
	"os"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// A look is one way in which people see the pages. Together they have every
// language, both colour schemes, and the width of a phone.
type look struct {
	lang, scheme string
	width        int64
}

var looks = []look{{"en", "light", 1280}, {"es", "dark", 320}, {"pt-BR", "light", 320}, {"de", "dark", 1280}}

// axeRun asks axe-core what is wrong for people with disabilities, by the
// rules of WCAG 2.2 AA and axe's own best practices.
const axeRun = `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
	.then(found => found.violations.flatMap(v => v.nodes.map(n => v.id + ": " + v.help + " at " + n.target.join(" ") + ": " + n.failureSummary)))`

// wide says whether the page is wider than its window.
const wide = `document.documentElement.scrollWidth > document.documentElement.clientWidth`

// look shows the browser's pages in one way.
func (b *browser) look(l look) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}},
	})
	b.do(chromedp.EmulateViewport(l.width, 800))
}

// check fails where the page that is shown keeps somebody out.
func (b *browser) check(page string) {
	b.t.Helper()
	axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		b.t.Fatalf("%v: run npm ci here, as make deps does", err)
	}
	ask(b, chromedp.Evaluate[chromedp.Void](string(axe)))
	for _, wrong := range ask(b, chromedp.Evaluate[[]string](axeRun, chromedp.EvalAwaitPromise)) {
		b.t.Errorf("%s: %s", page, wrong)
	}
	if ask(b, chromedp.Evaluate[bool](wide)) {
		b.t.Errorf("%s scrolls sideways", page)
	}
}

func TestPagesAreForEverybody(t *testing.T) {
	h := start(t)
	for _, l := range looks {
		t.Run(l.lang, func(t *testing.T) {
			b := newBrowser(t, true)
			b.look(l)
			check := b.check
			b.do(chromedp.Navigate(h.url + "/panel/login?lang=" + l.lang))
			if got := ask(b, chromedp.Evaluate[string](`document.documentElement.lang`)); got != l.lang {
				t.Fatalf("the page is in %s", got)
			}
			check("sign-in")
			b.do(chromedp.SendKeys(chromedp.CSS("#email"), "ana@acme.example"), chromedp.SendKeys(chromedp.CSS("#password"), "wrong\r"), chromedp.WaitVisible(chromedp.CSS("#errors")))
			check("sign-in with a wrong password")
			b.do(chromedp.Navigate(h.install()))
			b.signIn("ana@acme.example")
			b.do(chromedp.WaitVisible(chromedp.CSS(`button[value="allow"]`)))
			check("consent")
			b.do(chromedp.Click(chromedp.CSS(`button[value="allow"]`)), chromedp.WaitVisible(chromedp.CSS("#welcome")), chromedp.Navigate(h.url+"/panel/"))
			b.do(chromedp.Click(chromedp.CSS("main summary")), chromedp.Click(chromedp.CSS(".menu summary")))
			check("account")
			b.do(chromedp.Navigate(h.url + "/panel/nothing"))
			check("problem")
			b.do(chromedp.Navigate(h.url + "/panel/setup?token=x"))
			check("set-up")
			b.do(chromedp.Navigate(h.url + "/panel/login?prompt=login"))
			b.signIn("lim@acme.example")
			b.do(chromedp.WaitVisible(chromedp.CSS(`.out button`)), chromedp.Navigate(h.install()), chromedp.WaitVisible(chromedp.CSS("a.mail")))
			check("who can install")
		})
	}
}
