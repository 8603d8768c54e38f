package api_test

import (
	"net/http"
	"testing"
)

// admins adds an admin who is no super admin, by a personal token and by a service
// token that they made.
const admins = resources + `
  - {kind: personal, user: adam@example.test, name: adam's, secret: "adam-admin-token-0001", scopes: ["admin:write"]}
  - {kind: service, user: adam@example.test, workspace: ws1, name: adam's robot, secret: "adam-robot-token-0001", scopes: ["admin:write"]}
`

const (
	plainAdmin  = "adam-admin-token-0001"
	adminsRobot = "adam-robot-token-0001"
)

// The right to impersonate is a super admin's to give: an admin does not get it
// with the secret of a client that has it.
func TestSecretOfAClientThatImpersonatesIsASuperAdminsToHave(t *testing.T) {
	h := startFrom(t, admins)
	for _, path := range []string{"/v1/clients/backend/secrets", "/v1/clients/backend/rotations"} {
		for _, who := range []string{plainAdmin, adminsRobot} {
			h.refused(http.StatusForbidden, "forbidden", h.bearer(who, "", "POST", path, object{}))
		}
		h.want(http.StatusCreated, h.bearer(ana, "", "POST", path, object{"secret_id": h.secretOf(path)}))
	}
	h.want(http.StatusCreated, h.bearer(plainAdmin, "", "POST", "/v1/clients/modest/secrets", object{}))
}

// secretOf names the secret that a rotation is about: the backend has two by then.
func (h *house) secretOf(path string) any {
	h.t.Helper()
	if path != "/v1/clients/backend/rotations" {
		return nil
	}
	secrets := at[[]any](h.t, h.want(http.StatusOK, h.bearer(ana, "", "GET", "/v1/clients/backend", nil)).JSON, "secrets")
	return at[string](h.t, secrets[0], "id")
}

// Another administrator decides, in person: no program of theirs does, and whose
// token it is does not become one by giving it away.
func TestWaitingTokenIsDecidedInPersonAndByNobodyItIsOf(t *testing.T) {
	h := startFrom(t, admins)
	h.want(http.StatusOK, h.bearer(ana, "", "PUT", policyPath, object{"approval": []string{"service"}}))
	path := "/v1/tokens/" + text(t, h.issued(object{"owner": "adam@example.test"}), "id")
	h.refused(http.StatusForbidden, "forbidden", h.bearer(adminsRobot, "", "POST", path+"/approve", nil))
	h.refused(http.StatusForbidden, "forbidden", h.bearer(adminsRobot, "", "POST", path+"/deny", object{"reason": "x"}))
	h.refused(http.StatusForbidden, "forbidden", h.bearer(plainAdmin, "", "POST", path+"/approve", nil))
	h.refused(http.StatusConflict, "conflict", h.bearer(plainAdmin, "", "PATCH", path, object{"owner": "mia@example.test"}))
	h.want(http.StatusOK, h.bearer(plainAdmin, "", "PATCH", path, object{"purpose": "nightly", "owner": "adam@example.test"}))
	h.want(http.StatusOK, h.bearer(ana, "", "POST", path+"/approve", nil))
	h.want(http.StatusOK, h.bearer(plainAdmin, "", "PATCH", path, object{"owner": "mia@example.test"}))
}

// Who is sent a token reads what it is, and does not take it over.
func TestTokenForOthersDoesNotRotateItself(t *testing.T) {
	h := start(t)
	own, sent := h.issued(nil), h.issued(object{"audience": "https://api.example.test/"})
	for a, want := range map[string]int{text(t, own, "token"): http.StatusCreated, text(t, sent, "token"): http.StatusForbidden} {
		id := text(t, own, "id")
		if want != http.StatusCreated {
			id = text(t, sent, "id")
		}
		h.want(http.StatusOK, h.bearer(a, "", "GET", "/v1/tokens/"+id, nil))
		h.want(want, h.bearer(a, "", "POST", "/v1/tokens/"+id+"/rotations", object{}))
	}
	h.want(http.StatusCreated, h.program("POST", "/v1/tokens/"+text(t, sent, "id")+"/rotations", object{}))
}

// A resource server learns of tokens that are for it, whoever asks: no other
// workspace makes one.
func TestTokenIsNotForAResourceOfAnotherWorkspace(t *testing.T) {
	h := startFrom(t, resources+`
resources:
  - {identifier: "https://api.example.test/", workspace: ws1, scopes: ["catalog:read"], introspection_client: gateway}
`)
	ask := object{"name": "intruder", "scopes": []string{"catalog:read"}, "audience": []string{"https://mine.example.test/", "https://api.example.test/"}}
	if field := h.refused(http.StatusUnprocessableEntity, "invalid_value", h.bearer(foreign, "ws2", "POST", "/v1/tokens", ask)); field != "audience" {
		t.Errorf("refused for %q", field)
	}
	h.want(http.StatusCreated, h.program("POST", "/v1/tokens", ask))
	ask["audience"] = "https://mine.example.test/"
	h.want(http.StatusCreated, h.bearer(foreign, "ws2", "POST", "/v1/tokens", ask))
}

// Where a token that opens other workspaces too was used is its person's to know.
func TestRoamingTokenTellsItsPersonAloneWhereItWasUsed(t *testing.T) {
	h := startFrom(t, admins)
	h.want(http.StatusOK, h.verify(both, "?workspace=ws2"))
	var id string
	for _, k := range h.items(h.bearer(ana, "", "GET", "/v1/tokens?user=both@example.test", nil)) {
		id = at[string](t, k, "id")
	}
	path := "/v1/tokens/" + id
	if a := h.want(http.StatusOK, h.bearer(ana, "", "GET", path, nil)); a.JSON["last_use"] != nil || a.JSON["last_used_at"] == nil {
		t.Errorf("ws1 learns %v at %v", a.JSON["last_use"], a.JSON["last_used_at"])
	}
	if a := h.want(http.StatusOK, h.bearer(both, "ws1", "GET", path, nil)); a.JSON["last_use"] == nil {
		t.Errorf("its person learns nothing: %s", a.Body)
	}
}
