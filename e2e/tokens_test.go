package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

const inventory = "/panel/w/ws1/inventory"

// opens reports whether a secret opens anything.
func (h *house) opens(t *testing.T, secret string) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+"/verify", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// deepLink is how documents and tools lead to the form, filled in.
func (h *house) deepLink(name string) string {
	return h.url + "/panel/tokens/new?" + url.Values{"type": {"service"}, "name": {name}, "scopes": {"catalog:read"}, "expires": {"7d"}, "purpose": {"a journey"}}.Encode()
}

// makes orders a token by the link and returns its secret.
func (b *browser) makes(h *house, name string) string {
	b.t.Helper()
	b.do(chromedp.Navigate(h.deepLink(name)), click(`button[value="create"]`), chromedp.WaitVisible(chromedp.CSS("#secret")))
	return strings.TrimSpace(ask(b, chromedp.Text(chromedp.CSS("#secret"))))
}

// search types into the inventory's search and sends it.
func (b *browser) search(h *house, text string) {
	b.t.Helper()
	b.do(chromedp.Navigate(h.url+inventory), write("#q", text), click(".find button"))
}

// sent collects what the browser posts.
type sent struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *sent) listen(event any) {
	if e, ok := event.(*network.EventRequestWillBeSent); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.text.WriteString(e.Request.URL + "\n")
		for _, part := range e.Request.PostDataEntries {
			s.text.WriteString(string(part.Bytes) + "\n")
		}
	}
}

// TestTokenIsMadeFoundAndRevoked walks from a link in some document to a token,
// its secret, and its end in the inventory, with scripts and without.
func TestTokenIsMadeFoundAndRevoked(t *testing.T) {
	h := start(t)
	for _, scripts := range []bool{true, false} {
		name := "with scripts"
		if !scripts {
			name = "without scripts"
		}
		t.Run(name, func(t *testing.T) {
			b := newBrowser(t, scripts)
			posted := &sent{}
			if err := chromedp.Listen(b.ctx, posted.listen); err != nil {
				t.Fatal(err)
			}
			call(b, network.Enable, network.EnableParams{})
			b.do(chromedp.Navigate(h.url + "/panel/login?lang=en"))
			b.signIn("ana@acme.example")
			b.do(chromedp.WaitVisible(chromedp.CSS(".areas")))
			b.do(chromedp.Navigate(h.deepLink("journey bot")), chromedp.WaitVisible(chromedp.CSS("#sentence")))
			if got := ask(b, chromedp.Text(chromedp.CSS("#sentence"))); !strings.HasPrefix(got, "journey bot may use catalog (read) until ") {
				t.Fatalf("the form says %q", got)
			}
			if scripts { // the sentence follows what is chosen
				b.do(chromedp.Clear(chromedp.CSS("#name")), write("#name", "other bot"), click(`input[data-say="content (write)"]`))
				if got := ask(b, chromedp.Text(chromedp.CSS("#sentence"))); !strings.HasPrefix(got, "other bot may use catalog (read), content (write) until ") {
					t.Errorf("the form says %q", got)
				}
			}
			secret := b.makes(h, "journey bot")
			if !h.opens(t, secret) {
				t.Fatalf("%q opens nothing", secret)
			}
			if scripts {
				b.do(click(`button.main[data-copy]`))
				b.do(chromedp.WaitVisible(chromedp.CSS("body[data-copied]")))
				if got := ask(b, chromedp.Text(chromedp.CSS("#copied"))); got != "Copied" && got != "Selected: press Ctrl+C" {
					t.Errorf("after copying it says %q", got)
				}
			}
			b.search(h, secret)
			b.arrives(".deeds", "journey bot")
			b.search(h, secret[len(secret)-4:])
			b.do(chromedp.WaitVisible(chromedp.CSS(".active a")))
			posted.mu.Lock()
			told := posted.text.String()
			posted.mu.Unlock()
			if scripts && (strings.Contains(told, secret) || !strings.Contains(told, "sha256=")) {
				t.Error("the plain text left the browser")
			}
			for line := range strings.Lines(told) {
				if strings.HasPrefix(line, "http") && strings.Contains(line, secret) {
					t.Errorf("the secret stands in an address: %s", line)
				}
			}
			b.do(click(".pick input"), click(`button[value="revoke"]`))
			b.arrives(`form[action$="/run"]`, "Revoke 1 token?")
			b.do(write("#count", "1"), click(`form[action$="/run"] button`))
			b.says("#said p", "The tokens are revoked. Nothing opens with them any more.")
			if h.opens(t, secret) {
				t.Error("the token opens on")
			}
		})
	}
}
