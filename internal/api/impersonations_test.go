package api_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

// desks has a workspace in which some may act as others, and one beside it.
const desks = `
workspaces:
  - {id: ws1, name: Acme, scopes: ["catalog:read", "content:write"]}
  - {id: ws2, name: Other}
users:
  - {email: ana@example.test, memberships: [{workspace: ws1, role: super_admin}]}
  - {email: adam@example.test, memberships: [{workspace: ws1, role: admin, may_impersonate: true}]}
  - {email: sam@example.test, memberships: [{workspace: ws1, may_impersonate: true}]}
  - {email: slim@example.test, memberships: [{workspace: ws1, may_impersonate: true, scopes: ["catalog:read"]}]}
  - {email: mia@example.test, memberships: [{workspace: ws1}]}
  - {email: bob@example.test, memberships: [{workspace: ws2, role: super_admin, may_impersonate: true}]}
clients:
  - {client_id: backend, client_secret: backend-secret-of-acme, workspace: ws1, grant_types: [client_credentials], scope: "catalog:read", may_impersonate: true}
tokens:
  - {kind: personal, user: ana@example.test, name: ana, secret: "ana-admin-token-0001", scopes: ["admin:write"]}
  - {kind: personal, user: adam@example.test, name: adam, secret: "adam-token-000001", scopes: ["admin:write", "catalog:read", "content:write"]}
  - {kind: personal, user: adam@example.test, name: bare, secret: "adam-bare-token-001", scopes: ["admin:write"]}
  - {kind: personal, user: sam@example.test, name: sam, secret: "sam-token-0000001", scopes: ["catalog:read", "content:write"]}
  - {kind: personal, user: sam@example.test, name: narrow, secret: "sam-narrow-000001", scopes: ["catalog:read"]}
  - {kind: personal, user: slim@example.test, name: slim, secret: "slim-token-000001", scopes: ["catalog:read"]}
  - {kind: personal, user: mia@example.test, name: mia, secret: "mia-plain-token-0001", scopes: ["catalog:read"]}
  - {kind: personal, user: bob@example.test, name: bob, secret: "bob-admin-token-0001", scopes: ["admin:write", "catalog:read"]}
`

const (
	adam   = "adam-token-000001"
	sam    = "sam-token-0000001"
	narrow = "sam-narrow-000001"
	slim   = "slim-token-000001"
)

// actAs asks to act as a member of ws1.
func (h *house) actAs(secret, subject string, more object) servertest.Answer {
	h.t.Helper()
	body := object{"user": subject, "reason": "cannot publish", "ticket": "HELP-4711"}
	for k, v := range more {
		body[k] = v
	}
	return h.bearer(secret, "ws1", "POST", "/v1/impersonations", body)
}

// TestMemberWhoActsAsAnotherIsNamedBesideThem: in the claims, at introspection,
// to the service behind the gate, in the record of the issue and of each use,
// and to the member (HT-220, I-13).
func TestMemberWhoActsAsAnotherIsNamedBesideThem(t *testing.T) {
	h := &house{servertest.Start(t, desks, func(c *server.Config) {
		c.SMTPURL, c.MailFrom = "smtp://127.0.0.1:1", "ficha@example.test"
	}), t}
	mias, sams := h.idOf("mia@example.test"), h.idOf("sam@example.test")
	a := h.want(http.StatusCreated, h.actAs(sam, "mia@example.test", nil))
	secret, id := text(t, a, "token"), text(t, a, "id")
	claims := claimsOf(t, secret)
	if act, _ := claims["act"].(object); claims["sub"] != mias || act["sub"] != "user:"+sams {
		t.Errorf("claims %v", claims)
	}
	if a.JSON["user"] != mias || a.JSON["actor_email"] != "sam@example.test" || a.JSON["ticket"] != "HELP-4711" || a.JSON["expires_at"] != "2026-11-22T12:15:00Z" {
		t.Errorf("answer %s", a.Body)
	}
	yes := h.want(http.StatusOK, h.verify(secret, ""))
	if yes.Header.Get("X-Auth-Subject") != mias || yes.Header.Get("X-Auth-Actor") != "user:"+sams {
		t.Errorf("identity headers %v", yes.Header)
	}
	said := h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/tokens/introspect", object{"token": secret}))
	if act, _ := said.JSON["act"].(object); said.JSON["sub"] != mias || act["sub"] != "user:"+sams {
		t.Errorf("introspection %s", said.Body)
	}
	for _, action := range []string{"token.issued", "impersonation.started", "impersonation.used"} {
		all := h.events("action=" + action + "&target=token:" + id)
		if len(all) == 0 {
			t.Errorf("no %s is on record", action)
		}
		for _, e := range all {
			if actor := at[object](t, e, "actor"); actor["type"] != "user" || actor["id"] != sams || actor["on_behalf_of"] != mias {
				t.Errorf("%s names %v", action, actor)
			}
		}
	}
	letter, err := h.Store.ClaimLetter(t.Context(), time.Hour)
	if err != nil || letter == nil || letter.Kind != token.LetterImpersonated || letter.To != mias || letter.Data["by"] != "sam@example.test" || letter.Data["reason"] != "cannot publish" {
		t.Errorf("mia is told %+v, %v", letter, err)
	}
}

// TestActingAsIsRefusedAndOnRecord: without the right, as oneself, as somebody
// with more, a stranger, another tenant's, by a program, nested (HT-209).
func TestActingAsIsRefusedAndOnRecord(t *testing.T) {
	h := startFrom(t, desks)
	nested := text(t, h.want(http.StatusCreated, h.actAs(adam, "sam@example.test", object{"scopes": []string{"catalog:read"}})), "token")
	robot := text(t, h.want(http.StatusCreated, h.program("POST", "/v1/tokens", object{"name": "x", "scopes": []string{"catalog:read"}})), "token")
	for i, try := range []struct {
		name, secret, subject, code string
		status                      int
	}{
		{"without the right", mia, "sam@example.test", "forbidden", 403},
		{"without the right, of nobody", mia, "nobody@example.test", "forbidden", 403},
		{"as oneself", sam, "sam@example.test", "forbidden", 403},
		{"as an admin", sam, "adam@example.test", "forbidden", 403},
		{"as a super admin", adam, "ana@example.test", "forbidden", 403},
		{"as somebody with more scopes", slim, "mia@example.test", "forbidden", 403},
		{"as nobody", sam, "nobody@example.test", "not_found", 404},
		{"as another tenant's", sam, "bob@example.test", "not_found", 404},
		{"nested", nested, "mia@example.test", "forbidden", 403},
		{"by a program", backend, "mia@example.test", "forbidden", 403},
		{"by a program's token", robot, "mia@example.test", "forbidden", 403},
	} {
		a := h.actAs(try.secret, try.subject, nil)
		if a.Status != try.status || a.JSON["error"] != try.code {
			t.Errorf("%s: %d %s", try.name, a.Status, a.Body)
		}
		if got := len(h.events("action=impersonation.refused&outcome=refused&limit=100")); got != i+1 {
			t.Errorf("%s: %d refusals are on record, want %d", try.name, got, i+1)
		}
	}
	if a := h.actAs(bob, "mia@example.test", nil); a.Status/100 != 4 {
		t.Errorf("from another tenant: %d %s", a.Status, a.Body)
	}
	wide := h.actAs(narrow, "mia@example.test", object{"scopes": []string{"content:write"}})
	h.refused(http.StatusForbidden, "insufficient_scope", wide)
	h.refused(http.StatusForbidden, "invalid_scope", h.actAs(adam, "mia@example.test", object{"scopes": []string{"admin:write"}}))
	for _, try := range []struct {
		more  object
		field string
	}{{object{"reason": ""}, "reason"}, {object{"reason": nil}, "reason"}, {object{"minutes": 61}, "minutes"}, {object{"minutes": 0}, "minutes"}, {object{"user": ""}, "user"}} {
		if field := h.refused(http.StatusUnprocessableEntity, "invalid_value", h.actAs(sam, "mia@example.test", try.more)); field != try.field {
			t.Errorf("%v: the refusal names %q", try.more, field)
		}
	}
}

// TestActingAsOpensWhatBothHold, and what was shown for it, and nothing that
// administrates, issues or rotates.
func TestActingAsOpensWhatBothHold(t *testing.T) {
	h := startFrom(t, desks)
	for secret, want := range map[string]int{sam: 2, narrow: 1} {
		a := h.want(http.StatusCreated, h.actAs(secret, "mia@example.test", nil))
		if got := at[[]any](t, a.JSON, "scopes"); len(got) != want {
			t.Errorf("%s: it opens %v, want %d scopes", secret, got, want)
		}
	}
	nothing := h.actAs("adam-bare-token-001", "mia@example.test", nil)
	if nothing.JSON["error"] != "invalid_scope" || !strings.Contains(string(nothing.Body), "ask with one that holds some") {
		t.Errorf("by a token that shares no scope: %d %s", nothing.Status, nothing.Body)
	}
	a := h.want(http.StatusCreated, h.actAs(adam, "sam@example.test", object{"scopes": []string{"catalog:read"}}))
	secret, id := text(t, a, "token"), text(t, a, "id")
	for _, try := range []struct{ method, path string }{
		{"POST", "/v1/tokens"}, {"POST", "/v1/impersonations"}, {"GET", "/v1/impersonations"}, {"POST", "/v1/tokens/" + id + "/rotations"}, {"GET", "/v1/users"},
		{"POST", "/v1/impersonations/" + id + "/end"},
	} {
		var body any
		if try.method == "POST" {
			body = object{}
		}
		if got := h.bearer(secret, "ws1", try.method, try.path, body); got.Status/100 != 4 || got.Status == http.StatusNotFound {
			t.Errorf("%s %s: %d %s", try.method, try.path, got.Status, got.Body)
		}
	}
}

// TestActingAsEndsWithEitherPartyOrTheRight, and giving it back brings nothing
// back (I-13).
func TestActingAsEndsWithEitherPartyOrTheRight(t *testing.T) {
	member := func(h *house, email string, may bool) {
		_, err := h.Server.Apply(t.Context(), "more.yaml", []byte(`users: [{email: `+email+`, memberships: [{workspace: ws1, may_impersonate: `+map[bool]string{true: "true", false: "false"}[may]+`}]}]`), false)
		if err != nil {
			t.Fatal(err)
		}
	}
	policy := func(h *house, word string) servertest.Answer {
		return h.bearer(ana, "", "PUT", "/v1/policy", object{"impersonation": word})
	}
	for name, c := range map[string]struct{ take, back func(h *house) }{
		"the subject leaves": {func(h *house) { h.bearer(ana, "", "DELETE", "/v1/users/mia@example.test", nil) }, nil},
		"the actor leaves":   {func(h *house) { h.bearer(ana, "", "DELETE", "/v1/users/sam@example.test", nil) }, nil},
		"the right is taken": {func(h *house) { member(h, "sam@example.test", false) }, func(h *house) { member(h, "sam@example.test", true) }},
		"it is forbidden":    {func(h *house) { h.want(http.StatusOK, policy(h, "off")) }, nil},
		"the time is over":   {func(h *house) { h.Clock.Move(15 * time.Minute) }, nil},
	} {
		h := startFrom(t, desks)
		secret := text(t, h.want(http.StatusCreated, h.actAs(sam, "mia@example.test", nil)), "token")
		h.want(http.StatusOK, h.verify(secret, ""))
		c.take(h)
		if got := h.verify(secret, ""); got.Status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
		if c.back == nil {
			continue
		}
		c.back(h)
		if got := h.verify(secret, ""); got.Status != http.StatusUnauthorized {
			t.Errorf("%s and given back: %d %s", name, got.Status, got.Body)
		}
		h.want(http.StatusCreated, h.actAs(sam, "mia@example.test", nil))
	}
	h := startFrom(t, desks)
	h.want(http.StatusOK, policy(h, "off"))
	h.refused(http.StatusForbidden, "forbidden", h.actAs(sam, "mia@example.test", nil))
	h.refused(http.StatusForbidden, "forbidden", h.impersonate(backend, "ws1", "mia@example.test"))
}

// TestImpersonationsAreListedToTheirPartiesAndEndedByThem.
func TestImpersonationsAreListedToTheirPartiesAndEndedByThem(t *testing.T) {
	h := startFrom(t, desks)
	ids := func(secret, query string) (all []string) {
		for _, v := range h.items(h.bearer(secret, "ws1", "GET", "/v1/impersonations"+query, nil)) {
			all = append(all, at[string](t, v, "id"))
		}
		return all
	}
	of := func(secret, subject string) (string, string) {
		a := h.want(http.StatusCreated, h.actAs(secret, subject, object{"scopes": []string{"catalog:read"}}))
		return text(t, a, "id"), text(t, a, "token")
	}
	first, secret := of(sam, "mia@example.test")
	h.Clock.Move(time.Second)
	second, _ := of(adam, "sam@example.test")
	h.Clock.Move(time.Second)
	third, _ := of(adam, "mia@example.test")
	h.want(http.StatusOK, h.verify(secret, ""))
	for who, want := range map[string][]string{ana: {third, second, first}, mia: {third, first}, sam: {second, first}, slim: nil} {
		if got := ids(who, ""); !slices.Equal(got, want) {
			t.Errorf("%s sees %v, want %v", who, got, want)
		}
	}
	if used := h.items(h.bearer(mia, "ws1", "GET", "/v1/impersonations", nil))[1]["uses"]; used != float64(1) {
		t.Errorf("it was used %v times", used)
	}
	end := func(who, id string) servertest.Answer {
		return h.bearer(who, "ws1", "POST", "/v1/impersonations/"+id+"/end", object{"reason": "not mine"})
	}
	h.want(http.StatusForbidden, end(slim, first))
	h.want(http.StatusForbidden, end(mia, second))
	if got := h.bearer(bob, "ws2", "POST", "/v1/impersonations/"+first+"/end", object{}); got.Status != http.StatusNotFound {
		t.Errorf("another tenant's admin: %d", got.Status)
	}
	for who, id := range map[string]string{mia: first, adam: second, ana: third} {
		if a := h.want(http.StatusOK, end(who, id)); a.JSON["status"] != "revoked" || !strings.HasPrefix(text(t, a, "ended_by"), "user:") {
			t.Errorf("%s", a.Body)
		}
	}
	h.want(http.StatusUnauthorized, h.verify(secret, ""))
	if live := ids(ana, "?status=live"); live != nil {
		t.Errorf("%v live", live)
	}
	if past := ids(ana, "?status=revoked"); len(past) != 3 {
		t.Errorf("past are %v", past)
	}
}

// TestNothingSurvivesWhatRacesARemoval: whoever asks while they are removed, or
// lose the right, has nothing that opens afterwards.
func TestNothingSurvivesWhatRacesARemoval(t *testing.T) {
	for name, end := range map[string]func(h *house) servertest.Answer{
		"the actor": func(h *house) servertest.Answer {
			return h.bearer(ana, "", "DELETE", "/v1/users/sam@example.test", nil)
		},
		"the subject": func(h *house) servertest.Answer {
			return h.bearer(ana, "", "DELETE", "/v1/users/mia@example.test", nil)
		},
	} {
		h := startFrom(t, desks)
		secrets := make([]string, 12)
		var racers sync.WaitGroup
		for i := range secrets {
			racers.Go(func() {
				if a := h.actAs(sam, "mia@example.test", nil); a.Status == http.StatusCreated {
					secrets[i], _ = a.JSON["token"].(string)
				}
			})
		}
		racers.Go(func() {
			if a := end(h); a.Status != http.StatusNoContent {
				t.Errorf("%s: %d %s", name, a.Status, a.Body)
			}
		})
		racers.Wait()
		for _, secret := range secrets {
			if secret != "" && h.verify(secret, "").Status != http.StatusUnauthorized {
				t.Errorf("%s: a token opens after the removal", name)
			}
		}
	}
}

// TestKeyOfOneWorkspaceGivesNothingOfAnother: who works in two may repeat
// themselves in the second, and gets a token of that one.
func TestKeyOfOneWorkspaceGivesNothingOfAnother(t *testing.T) {
	h := startFrom(t, `
workspaces: [{id: ws1}, {id: ws2}]
scopes: [{name: "catalog:read"}]
users:
  - {email: sam@example.test, memberships: [{workspace: ws1, may_impersonate: true}, {workspace: ws2, may_impersonate: true}]}
  - {email: mia@example.test, memberships: [{workspace: ws1}, {workspace: ws2}]}
tokens:
  - {kind: personal, user: sam@example.test, name: sam, secret: "sam-token-0000001", scopes: ["catalog:read"]}
`)
	body := object{"user": "mia@example.test", "reason": "cannot publish", "scopes": []string{"catalog:read"}}
	for _, workspace := range []string{"ws1", "ws2", "ws1"} {
		a := h.want(http.StatusCreated, h.bearer(sam, workspace, "POST", "/v1/impersonations", body, "Idempotency-Key", "monday"))
		if claims := claimsOf(t, text(t, a, "token")); claims["workspace"] != workspace {
			t.Errorf("asked for in %s, the token opens %v", workspace, claims["workspace"])
		}
	}
}
