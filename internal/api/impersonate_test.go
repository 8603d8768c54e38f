package api_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/server/servertest"
)

func (h *house) impersonate(secret, workspace, subject string) servertest.Answer {
	h.t.Helper()
	return h.bearer(secret, workspace, "POST", "/v1/tokens", object{
		"name": "support", "scopes": []string{"catalog:read"}, "type": "impersonated", "on_behalf_of": subject, "reason": "ticket 4711",
	})
}

// idOf returns the id of a member of ws1.
func (h *house) idOf(email string) string {
	h.t.Helper()
	for _, u := range h.items(h.bearer(ana, "", "GET", "/v1/users", nil)) {
		if u["email"] == email {
			return at[string](h.t, u, "id")
		}
	}
	h.t.Fatalf("%s is no member", email)
	return ""
}

// TestImpersonationNamesBothParties: the token, the audit row of its issue and
// that of each use say who acts and for whom.
func TestImpersonationNamesBothParties(t *testing.T) {
	h := start(t)
	id := h.idOf("mia@example.test")
	for _, named := range []string{"mia@example.test", id} {
		a := h.want(http.StatusCreated, h.impersonate(backend, "ws1", named))
		if a.JSON["user"] != id || a.JSON["user_email"] != "mia@example.test" || a.JSON["expires_in"] != float64(900) || a.JSON["reason"] != "ticket 4711" {
			t.Errorf("by %s: %s", named, a.Body)
		}
	}
	a := h.want(http.StatusCreated, h.impersonate(backend, "ws1", id))
	claims := claimsOf(t, text(t, a, "token"))
	if act, _ := claims["act"].(object); claims["sub"] != id || act["sub"] != "client:backend" {
		t.Errorf("claims %v", claims)
	}
	issue := h.events("action=token.issued&limit=1")[0]
	for range 2 {
		yes := h.want(http.StatusOK, h.verify(text(t, a, "token"), ""))
		if yes.Header.Get("X-Auth-Subject") != id || yes.Header.Get("X-Auth-Actor") != "client:backend" || yes.Header.Get("X-Auth-Kind") != "impersonated" {
			t.Errorf("identity headers %v", yes.Header)
		}
	}
	uses := h.events("action=impersonation.used&token=" + text(t, a, "id"))
	if len(uses) != 2 {
		t.Fatalf("%d uses are on record, want 2", len(uses))
	}
	for _, e := range append(uses, issue) {
		if actor := at[object](t, e, "actor"); actor["type"] != "client" || actor["id"] != "backend" || actor["on_behalf_of"] != id {
			t.Errorf("%v names %v", e["action"], actor)
		}
	}
}

func claimsOf(t *testing.T, jwt string) object {
	t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is not signed", jwt)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims object
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		t.Fatalf("no claims in %q: %v", jwt, err)
	}
	return claims
}

// TestImpersonationIsRefusedAndOnRecord: a client without the right, an admin, a
// stranger and a member of other workspaces; the last two are one answer.
func TestImpersonationIsRefusedAndOnRecord(t *testing.T) {
	h := start(t)
	stranger := h.impersonate(backend, "ws1", "nobody@example.test")
	for i, try := range []struct {
		secret, subject, code string
		status                int
	}{
		{modest, "mia@example.test", "forbidden", http.StatusForbidden},
		{backend, "ana@example.test", "forbidden", http.StatusForbidden},
		{backend, "adam@example.test", "forbidden", http.StatusForbidden},
		{backend, "bob@example.test", "not_found", http.StatusNotFound},
		{backend, "usr_0000000000000", "not_found", http.StatusNotFound},
	} {
		a := h.impersonate(try.secret, "ws1", try.subject)
		h.refused(try.status, try.code, a)
		if try.status == http.StatusNotFound && a.JSON["error_description"] != stranger.JSON["error_description"] {
			t.Errorf("%s can be told from a stranger: %s", try.subject, a.Body)
		}
		if got := len(h.events("action=impersonation.refused&outcome=refused")); got != i+2 {
			t.Errorf("%s: %d refusals are on record, want %d", try.subject, got, i+2)
		}
	}
	for _, e := range h.events("outcome=refused") {
		if strings.Contains(at[string](t, e, "target"), "bob") || e["target_name"] == "bob@example.test" {
			t.Errorf("the audit tells of another workspace's person: %v", e)
		}
	}
}

// TestImpersonationNeverExceedsItsSubject: what the person may not, the program
// may not for them.
func TestImpersonationNeverExceedsItsSubject(t *testing.T) {
	h := start(t)
	a := h.program("POST", "/v1/tokens", object{
		"name": "x", "scopes": []string{"content:write"}, "type": "impersonated", "on_behalf_of": "rita@example.test", "reason": "ticket",
	})
	h.refused(http.StatusForbidden, "invalid_scope", a)
	if e := h.events("action=impersonation.refused&outcome=refused"); len(e) != 1 || e[0]["target_name"] != "rita@example.test" {
		t.Errorf("on record is %v", e)
	}
	h.want(http.StatusCreated, h.impersonate(backend, "ws1", "rita@example.test"))
}

func TestImpersonationNeverNests(t *testing.T) {
	h := start(t)
	a := h.want(http.StatusCreated, h.impersonate(backend, "ws1", "mia@example.test"))
	h.refused(http.StatusForbidden, "forbidden", h.impersonate(text(t, a, "token"), "ws1", "rita@example.test"))
}

func TestImpersonationDiesWithEitherParty(t *testing.T) {
	for name, end := range map[string]func(h *house) servertest.Answer{
		"subject": func(h *house) servertest.Answer {
			return h.bearer(ana, "", "DELETE", "/v1/users/mia@example.test?reason=left", nil)
		},
		"actor": func(h *house) servertest.Answer { return h.bearer(ana, "", "POST", "/v1/clients/backend/disable", nil) },
	} {
		h := start(t)
		a := h.want(http.StatusCreated, h.impersonate(backend, "ws1", "mia@example.test"))
		h.want(http.StatusOK, h.verify(text(t, a, "token"), ""))
		if got := end(h); got.Status/100 != 2 {
			t.Fatalf("%s: %d %s", name, got.Status, got.Body)
		}
		h.want(http.StatusUnauthorized, h.verify(text(t, a, "token"), ""))
	}
}

func TestImpersonationLastsAnHourAtMost(t *testing.T) {
	h := start(t)
	body := object{"name": "x", "scopes": []string{"catalog:read"}, "type": "impersonated", "on_behalf_of": "mia@example.test", "reason": "ticket", "ttl": 3601}
	if field := h.refused(http.StatusUnprocessableEntity, "invalid_value", h.program("POST", "/v1/tokens", body)); field != "ttl" {
		t.Errorf("the refusal names %q", field)
	}
	body["ttl"] = 3600
	a := h.want(http.StatusCreated, h.program("POST", "/v1/tokens", body))
	h.Clock.Move(time.Hour)
	h.want(http.StatusUnauthorized, h.verify(text(t, a, "token"), ""))
}
