package panel_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/token"
)

// administrator is a browser of somebody who looks after the workspace ws1.
func administrator(t *testing.T, change func(*server.Config)) *browser {
	t.Helper()
	b := newBrowser(t, newHouse(t, change))
	b.accept = "en"
	b.signIn("ana@acme.example")
	return b
}

// webhook makes one for every event by the form, and returns the path of its page.
func (b *browser) webhook(url string) string {
	b.t.Helper()
	made := b.open("/panel/w/ws1/webhooks/new").form("/panel/w/ws1/webhooks/new").fill("url", url, "group", "*").post()
	made.says(200, "whsec_", "never again", "Go to the webhook")
	_, rest, _ := strings.Cut(made.html, `href="/panel/w/ws1/webhooks/`)
	for rest[:strings.IndexByte(rest, '"')] == "new" {
		_, rest, _ = strings.Cut(rest, `href="/panel/w/ws1/webhooks/`)
	}
	id, _, _ := strings.Cut(rest, `"`)
	return "/panel/w/ws1/webhooks/" + id
}

func TestSecretOfAWebhookIsShownOnceAndKeptByNobody(t *testing.T) {
	b := administrator(t, nil)
	b.open("/panel/w/ws1/webhooks").says(200, "There is no webhook yet")
	form := b.open("/panel/w/ws1/webhooks/new").form("/panel/w/ws1/webhooks/new").fill("url", "https://hooks.acme.example/in", "group", "token.*", "events", "member.removed\nclient.created")
	res := form.raw()
	if res.StatusCode != http.StatusOK || res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Location") != "" || strings.Count(res.body, "whsec_") != 1 {
		t.Fatalf("the answer with the secret: %d %v", res.StatusCode, res.Header)
	}
	again := b.show(form.raw()).says(422, "there is a webhook for this address already")
	for _, page := range []*shown{again, b.open("/panel/w/ws1/webhooks").says(200, "https://hooks.acme.example/in", "client.created", "Healthy")} {
		if strings.Contains(page.html, "whsec_") {
			t.Errorf("%s shows the secret again", page.url)
		}
	}
}

func TestWhatIsTypedOfAWebhookStaysWhereItIsWrong(t *testing.T) {
	b := administrator(t, nil)
	for url, events := range map[string]string{"http://hooks.acme.example/in": "token.issued", "https://10.0.0.7/": "token.issued", "https://hooks.acme.example/": "token.nope", "": ""} {
		s := b.open("/panel/w/ws1/webhooks/new").form("/panel/w/ws1/webhooks/new").fill("url", url, "events", events).post().says(422, "Please check this")
		if f := s.form("/panel/w/ws1/webhooks/new"); f.fields.Get("url") != url {
			t.Errorf("typed %q, the form has %q", url, f.fields.Get("url"))
		}
	}
	b.open("/panel/w/ws1/webhooks").says(200, "There is no webhook yet")
}

// A receiver that fails until it is told to take what comes.
func TestDeliveriesAreLookedAtAndSentAgain(t *testing.T) {
	var takes atomic.Bool
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !takes.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer receiver.Close()
	b := administrator(t, func(c *server.Config) { c.WebhookAllow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	page := b.webhook(receiver.URL)
	b.open(page).form(page+"/test").post().says(200, "A test event is on its way", "webhook.test", "Waiting")
	b.sends()
	failed := b.open(page).says(200, "503", "Failing", "failed try")
	delivery := linkTo(t, failed, page+"/deliveries/")
	b.open(delivery).says(200, "webhook.test", "503", `"type": "webhook.test"`, "Next try")
	takes.Store(true)
	b.h.Clock.Move(10 * time.Minute)
	b.sends()
	done := b.open(delivery).says(200, "Delivered")
	done.form(delivery).post().says(200, "will be sent again", "Waiting")
	b.h.Clock.Move(time.Minute)
	b.sends()
	again := b.open(page).form(page+"/replay").fill("since", "2026-11-22T00:00").post().says(200, "will be sent again")
	again.form(page+"/replay").fill("since", "").post().says(200, "cannot be used")
	if n := len(b.shipments(page)); n == 0 {
		t.Error("nothing is left to look at")
	}
}

// sends lets what waits go out.
func (b *browser) sends() {
	b.t.Helper()
	if err := b.h.Webhooks.Drain(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) shipments(page string) []token.Shipment {
	b.t.Helper()
	id, _ := token.ParseID(page[strings.LastIndexByte(page, '/')+1:])
	list, err := b.h.Store.Shipments(b.t.Context(), id, "", 0, 100)
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

// linkTo returns the first address on a page that begins so.
func linkTo(t *testing.T, s *shown, prefix string) string {
	t.Helper()
	_, rest, found := strings.Cut(s.html, `href="`+prefix)
	if !found {
		t.Fatalf("%s has no link to %s…:\n%s", s.url, prefix, s.text)
	}
	more, _, _ := strings.Cut(rest, `"`)
	return prefix + more
}

func TestSecretOfAWebhookIsRotatedWithBothInForce(t *testing.T) {
	b := administrator(t, nil)
	page := b.webhook("https://hooks.acme.example/in")
	b.open(page).form(page+"/rotate").post().says(200, "whsec_", "signatures by this secret and by the old one")
	waiting := b.open(page).says(200, "Both secrets work")
	confirm := formTo(t, waiting, page+"/rotations/", "/confirm")
	confirm.post().says(200, "The rotation has gone on", "The old one ends at 2026-11-23")
	formTo(t, b.open(page), page+"/rotations/", "/finish").fill("reason", "done early").post().says(200, "The rotation has gone on")
	if s := b.open(page).says(200, "Rotate secret"); strings.Contains(s.text, "Both secrets work") {
		t.Error("the rotation is still open")
	}
	confirm.post().says(200, "not possible in its present state")
}

// formTo returns the form whose address begins and ends so.
func formTo(t *testing.T, s *shown, begin, end string) *form {
	t.Helper()
	for _, f := range s.forms {
		if strings.HasPrefix(f.action, begin) && strings.HasSuffix(f.action, end) {
			return f
		}
	}
	t.Fatalf("%s has no form to %s…%s:\n%s", s.url, begin, end, s.text)
	return nil
}

func TestWebhookIsChangedAndEnded(t *testing.T) {
	b := administrator(t, nil)
	page := b.webhook("https://hooks.acme.example/in")
	edit := b.open(page + "/events").form(page + "/events")
	delete(edit.fields, "group")
	edit.fill("events", "nope.*").post().says(422, "Please check this")
	edit.fill("events", "token.revoked").post().says(200, "hears what you chose", "token.revoked")
	b.open(page).form(page+"/end").post().says(200, "was deleted", "There is no webhook yet")
	b.open(page).says(404)
}

// Another workspace's subscription is none, and a member's browser opens no page of it.
func TestWebhooksAreForThoseWhoAdministrateTheirWorkspace(t *testing.T) {
	b := administrator(t, nil)
	page := b.webhook("https://hooks.acme.example/in")
	other := newBrowser(t, b.h)
	other.signIn("two@acme.example")
	other.open(strings.Replace(page, "/ws1/", "/ws2/", 1)).says(404)
	plain := newBrowser(t, b.h)
	plain.signIn("lim@acme.example")
	for _, path := range []string{"/panel/w/ws1/webhooks", page, page + "/events"} {
		if res := plain.do(http.MethodGet, b.h.URL+path, nil); res.StatusCode != http.StatusForbidden {
			t.Errorf("a member opens %s: %d", path, res.StatusCode)
		}
	}
	if res := plain.do(http.MethodPost, b.h.URL+page+"/end", nil); res.StatusCode != http.StatusForbidden {
		t.Errorf("a member ends a webhook: %d", res.StatusCode)
	}
	if res := b.do(http.MethodPost, b.h.URL+page+"/end", nil, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"); res.StatusCode/100 != 4 {
		t.Errorf("another site ends a webhook: %d", res.StatusCode)
	}
	b.open(page).says(200)
}
