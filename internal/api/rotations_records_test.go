package api_test

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

// turns returns what is on record of the rotations of a credential, the first
// first, and how many of them are open.
func (h *house) turns(credential string) (actions []string, open int) {
	h.t.Helper()
	for _, e := range h.events("target=" + credential + "&action=rotation.") {
		actions = append(actions, at[string](h.t, e, "action"))
	}
	slices.Reverse(actions)
	return actions, len(h.items(h.want(http.StatusOK, h.bearer(ana, "", "GET", "/v1/rotations?open=true", nil))))
}

// TestEveryRotationThatStartsEndsOnRecord: at once, with its credential, and when
// nobody ever used the new secret.
func TestEveryRotationThatStartsEndsOnRecord(t *testing.T) {
	h := start(t)
	said := func(what, id string, want ...string) {
		t.Helper()
		if got, open := h.turns("token:" + id); !slices.Equal(got, want) || open != 0 {
			t.Errorf("%s: on record %v, want %v; %d are open", what, got, want, open)
		}
	}
	id := text(t, h.issued(nil), "id")
	h.rotate(backend, "/v1/tokens/"+id, object{"grace_seconds": 0, "reason": "leaked"})
	said("without a grace", id, "rotation.started", "rotation.retired")

	id = text(t, h.issued(nil), "id")
	h.rotate(backend, "/v1/tokens/"+id, object{"grace_seconds": 60})
	h.Clock.Move(time.Second)
	h.rotate(backend, "/v1/tokens/"+id, object{"grace_seconds": 0, "reason": "leaked"})
	got, _ := h.turns("token:" + id)
	slices.Sort(got[1:])
	if want := []string{"rotation.started", "rotation.cancelled", "rotation.retired", "rotation.started"}; !slices.Equal(got, want) {
		t.Errorf("over another: %v, want %v", got, want)
	}

	id = text(t, h.issued(nil), "id")
	h.rotate(backend, "/v1/tokens/"+id, object{"grace_seconds": 60})
	h.Clock.Move(time.Second)
	h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/tokens/"+id+"/revoke", object{"reason": "not needed"}))
	said("revoked", id, "rotation.started", "rotation.cancelled")
	if detail := at[object](t, h.events("action=rotation.cancelled")[0], "detail"); detail["reason"] != "not needed" {
		t.Errorf("it says %v", detail)
	}

	id = text(t, h.issued(nil), "id")
	next := at[string](t, h.rotate(backend, "/v1/tokens/"+id, object{"grace_seconds": 60}), "secret")
	h.Clock.Move(time.Second)
	h.lets(next)
	h.Clock.Move(time.Second)
	h.want(http.StatusCreated, h.sweep(object{"act": "revoke", "by": object{"kind": "service"}, "reason": "all"}))
	said("in use, and ended with all others", id, "rotation.started", "rotation.confirmed", "rotation.retired")

	id = text(t, h.issued(object{"ttl": 3600}), "id")
	h.rotate(backend, "/v1/tokens/"+id, object{"grace_seconds": 60})
	h.Clock.Move(2 * time.Hour)
	for range 2 {
		if _, err := h.Authority.RetireDue(t.Context(), 10); err != nil {
			t.Fatal(err)
		}
	}
	said("never used", id, "rotation.started", "rotation.cancelled")
	if status := text(t, h.bearer(ana, "", "GET", "/v1/tokens/"+id, nil), "status"); status != "expired" {
		t.Errorf("the token is %s", status)
	}
}

// TestSecretThatEndsAtOnceIsOnRecordInOrder: both records are of one instant, and
// whoever reads or hears of them sees the beginning first.
func TestSecretThatEndsAtOnceIsOnRecordInOrder(t *testing.T) {
	h := start(t)
	var want []string
	for range 8 {
		h.rotate(ana, "/v1/clients/backend", object{"grace_seconds": 0, "reason": "leaked"})
		h.Clock.Move(time.Second)
		want = append(want, "rotation.started", "rotation.retired")
	}
	if got, open := h.turns("client_secret:backend"); !slices.Equal(got, want) || open != 0 {
		t.Errorf("on record %v, want %v; %d are open", got, want, open)
	}
}
