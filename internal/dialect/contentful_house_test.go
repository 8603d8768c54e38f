package dialect_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

const contentfulHouse = `
workspaces:
  - {id: ws1, name: One}
  - {id: ws2, name: Two}
  - {id: strict, name: Strict, policy: {require_expiry: true, max_ttl: {personal: 30d}}}
users:
  - {email: owner@example.test, name: Olga Maria Owner, password: "correct horse battery", memberships: [{workspace: ws1, role: super_admin}]}
  - {email: admin@example.test, name: Ana, memberships: [{workspace: ws1, role: admin}]}
  - {email: mia@example.test, name: Mia Member, memberships: [{workspace: ws1, role: member}, {workspace: ws2, role: super_admin}]}
  - {email: max@example.test, name: Max, memberships: [{workspace: ws1, role: member}]}
  - {email: stranger@example.test, name: Stranger, memberships: [{workspace: ws2, role: super_admin}]}
  - {email: sven@example.test, name: Sven, memberships: [{workspace: strict, role: super_admin}, {workspace: ws2, role: member}]}
clients:
  - {client_id: desk, client_secret: desk-secret, workspace: ws1, grant_types: [client_credentials], scope: content_management_manage, may_impersonate: true}
`

const contentfulMedia = "application/vnd.contentful.management.v1+json"

// A cms is a house with Contentful's callers in it.
type cms struct {
	*servertest.House
	t *testing.T
}

func newCMS(t *testing.T) cms { return cms{servertest.Start(t, contentfulHouse, nil), t} }

func (h cms) id(email string) string {
	h.t.Helper()
	id, err := h.Store.PersonByEmail(h.t.Context(), email)
	if err != nil || id == "" {
		h.t.Fatalf("%s: %q, %v", email, id, err)
	}
	return id
}

// give issues a token as other faces do and returns its secret and id.
func (h cms) give(o authority.Order) (secret, id string) {
	h.t.Helper()
	o.Contract = "test"
	out, err := h.Authority.Issue(h.t.Context(), token.Actor{Kind: token.System, ID: "test"}, o)
	if err != nil {
		h.t.Fatal(err)
	}
	return out.Secret, out.Token.ID.String()
}

// pat issues a personal token of somebody.
func (h cms) pat(email string, scopes ...string) string {
	h.t.Helper()
	secret, _ := h.give(authority.Order{
		Kind: token.Personal, Form: authority.Contentful, Person: h.id(email), Scopes: scopes, Name: "first of " + email, TTL: h.life(email),
	})
	return secret
}

// life is a lifetime that the policies of somebody's workspaces allow.
func (h cms) life(email string) time.Duration {
	if email == "sven@example.test" {
		return 20 * 24 * time.Hour
	}
	return 0
}

// manage issues a personal token that may do everything.
func (h cms) manage(email string) string { return h.pat(email, token.ManageContent) }

// call sends a request as the SDK does.
func (h cms) call(method, path, secret string, body any) servertest.Answer {
	h.t.Helper()
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			h.t.Fatal(err)
		}
		body = string(text)
	}
	return h.Request(method, path, body, "Authorization", "Bearer "+secret, "Content-Type", contentfulMedia)
}

// create makes a personal token through the contract.
func (h cms) create(secret string, body map[string]any) servertest.Answer {
	h.t.Helper()
	if body["name"] == nil {
		body["name"] = "My Token"
	}
	if body["scopes"] == nil {
		body["scopes"] = []string{token.ManageContent}
	}
	return h.call("POST", "/users/me/access_tokens", secret, body)
}

// valueAt follows names and positions into an answer.
func valueAt(v any, path ...any) any {
	for _, step := range path {
		switch s := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[s]
		case int:
			list, _ := v.([]any)
			if s >= len(list) {
				return nil
			}
			v = list[s]
		}
	}
	return v
}

func stringAt(v any, path ...any) string {
	s, _ := valueAt(v, path...).(string)
	return s
}

// isError fails the test unless an answer is Contentful's refusal.
func (h cms) isError(what string, a servertest.Answer, status int, id string) {
	h.t.Helper()
	request := stringAt(a.JSON, "requestId")
	if a.Status != status || stringAt(a.JSON, "sys", "type") != "Error" || stringAt(a.JSON, "sys", "id") != id || stringAt(a.JSON, "message") == "" ||
		request == "" || request != a.Header.Get("X-Contentful-Request-Id") || a.Header.Get("Content-Type") != contentfulMedia {
		h.t.Errorf("%s: got %d %s %v, want %d %s in Contentful's shape", what, a.Status, a.Body, a.Header, status, id)
	}
}

// is fails the test unless an answer has that status; it returns it.
func (h cms) is(what string, a servertest.Answer, status int) servertest.Answer {
	h.t.Helper()
	if a.Status != status {
		h.t.Fatalf("%s: got %d %s, want %d", what, a.Status, a.Body, status)
	}
	return a
}

// itemIDs returns the ids of a list's items.
func itemIDs(a servertest.Answer) []string {
	list, _ := a.JSON["items"].([]any)
	out := []string{}
	for i := range list {
		out = append(out, stringAt(list, i, "sys", "id"))
	}
	return out
}
