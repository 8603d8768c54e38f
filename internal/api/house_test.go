package api_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
)

// resources has two workspaces that know nothing of each other. The admins' and
// the reader's tokens are imported, so that every test knows them.
const resources = `
workspaces:
  - {id: ws1, name: Acme}
  - {id: ws2, name: Other}
roles:
  - {workspace: ws1, name: reader, scopes: ["catalog:read"]}
users:
  - {email: ana@example.test, name: Ana, memberships: [{workspace: ws1, role: super_admin}]}
  - {email: adam@example.test, memberships: [{workspace: ws1, role: admin}]}
  - {email: mia@example.test, name: Mia, memberships: [{workspace: ws1, role: member}]}
  - {email: rita@example.test, memberships: [{workspace: ws1, role: reader}]}
  - {email: bob@example.test, memberships: [{workspace: ws2, role: super_admin}]}
  - {email: both@example.test, memberships: [{workspace: ws1, role: member}, {workspace: ws2, role: admin}]}
clients:
  - client_id: backend
    client_secret: backend-secret-of-acme
    workspace: ws1
    client_name: Backend
    grant_types: [client_credentials]
    scope: "content:write catalog:read catalog:write assets:read users:read events:write"
    may_impersonate: true
  - {client_id: modest, client_secret: modest-secret-of-acme, workspace: ws1, grant_types: [client_credentials], scope: "catalog:read"}
  - {client_id: gateway, client_secret: gateway-secret-of-acme, workspace: ws1, grant_types: [], introspect: workspace}
  - {client_id: foreign, client_secret: foreign-secret-of-other, workspace: ws2, grant_types: [client_credentials], scope: "catalog:read", introspect: workspace}
tokens:
  - {kind: personal, user: ana@example.test, name: ana's, secret: "ana-admin-token-0001", scopes: ["admin:write"]}
  - {kind: personal, user: ana@example.test, name: ana's reader, secret: "ana-reader-token-0001", scopes: ["admin:read", "content:write", "catalog:read"]}
  - {kind: personal, user: mia@example.test, name: mia's, secret: "mia-plain-token-0001", scopes: ["catalog:read"]}
  - {kind: personal, user: bob@example.test, name: bob's, secret: "bob-admin-token-0001", scopes: ["admin:write"]}
  - {kind: personal, user: both@example.test, name: both's, secret: "both-plain-token-0001", scopes: ["catalog:read", "admin:write"]}
`

// The secrets of the resources above.
const (
	backend = "backend-secret-of-acme"
	modest  = "modest-secret-of-acme"
	gateway = "gateway-secret-of-acme"
	foreign = "foreign-secret-of-other"
	ana     = "ana-admin-token-0001"
	reader  = "ana-reader-token-0001"
	mia     = "mia-plain-token-0001"
	bob     = "bob-admin-token-0001"
	both    = "both-plain-token-0001"
)

type house struct {
	*servertest.House
	t *testing.T
}

func start(t *testing.T) *house {
	t.Helper()
	return startWith(t, nil)
}

func startWith(t *testing.T, change func(*server.Config)) *house {
	t.Helper()
	return &house{servertest.Start(t, resources, change), t}
}

// startFrom starts a house with other resources.
func startFrom(t *testing.T, declared string) *house {
	t.Helper()
	return &house{servertest.Start(t, declared, nil), t}
}

type object = map[string]any

// bearer sends a request with a secret, and with a workspace unless it is empty.
func (h *house) bearer(secret, workspace, method, path string, body any, header ...string) servertest.Answer {
	h.t.Helper()
	header = append(header, "Authorization", "Bearer "+secret)
	if workspace != "" {
		header = append(header, "X-Workspace-Id", workspace)
	}
	return h.Request(method, path, body, header...)
}

// program sends a request with the backend's secret.
func (h *house) program(method, path string, body any, header ...string) servertest.Answer {
	h.t.Helper()
	return h.bearer(backend, "ws1", method, path, body, header...)
}

// issued returns the answer of a token that the backend issues.
func (h *house) issued(body object) servertest.Answer {
	h.t.Helper()
	ask := object{"name": "worker", "scopes": []string{"catalog:read"}}
	for k, v := range body {
		ask[k] = v
	}
	return h.want(http.StatusCreated, h.program("POST", "/v1/tokens", ask))
}

// want fails the test unless the answer has a status.
func (h *house) want(status int, a servertest.Answer) servertest.Answer {
	h.t.Helper()
	if a.Status != status {
		h.t.Fatalf("status %d, want %d: %s", a.Status, status, a.Body)
	}
	return a
}

// refused fails the test unless the answer is a refusal in the shape of /v1; it
// returns the field that is named, if one.
func (h *house) refused(status int, code string, a servertest.Answer) string {
	h.t.Helper()
	h.want(status, a)
	if a.JSON["error"] != code || a.JSON["error_description"] == "" || a.JSON["request_id"] == "" {
		h.t.Fatalf("refusal %s, want error %q with a sentence and a request id", a.Body, code)
	}
	fields, _ := a.JSON["errors"].([]any)
	if len(fields) == 0 {
		return ""
	}
	name, _ := fields[0].(object)["field"].(string)
	return name
}

// verify asks what a proxy would.
func (h *house) verify(secret, query string, header ...string) servertest.Answer {
	h.t.Helper()
	return h.Request("GET", "/verify"+query, nil, append(header, "Authorization", "Bearer "+secret)...)
}

// at returns what a JSON value holds under a name, or at an index, of the type
// that is expected there.
func at[T any](t *testing.T, in any, name any) T {
	t.Helper()
	var found any
	switch in := in.(type) {
	case object:
		key, _ := name.(string)
		found = in[key]
	case []any:
		if i, ok := name.(int); ok && i < len(in) {
			found = in[i]
		}
	}
	v, ok := found.(T)
	if !ok {
		t.Fatalf("%v is %v in %v", name, found, in)
	}
	return v
}

func text(t *testing.T, a servertest.Answer, name string) string {
	t.Helper()
	s, ok := a.JSON[name].(string)
	if !ok || s == "" {
		t.Fatalf("%s is missing in %s", name, a.Body)
	}
	return s
}

// events returns the audit of ws1 that a query narrows, newest first.
func (h *house) events(query string) []object {
	h.t.Helper()
	return h.items(h.bearer(ana, "", "GET", "/v1/audit?"+query, nil))
}

// items returns what a list answered.
func (h *house) items(a servertest.Answer) []object {
	h.t.Helper()
	h.want(http.StatusOK, a)
	var page struct{ Items []object }
	if err := json.Unmarshal(a.Body, &page); err != nil {
		h.t.Fatal(err)
	}
	return page.Items
}

func withoutBeCMS(c *server.Config) { c.Without = []string{"becms"} }
