package api_test

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

// chief is super admin of every workspace.
const chief = `
workspaces: [{id: ws1, name: Acme}]
users: [{email: ana@example.test, memberships: [{workspace: ws1, role: super_admin}]}, {email: adam@example.test, memberships: [{workspace: ws1, role: admin}]}]
clients: [{client_id: backend, client_secret: backend-secret-of-acme, workspace: ws1, grant_types: [client_credentials], scope: "catalog:read"}]
tokens:
  - {kind: personal, user: ana@example.test, name: a, secret: "ana-admin-token-0001", scopes: ["admin:write"]}
  - {kind: personal, user: adam@example.test, name: b, secret: "adam-admin-token-0001", scopes: ["admin:write"]}
`

func (h *house) keysOf(a object, alg string) (states []string) {
	h.t.Helper()
	for _, k := range at[[]any](h.t, a, "items") {
		if at[string](h.t, k, "alg") == alg {
			states = append(states, at[string](h.t, k, "state"))
		}
	}
	slices.Sort(states) // keys of one instant come in any order
	return states
}

func TestNextKeyIsPublishedOnDemandAndTakesOverLater(t *testing.T) {
	h := startFrom(t, chief)
	h.want(http.StatusForbidden, h.bearer("adam-admin-token-0001", "", "POST", "/v1/keys/ES256/rotations", nil))
	a := h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/keys/ES256/rotations", nil))
	if got := h.keysOf(a.JSON, "ES256"); len(got) != 2 || got[0] != "active" || got[1] != "next" {
		t.Fatalf("%q", got)
	}
	h.refused(http.StatusConflict, "conflict", h.bearer(ana, "", "POST", "/v1/keys/ES256/rotations", nil))
	h.want(http.StatusNotFound, h.bearer(ana, "", "POST", "/v1/keys/HS256/rotations", nil))
	h.Clock.Move(24 * time.Hour)
	if err := h.Keeper.Turn(t.Context(), h.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	if got := h.keysOf(h.want(http.StatusOK, h.bearer(ana, "", "GET", "/v1/keys", nil)).JSON, "ES256"); got[0] != "active" || got[1] != "retiring" {
		t.Errorf("%q", got)
	}
}

func TestEndedKeyTakesItsTokensWithIt(t *testing.T) {
	h := startFrom(t, chief)
	old := h.issued(object{"name": "signed", "scopes": []string{"catalog:read"}})
	opaque := h.issued(object{"name": "opaque", "scopes": []string{"catalog:read"}, "format": "opaque"})
	var kid string
	for _, k := range at[[]any](t, h.want(http.StatusOK, h.bearer(ana, "", "GET", "/v1/keys", nil)).JSON, "items") {
		if at[string](t, k, "alg") == "ES256" {
			kid = at[string](t, k, "kid")
		}
	}
	h.refused(http.StatusUnprocessableEntity, "invalid_value", h.bearer(ana, "", "POST", "/v1/keys/ES256/"+kid+"/end", nil))
	h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/keys/ES256/"+kid+"/end", object{"reason": "copied from a laptop"}))
	if h.lets(text(t, old, "token")) || !h.lets(text(t, opaque, "token")) {
		t.Error("a token of the key opens, or another does not")
	}
	if fresh := h.issued(object{"name": "signed", "scopes": []string{"catalog:read"}}); !h.lets(text(t, fresh, "token")) {
		t.Error("nothing can be signed any more")
	}
	h.want(http.StatusNotFound, h.bearer(ana, "", "POST", "/v1/keys/ES256/"+kid+"/end", object{"reason": "again"}))
}
