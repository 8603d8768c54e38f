package api_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

func recording(c *server.Config) { c.Records = 1 }

// reported is a use at this moment, with changes.
func (h *house) reported(secret string, change object) object {
	use := object{"secret_id": secret, "at": h.Clock.Now().Format(time.RFC3339), "route": "GET /orders", "status": 200, "duration_ms": 12.5}
	for k, v := range change {
		use[k] = v
	}
	return use
}

func (h *house) report(secret, workspace string, uses ...object) servertest.Answer {
	h.t.Helper()
	return h.bearer(secret, workspace, "POST", "/v1/uses", object{"uses": uses})
}

func (h *house) flush() {
	h.t.Helper()
	if err := h.Verifier.WriteUses(h.t.Context(), h.Store.FlushUses); err != nil {
		h.t.Fatal(err)
	}
	records, _ := h.Verifier.TakeRecords()
	if err := h.Store.WriteUseRecords(h.t.Context(), records); err != nil {
		h.t.Fatal(err)
	}
}

// TestReportedUseCountsAsOneThatWeSaw: as traffic, as last use, as use of its
// scopes and as a record.
func TestReportedUseCountsAsOneThatWeSaw(t *testing.T) {
	h := startWith(t, recording)
	id := text(t, h.issued(object{"scopes": []string{"catalog:read", "content:write"}}), "id")
	a := h.want(http.StatusOK, h.report(gateway, "ws1",
		h.reported(id, object{"scopes_used": []string{"catalog:read", "users:read"}, "method": "GET", "address": "192.0.2.7", "agent": "shop/1", "class": "internal"}),
		h.reported(id, object{"status": 503, "duration_ms": 900})))
	if string(a.Body) != `{"accepted":2,"unknown":0,"refused":[]}` {
		t.Errorf("answer %s", a.Body)
	}
	if got := h.taken(); !slices.Equal(got, []string{"ws1|GET /orders|backend|internal 1, 0 refused", "ws1|GET /orders|backend|external 1, 0 refused"}) &&
		!slices.Equal(got, []string{"ws1|GET /orders|backend|external 1, 0 refused", "ws1|GET /orders|backend|internal 1, 0 refused"}) {
		t.Errorf("traffic %q", got)
	}
	if last := h.bearer(ana, "", "GET", "/v1/tokens/"+id, nil).JSON["last_used_at"]; last != "2026-11-22T12:00:00Z" {
		t.Errorf("last used %v", last)
	}
	h.flush()
	list := h.items(h.bearer(ana, "", "GET", "/v1/tokens/"+id+"/uses", nil))
	if len(list) != 2 || list[1]["method"] != "GET" || list[1]["address"] != "192.0.2.7" || fmt.Sprint(list[1]["scopes"]) != "[catalog:read]" || list[0]["status"] != 503.0 || list[0]["outcome"] != "reported" {
		t.Errorf("uses %v", list)
	}
	scopes := h.want(http.StatusOK, h.bearer(ana, "", "GET", "/v1/tokens/"+id+"/scopes", nil))
	if fmt.Sprint(scopes.JSON["proposal"]) != "[catalog:read]" || fmt.Sprint(scopes.JSON["unused"]) != "[content:write]" {
		t.Errorf("scopes %s", scopes.Body)
	}
}

// TestUsesOfAnotherWorkspaceAreUnknown: nothing tells them from tokens that
// never were, whoever reports, and nothing of them counts.
func TestUsesOfAnotherWorkspaceAreUnknown(t *testing.T) {
	h := startWith(t, recording)
	id := text(t, h.issued(nil), "id")
	h.taken()
	for _, who := range []struct{ secret, workspace string }{{foreign, "ws2"}, {bob, ""}, {both, "ws2"}} {
		a := h.want(http.StatusOK, h.report(who.secret, who.workspace, h.reported(id, nil), h.reported("0000000000001", nil), h.reported("0123456789abc", nil)))
		if a.JSON["accepted"] != 0.0 || at[float64](t, a.JSON, "unknown")+float64(len(at[[]any](t, a.JSON, "refused"))) != 3 {
			t.Errorf("answer %s", a.Body)
		}
	}
	if got := h.taken(); len(got) != 0 {
		t.Errorf("traffic %q", got)
	}
	if a := h.bearer(ana, "", "GET", "/v1/tokens/"+id, nil); a.JSON["last_used_at"] != nil {
		t.Errorf("it was used: %s", a.Body)
	}
	for _, path := range []string{"/uses", "/scopes"} {
		h.refused(http.StatusNotFound, "not_found", h.bearer(bob, "", "GET", "/v1/tokens/"+id+path, nil))
		h.refused(http.StatusNotFound, "not_found", h.bearer(foreign, "ws2", "GET", "/v1/tokens/"+id+path, nil))
	}
}

func TestWhoMayReportUses(t *testing.T) {
	h := start(t)
	issue := h.issued(nil)
	id := text(t, issue, "id")
	for name, try := range map[string]struct {
		secret, workspace string
		status            int
	}{
		"a client that may introspect": {gateway, "ws1", 200},
		"an administrator":             {ana, "", 200},
		"a plain client":               {modest, "ws1", 403},
		"the token itself":             {text(t, issue, "token"), "", 403},
		"a reader":                     {reader, "", 403},
		"a foreign client":             {foreign, "ws1", 401},
		"nobody":                       {"garbage", "", 400},
	} {
		if a := h.report(try.secret, try.workspace, h.reported(id, nil)); a.Status != try.status {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
}

// TestBadUseIsNamedAndTheRestTaken: by its place in the request.
func TestBadUseIsNamedAndTheRestTaken(t *testing.T) {
	h := start(t)
	id := text(t, h.issued(nil), "id")
	bad := []object{
		{"at": "yesterday"},
		{"at": h.Clock.Now().Add(-25 * time.Hour).Format(time.RFC3339)},
		{"at": h.Clock.Now().Add(2 * time.Minute).Format(time.RFC3339)},
		{"route": ""}, {"route": strings.Repeat("x", 129)}, {"route": "a\nb"},
		{"status": 0}, {"duration_ms": -1}, {"class": "mine"}, {"address": "here"}, {"method": "get /"},
		{"token_id": id}, {"secret_id": "short"}, {"token_hash": strings.Repeat("0", 64)}, {"head": "fch_svc_"}, {"secret_id": "", "token_hash": "short"}, {"scopes_used": []string{"a b"}}, {"agent": "a\u0007"},
	}
	uses := []object{h.reported(id, nil)}
	for _, change := range bad {
		uses = append(uses, h.reported(id, change))
	}
	a := h.want(http.StatusOK, h.report(gateway, "ws1", uses...))
	refused := at[[]any](t, a.JSON, "refused")
	if a.JSON["accepted"] != 1.0 || len(refused) != len(bad) {
		t.Fatalf("%d refused, want %d: %s", len(refused), len(bad), a.Body)
	}
	for i, one := range refused {
		if at[float64](t, one, "index") != float64(i+1) || at[string](t, one, "error") == "" {
			t.Errorf("%v of use %d", one, i+1)
		}
	}
	if field := h.refused(http.StatusUnprocessableEntity, "invalid_value", h.report(gateway, "ws1")); field != "uses" {
		t.Errorf("no uses: field %q", field)
	}
	if field := h.refused(http.StatusUnprocessableEntity, "invalid_value", h.report(gateway, "ws1", slices.Repeat(uses[:1], 1001)...)); field != "uses" {
		t.Errorf("too many uses: field %q", field)
	}
	full := h.reported(id, object{"method": "GET", "address": "192.0.2.7", "agent": "shop/1", "class": "internal", "scopes_used": []string{"catalog:read"}})
	if a := h.want(http.StatusOK, h.report(gateway, "ws1", slices.Repeat([]object{full}, 1000)...)); a.JSON["accepted"] != 1000.0 {
		t.Errorf("a full batch: %s", a.Body)
	}
}

// TestServiceThatKeepsHashesReportsByThem: of opaque, signed and imported tokens,
// in either spelling; a hash that is not the row's is unknown.
func TestServiceThatKeepsHashesReportsByThem(t *testing.T) {
	h := start(t)
	opaque, signed := h.issued(object{"format": "opaque"}), h.issued(nil)
	use := func(secret, head, hash string) object {
		sum := sha256.Sum256([]byte(secret))
		text := map[string]string{"hex": hex.EncodeToString(sum[:]), "base64url": base64.RawURLEncoding.EncodeToString(sum[:]), "padded": base64.URLEncoding.EncodeToString(sum[:])}[hash]
		return h.reported("", object{"secret_id": "", "token_hash": text, "head": head})
	}
	headOf := func(secret string) string {
		shape, ok := token.ShapeOf(secret)
		if !ok {
			t.Fatal("the secret has no shape")
		}
		return shape.Head
	}
	one, two := text(t, opaque, "token"), text(t, signed, "token")
	a := h.want(http.StatusOK, h.report(ana, "", use(one, headOf(one), "hex"), use(one, headOf(one), "base64url"), use(two, headOf(two), "padded"), use(mia, "", "hex")))
	if string(a.Body) != `{"accepted":4,"unknown":0,"refused":[]}` {
		t.Errorf("answer %s", a.Body)
	}
	for _, made := range []servertest.Answer{opaque, signed} {
		if last := h.bearer(ana, "", "GET", "/v1/tokens/"+text(t, made, "id"), nil).JSON["last_used_at"]; last != "2026-11-22T12:00:00Z" {
			t.Errorf("last used %v", last)
		}
	}
	a = h.want(http.StatusOK, h.report(ana, "", use(one, "", "hex"), use("another", headOf(one), "hex"), use(one, headOf(two), "hex"), use(two, "fch_svc_00000000000", "hex")))
	if string(a.Body) != `{"accepted":0,"unknown":4,"refused":[]}` {
		t.Errorf("of no token: %s", a.Body)
	}
}

// TestBatchCountsOnce: a retry after a lost answer is answered as before.
func TestBatchCountsOnce(t *testing.T) {
	h := start(t)
	id := text(t, h.issued(nil), "id")
	h.taken()
	send := func(secret, workspace, batch string, uses ...object) string {
		return string(h.want(http.StatusOK, h.bearer(secret, workspace, "POST", "/v1/uses", object{"batch": batch, "uses": uses})).Body)
	}
	first := send(gateway, "ws1", "b1", h.reported(id, nil), h.reported(id, nil))
	if again := send(gateway, "ws1", "b1", h.reported(id, nil)); again != first {
		t.Errorf("answered %s, then %s", first, again)
	}
	if got := h.taken(); !slices.Equal(got, []string{"ws1|GET /orders|backend|external 2, 0 refused"}) {
		t.Errorf("traffic %q", got)
	}
	send(gateway, "ws1", "b2", h.reported(id, nil))
	send(ana, "", "b1", h.reported(id, nil)) // another's batch of the same name
	if got := h.taken(); !slices.Equal(got, []string{"ws1|GET /orders|backend|external 2, 0 refused"}) {
		t.Errorf("traffic of two other batches %q", got)
	}
}

// TestEverythingATokenDidIsOnRecord: uses that were refused too, page by page.
func TestEverythingATokenDidIsOnRecord(t *testing.T) {
	h := startWith(t, recording)
	issue := h.issued(nil)
	id, secret := text(t, issue, "id"), text(t, issue, "token")
	for i := range 5 {
		h.Clock.Move(time.Minute)
		h.verify(secret, []string{"?route=orders&scope=catalog:read", "?scope=content:write"}[i%2])
	}
	h.flush()
	path := "/v1/tokens/" + id + "/uses?limit=2"
	var outcomes []string
	for cursor := ""; ; {
		a := h.want(http.StatusOK, h.bearer(ana, "", "GET", path+cursor, nil))
		if a.JSON["recorded"] != "full" {
			t.Errorf("recorded %v", a.JSON["recorded"])
		}
		for _, item := range h.items(a) {
			outcomes = append(outcomes, fmt.Sprint(item["outcome"], " ", item["route"], " ", item["scopes"]))
		}
		next, ok := a.JSON["next"].(string)
		if !ok {
			break
		}
		cursor = "&cursor=" + next
	}
	yes, no := "allowed orders [catalog:read]", "insufficient_scope /verify [content:write]"
	if !slices.Equal(outcomes, []string{yes, no, yes, no, yes}) {
		t.Errorf("got %q", outcomes)
	}
	from := h.Clock.Now().Add(-time.Minute).Format(time.RFC3339)
	if n := len(h.items(h.bearer(ana, "", "GET", "/v1/tokens/"+id+"/uses?from="+from, nil))); n != 2 {
		t.Errorf("%d since %s, want 2", n, from)
	}
}

// TestUsesOfAnImpersonatedTokenComeFromTheAudit: and are not recorded twice.
func TestUsesOfAnImpersonatedTokenComeFromTheAudit(t *testing.T) {
	h := startWith(t, recording)
	a := h.want(http.StatusCreated, h.impersonate(backend, "ws1", "mia@example.test"))
	id := text(t, a, "id")
	for range 3 {
		h.Clock.Move(time.Second)
		h.want(http.StatusOK, h.verify(text(t, a, "token"), ""))
	}
	h.Clock.Move(time.Second)
	h.want(http.StatusOK, h.report(gateway, "ws1", h.reported(id, nil)))
	h.flush()
	list := h.items(h.bearer(ana, "", "GET", "/v1/tokens/"+id+"/uses", nil))
	if len(list) != 4 || list[0]["source"] != "records" {
		t.Fatalf("got %v", list)
	}
	for _, use := range list {
		if use["on_behalf_of"] != h.idOf("mia@example.test") || use["actor"] != "backend" {
			t.Errorf("use %v", use)
		}
	}
	if list[1]["source"] != "audit" || list[1]["outcome"] != "allowed" {
		t.Errorf("use %v", list[1])
	}
}

// TestProposalIsWhatWasUsed: with confidence only after two weeks in which every
// use said what it needed.
func TestProposalIsWhatWasUsed(t *testing.T) {
	h := start(t)
	scopes := []string{"catalog:read", "content:write", "users:read"}
	issue := h.issued(object{"scopes": scopes})
	id, secret := text(t, issue, "id"), text(t, issue, "token")
	said := func(id string) string {
		t.Helper()
		a := h.want(http.StatusOK, h.bearer(ana, "", "GET", "/v1/tokens/"+id+"/scopes", nil))
		return fmt.Sprint(a.JSON["proposal"], a.JSON["unused"], " ", a.JSON["days"], " ", a.JSON["uses"], " ", a.JSON["confident"])
	}
	is := func(id, want string) {
		t.Helper()
		if got := said(id); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	is(id, "[catalog:read content:write users:read] [catalog:read content:write users:read] 0 0 false")
	h.verify(secret, "?scope=users:read")
	h.flush()
	h.Clock.Move(14 * 24 * time.Hour)
	h.verify(secret, "?scope=catalog:read") // not written yet
	is(id, "[catalog:read users:read] [content:write] 14 2 true")
	h.verify(secret, "")
	is(id, "[catalog:read users:read] [content:write] 14 3 false")

	// Of a wide scope the part that our own API was asked for.
	mine := h.verify(bob, "").Header.Get("X-Auth-Token-Id")
	h.want(http.StatusOK, h.bearer(bob, "", "GET", "/v1/clients", nil))
	a := h.want(http.StatusOK, h.bearer(bob, "", "GET", "/v1/tokens/"+mine+"/scopes", nil))
	if got := fmt.Sprint(a.JSON["proposal"], a.JSON["unused"]); got != "[admin:read] [admin:write]" {
		t.Errorf("got %s", got)
	}
}

// TestReportedUseConfirmsARotation: once, and one that the service refused does
// not.
func TestReportedUseConfirmsARotation(t *testing.T) {
	h := start(t)
	issue := h.issued(nil)
	id := text(t, issue, "id")
	made := h.want(http.StatusCreated, h.program("POST", "/v1/tokens/"+id+"/rotations", object{"grace_seconds": 3600}))
	fresh := text(t, made, "secret_id")
	state := func() any {
		t.Helper()
		return h.items(h.bearer(ana, "", "GET", "/v1/tokens/"+id+"/rotations", nil))[0]["confirmed_at"]
	}
	h.want(http.StatusOK, h.report(gateway, "ws1", h.reported(fresh, object{"status": 401}), h.reported(id, nil)))
	if got := state(); got != nil {
		t.Errorf("confirmed at %v by a refusal", got)
	}
	h.want(http.StatusOK, h.report(foreign, "ws2", h.reported(fresh, nil)))
	if got := state(); got != nil {
		t.Errorf("confirmed at %v by another workspace", got)
	}
	for range 2 {
		h.want(http.StatusOK, h.report(gateway, "ws1", h.reported(fresh, nil), h.reported(fresh, nil)))
		if got := state(); got != "2026-11-22T12:00:00Z" {
			t.Errorf("confirmed at %v, want now", got)
		}
	}
}

func TestAnswersAboutUsesAreAsDescribed(t *testing.T) {
	h := startWith(t, recording)
	doc := h.described()
	a := h.want(http.StatusCreated, h.impersonate(backend, "ws1", "mia@example.test"))
	id := text(t, a, "id")
	h.verify(text(t, a, "token"), "?scope=catalog:read")
	for _, answer := range []struct {
		route string
		servertest.Answer
	}{
		{"POST /v1/uses", h.report(gateway, "ws1", h.reported(id, nil), h.reported(id, object{"status": 1}))},
		{"POST /v1/uses", h.report(modest, "ws1", h.reported(id, nil))},
		{"GET /v1/tokens/{id}/uses", h.bearer(ana, "", "GET", "/v1/tokens/"+id+"/uses", nil)},
		{"GET /v1/tokens/{id}/scopes", h.bearer(ana, "", "GET", "/v1/tokens/"+id+"/scopes", nil)},
	} {
		if err := asDescribed(doc, answer.route, answer.Answer); err != nil {
			t.Errorf("%s: %v\n%s", answer.route, err, answer.Body)
		}
	}
}
