package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestExpiryOfATokenIsNeverChanged(t *testing.T) {
	h := start(t)
	was := h.issued(nil)
	path := "/v1/tokens/" + text(t, was, "id")
	for field, value := range map[string]any{
		"expires_at": "2030-01-01T00:00:00Z", "ttl": 5, "expires_in": nil, "scopes": []string{"catalog:read"},
	} {
		for _, method := range []string{"PATCH", "PUT"} {
			a := h.bearer(ana, "ws1", method, path, object{"name": "other", field: value})
			if got := h.refused(http.StatusUnprocessableEntity, "invalid_value", a); got != field {
				t.Errorf("%s %s: the refusal names %q", method, field, got)
			}
			if !strings.Contains(text(t, a, "error_description"), "make a new one, or rotate") {
				t.Errorf("%s %s: %s", method, field, a.Body)
			}
		}
	}
	is := h.want(http.StatusOK, h.bearer(ana, "ws1", "GET", path, nil))
	if is.JSON["expires_at"] != was.JSON["expires_at"] || is.JSON["name"] != "worker" {
		t.Errorf("it was %s and is %s", was.Body, is.Body)
	}
}

func TestWhatPeopleSayAboutATokenIsChangedInOneDeed(t *testing.T) {
	h := start(t)
	was := h.issued(object{"purpose": "old", "owner": "mia@example.test"})
	path := "/v1/tokens/" + text(t, was, "id")
	is := h.want(http.StatusOK, h.bearer(ana, "ws1", "PATCH", path, object{"name": "new name", "owner": "adam@example.test"}))
	if is.JSON["name"] != "new name" || is.JSON["owner_email"] != "adam@example.test" || is.JSON["purpose"] != "old" {
		t.Errorf("got %s", is.Body)
	}
	events := h.events("action=token.changed")
	if len(events) != 1 {
		t.Fatalf("%d records, want 1", len(events))
	}
	if a := h.verify(text(t, was, "token"), ""); a.Status != http.StatusOK {
		t.Errorf("the secret opens no more: %d", a.Status)
	}
	for what, try := range map[string]object{
		"nothing":      {},
		"no name":      {"name": ""},
		"a long name":  {"name": strings.Repeat("x", 201)},
		"control":      {"purpose": "a\x00b"},
		"another word": {"colour": "red"},
	} {
		if a := h.bearer(ana, "ws1", "PATCH", path, try); a.Status/100 != 4 {
			t.Errorf("%s: status %d", what, a.Status)
		}
	}
	h.refused(http.StatusNotFound, "not_found", h.bearer(bob, "ws2", "PATCH", path, object{"name": "stolen"}))
	h.refused(http.StatusForbidden, "forbidden", h.program("PATCH", path, object{"name": "by a program"}))
	h.want(http.StatusOK, h.bearer(ana, "ws1", "POST", path+"/revoke", nil))
	h.refused(http.StatusConflict, "conflict", h.bearer(ana, "ws1", "PATCH", path, object{"name": "late"}))
	if n := len(h.events("action=token.changed")); n != 1 {
		t.Errorf("%d records after refusals, want 1", n)
	}
}

// TestGateSaysThatATokenExpiresSoon: the header is empty until a notice is due,
// and never missing.
func TestGateSaysThatATokenExpiresSoon(t *testing.T) {
	h := start(t)
	a := h.issued(object{"ttl": 30 * 86400})
	secret, id := text(t, a, "token"), text(t, a, "id")
	where := "; rotate at " + h.URL + "/v1/tokens/" + id + "/rotations"
	for _, step := range []struct {
		pass time.Duration
		want string
	}{
		{0, ""},
		{16*24*time.Hour - time.Second, ""},
		{time.Second, "expires in 14 days" + where},
		{8*24*time.Hour + time.Hour, "expires in 5 days" + where},
		{4 * 24 * time.Hour, "expires in 1 day" + where},
		{46 * time.Hour, "expires in 1 hour" + where},
		{30 * time.Minute, "expires in 30 minutes" + where},
	} {
		h.Clock.Move(step.pass)
		yes := h.want(http.StatusOK, h.verify(secret, ""))
		if got, ok := yes.Header["X-Auth-Expiry-Notice"]; !ok || len(got) != 1 || got[0] != step.want {
			t.Errorf("after %v: got %q, want %q", step.pass, got, step.want)
		}
	}
	h.Clock.Move(time.Hour)
	no := h.want(http.StatusUnauthorized, h.verify(secret, ""))
	if want := "expired on 2026-12-22T12:00:00Z; make a new one at " + h.URL + "/panel/"; !strings.Contains(no.Header.Get("WWW-Authenticate"), want) {
		t.Errorf("got %q, want %q in it", no.Header.Get("WWW-Authenticate"), want)
	}
}

func TestAnswersNameTheRuleThatEndsAToken(t *testing.T) {
	h := start(t)
	a := h.issued(nil)
	if a.JSON["effective_expires_at"] != a.JSON["expires_at"] || a.JSON["expiry_rule"] != "expires_at" {
		t.Errorf("got %s", a.Body)
	}
	list := h.want(http.StatusOK, h.bearer(ana, "ws1", "GET", "/v1/tokens?user=mia@example.test", nil))
	for _, one := range at[[]any](t, list.JSON, "items") {
		if one, ok := one.(object); !ok || one["effective_expires_at"] != nil || one["expiry_rule"] != nil {
			t.Errorf("a token without an end: %v", one)
		}
	}
}
