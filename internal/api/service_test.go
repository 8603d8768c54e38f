package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

// sponsored returns a service token of ws1 that stands on a member's rights, as
// the pages make them.
func (h *house) sponsored(email string, scopes ...string) string {
	h.t.Helper()
	id := h.idOf(email)
	out, err := h.Authority.Issue(h.t.Context(), token.Actor{Kind: token.User, ID: id, Workspace: "ws1"}, authority.Order{
		Kind: token.Service, Contract: "panel", Workspace: "ws1", Sponsor: id, Name: "automation", Scopes: scopes,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return out.Secret
}

// TestServiceTokenAdministratesAsItsMaker: with the maker's rights of today, and
// with its own id on record.
func TestServiceTokenAdministratesAsItsMaker(t *testing.T) {
	h := start(t)
	secret := h.sponsored("adam@example.test", token.AdminWrite)
	h.want(http.StatusNoContent, h.bearer(secret, "", "DELETE", "/v1/users/rita@example.test?reason=left", nil))
	h.refused(http.StatusForbidden, "forbidden", h.bearer(secret, "", "DELETE", "/v1/users/ana@example.test", nil)) // its maker is no super admin
	removed := h.events("action=member.removed")
	if len(removed) != 1 {
		t.Fatalf("%d records, want 1", len(removed))
	}
	if actor := at[object](t, removed[0], "actor"); actor["name"] != "adam@example.test" || actor["token"] == nil {
		t.Errorf("the record names %v", actor)
	}
	h.want(http.StatusOK, h.bearer(secret, "", "POST", "/v1/clients/modest/disable", nil))

	_, err := h.Identity.PutMembership(t.Context(), token.Actor{Kind: token.System, ID: "test"}, h.idOf("adam@example.test"),
		identity.DeclaredMembership{Workspace: "ws1", Role: token.Member}, identity.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h.refused(http.StatusForbidden, "insufficient_scope", h.bearer(secret, "", "POST", "/v1/clients/modest/enable", nil))
	h.want(http.StatusNoContent, h.bearer(ana, "", "DELETE", "/v1/users/adam@example.test", nil))
	h.want(http.StatusUnauthorized, h.bearer(secret, "", "GET", "/v1/clients", nil))
}

// TestImpersonationIsCheckedWithEveryOrder: a face that goes to the mint by
// another way meets the same rule.
func TestImpersonationIsCheckedWithEveryOrder(t *testing.T) {
	h := start(t)
	for _, try := range []struct{ client, email, actor, reason string }{
		{"modest", "mia@example.test", "client:modest", "ticket"},
		{"", "mia@example.test", "user:x", "ticket"},
		{"backend", "ana@example.test", "client:backend", "ticket"},
		{"backend", "mia@example.test", "", "ticket"},
		{"backend", "mia@example.test", "client:backend", ""},
	} {
		_, err := h.Authority.Issue(t.Context(), token.Actor{Kind: token.App, ID: try.client}, authority.Order{
			Kind: token.Impersonated, Contract: "v1", Client: try.client, Workspace: "ws1", Person: h.idOf(try.email), Actor: try.actor, Reason: try.reason,
			Name: "x", Scopes: token.Scopes{"catalog:read"},
		})
		if !token.Is(err, token.Forbidden) {
			t.Errorf("%+v: got %v, want forbidden", try, err)
		}
	}
	_, err := h.Authority.Impersonate(t.Context(), token.Actor{Kind: token.App, ID: "backend", For: h.idOf("rita@example.test")}, authority.Order{
		Kind: token.Impersonated, Contract: "v1", Client: "backend", Workspace: "ws1", Person: h.idOf("mia@example.test"), Actor: "client:backend",
		Reason: "ticket", Name: "x", Scopes: token.Scopes{"catalog:read"},
	})
	if !token.Is(err, token.Forbidden) {
		t.Errorf("a nested one: got %v, want forbidden", err)
	}
}

// program is what somebody of ws1 does; each step returns what they can see.
var program = []func(*house) servertest.Answer{
	func(h *house) servertest.Answer {
		return h.program("POST", "/v1/tokens", object{"name": "one", "scopes": []string{"catalog:read"}})
	},
	func(h *house) servertest.Answer {
		return h.program("POST", "/v1/tokens", object{"name": "two", "scopes": []string{"catalog:read"}, "owner": "both@example.test"})
	},
	func(h *house) servertest.Answer { return h.impersonate(backend, "ws1", "bob@example.test") },
	func(h *house) servertest.Answer { return h.impersonate(backend, "ws1", "both@example.test") },
	func(h *house) servertest.Answer { return h.bearer(ana, "", "GET", "/v1/tokens", nil) },
	func(h *house) servertest.Answer { return h.bearer(ana, "", "GET", "/v1/users", nil) },
	func(h *house) servertest.Answer { return h.bearer(ana, "", "GET", "/v1/clients", nil) },
	func(h *house) servertest.Answer {
		return h.bearer(ana, "", "GET", "/v1/audit?from=2026-11-22T12:00:01Z", nil)
	},
	func(h *house) servertest.Answer { return h.bearer(ana, "", "GET", "/v1/clients/foreign", nil) },
	func(h *house) servertest.Answer {
		return h.bearer(ana, "", "DELETE", "/v1/users/bob@example.test", nil)
	},
	func(h *house) servertest.Answer { return h.verify(both, "?workspace=ws1") },
}

// elsewhere is what ws2 does meanwhile.
func elsewhere(h *house, step int) {
	h.t.Helper()
	h.want(http.StatusCreated, h.bearer(foreign, "ws2", "POST", "/v1/tokens", object{"name": "theirs", "scopes": []string{"catalog:read"}}))
	switch step {
	case 1:
		h.want(http.StatusCreated, h.bearer(bob, "", "POST", "/v1/clients/foreign/secrets", nil))
	case 4:
		h.want(http.StatusNoContent, h.bearer(bob, "", "DELETE", "/v1/users/both@example.test", nil))
	case 7:
		h.want(http.StatusOK, h.bearer(bob, "", "POST", "/v1/clients/foreign/disable", nil))
		h.want(http.StatusOK, h.bearer(bob, "", "POST", "/v1/clients/foreign/enable", nil))
	}
}

// seen leaves out of an answer what differs by chance: ids, secrets, order.
func seen(a servertest.Answer) []string {
	var words []string
	var walk func(name string, v any)
	walk = func(name string, v any) {
		switch v := v.(type) {
		case object:
			for k, inner := range v {
				walk(k, inner)
			}
		case []any:
			for _, inner := range v {
				walk(name, inner)
			}
		case string:
			switch name {
			case "token", "id", "secret_id", "request_id", "last_four", "user", "owner", "target", "on_behalf_of", "person", "next":
				v = "?"
			}
			words = append(words, name+"="+v)
		}
	}
	walk("", a.JSON)
	slices.Sort(words)
	return append(words, http.StatusText(a.Status))
}

// TestOtherWorkspacesChangeNothing runs one program twice, once with another
// workspace at work: nobody in ws1 can see a difference.
func TestOtherWorkspacesChangeNothing(t *testing.T) {
	alone, together := start(t), start(t)
	for i, step := range program {
		alone.Clock.Move(time.Second)
		together.Clock.Move(time.Second)
		elsewhere(together, i)
		a, b := step(alone), step(together)
		if got, want := seen(b), seen(a); !slices.Equal(got, want) {
			t.Errorf("step %d: with others\n%s\nalone\n%s", i, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}
