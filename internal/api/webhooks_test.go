package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

// hook makes a subscription and returns the answer.
func (h *house) hook(url string, events ...string) servertest.Answer {
	h.t.Helper()
	return h.want(http.StatusCreated, h.bearer(ana, "ws1", "POST", "/v1/webhooks", object{"url": url, "events": events}))
}

func TestSubscriptionLivesThroughTheAPI(t *testing.T) {
	h := start(t)
	made := h.hook("https://hooks.example.com/ficha", "token.*")
	path := "/v1/webhooks/" + text(t, made, "id")
	if !strings.HasPrefix(text(t, made, "secret"), "whsec_") || !strings.HasPrefix(text(t, made, "public_key"), "whpk_") || made.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %s", made.Body)
	}
	h.refused(http.StatusConflict, "conflict", h.bearer(ana, "ws1", "POST", "/v1/webhooks", object{"url": "https://hooks.example.com/ficha", "events": []string{"*"}}))
	for _, a := range []servertest.Answer{h.bearer(reader, "ws1", "GET", path, nil), h.bearer(reader, "ws1", "GET", "/v1/webhooks", nil)} {
		if h.want(http.StatusOK, a); strings.Contains(string(a.Body), "whsec_") || !strings.Contains(string(a.Body), text(t, made, "public_key")) {
			t.Errorf("got %s", a.Body)
		}
	}
	if a := h.want(http.StatusOK, h.bearer(ana, "ws1", "PATCH", path, object{"events": []string{"member.removed"}})); len(at[[]any](t, a.JSON, "events")) != 1 {
		t.Errorf("got %s", a.Body)
	}
	for _, events := range []any{[]string{}, []string{"tokens.*"}, []string{"token."}, []string{"tok*"}} {
		if field := h.refused(http.StatusUnprocessableEntity, "invalid_value", h.bearer(ana, "ws1", "PATCH", path, object{"events": events})); field != "events" {
			t.Errorf("%v: the refusal names %q", events, field)
		}
	}
	for _, stranger := range []string{bob, mia, backend} {
		for _, try := range []string{"GET " + path, "DELETE " + path, "POST " + path + "/test", "GET " + path + "/deliveries"} {
			method, at, _ := strings.Cut(try, " ")
			if a := h.bearer(stranger, "", method, at, nil); a.Status/100 != 4 {
				t.Errorf("%s for a stranger: %d %s", try, a.Status, a.Body)
			}
		}
	}
	h.refused(http.StatusNotFound, "not_found", h.bearer(bob, "ws2", "GET", path, nil))
	h.want(http.StatusNoContent, h.bearer(ana, "ws1", "DELETE", path, nil))
	h.refused(http.StatusNotFound, "not_found", h.bearer(ana, "ws1", "DELETE", path, nil))
	h.refused(http.StatusNotFound, "not_found", h.bearer(ana, "ws1", "GET", path, nil))
	h.hook("https://hooks.example.com/ficha", "*") // somebody who ended it may make it again
}

func TestSubscriptionsComeInPages(t *testing.T) {
	h := start(t)
	var want []string
	for _, name := range []string{"a", "b", "c"} {
		want = append(want, text(t, h.hook("https://"+name+".example.com/", "*"), "id"))
		h.Clock.Move(time.Second)
	}
	first := h.want(http.StatusOK, h.bearer(ana, "ws1", "GET", "/v1/webhooks?limit=2", nil))
	rest := h.want(http.StatusOK, h.bearer(ana, "ws1", "GET", "/v1/webhooks?limit=2&cursor="+text(t, first, "next"), nil))
	if at[object](t, at[[]any](t, rest.JSON, "items"), 0)["id"] != want[2] || rest.JSON["next"] != nil {
		t.Errorf("got %s and %s", first.Body, rest.Body)
	}
}

// listener remembers what is delivered and answers with a status.
type listener struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
	ids    []string
	status int
}

func listen(t *testing.T) *listener {
	t.Helper()
	l := &listener{status: http.StatusOK}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.bodies, l.ids = append(l.bodies, string(body)), append(l.ids, r.Header.Get("Webhook-Id"))
		w.WriteHeader(l.status)
	}))
	t.Cleanup(l.Close)
	return l
}

// local makes a subscription to this machine, as the server's own file may.
func (h *house) local(url string, events ...string) string {
	h.t.Helper()
	hook, _, _, err := h.Authority.PutWebhook(h.t.Context(), token.Actor{Kind: token.System, ID: "test"},
		token.Webhook{Workspace: "ws1", URL: url, Events: events}, "", authority.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	return hook.ID.String()
}

func (h *house) deliver() {
	h.t.Helper()
	h.Clock.Move(time.Second)
	if err := h.Webhooks.Drain(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

func TestDeliveriesAreShownAndReplayed(t *testing.T) {
	h, l := start(t), listen(t)
	id := h.local(l.URL, "member.removed")
	path := "/v1/webhooks/" + id
	event := text(t, h.want(http.StatusAccepted, h.bearer(ana, "ws1", "POST", path+"/test", nil)), "event")
	h.deliver()
	l.status = http.StatusGone
	h.want(http.StatusNoContent, h.bearer(ana, "ws1", "DELETE", "/v1/users/rita@example.test", nil))
	h.deliver()
	if len(l.ids) != 2 || l.ids[0] != event || !strings.Contains(l.bodies[0], `"webhook.test"`) {
		t.Fatalf("delivered %v %v", l.ids, l.bodies)
	}
	page := h.want(http.StatusOK, h.bearer(reader, "ws1", "GET", path+"/deliveries", nil))
	dead := at[object](t, at[[]any](t, page.JSON, "items"), 0)
	if dead["state"] != "dead" || dead["last_status"] != 410.0 || dead["event"] != l.ids[1] || dead["next_try_at"] != nil {
		t.Errorf("the newest delivery is %v", dead)
	}
	if one := h.want(http.StatusOK, h.bearer(reader, "ws1", "GET", path+"/deliveries?state=delivered", nil)); len(at[[]any](t, one.JSON, "items")) != 1 {
		t.Errorf("delivered ones are %s", one.Body)
	}
	if a := h.want(http.StatusOK, h.bearer(ana, "ws1", "GET", path, nil)); a.JSON["status"] != "disabled" || a.JSON["disabled_reason"] != "gone" {
		t.Errorf("the subscription is %s", a.Body)
	}

	l.status = http.StatusOK
	ask := object{"deliveries": []string{at[string](t, dead, "id")}}
	h.refused(http.StatusConflict, "conflict", h.bearer(ana, "ws1", "POST", path+"/replay", ask))
	h.want(http.StatusOK, h.bearer(ana, "ws1", "POST", path+"/enable", nil))
	h.refused(http.StatusConflict, "conflict", h.bearer(ana, "ws1", "POST", path+"/enable", nil))
	if a := h.want(http.StatusOK, h.bearer(ana, "ws1", "POST", path+"/replay", ask)); a.JSON["replayed"] != 1.0 {
		t.Errorf("got %s", a.Body)
	}
	h.deliver()
	if len(l.ids) != 3 || l.ids[2] != l.ids[1] || l.bodies[2] != l.bodies[1] {
		t.Errorf("delivered %v, want the last again", l.ids)
	}
	from := h.Clock.Now().Add(-time.Hour).Format(time.RFC3339)
	if a := h.want(http.StatusOK, h.bearer(ana, "ws1", "POST", path+"/replay", object{"from": from})); a.JSON["replayed"] != 2.0 || a.JSON["next"] != nil {
		t.Errorf("got %s", a.Body)
	}
	for _, bad := range []object{{}, {"from": from, "deliveries": []string{id}}, {"from": from, "until": "2020-01-01T00:00:00Z"}, {"deliveries": make([]string, 101)}, {"from": "yesterday"}} {
		if a := h.bearer(ana, "ws1", "POST", path+"/replay", bad); a.Status/100 != 4 {
			t.Errorf("%v: %d", bad, a.Status)
		}
	}
}

func TestWebhookAnswersAreAsDescribed(t *testing.T) {
	h, l := start(t), listen(t)
	doc := h.described()
	id := h.local(l.URL, "*")
	path := "/v1/webhooks/" + id
	made := h.bearer(ana, "ws1", "POST", "/v1/webhooks", object{"url": "https://hooks.example.com/", "events": []string{"*"}})
	h.deliver()
	for _, try := range []struct {
		route, path string
		body        any
		status      int
	}{
		{"GET /v1/webhooks", "/v1/webhooks", nil, 200},
		{"POST /v1/webhooks", "/v1/webhooks", object{"url": "https://[::1]/", "events": []string{"*"}}, 422},
		{"GET /v1/webhooks/events", "/v1/webhooks/events", nil, 200},
		{"GET /v1/webhooks/{id}", path, nil, 200},
		{"PATCH /v1/webhooks/{id}", path, object{"events": []string{"token.*"}}, 200},
		{"GET /v1/webhooks/{id}/deliveries", path + "/deliveries", nil, 200},
		{"POST /v1/webhooks/{id}/test", path + "/test", nil, 202},
		{"POST /v1/webhooks/{id}/replay", path + "/replay", object{"from": "2026-01-01T00:00:00Z"}, 200},
		{"POST /v1/webhooks/{id}/enable", path + "/enable", nil, 409},
		{"DELETE /v1/webhooks/{id}", path, nil, 204},
	} {
		method, _, _ := strings.Cut(try.route, " ")
		a := h.bearer(ana, "ws1", method, try.path, try.body)
		if err := asDescribed(doc, try.route, a); err != nil || a.Status != try.status {
			t.Errorf("%s: status %d, want %d: %v\n%s", try.route, a.Status, try.status, err, a.Body)
		}
	}
	if err := asDescribed(doc, "POST /v1/webhooks", made); err != nil || made.Status != 201 {
		t.Errorf("%d %v %s", made.Status, err, made.Body)
	}
}

// Whatever is delivered is what the catalogue's schema says, and nothing that
// it does not say.
func TestDeliveriesAreAsTheCatalogueSays(t *testing.T) {
	h, l := start(t), listen(t)
	h.local(l.URL, "*")
	h.hook("https://hooks.example.com/", "*")
	whole := h.issued(object{"type": "ephemeral", "purpose": "a test", "owner": "mia@example.test", "format": "opaque"})
	used := h.issued(object{"type": "impersonated", "on_behalf_of": "mia@example.test", "reason": "a test"})
	h.want(http.StatusOK, h.verify(text(t, used, "token"), ""))
	id := text(t, whole, "id")
	for _, try := range []struct{ method, path string }{
		{"POST", "/v1/tokens/" + id + "/suspend"}, {"POST", "/v1/tokens/" + id + "/resume"}, {"POST", "/v1/tokens/" + id + "/revoke"},
		{"POST", "/v1/clients/modest/secrets"}, {"POST", "/v1/clients/modest/disable"}, {"POST", "/v1/clients/modest/enable"},
		{"DELETE", "/v1/users/rita@example.test"},
	} {
		h.Clock.Move(time.Millisecond)
		if a := h.bearer(ana, "ws1", try.method, try.path, nil); a.Status/100 != 2 {
			t.Errorf("%s %s: %d %s", try.method, try.path, a.Status, a.Body)
		}
	}
	h.deliver()
	h.deliver()
	schemas := h.eventSchemas()
	kinds := map[string]bool{}
	for _, body := range l.bodies {
		var event object
		if err := json.Unmarshal([]byte(body), &event); err != nil {
			t.Fatal(err)
		}
		kind, _ := event["type"].(string)
		kinds[kind] = true
		if schemas[kind] == nil {
			t.Errorf("%s is not in the catalogue", kind)
		} else if err := schemas[kind].VisitJSON(event, openapi3.EnableJSONSchema2020()); err != nil {
			t.Errorf("%s: %v\n%s", kind, err, body)
		}
	}
	if len(kinds) < 10 {
		t.Errorf("only %v happened", kinds)
	}
}

// eventSchemas returns the schemas of the catalogue, closed.
func (h *house) eventSchemas() map[string]*openapi3.Schema {
	h.t.Helper()
	all := map[string]*openapi3.Schema{}
	a := h.want(http.StatusOK, h.program("GET", "/v1/webhooks/events", nil))
	closeObjects(a.JSON)
	for _, item := range at[[]any](h.t, a.JSON, "items") {
		text, err := json.Marshal(at[object](h.t, item, "schema"))
		if err != nil {
			h.t.Fatal(err)
		}
		s := &openapi3.Schema{}
		if err := json.Unmarshal(text, s); err != nil {
			h.t.Fatalf("%v: %v", item, err)
		}
		all[at[string](h.t, item, "name")] = s
	}
	return all
}
