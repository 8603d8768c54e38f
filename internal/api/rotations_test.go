package api_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func (h *house) rotate(secret, path string, body object, header ...string) object {
	h.t.Helper()
	workspace := ""
	if secret == backend {
		workspace = "ws1"
	}
	made := h.want(http.StatusCreated, h.bearer(secret, workspace, "POST", path+"/rotations", body, header...)).JSON
	turn := at[object](h.t, made, "rotation")
	for _, name := range []string{"token", "client_secret", "client_token"} {
		if text, ok := made[name].(string); ok {
			turn["secret"] = text
		}
	}
	turn["token"] = made
	return turn
}

func (h *house) lets(secret string) bool {
	h.t.Helper()
	a := h.verify(secret, "")
	if a.Status != http.StatusOK && a.Status != http.StatusUnauthorized {
		h.t.Fatalf("verify: %d %s", a.Status, a.Body)
	}
	return a.Status == http.StatusOK
}

func (h *house) later(d time.Duration) {
	h.t.Helper()
	h.Clock.Move(d)
	for {
		n, err := h.Authority.RetireDue(h.t.Context(), 100)
		if err != nil {
			h.t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

func TestOldSecretWorksUntilTheNewOneWasSeenAndTheGraceIsOver(t *testing.T) {
	h := start(t)
	first := h.issued(object{"name": "deploy", "scopes": []string{"catalog:read"}, "ttl": 40 * 86400})
	id, old := text(t, first, "id"), text(t, first, "token")
	h.Clock.Move(30 * 24 * time.Hour)
	turn := h.rotate(old, "/v1/tokens/"+id, object{"grace_seconds": 3600})
	now, made := at[string](t, turn, "secret"), at[object](t, turn, "token")
	if turn["state"] != "pending" || made["id"] != id || made["secret_id"] == id || turn["retires_at"] != nil {
		t.Fatalf("%v", turn)
	}
	if left := at[float64](t, made, "expires_in"); left != 40*86400 {
		t.Errorf("the new secret lives %v s, not a full lifetime", left)
	}
	h.later(5 * 24 * time.Hour)
	if !h.lets(old) {
		t.Fatal("the old one ended before the new one was seen")
	}
	a := h.verify(now, "")
	if a.Status != http.StatusOK || a.Header.Get("X-Auth-Token-Id") != id || a.Header.Get("X-Auth-Secret-Id") != made["secret_id"] {
		t.Fatalf("%d %v", a.Status, a.Header)
	}
	h.later(59 * time.Minute)
	if !h.lets(old) {
		t.Error("the old one ended within its grace")
	}
	h.later(2 * time.Minute)
	if h.lets(old) || !h.lets(now) {
		t.Error("after the grace the old one opens, or the new one does not")
	}
	list := h.items(h.bearer(ana, "", "GET", "/v1/tokens/"+id+"/rotations", nil))
	if len(list) != 1 || list[0]["state"] != "retired" || list[0]["open"] != false {
		t.Errorf("%v", list)
	}
	if shown := h.want(http.StatusOK, h.bearer(ana, "", "GET", "/v1/tokens/"+id, nil)).JSON; shown["secret_id"] != made["secret_id"] || shown["status"] != "active" {
		t.Errorf("the credential shows as %v", shown)
	}
	for _, action := range []string{"rotation.started", "rotation.confirmed", "rotation.retired"} {
		if n := len(h.events("action=" + action)); n != 1 {
			t.Errorf("%d records of %s", n, action)
		}
	}
}

func TestUnconfirmedOldSecretEndsAtItsOwnExpiry(t *testing.T) {
	h := start(t)
	first := h.issued(object{"name": "deploy", "scopes": []string{"catalog:read"}, "ttl": 86400 * 2})
	id, old := text(t, first, "id"), text(t, first, "token")
	now := at[string](t, h.rotate(backend, "/v1/tokens/"+id, object{"grace_seconds": 30 * 86400}), "secret")
	h.later(47 * time.Hour)
	if !h.lets(now) { // its first use: the grace would be 30 days
		t.Fatal("the new one does not open")
	}
	h.later(2 * time.Hour)
	if h.lets(old) {
		t.Error("a rotation made the old secret live longer")
	}
}

func TestGraceOfNothingNeedsAReasonAndEndsAtOnce(t *testing.T) {
	h := start(t)
	first := h.issued(object{"name": "deploy", "scopes": []string{"catalog:read"}})
	id, old := text(t, first, "id"), text(t, first, "token")
	h.refused(http.StatusUnprocessableEntity, "invalid_value", h.bearer(old, "", "POST", "/v1/tokens/"+id+"/rotations", object{"grace_seconds": 0}))
	pending := at[string](t, h.rotate(old, "/v1/tokens/"+id, nil), "secret")
	turn := h.rotate(old, "/v1/tokens/"+id, object{"grace_seconds": 0, "reason": "leaked"})
	if h.lets(old) || h.lets(pending) {
		t.Error("a secret of before still opens")
	}
	if !h.lets(at[string](t, turn, "secret")) || turn["state"] != "retired" {
		t.Errorf("%v", turn)
	}
	if list := h.items(h.bearer(ana, "", "GET", "/v1/rotations?open=true", nil)); len(list) != 0 {
		t.Errorf("still open: %v", list)
	}
}

func TestRotationIsCancelledUndoneAndFinished(t *testing.T) {
	h := start(t)
	first := h.issued(object{"name": "deploy", "scopes": []string{"catalog:read"}})
	id, old := text(t, first, "id"), text(t, first, "token")
	steps := "/v1/tokens/" + id + "/rotations/"
	turn := h.rotate(old, "/v1/tokens/"+id, nil)
	h.refused(http.StatusConflict, "conflict", h.bearer(old, "", "POST", "/v1/tokens/"+id+"/rotations", nil))
	h.refused(http.StatusConflict, "conflict", h.bearer(ana, "", "POST", steps+at[string](t, turn, "id")+"/undo", nil))
	h.want(http.StatusOK, h.bearer(ana, "", "POST", steps+at[string](t, turn, "id")+"/cancel", nil))
	if h.lets(at[string](t, turn, "secret")) || !h.lets(old) {
		t.Error("after the cancelling the new one opens, or the old one does not")
	}

	turn = h.rotate(old, "/v1/tokens/"+id, object{"grace_seconds": 60})
	now := at[string](t, turn, "secret")
	h.want(http.StatusOK, h.bearer(ana, "", "POST", steps+at[string](t, turn, "id")+"/confirm", nil))
	h.refused(http.StatusConflict, "conflict", h.bearer(ana, "", "POST", steps+at[string](t, turn, "id")+"/cancel", nil))
	h.Clock.Move(50 * time.Second)
	h.want(http.StatusOK, h.bearer(ana, "", "POST", steps+at[string](t, turn, "id")+"/undo", nil))
	h.Clock.Move(50 * time.Second)
	if !h.lets(old) || !h.lets(now) {
		t.Error("undone: within the new one's grace both open")
	}
	h.later(time.Minute)
	if !h.lets(old) || h.lets(now) {
		t.Error("undone: the new one stays, or the old one went")
	}

	turn = h.rotate(old, "/v1/tokens/"+id, nil)
	h.lets(at[string](t, turn, "secret"))
	h.refused(http.StatusUnprocessableEntity, "invalid_value", h.bearer(ana, "", "POST", steps+at[string](t, turn, "id")+"/finish", nil))
	h.want(http.StatusOK, h.bearer(ana, "", "POST", steps+at[string](t, turn, "id")+"/finish", object{"reason": "moved"}))
	if h.lets(old) || !h.lets(at[string](t, turn, "secret")) {
		t.Error("finished: the old one opens, or the new one does not")
	}
	h.want(http.StatusNotFound, h.bearer(bob, "", "POST", "/v1/rotations/"+at[string](t, turn, "id")+"/cancel", nil))
	h.want(http.StatusNotFound, h.bearer(ana, "", "POST", steps+at[string](t, turn, "id")+"/explode", nil))
}

func TestRevokingATokenEndsAllItsSecrets(t *testing.T) {
	h := start(t)
	for _, seen := range []bool{false, true} {
		first := h.issued(object{"name": "deploy", "scopes": []string{"catalog:read"}})
		id, old := text(t, first, "id"), text(t, first, "token")
		now := at[string](t, h.rotate(old, "/v1/tokens/"+id, nil), "secret")
		if seen {
			h.lets(now)
		}
		h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/tokens/"+id+"/revoke", nil))
		if h.lets(old) || h.lets(now) {
			t.Errorf("seen %v: one of the secrets survived", seen)
		}
	}
}

// TestRotationAndRevocationAtOnceLeaveNothing: whichever comes first, nothing of
// the token opens afterwards.
func TestRotationAndRevocationAtOnceLeaveNothing(t *testing.T) {
	h := start(t)
	for range 25 {
		first := h.issued(object{"name": "deploy", "scopes": []string{"catalog:read"}})
		id, old := text(t, first, "id"), text(t, first, "token")
		var now string
		var wg sync.WaitGroup
		wg.Go(func() {
			if a := h.bearer(backend, "ws1", "POST", "/v1/tokens/"+id+"/rotations", nil); a.Status == http.StatusCreated {
				now = at[string](t, a.JSON, "token")
			}
		})
		wg.Go(func() { h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/tokens/"+id+"/revoke", nil)) })
		wg.Wait()
		if h.lets(old) || now != "" && h.lets(now) {
			t.Fatal("a secret of a revoked token opens")
		}
	}
}

func TestRotationGivesNobodyMoreThanTheirOwn(t *testing.T) {
	h := start(t)
	wide := text(t, h.issued(object{"name": "wide", "scopes": []string{"content:write"}}), "id")
	h.want(http.StatusNotFound, h.bearer(bob, "", "POST", "/v1/tokens/"+wide+"/rotations", nil))
	h.want(http.StatusForbidden, h.bearer(mia, "", "POST", "/v1/tokens/"+wide+"/rotations", nil))
	h.want(http.StatusNotFound, h.bearer(modest, "ws1", "POST", "/v1/tokens/"+wide+"/rotations", nil))
	h.want(http.StatusCreated, h.bearer(ana, "", "POST", "/v1/tokens/"+wide+"/rotations", nil))

	whose := h.want(http.StatusOK, h.verify(mia, "")).Header.Get("X-Auth-Token-Id")
	if a := h.bearer(ana, "ws1", "POST", "/v1/tokens/"+whose+"/rotations", nil); a.Status != http.StatusForbidden && a.Status != http.StatusNotFound {
		t.Errorf("an admin got a secret that acts as somebody else: %d", a.Status)
	}
	own := h.rotate(mia, "/v1/tokens/"+whose, nil)
	if !strings.HasPrefix(at[string](t, own, "secret"), "fch_pat_") || !h.lets(at[string](t, own, "secret")) {
		t.Errorf("%v", own["state"])
	}
	h.refused(http.StatusForbidden, "invalid_scope", h.bearer(at[string](t, own, "secret"), "", "POST", "/v1/tokens/"+whose+"/rotations", object{"scopes": []string{"content:write"}}))
	session := text(t, h.issued(object{"name": "brief", "type": "ephemeral", "scopes": []string{"catalog:read"}}), "id")
	h.refused(http.StatusConflict, "conflict", h.bearer(backend, "ws1", "POST", "/v1/tokens/"+session+"/rotations", nil))
}

func TestRetriedRotationGivesTheSameSecret(t *testing.T) {
	h := start(t)
	id := text(t, h.issued(object{"name": "deploy", "scopes": []string{"catalog:read"}}), "id")
	for _, body := range []object{{"grace_seconds": 60}, {"grace_seconds": 0, "reason": "leaked"}} {
		key := "key-of-" + time.Duration(len(body)).String()
		one := h.rotate(backend, "/v1/tokens/"+id, body, "Idempotency-Key", key)
		two := h.rotate(backend, "/v1/tokens/"+id, body, "Idempotency-Key", key)
		if one["secret"] != two["secret"] || one["id"] != two["id"] {
			t.Errorf("a second rotation: %v, %v", one["id"], two["id"])
		}
	}
}

// TestNarrowerTokenIsRolledBackByARefusal: a scope that the token was thought
// not to need is asked for, and the wider secret stays.
func TestNarrowerTokenIsRolledBackByARefusal(t *testing.T) {
	h := start(t)
	first := h.issued(object{"name": "deploy", "scopes": []string{"catalog:read", "content:write"}})
	id, old := text(t, first, "id"), text(t, first, "token")
	turn := h.rotate(old, "/v1/tokens/"+id, object{"scopes": []string{"catalog:read"}, "grace_seconds": 60})
	now := at[string](t, turn, "secret")
	h.want(http.StatusOK, h.verify(now, "?scope=catalog:read"))
	h.want(http.StatusForbidden, h.verify(now, "?scope=assets:read")) // neither had it: no reason to go back
	if list := h.items(h.bearer(ana, "", "GET", "/v1/rotations", nil)); list[0]["state"] != "active" {
		t.Fatalf("%v", list[0])
	}
	h.want(http.StatusForbidden, h.verify(now, "?scope=content:write"))
	h.later(2 * time.Minute)
	if !h.lets(old) || h.lets(now) {
		t.Error("the wider secret did not come back, or the narrower one stayed")
	}
	if events := h.events("action=rotation.rolled_back"); len(events) != 1 || !strings.Contains(at[string](t, at[object](t, events[0], "detail"), "reason"), "content:write") {
		t.Errorf("%v", events)
	}
}

func TestWhoStillUsesTheOldSecretIsShown(t *testing.T) {
	h := start(t)
	first := h.issued(object{"name": "deploy", "scopes": []string{"catalog:read"}})
	id, old := text(t, first, "id"), text(t, first, "token")
	now := at[string](t, h.rotate(old, "/v1/tokens/"+id, nil), "secret")
	h.lets(now)
	h.verify(old, "", "User-Agent", "forgotten-cron/1")
	r := h.items(h.bearer(ana, "", "GET", "/v1/tokens/"+id+"/rotations", nil))[0]
	use, _ := at[object](t, r, "old_secret")["last_use"].(object)
	if use["user_agent"] != "forgotten-cron/1" || at[object](t, r, "new_secret")["last_used_at"] == nil {
		t.Errorf("%v", r)
	}
}

func TestClientSecretRotatesByUse(t *testing.T) {
	h := start(t)
	turn := h.rotate(ana, "/v1/clients/backend", object{"grace_seconds": 60})
	now := at[string](t, turn, "secret")
	status := func(secret string) int {
		return h.bearer(secret, "ws1", "GET", "/v1/tokens", nil).Status
	}
	if status(backend) != 200 {
		t.Error("the old secret ended before the new one was seen")
	}
	h.Clock.Move(time.Hour)
	if status(now) != 200 || status(backend) != 200 {
		t.Error("both work within the grace")
	}
	h.later(2 * time.Minute)
	if status(now) != 200 || status(backend) != 401 {
		t.Errorf("after the grace: new %d, old %d", status(now), status(backend))
	}
	h.refused(http.StatusUnprocessableEntity, "invalid_value", h.bearer(ana, "", "POST", "/v1/clients/backend/rotations", object{"grace_seconds": 0}))
	again := h.rotate(ana, "/v1/clients/backend", object{"grace_seconds": 0, "reason": "leaked"})
	if status(now) != 401 || status(at[string](t, again, "secret")) != 200 {
		t.Error("a grace of nothing left the old secret, or gave none")
	}
	h.want(http.StatusCreated, h.bearer(ana, "", "POST", "/v1/clients/backend/secrets", nil))
	h.refused(http.StatusUnprocessableEntity, "invalid_value", h.bearer(ana, "", "POST", "/v1/clients/backend/rotations", nil))
	h.want(http.StatusNotFound, h.bearer(bob, "", "POST", "/v1/clients/backend/rotations", nil))
}

func TestSuspensionHoldsForAllSecrets(t *testing.T) {
	h := start(t)
	first := h.issued(object{"name": "deploy", "scopes": []string{"catalog:read"}})
	id, old := text(t, first, "id"), text(t, first, "token")
	now := at[string](t, h.rotate(old, "/v1/tokens/"+id, nil), "secret")
	h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/tokens/"+id+"/suspend", nil))
	if h.lets(old) || h.lets(now) {
		t.Error("a secret of a suspended token opens")
	}
	h.want(http.StatusConflict, h.bearer(ana, "", "POST", "/v1/tokens/"+id+"/rotations", object{"grace_seconds": 0, "reason": "while suspended"}))
	h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/tokens/"+id+"/resume", nil))
	if !h.lets(old) || !h.lets(now) {
		t.Error("resumed: both open again")
	}
}

func TestClientTokenOfChronosRotatesByUse(t *testing.T) {
	h := startFrom(t, `
workspaces: [{id: ws1, client_tokens: ["b03ea027d73cfdb458184541012b76c0"]}]
users: [{email: ana@example.test, password: "correct horse", memberships: [{workspace: ws1, role: super_admin}]}]
tokens: [{kind: personal, user: ana@example.test, name: a, secret: "ana-admin-token-0001", scopes: ["admin:write"]}]
`)
	login := func(clientToken string) int {
		return h.Request("POST", "/token/generate", object{"email": "ana@example.test", "password": "correct horse:" + clientToken}).Status
	}
	const old = "b03ea027d73cfdb458184541012b76c0"
	if login(old) != 200 {
		t.Fatalf("before: %d", login(old))
	}
	id := at[string](t, h.items(h.bearer(ana, "", "GET", "/v1/client-tokens", nil))[0], "id")
	now := at[string](t, h.rotate(ana, "/v1/client-tokens/"+id, object{"grace_seconds": 60}), "secret")
	h.later(time.Hour)
	if login(old) != 200 || login(now) != 200 {
		t.Error("both work until the grace is over")
	}
	h.later(2 * time.Minute)
	if login(old) == 200 || login(now) != 200 {
		t.Error("after the grace the old one works, or the new one does not")
	}
}
