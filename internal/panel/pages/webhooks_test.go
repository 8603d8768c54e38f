package pages

import (
	"strings"
	"testing"
	"time"
)

func hook(state string) Webhook {
	h := Webhook{ID: "wh1", URL: "https://hooks.acme.example/ficha", Events: []string{"alert.*", "member.*", "token.revoked", "webhook.*"}, CreatedAt: atNoon.Add(-90 * time.Hour), Tried: 20, Arrived: 18}
	switch state {
	case "failing":
		h.Failures, h.FailingSince = 3, atNoon.Add(-2*time.Hour)
	case "gone", "disabled":
		h.DisabledAt, h.DisabledReason = atNoon.Add(-time.Hour), state
	case "untried":
		h.Tried, h.Arrived = 0, 0
	case "unreadable":
		h.NeedsSecret = true
	}
	return h
}

func deliveries() []Delivery {
	tried := []Attempt{{At: atNoon.Add(-9 * time.Minute), Took: 31 * time.Millisecond, Status: 503}, {At: atNoon.Add(-4 * time.Minute), Took: time.Second, Fault: "timeout"}, {At: atNoon}}
	return []Delivery{
		{ID: "d1", Type: "token.revoked", At: atNoon, State: "due", NextAt: atNoon.Add(time.Minute), Tries: 4, Attempts: tried, Body: "{\n  \"type\": \"token.revoked\"\n}"},
		{ID: "d2", Type: "token.issued", At: atNoon, State: "delivered", Tries: 1, Attempts: tried[:1]},
		{ID: "d3", Type: "member.removed", At: atNoon, State: "dead", Tries: 9},
	}
}

func webhookSamples() []sample {
	shell := fullShell(Webhooks)
	list := WebhookList{Shell: shell, Now: atNoon, Items: []Webhook{hook(""), hook("failing"), hook("disabled"), hook("gone"), hook("untried"), hook("unreadable")}, Pager: Pager{First: "/panel/w/ws1/webhooks", Next: "/panel/w/ws1/webhooks?after=x"}}
	form := WebhookForm{Shell: shell, Groups: []string{"*", "token.*"}, Known: []string{"token.issued", "token.revoked"}}
	wrong := form
	wrong.URL, wrong.Events = "http://localhost", []string{"token.*", "nope"}
	wrong.Wrong = Wrong{Fields: map[string]string{"url": "is not https", "events": "has a name that no event has", "elsewhere": "is odd"}, Whole: Impossible, Detail: "too many"}
	change := form
	change.ID = "wh1"
	page := func(state, turn string) WebhookPage {
		v := WebhookPage{Shell: shell, Now: atNoon, Webhook: hook(state), PublicKey: "whpk_abc", State: "dead", Deliveries: deliveries()}
		if turn != "" {
			v.Turning = &Turning{ID: "r1", Base: "/panel/w/ws1/webhooks/wh1/rotations", State: turn, Since: atNoon, RetiresAt: atNoon.Add(time.Hour)}
		}
		return v
	}
	all := []sample{
		of("webhooks", (*Set).WebhookList, list), of("webhooks_none", (*Set).WebhookList, WebhookList{Shell: shell, Now: atNoon}),
		of("webhook_form", (*Set).WebhookForm, form), of("webhook_form_wrong", (*Set).WebhookForm, wrong), of("webhook_form_change", (*Set).WebhookForm, change),
		of("webhook_secret", (*Set).WebhookSecret, WebhookSecret{Shell: shell, ID: "wh1", Secret: "whsec_abc"}),
		of("webhook_secret_beside", (*Set).WebhookSecret, WebhookSecret{Shell: shell, ID: "wh1", Secret: "whsec_abc", Beside: true}),
		of("webhook_disabled", (*Set).WebhookPage, page("gone", "")), of("webhook_none", (*Set).WebhookPage, WebhookPage{Shell: shell, Now: atNoon, Webhook: hook("untried")}),
	}
	for _, turn := range []string{"", "pending", "active", "undone"} {
		all = append(all, of("webhook_"+turn, (*Set).WebhookPage, page("failing", turn)))
	}
	for _, d := range deliveries() {
		all = append(all, of("delivery_"+d.State, (*Set).DeliveryPage, DeliveryPage{Shell: shell, Now: atNoon, Webhook: "wh1", Delivery: d}))
	}
	return all
}

func hostileWebhooks(shell Shell) []sample {
	h := Webhook{ID: hostile, URL: hostile, Events: []string{hostile, hostile}, DisabledReason: hostile}
	d := Delivery{ID: hostile, Type: hostile, State: hostile, Body: hostile, Attempts: []Attempt{{Fault: hostile}}}
	return []sample{
		of("webhooks", (*Set).WebhookList, WebhookList{Shell: shell, Items: []Webhook{h}}),
		of("webhook_form", (*Set).WebhookForm, WebhookForm{Shell: shell, URL: hostile, Groups: []string{hostile}, Known: []string{hostile}, Events: []string{hostile}, Wrong: Wrong{Fields: map[string]string{"url": hostile}}}),
		of("webhook_secret", (*Set).WebhookSecret, WebhookSecret{Shell: shell, ID: hostile, Secret: hostile}),
		of("webhook", (*Set).WebhookPage, WebhookPage{Shell: shell, Webhook: h, PublicKey: hostile, Deliveries: []Delivery{d}, Turning: &Turning{ID: hostile, Base: "/panel/w/x"}}),
		of("delivery", (*Set).DeliveryPage, DeliveryPage{Shell: shell, Webhook: hostile, Delivery: d}),
	}
}

func TestBodyOfADeliveryKeepsItsLines(t *testing.T) {
	doc := mustParse(t, of("", (*Set).DeliveryPage, DeliveryPage{Shell: fullShell(Webhooks), Now: atNoon, Delivery: deliveries()[0]}).html(t, newSet(t), English))
	if body := doc.all("pre")[0].text; !strings.Contains(body, "{\n  \"type\": \"token.revoked\"\n}") {
		t.Errorf("the body reads %q", body)
	}
}

// What is wrong with a field stands at the field, and a link leads there from above the form.
func TestWhatIsWrongIsSaidAtTheFieldAndAbove(t *testing.T) {
	s := newSet(t)
	for _, p := range webhookSamples() {
		if p.name != "webhook_form_wrong" {
			continue
		}
		doc := mustParse(t, p.html(t, s, English))
		summary := with(doc.all("div"), "id", "errors")
		if summary == nil || with(summary.all("a"), "href", "#url") == nil || !strings.Contains(summary.text, "elsewhere: is odd") || !strings.Contains(summary.text, "too many") {
			t.Fatalf("the summary: %v", summary)
		}
		url := with(doc.all("input"), "name", "url")
		if url.attr["aria-invalid"] != "true" || !strings.Contains(url.attr["aria-describedby"], "url-error") || url.attr["value"] != "http://localhost" {
			t.Errorf("the field: %v", url.attr)
		}
	}
}

func TestWhyNobodyAnsweredIsSaidInWords(t *testing.T) {
	said := newSet(t).speaker(Spanish)
	for fault, want := range map[string]string{
		"timeout": "No respondió a tiempo", "tls": "El certificado no es de confianza", "no_connection": "No se pudo contactar", "name_not_found": "No se conoce el nombre del servidor",
		"address_not_allowed": "No se permite llamar a esa dirección", "secret_unreadable": "No se puede leer el secreto del webhook; rótalo", "of_tomorrow": "of_tomorrow",
	} {
		if got := said.answer(Attempt{Fault: fault}).Text; got != want || said.err != nil {
			t.Errorf("%s: %q, %v; want %q", fault, got, said.err, want)
		}
	}
}
