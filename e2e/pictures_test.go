package e2e

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

var update = flag.Bool("update", false, "write the pictures of docs/pictures anew")

// album is where the pictures are, and beside each what it says.
const album = "../docs/pictures"

// A picture is one that the documents show: a place in a look, as large as it
// takes to see what it is about.
type picture struct {
	name          string
	place         string
	look          look
	width, height int64
}

// pictures are those of the documents. What makes something comes last: it would
// be in the others too.
func pictures() []picture {
	english := look{lang: "en", scripts: true}
	dark, phone, spanish := english, english, english
	dark.dark, phone.phone, spanish.lang = true, true, "es"
	return []picture{
		{"sign-in", "sign-in", english, 800, 700},
		{"consent", "consent, one of several workspaces", english, 800, 1320},
		{"consent-es", "consent", spanish, 800, 1420},
		{"my-tokens", "my tokens", english, 1280, 640},
		{"inventory", "inventory", english, 1280, 1000},
		{"inventory-phone", "inventory", phone, 390, 1200},
		{"create", "a new token", english, 1280, 1400},
		{"rotating", "a token that rotates", english, 1280, 1440},
		{"audit", "audit", english, 1280, 900},
		{"policy", "a policy, tried", english, 1280, 800},
		{"usage", "usage", english, 1280, 1200},
		{"alerts", "alerts", dark, 1280, 1000},
		{"show-once", "a secret, once", english, 1280, 800},
	}
}

// still makes the page one that looks alike whenever it is looked at: what is
// drawn by lot (ids, secrets and their last four characters) is written over
// with samples, in the order in which the page has them, and nothing blinks.
// No secret of the sample lives on in a picture.
const still = `(() => {
	document.activeElement.blur();
	scrollTo(0, 0);
	for (const secret of document.querySelectorAll("code.secret")) {
		secret.textContent = secret.textContent.slice(0, 6) + "-made-up-for-this-picture".repeat(3);
	}
	const met = new Map();
	const sample = (kind, was, samples) => {
		if (!met.has(kind + was)) met.set(kind + was, samples[[...met.keys()].filter(k => k.startsWith(kind)).length % samples.length]);
		return met.get(kind + was);
	};
	const fours = ["x7Qk", "m2Vd", "Rt9a", "p4We", "hN3s", "c8Yb", "Kf6u", "z5Gj"];
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walk.nextNode()) {
		const text = walk.currentNode;
		text.data = text.data
			.replace(/…[\w-]{4}(?![\w-])/g, was => "…" + sample("four ", was, fours))
			.replace(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, was => sample("request ", was, ["465f40dd-4e42-4e01-80a1-fca31ef859e0"]))
			.replace(/\b0[0-9a-z]{12}\b/g, was => sample("id ", was, ["06hh2vk06ag4q", "06hh2vm51c8xn", "06hh2vp9w3e7t", "06hh2vs2k6r5d"]));
	}
})()`

// reads is what a page says: its words, and what its fields hold.
const reads = `document.body.innerText.replace(/[ \t]+\n/g, "\n").replace(/\n{2,}/g, "\n") + "\n" +
	[...document.querySelectorAll("input:not([type=hidden]), select, textarea")].filter(f => f.checkVisibility())
		.map(f => (f.labels[0]?.innerText ?? f.name).trim() + ": " + (f.type == "checkbox" || f.type == "radio" ? (f.checked ? "yes" : "no") : f.value)).join("\n") + "\n"`

// TestPicturesAreOfThePagesAsTheyAre fails for a page that no longer says what
// its picture in the documents says, or no longer looks like it: run it with
// -update and look at what it wrote.
func TestPicturesAreOfThePagesAsTheyAre(t *testing.T) {
	s := newSample(t)
	v := newVisitor(t, s, 0)
	all := places()
	for _, p := range pictures() {
		t.Run(p.name, func(t *testing.T) {
			v.browser.t = t
			at := slices.IndexFunc(all, func(a place) bool { return a.name == p.place })
			v.appears(all[at].who, p.look)
			v.do(chromedp.EmulateViewport(p.width, p.height))
			all[at].open(v)
			ask(v.browser, chromedp.Evaluate[chromedp.Void](still))
			says := lastFour.ReplaceAllString(ask(v.browser, chromedp.Evaluate[string](reads)), "…••••")
			shows := reduce(t, ask(v.browser, chromedp.CaptureScreenshot()))
			file := filepath.Join(album, p.name)
			if *update {
				keep(t, file+".txt", []byte(says))
				keep(t, file+".png", shows)
				return
			}
			was := string(kept(t, file+".txt"))
			if gone, come := beyond(was, says), beyond(says, was); len(gone)+len(come) > 0 {
				t.Errorf("the page no longer says what its picture does: run this with -update\ngone: %q\ncome: %q", gone, come)
			}
			if far := apart(t, kept(t, file+".png"), shows); far > mostApart {
				t.Errorf("the page no longer looks like its picture, by %d of 255 somewhere: run this with -update", far)
			}
		})
	}
}

// lastFour is what a page tells of a secret.
var lastFour = regexp.MustCompile(`…[\w-]{4}\b`)

// beyond returns the lines of a text that another lacks, in whatever order it has
// them: of what happened in one instant, lists give now the one and now the other
// first.
func beyond(text, other string) (all []string) {
	count := map[string]int{}
	for line := range strings.Lines(other) {
		count[line]++
	}
	for line := range strings.Lines(text) {
		if count[line]--; count[line] < 0 {
			all = append(all, line)
		}
	}
	return all
}

func kept(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func keep(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
