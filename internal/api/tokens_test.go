package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

func namesOf(t *testing.T, items []object) []string {
	t.Helper()
	var names []string
	for _, i := range items {
		names = append(names, at[string](t, i, "name"))
	}
	return names
}

// TestInventoryIsNarrowedByItsFilters walks through every filter of the list.
func TestInventoryIsNarrowedByItsFilters(t *testing.T) {
	h := start(t)
	old := h.issued(object{"name": "old", "owner": "mia@example.test", "ttl": 3600})
	h.Clock.Move(2 * time.Hour)
	brief := h.issued(object{"name": "brief", "type": "ephemeral"})
	gone := h.issued(object{"name": "gone"})
	h.want(http.StatusOK, h.program("POST", "/v1/tokens/"+text(t, gone, "id")+"/revoke", object{"reason": "test"}))
	h.Clock.Move(time.Second)
	h.want(http.StatusCreated, h.bearer(modest, "ws1", "POST", "/v1/tokens", object{"name": "Modest's 100%", "scopes": []string{"catalog:read"}}))

	for query, want := range map[string][]string{
		"":                                    {"Modest's 100%", "brief", "gone", "old"},
		"status=active":                       {"Modest's 100%", "brief"},
		"status=expired":                      {"old"},
		"status=revoked":                      {"gone"},
		"status=suspended":                    nil,
		"type=ephemeral":                      {"brief"},
		"kind=service":                        {"Modest's 100%", "gone", "old"},
		"client=modest":                       {"Modest's 100%"},
		"owner=mia@example.test":              {"old"},
		"q=100%25":                            {"Modest's 100%"},
		"q=MODEST":                            {"Modest's 100%"},
		"q=" + text(t, old, "last_four"):      {"old"},
		"q=" + text(t, brief, "id"):           {"brief"},
		"created_before=2026-11-22T13:00:00Z": {"old"},
		"created_from=2026-11-22T14:00:01Z":   {"Modest's 100%"},
		"created_from=1970-01-01T00:00:00Z":   {"Modest's 100%", "brief", "gone", "old"},
		"created_before=1970-01-01T00:00:00Z": nil,
		"expires_before=2026-11-22T15:00:00Z": {"brief", "old"},
		"expires_from=2026-11-23T00:00:00Z":   {"Modest's 100%", "gone"},
		"q=nothing":                           nil,
	} {
		if !strings.Contains(query, "type=") && !strings.Contains(query, "kind=") {
			query += "&kind=service,ephemeral" // what the house begins with are others
		}
		got := namesOf(t, h.items(h.bearer(reader, "", "GET", "/v1/tokens?"+query, nil)))
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", query, got, want)
		}
	}
}

func TestUnknownFilterIsRefused(t *testing.T) {
	h := start(t)
	for _, try := range [][2]string{
		{"stauts=active", "stauts"}, {"status=dead", "status"}, {"type=session", "type"}, {"limit=0", "limit"}, {"limit=201", "limit"}, {"limit=x", "limit"},
		{"cursor=x", "cursor"}, {"created_from=yesterday", "created_from"}, {"expires_before=2026", "expires_before"},
	} {
		if field := h.refused(http.StatusUnprocessableEntity, "invalid_value", h.bearer(reader, "", "GET", "/v1/tokens?"+try[0], nil)); field != try[1] {
			t.Errorf("%s: the refusal names %q", try[0], field)
		}
	}
	h.refused(http.StatusBadRequest, "invalid_request", h.bearer(reader, "", "GET", "/v1/tokens?limit=1&limit=2", nil))
}

func TestFilterSaysWhatItTakes(t *testing.T) {
	h := start(t)
	for query, want := range map[string]string{
		"stauts=active": "use type, kind, status,",
		"status=dead":   "must be one of active, pending, retiring, suspended, waiting, retired, expired, revoked",
		"cursor=x":      "must be 13 characters",
	} {
		a := h.want(http.StatusUnprocessableEntity, h.bearer(reader, "", "GET", "/v1/tokens?"+query, nil))
		if said := text(t, a, "error_description"); !strings.Contains(said, want) {
			t.Errorf("%s: the refusal says %q, want %q in it", query, said, want)
		}
	}
}

// TestPagesHoldEachTokenOnce: what is issued while somebody turns pages moves
// nothing.
func TestPagesHoldEachTokenOnce(t *testing.T) {
	h := start(t)
	for i := range 7 {
		h.issued(object{"name": fmt.Sprint("token ", i)})
		h.Clock.Move(time.Millisecond)
	}
	var seen []string
	for path := "/v1/tokens?type=service&limit=3"; path != ""; {
		a := h.bearer(reader, "", "GET", path, nil)
		seen = append(seen, namesOf(t, h.items(a))...)
		path = ""
		if next, more := a.JSON["next"].(string); more {
			path = "/v1/tokens?type=service&limit=3&cursor=" + url.QueryEscape(next)
		}
		h.issued(object{"name": "late"})
		h.Clock.Move(time.Millisecond)
	}
	if want := []string{"token 6", "token 5", "token 4", "token 3", "token 2", "token 1", "token 0"}; !slices.Equal(seen, want) {
		t.Errorf("got %v, want %v", seen, want)
	}
}

// TestProgramSeesWhatItIssuedAlone: also with an id in hand, and with a filter
// that names somebody else.
func TestProgramSeesWhatItIssuedAlone(t *testing.T) {
	h := start(t)
	mine := text(t, h.issued(nil), "id")
	for _, path := range []string{"/v1/tokens", "/v1/tokens?client=backend"} {
		if got := h.items(h.bearer(modest, "ws1", "GET", path, nil)); len(got) != 0 {
			t.Errorf("%s: another client sees %v", path, got)
		}
	}
	h.refused(http.StatusNotFound, "not_found", h.bearer(modest, "ws1", "GET", "/v1/tokens/"+mine, nil))
	h.refused(http.StatusNotFound, "not_found", h.bearer(modest, "ws1", "POST", "/v1/tokens/"+mine+"/revoke", nil))
	if got := namesOf(t, h.items(h.program("GET", "/v1/tokens", nil))); !slices.Equal(got, []string{"worker"}) {
		t.Errorf("its issuer sees %v", got)
	}
	h.want(http.StatusOK, h.program("GET", "/v1/tokens/"+mine, nil))
}

func TestTokenReadsAndRevokesItselfAlone(t *testing.T) {
	h := start(t)
	a, other := h.issued(nil), h.issued(nil)
	self := "/v1/tokens/" + text(t, a, "id")
	secret := text(t, a, "token")
	if got := h.want(http.StatusOK, h.bearer(secret, "", "GET", self, nil)); got.JSON["token"] != nil || got.JSON["name"] != "worker" {
		t.Errorf("it reads of itself: %s", got.Body)
	}
	h.refused(http.StatusForbidden, "insufficient_scope", h.bearer(secret, "", "GET", "/v1/tokens/"+text(t, other, "id"), nil))
	h.refused(http.StatusForbidden, "insufficient_scope", h.bearer(secret, "", "POST", self+"/suspend", nil))
	if got := h.want(http.StatusOK, h.bearer(secret, "", "POST", self+"/revoke", object{"reason": "leaked"})); got.JSON["status"] != "revoked" {
		t.Errorf("after it revoked itself: %s", got.Body)
	}
	h.want(http.StatusUnauthorized, h.bearer(secret, "", "GET", self, nil))
}

// TestRevokedTokenIsDeadAtOnceAndOnce: on every surface with the next request;
// revoking again keeps the first reason.
func TestRevokedTokenIsDeadAtOnceAndOnce(t *testing.T) {
	h := start(t)
	a := h.issued(nil)
	secret, path := text(t, a, "token"), "/v1/tokens/"+text(t, a, "id")
	h.want(http.StatusOK, h.verify(secret, ""))
	first := h.want(http.StatusOK, h.bearer(ana, "", "POST", path+"/revoke", object{"reason": "leaked"}))
	if first.JSON["status"] != "revoked" || first.JSON["end_reason"] != "leaked" || first.JSON["active"] != false {
		t.Errorf("got %s", first.Body)
	}
	h.want(http.StatusUnauthorized, h.verify(secret, ""))
	if said := h.program("POST", "/v1/tokens/introspect", object{"token": secret}); string(said.Body) != `{"active":false}` {
		t.Errorf("introspection says %s", said.Body)
	}
	h.Clock.Move(time.Hour)
	again := h.want(http.StatusOK, h.program("POST", path+"/revoke", object{"reason": "again"}))
	if again.JSON["end_reason"] != "leaked" || again.JSON["ended_at"] != first.JSON["ended_at"] {
		t.Errorf("revoking again changed the record: %s", again.Body)
	}
	if n := len(h.events("action=token.revoked")); n != 1 {
		t.Errorf("%d endings are on record, want 1", n)
	}
	for _, body := range []object{{"reason": "a\nb"}, {"reason": strings.Repeat("x", 201)}, {"until": "2027-01-01T00:00:00Z"}} {
		h.want(http.StatusUnprocessableEntity, h.bearer(ana, "", "POST", path+"/revoke", body))
	}
}

// TestSuspendedTokenWaits: it opens nothing until it is resumed or its time is
// over, and its clock runs on.
func TestSuspendedTokenWaits(t *testing.T) {
	h := start(t)
	a := h.issued(object{"ttl": 7200})
	secret, path := text(t, a, "token"), "/v1/tokens/"+text(t, a, "id")
	act := func(what string, body any) string {
		t.Helper()
		return text(t, h.want(http.StatusOK, h.bearer(ana, "", "POST", path+"/"+what, body)), "status")
	}
	if got := act("suspend", object{"reason": "strange traffic"}); got != "suspended" {
		t.Errorf("status %s", got)
	}
	h.want(http.StatusUnauthorized, h.verify(secret, ""))
	if got := act("resume", nil); got != "active" {
		t.Errorf("status %s", got)
	}
	h.want(http.StatusOK, h.verify(secret, ""))
	act("resume", nil) // it is as asked

	act("suspend", object{"until": h.Clock.Now().Add(time.Hour).Format(time.RFC3339)})
	h.want(http.StatusUnauthorized, h.verify(secret, ""))
	h.Clock.Move(time.Hour)
	h.want(http.StatusOK, h.verify(secret, ""))
	h.Clock.Move(time.Hour)
	h.want(http.StatusUnauthorized, h.verify(secret, "")) // expired

	for _, until := range []string{"2020-01-01T00:00:00Z", "tomorrow"} {
		if field := h.refused(http.StatusUnprocessableEntity, "invalid_value", h.bearer(ana, "", "POST", path+"/suspend", object{"until": until})); field != "until" {
			t.Errorf("%s: the refusal names %q", until, field)
		}
	}
	h.want(http.StatusOK, h.bearer(ana, "", "POST", path+"/revoke", nil))
	h.refused(http.StatusConflict, "conflict", h.bearer(ana, "", "POST", path+"/suspend", nil))
	h.refused(http.StatusConflict, "conflict", h.bearer(ana, "", "POST", path+"/resume", nil))
	h.refused(http.StatusForbidden, "forbidden", h.program("POST", path+"/resume", nil)) // an admin's decision is not a program's to undo
}

// TestInventoryTellsOfTheLastUse: when, whence and where, with what this node has
// not written yet.
func TestInventoryTellsOfTheLastUse(t *testing.T) {
	h := start(t)
	a := h.issued(nil)
	path := "/v1/tokens/" + text(t, a, "id")
	if got := h.want(http.StatusOK, h.program("GET", path, nil)); got.JSON["last_used_at"] != nil {
		t.Errorf("an unused token was used: %s", got.Body)
	}
	h.Clock.Move(time.Minute)
	h.want(http.StatusOK, h.verify(text(t, a, "token"), "", "User-Agent", "sync/1.0"))
	if err := h.Verifier.WriteUses(t.Context(), h.Store.FlushUses); err != nil {
		t.Fatal(err)
	}
	h.want(http.StatusOK, h.verify(text(t, a, "token"), "", "User-Agent", "sync/1.0"))
	got := h.want(http.StatusOK, h.program("GET", path, nil))
	use, _ := got.JSON["last_use"].(object)
	if got.JSON["last_used_at"] != "2026-11-22T12:01:00Z" || use["count"] != float64(2) || use["user_agent"] != "sync/1.0" || use["route"] != "/verify" {
		t.Errorf("got %s", got.Body)
	}
}

// TestInactiveIsSaidOfWhatLostItsSupport: the row is as it was, but opens nothing.
func TestInactiveIsSaidOfWhatLostItsSupport(t *testing.T) {
	h := start(t)
	path := "/v1/tokens/" + text(t, h.issued(nil), "id")
	h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/clients/backend/disable", object{"reason": "retired"}))
	if got := h.want(http.StatusOK, h.bearer(ana, "", "GET", path, nil)); got.JSON["active"] != false {
		t.Errorf("got %s", got.Body)
	}
}

// TestSecondsLeftCountTheOneThatRuns: a program that asks for 900 seconds is not
// told 899 because the answer took a moment.
func TestSecondsLeftCountTheOneThatRuns(t *testing.T) {
	h := start(t)
	id := text(t, h.issued(object{"ttl": 900}), "id")
	for _, step := range []struct {
		by   time.Duration
		left float64
	}{{time.Millisecond, 900}, {999 * time.Millisecond, 899}, {899*time.Second - time.Millisecond, 1}, {time.Millisecond, 0}, {time.Hour, 0}} {
		h.Clock.Move(step.by)
		if a := h.program("GET", "/v1/tokens/"+id, nil); a.JSON["expires_in"] != step.left {
			t.Errorf("%v on: %v seconds are left, want %v", step.by, a.JSON["expires_in"], step.left)
		}
	}
}

// TestTokenBoundToNoWorkspaceIsShownToEachAndChangedByNone: it opens several, and
// no administrator of one decides for the others.
func TestTokenBoundToNoWorkspaceIsShownToEachAndChangedByNone(t *testing.T) {
	h := start(t)
	id := h.want(http.StatusOK, h.verify(both, "?workspace=ws1")).Header.Get("X-Auth-Token-Id")
	for admin, workspace := range map[string]string{ana: "ws1", bob: "ws2"} {
		if a := h.want(http.StatusOK, h.bearer(admin, workspace, "GET", "/v1/tokens/"+id, nil)); a.JSON["user_email"] != "both@example.test" {
			t.Errorf("%s: %s", workspace, a.Body)
		}
		for _, deed := range []string{"revoke", "suspend", "rotations"} {
			h.refused(http.StatusForbidden, "forbidden", h.bearer(admin, workspace, "POST", "/v1/tokens/"+id+"/"+deed, nil))
		}
	}
	whose := h.want(http.StatusOK, h.verify(mia, "")).Header.Get("X-Auth-Token-Id")
	h.want(http.StatusNotFound, h.bearer(bob, "ws2", "GET", "/v1/tokens/"+whose, nil))
	h.want(http.StatusNotFound, h.bearer(backend, "ws1", "GET", "/v1/tokens/"+whose, nil))
}
