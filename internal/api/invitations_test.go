package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// invite invites an address to ws2, whose super admin bob is.
func (h *house) invite(email string) object {
	h.t.Helper()
	a := h.want(http.StatusCreated, h.bearer(bob, "", "POST", "/v1/users", object{"email": email, "name": "Called by us"}))
	return at[object](h.t, a.JSON, "user")
}

// answers has a person answer an invitation to ws2, as the pages do.
func (h *house) answers(email string, answer func(who token.Actor, workspace string) error) error {
	h.t.Helper()
	id, err := h.Store.PersonByEmail(h.t.Context(), email)
	if err != nil || id == "" {
		h.t.Fatalf("there is no %s: %v", email, err)
	}
	return answer(token.Actor{Kind: token.User, ID: id, Name: email}, "ws2")
}

func (h *house) accepts(email string) error {
	return h.answers(email, func(who token.Actor, workspace string) error { return h.Identity.Accept(h.t.Context(), who, workspace) })
}

// TestNobodyIsMadeAMemberElsewhereWithoutTheirWord: whoever administrates ws2 and
// knows the address of ana, of ws1, sees nothing of hers, acts not as her and
// changes nothing for her, until she accepts.
func TestNobodyIsMadeAMemberElsewhereWithoutTheirWord(t *testing.T) {
	h := start(t)
	const victim = "ana@example.test"
	h.want(http.StatusOK, h.bearer(bob, "", "PUT", "/v1/policy", object{"require_second_factor": "everyone"}, "If-Match", h.bearer(bob, "", "GET", "/v1/policy", nil).Header.Get("ETag")))
	h.invite(victim)
	untouched := func() {
		t.Helper()
		h.want(http.StatusOK, h.bearer(ana, "", "GET", "/v1/users", nil)) // one workspace is still no question
		h.want(http.StatusOK, h.verify(ana, ""))
		if got := h.items(h.bearer(bob, "", "GET", "/v1/tokens?user="+victim, nil)); len(got) != 0 {
			t.Errorf("their tokens are seen: %v", got)
		}
		if got := h.items(h.bearer(bob, "", "GET", "/v1/users", nil)); slices.ContainsFunc(got, func(u object) bool { return u["email"] == victim }) {
			t.Errorf("they are among the members: %v", got)
		}
		for _, try := range []struct{ method, path string }{
			{"DELETE", "/v1/users/" + victim}, {"GET", "/v1/users/" + victim + "/leaving"}, {"DELETE", "/v1/users/" + h.idOf(victim)},
		} {
			h.refused(http.StatusNotFound, "not_found", h.bearer(bob, "", try.method, try.path, nil))
		}
		a := h.bearer(foreign, "ws2", "POST", "/v1/tokens", object{"name": "x", "type": "impersonated", "reason": "why", "scopes": []string{"catalog:read"}, "on_behalf_of": victim})
		if a.Status < 400 {
			t.Errorf("a client acts as them: %s", a.Body)
		}
		p, err := h.Store.Person(t.Context(), h.idOf(victim))
		if err != nil {
			t.Fatal(err)
		}
		if owed, err := h.Identity.OwesSecond(t.Context(), p); err != nil || owed != "" {
			t.Errorf("the policy of %q holds for them, %v", owed, err)
		}
	}
	untouched()
	if err := h.answers(victim, func(who token.Actor, ws string) error { return h.Identity.Decline(t.Context(), who, ws) }); err != nil {
		t.Fatal(err)
	}
	untouched()
	h.invite(victim)
	if err := h.accepts(victim); err != nil {
		t.Fatal(err)
	}
	h.refused(http.StatusForbidden, "workspace_required", h.bearer(ana, "", "GET", "/v1/users", nil))
	if got := h.items(h.bearer(bob, "", "GET", "/v1/users", nil)); !slices.ContainsFunc(got, func(u object) bool { return u["email"] == victim && u["status"] == "active" }) {
		t.Errorf("they accepted, and the members are %v", got)
	}
	if got := h.items(h.bearer(bob, "", "GET", "/v1/invitations", nil)); len(got) != 0 {
		t.Errorf("there wait %v", got)
	}
}

// passing is what no two answers share.
var passing = regexp.MustCompile(`"(request_id|created_at|expires_at)":"[^"]*"`)

// TestInvitationOfSomebodyKnownLooksLikeThatOfAStranger in the answer, in every
// list, in the audit, when it is repeated, declined and withdrawn: no admin
// learns by it who has an account.
func TestInvitationOfSomebodyKnownLooksLikeThatOfAStranger(t *testing.T) {
	h := start(t)
	seen := func(email string) string {
		t.Helper()
		h.Clock.Move(time.Minute)
		var told []string
		tell := func(what any) {
			b, err := json.Marshal(what)
			if err != nil {
				t.Fatal(err)
			}
			told = append(told, strings.ReplaceAll(string(b), email, "EMAIL"))
		}
		events := func() {
			list := h.items(h.bearer(bob, "", "GET", "/v1/audit", nil))
			var all []any
			for _, e := range list {
				if text := fmt.Sprint(e); strings.Contains(text, email) {
					all = append(all, e["action"], e["target"], e["actor"], slices.Sorted(maps.Keys(e)))
				}
			}
			tell(all)
		}
		tell(h.invite(email))
		tell(h.invite(email))
		tell(h.items(h.bearer(bob, "", "GET", "/v1/invitations", nil)))
		tell(len(h.items(h.bearer(bob, "", "GET", "/v1/users", nil))))
		for _, path := range []string{"/v1/users/" + email + "/leaving", "/v1/tokens?user=" + email} {
			a := h.bearer(bob, "", "GET", path, nil)
			tell(a.Status)
		}
		tell(h.bearer(bob, "", "DELETE", "/v1/users/"+email, nil).Status)
		tell(h.bearer(bob, "", "DELETE", "/v1/invitations/"+email, nil).Status)
		a := h.bearer(bob, "", "DELETE", "/v1/invitations/"+email, nil)
		tell([]any{a.Status, a.JSON["error"], a.JSON["error_description"]})
		events()
		h.invite(email)
		if err := h.answers(email, func(who token.Actor, ws string) error { return h.Identity.Decline(t.Context(), who, ws) }); err != nil {
			t.Fatal(err)
		}
		events()
		return passing.ReplaceAllString(strings.Join(told, "\n"), `"$1":""`)
	}
	stranger := seen("nobody@example.test")
	for _, known := range []string{"ana@example.test", "rita@example.test"} {
		if got := seen(known); got != stranger {
			t.Errorf("of %s is told\n%s\nof a stranger\n%s", known, got, stranger)
		}
	}
	if got := h.items(h.bearer(bob, "", "GET", "/v1/audit?action=user.created", nil)); slices.ContainsFunc(got, func(e object) bool { return strings.Contains(fmt.Sprint(e), "nobody@") }) {
		t.Errorf("the audit tells who is new: %v", got)
	}
}

// TestInvitationsAreOfTheirWorkspaceAlone: who administrates another one sees,
// takes and withdraws none, and a program or a reader withdraws none at all.
func TestInvitationsAreOfTheirWorkspaceAlone(t *testing.T) {
	h := start(t)
	h.invite("ana@example.test")
	h.invite("new@example.test")
	if got := h.items(h.bearer(ana, "", "GET", "/v1/invitations", nil)); len(got) != 0 {
		t.Errorf("seen from ws1: %v", got)
	}
	for _, email := range []string{"ana@example.test", "new@example.test", "nobody@example.test", "x"} {
		h.refused(http.StatusNotFound, "not_found", h.bearer(ana, "", "DELETE", "/v1/invitations/"+email, nil))
	}
	h.refused(http.StatusForbidden, "insufficient_scope", h.bearer(reader, "", "DELETE", "/v1/invitations/new@example.test", nil))
	h.want(http.StatusForbidden, h.bearer(foreign, "ws2", "GET", "/v1/invitations", nil))
	page := h.want(http.StatusOK, h.bearer(bob, "", "GET", "/v1/invitations?limit=1", nil))
	next := text(t, page, "next")
	rest := h.items(h.bearer(bob, "", "GET", "/v1/invitations?limit=1&cursor="+next, nil))
	if len(rest) != 1 || rest[0]["email"] != "new@example.test" || rest[0]["status"] != "invited" || rest[0]["invited_by"] != "bob@example.test" {
		t.Errorf("the second page is %v", rest)
	}
	h.want(http.StatusNoContent, h.bearer(bob, "", "DELETE", "/v1/invitations/New@example.test", nil))
	if err := h.accepts("new@example.test"); !token.Is(err, token.NotFound) {
		t.Errorf("one that was withdrawn is accepted: %v", err)
	}
	if err := h.accepts("rita@example.test"); !token.Is(err, token.NotFound) {
		t.Errorf("nobody invited, and it is accepted: %v", err)
	}
}

// TestWhoIsInvitedIsRefusedAsAMemberWouldBe: for a role that is none, by an admin
// who appoints nobody, and where they are a member already.
func TestWhoIsInvitedIsRefusedAsAMemberWouldBe(t *testing.T) {
	h := start(t)
	for field, body := range map[string]object{
		"email": {"email": "mia@example.test"}, "role": {"email": "new@example.test", "role": "nope"},
	} {
		if got := h.refused(http.StatusUnprocessableEntity, "invalid_value", h.bearer(ana, "", "POST", "/v1/users", body)); got != field {
			t.Errorf("%v: the field %q, want %q", body, got, field)
		}
	}
	h.refused(http.StatusForbidden, "forbidden", h.bearer(both, "ws2", "POST", "/v1/users", object{"email": "new@example.test", "role": "super_admin"}))
	if id, err := h.Store.PersonByEmail(t.Context(), "new@example.test"); err != nil || id != "" {
		t.Errorf("who was not invited was entered: %q, %v", id, err)
	}
}
