package e2e

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

var everyLook = flag.Bool("looks.all", false, "look at every page in every look, not in a sample of four")

// A look is one way in which people see the pages.
type look struct {
	lang    string
	dark    bool
	phone   bool
	scripts bool
}

// The looks of a sample are these, one in each language: any two of the three
// choices come in all their pairs. Page by page another language begins.
var (
	languages = []string{"en", "es", "pt-BR", "de"}
	pairs     = []look{{"", false, false, true}, {"", true, true, true}, {"", false, true, false}, {"", true, false, false}}
)

// looks returns how the nth page is looked at: in a sample, or in every way
// there is.
func looks(n int, all bool) (list []look) {
	for i, lang := range languages {
		for j, l := range pairs {
			l.lang = lang
			if all {
				list = append(list, l, look{lang, !l.dark, l.phone, l.scripts})
			} else if j == (i+n)%len(pairs) {
				list = append(list, l)
			}
		}
	}
	return list
}

// String names a look as tests are named.
func (l look) String() string {
	words := []string{l.lang, "light", "wide", "scripted"}
	if l.dark {
		words[1] = "dark"
	}
	if l.phone {
		words[2] = "phone"
	}
	if !l.scripts {
		words[3] = "plain"
	}
	return strings.Join(words, " ")
}

// axeRun asks axe-core what is wrong for people with disabilities, by the
// rules of WCAG 2.2 AA and axe's own best practices.
const axeRun = `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"]})
	.then(found => found.violations.flatMap(v => v.nodes.map(n => v.id + ": " + v.help + " at " + n.target.join(" ") + ": " + n.failureSummary)))`

// wide says whether the page is wider than its window.
const wide = `document.documentElement.scrollWidth > document.documentElement.clientWidth`

// tiny lists the texts on the page that are drawn too small to be read, in
// whatever a page scales them.
const tiny = `(() => {
	const small = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), range = document.createRange();
	while (walk.nextNode()) {
		range.selectNodeContents(walk.currentNode);
		const box = range.getClientRects()[0];
		if (walk.currentNode.data.trim() && box?.width > 1 && box.height < 11) small.push(walk.currentNode.data);
	}
	return small;
})()`

// hidden says whether the area in which the page is lies outside of the list of
// areas, which scrolls on a phone.
const hidden = `(() => {
	const here = document.querySelector(".areas [aria-current]")?.getBoundingClientRect();
	return !!here && (here.left < -1 || here.right > document.documentElement.clientWidth + 1);
})()`

// appears begins anew as somebody, who sees the pages in one way.
func (v *visitor) appears(who string, l look) {
	v.browser.t.Helper()
	v.Clock.Move(time.Millisecond) // of what one instant brings, no page can tell the newest
	call(v.browser, network.ClearBrowserCookies, cdp.Empty{})
	call(v.browser, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{}})
	v.cookie("lang", l.lang)
	if who != "" {
		v.cookie("session", v.sessions[who])
	}
	scheme, width := "light", int64(1280)
	if l.dark {
		scheme = "dark"
	}
	if l.phone {
		width = 320
	}
	call(v.browser, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	call(v.browser, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !l.scripts})
	v.do(chromedp.EmulateViewport(width, 800))
}

// from has the browser ask from an address, as a proxy tells it.
func (v *visitor) from(address string) {
	v.browser.t.Helper()
	call(v.browser, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"X-Forwarded-For": address}})
}

// cookie gives the browser one of the panel's.
func (v *visitor) cookie(name, value string) {
	v.browser.t.Helper()
	call(v.browser, network.SetCookie, network.SetCookieParams{Name: "__Host-ficha_" + name, Value: value, URL: sampleURL, Path: "/", Secure: new(true), HTTPOnly: new(true)})
}

// check fails where the page that is shown keeps somebody out, or broke the
// policy that it was sent with.
func (b *browser) check(axe string) {
	b.t.Helper()
	// A page that was loaded without its scripts stays without them; axe is one.
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: false})
	ask(b, chromedp.Evaluate[chromedp.Void](axe))
	for _, wrong := range ask(b, chromedp.Evaluate[[]string](axeRun, chromedp.EvalAwaitPromise)) {
		b.t.Error(wrong)
	}
	if ask(b, chromedp.Evaluate[bool](wide)) {
		b.t.Error("the page scrolls sideways")
	}
	if ask(b, chromedp.Evaluate[bool](hidden)) {
		b.t.Error("the area of the page is out of sight")
	}
	if small := ask(b, chromedp.Evaluate[[]string](tiny)); len(small) > 0 {
		b.t.Errorf("too small to be read: %q", small)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.complaints {
		b.t.Errorf("the browser complains: %s", c)
	}
	b.complaints = nil
}

// newVisitor opens a browser in the sample. It leaves a page that asks whether it
// may: a secret that nobody copied says so.
func newVisitor(t *testing.T, s *sample, half int) *visitor {
	t.Helper()
	v := &visitor{browser: newBrowser(t, true, s.leads()...), sample: s, load: load{sizes: map[string]int{}}, half: half}
	err := chromedp.Listen(v.ctx, func(event any) {
		v.load.listen(event)
		if _, ok := event.(*page.EventJavascriptDialogOpening); ok {
			go chromedp.Call(v.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true}) //nolint:errcheck // what waits for it tells
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	call(v.browser, network.Enable, network.EnableParams{})
	return v
}

// TestPagesAreForEverybody looks at every page in every state: in each language,
// in light and dark, on a phone and on a screen, with scripts and without, as
// WCAG 2.2 AA has it, and weighs what it loads.
func TestPagesAreForEverybody(t *testing.T) {
	t.Parallel()
	axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("%v: run npm ci here, as make deps does", err)
	}
	s := newSample(t)
	s.Start(t.Context()) // its jobs are a page
	const browsers = 2
	for half := range browsers {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			v := newVisitor(t, s, half)
			for n, p := range places() {
				if n%browsers == half {
					v.looksAt(t, p, looks(n/browsers, *everyLook), string(axe))
				}
			}
		})
	}
}

// mostWrong is how many looks at a place may fail before the rest is left: each
// may have cost the browser's whole patience.
const mostWrong = 3

// deadEnds are the places that say that it does not go on. Any other that says so
// was not reached.
var deadEnds = []string{"set-up, over", "no such page", "not yours", "a request that is wrong"}

// looksAt opens a place in each look, and says what is wrong there.
func (v *visitor) looksAt(t *testing.T, p place, looks []look, axe string) {
	t.Helper()
	wrong := 0
	for i, l := range looks {
		if wrong == mostWrong {
			t.Errorf("%s: %d looks failed, %d more were not tried", p.name, wrong, len(looks)-i)
			return
		}
		good := t.Run(p.name+", "+l.String(), func(t *testing.T) {
			v.browser.t = t
			v.appears(p.who, l)
			p.open(v)
			if got := ask(v.browser, chromedp.Evaluate[string](`document.documentElement.lang`)); got != l.lang {
				t.Errorf("the page is in %s", got)
			}
			if ended := ask(v.browser, chromedp.Evaluate[bool](`!!document.querySelector(".notice:not(.calm)")`)); ended != slices.Contains(deadEnds, p.name) {
				t.Errorf("it is %t that the page says that it cannot go on: %q", ended, v.reads())
			}
			v.weigh()
			v.check(axe)
		})
		if !good {
			wrong++
		}
	}
}

// TestSampleOfLooksHasEveryPair fails for a sample that would miss a pair: of a
// page and a choice, or of two choices.
func TestSampleOfLooksHasEveryPair(t *testing.T) {
	choices := func(l look) []any { return []any{l.lang, l.dark, l.phone, l.scripts} }
	all := looks(0, true)
	met := map[any]bool{}
	for n := range languages {
		alone := map[any]bool{}
		for _, l := range looks(n, false) {
			if !slices.Contains(all, l) {
				t.Errorf("%s is no look", l)
			}
			for i, a := range choices(l) {
				alone[[2]any{i, a}] = true
				for j, b := range choices(l)[:i] {
					met[[4]any{j, b, i, a}] = true
				}
			}
		}
		if len(alone) != 4+2+2+2 {
			t.Errorf("page %d is seen in %d choices, want 10", n, len(alone))
		}
	}
	if slices.SortFunc(all, func(a, b look) int { return strings.Compare(a.String(), b.String()) }); len(slices.Compact(all)) != 32 {
		t.Errorf("there are %d looks, want 32", len(all))
	}
	if len(met) != 3*4*2+3*2*2 {
		t.Errorf("%d pairs of choices are met, want 36", len(met))
	}
}
