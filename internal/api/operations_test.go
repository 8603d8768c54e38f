package api_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/fichadev/ficha/internal/server/servertest"
)

// more is what the operations need beside the house's resources.
const more = `
workspaces:
  - {id: ws1, client_tokens: ["chronos-token-0001"]}
users:
  - {email: ana@example.test, memberships: [{workspace: ws1, role: super_admin}, {workspace: ws2, role: super_admin}]}
  - {email: sam@example.test, memberships: [{workspace: ws1, role: member, may_impersonate: true}]}
  - {email: una@example.test, memberships: [{workspace: ws1, role: member}]}
  - {email: uwe@example.test, memberships: [{workspace: ws1, role: member}]}
tokens:
  - {kind: personal, user: sam@example.test, name: sam's, secret: "sam-token-0000001", scopes: ["catalog:read"]}
`

// An operation is one request that succeeds. Its path's parameters, its body and
// its query name what earlier answers held as <name>.
type operation struct {
	id, as string
	path   string // its parameters, in turn
	query  string
	body   string
	keep   string // of the answer: "name=field", several with spaces
}

// operations is each one of the description, in an order in which all succeed.
var operations = []operation{
	{"issueToken", backend, "", "", `{"name": "one", "scopes": ["catalog:read"], "ttl": 900000, "purpose": "a test", "format": "opaque"}`, "T=id secret=token"},
	{"issueToken", backend, "", "", `{"name": "two", "scopes": ["catalog:read"], "format": "opaque"}`, "leaked=token"},
	{"issueToken", backend, "", "", `{"name": "three", "scopes": ["catalog:read"], "type": "ephemeral", "max_uses": 3, "audience": ["https://a.example/"]}`, "status=id"},
	{"listTokens", ana, "", "?limit=1&type=service&status=active", "", ""},
	{"getToken", ana, "<T>", "", "", ""},
	{"changeToken", ana, "<T>", "", `{"owner": "mia@example.test"}`, ""},
	{"changeTokenWhole", ana, "<T>", "", `{"name": "first", "purpose": ""}`, ""},
	{"introspectTokens", ana, "", "", `{"tokens": ["<secret>", "none"]}`, ""},
	{"suspendToken", ana, "<T>", "", `{"until": "2027-01-31T12:00:00Z", "reason": "a look"}`, ""},
	{"resumeToken", ana, "<T>", "", "", ""},
	{"brownOutToken", ana, "<T>", "", `{"minutes": 5}`, ""},
	{"introspectTokens", ana, "", "", `{"token": "<secret>"}`, ""},
	{"getBrownOut", ana, "<T>", "", "", ""},
	{"resumeToken", ana, "<T>", "", "", ""},
	{"lookUpToken", ana, "", "", `{"token": "<secret>"}`, ""},
	{"exportTokens", ana, "", "?format=csv", "", ""},
	{"exportTokens", ana, "", "", "", ""},
	{"reportTokens", ana, "", "?type=service", "", ""},
	{"countAttention", ana, "", "", "", ""},
	{"reportUses", ana, "", "", `{"uses": [{"token_id": "<T>", "at": "2026-11-22T12:00:00Z", "route": "items", "status": 200, "duration_ms": 2, "scopes_used": ["catalog:read"]}, {"at": ""}]}`, ""},
	{"listUses", ana, "<T>", "?limit=1", "", ""},
	{"getUsedScopes", ana, "<T>", "", "", ""},

	{"rotateToken", ana, "<T>", "", `{"grace_seconds": 3600}`, "R=rotation.id"},
	{"listTokenRotations", ana, "<T>", "?open=true", "", ""},
	{"moveTokenRotation", ana, "<T> <R> confirm", "", "", ""},
	{"listRotations", ana, "", "?what=token", "", ""},
	{"moveRotation", ana, "<R> undo", "", `{"reason": "a test"}`, ""},
	{"rotateClientSecret", ana, "modest", "", "", "R=rotation.id"},
	{"listClientSecretRotations", ana, "modest", "", "", ""},
	{"moveClientSecretRotation", ana, "modest <R> cancel", "", "", ""},
	{"listClientTokens", ana, "", "", "", "K=items.0.id"},
	{"rotateClientToken", ana, "<K>", "", "", "R=rotation.id"},
	{"listClientTokenRotations", ana, "<K>", "", "", ""},
	{"moveClientTokenRotation", ana, "<K> <R> cancel", "", "", ""},
	{"listKeys", ana, "", "", "", ""},
	{"rotateKey", ana, "EdDSA", "", "", "kid=items.0.kid alg=items.0.alg"},
	{"endKey", ana, "<alg> <kid>", "", `{"reason": "leaked"}`, ""},

	{"createWebhook", ana, "", "", `{"url": "https://hooks.example.com/", "events": ["*"]}`, "W=id"},
	{"listWebhooks", ana, "", "?limit=1", "", ""},
	{"listEventKinds", ana, "", "", "", ""},
	{"getWebhook", ana, "<W>", "", "", ""},
	{"changeWebhook", ana, "<W>", "", `{"events": ["token.*"]}`, ""},
	{"testWebhook", ana, "<W>", "", "", ""},
	{"rotateWebhookSecret", ana, "<W>", "", "", "R=rotation.id"},
	{"listWebhookSecretRotations", ana, "<W>", "", "", ""},
	{"moveWebhookSecretRotation", ana, "<W> <R> confirm", "", "", ""},
	{"listDeliveries", ana, "<gone>", "", "", ""},
	{"enableWebhook", ana, "<gone>", "", "", ""},
	{"replayWebhook", ana, "<gone>", "", `{"from": "2026-01-01T00:00:00Z"}`, ""},
	{"deleteWebhook", ana, "<W>", "", "", ""},

	{"listImpersonations", ana, "", "", "", ""},
	{"impersonate", sam, "", "", `{"user": "mia@example.test", "reason": "a test", "ticket": "7", "minutes": 5}`, "I=id"},
	{"listImpersonations", ana, "", "?limit=1", "", ""},
	{"endImpersonation", ana, "<I>", "", `{"reason": "done"}`, ""},
	{"listUsers", ana, "", "?limit=2", "", ""},
	{"inviteUser", ana, "", "", `{"email": "new@example.test", "name": "New", "role": "member"}`, ""},
	{"listInvitations", ana, "", "?limit=1", "", ""},
	{"withdrawInvitation", ana, "new@example.test", "", "", ""},
	{"listLeftBehind", ana, "mia@example.test", "", "", ""},
	{"transferTokens", ana, "mia@example.test", "", `{"to": "ana@example.test"}`, ""},
	{"removeUserWith", ana, "una@example.test", "", `{"reason": "left", "service_tokens": {"end": true}}`, ""},
	{"removeUser", ana, "uwe@example.test", "?reason=left", "", ""},

	{"listScopes", mia, "", "", "", ""},
	{"listClients", ana, "", "", "", ""},
	{"getClient", ana, "modest", "", "", ""},
	{"addClientSecret", ana, "modest", "", "", "S=id"},
	{"endClientSecret", ana, "modest <S>", "", "", ""},
	{"disableClient", ana, "modest", "", `{"reason": "a test"}`, ""},
	{"enableClient", ana, "modest", "", "", ""},

	{"getLeakRules", "", "", "?format=regex", "", ""},
	{"checkLeaks", ana, "", "", `{"secrets": [{"head": "", "sha256": "0000000000000000000000000000000000000000000000000000000000000000"}]}`, ""},
	{"reportLeak", "", "", "", `{"token": "<secret>", "url": "https://a.example/paste"}`, ""},
	{"getTokenLeak", ana, "<T>", "", "", ""},
	{"selfRevoke", "", "", "", `{"tokens": ["<leaked>"]}`, ""},
	{"listLeaks", ana, "", "?limit=1&from=2026-01-01T00:00:00Z", "", ""},
	{"revokeTokens", ana, "", "", `{"by": {"client": "modest"}, "dry_run": true}`, ""},
	{"revokeTokens", ana, "", "", `{"by": {"client": "modest"}, "reason": "a test"}`, "D=id"},
	{"listRevocations", ana, "", "", "", ""},
	{"getRevocation", ana, "<D>", "", "", ""},
	{"retryRevocation", ana, "<D>", "", "", ""},
	{"revokeToken", ana, "<T>", "", `{"reason": "done"}`, ""},

	{"getPolicy", ana, "", "", "", ""},
	{"simulatePolicy", ana, "", "", `{"require_purpose": true}`, ""},
	{"putPolicy", ana, "", "", `{"approval": ["service"]}`, ""},
	{"issueToken", backend, "", "", `{"name": "four", "scopes": ["catalog:read"]}`, "T=id"},
	{"approveToken", ana, "<T>", "", "", ""},
	{"issueToken", backend, "", "", `{"name": "five", "scopes": ["catalog:read"]}`, "T=id"},
	{"denyToken", ana, "<T>", "", `{"reason": "no"}`, ""},

	{"listAlerts", ana, "", "", "", ""},
	{"getAlertRules", ana, "", "", "", ""},
	{"putAlertRules", ana, "", "", `{"built_in": true}`, ""},
	{"listJobs", ana, "", "", "", ""},
	{"makeExpiryFeed", ana, "", "", "", "feed=url"},
	{"getExpiryFeed", "", "<feed>", "", "", ""},
	{"endExpiryFeed", ana, "", "", "", ""},
	{"listEvents", ana, "", "?limit=200", "", ""},
	{"listEvents", ana, "", "?format=csv", "", ""},
	{"listEvents", ana, "", "?format=jsonl", "", ""},
	{"applyResources", ana, "", "", `{"clients": [{"client_id": "added", "workspace": "ws1", "grant_types": []}]}`, ""},
	{"getStatusList", "", "0", "", "", ""},
	{"getDescription", "", "", "", "", ""},
}

// route returns the method and the path of an operation as described.
func route(doc *openapi3.T, id string) string {
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.OperationID == id {
				return method + " " + path
			}
		}
	}
	return ""
}

// ask sends an operation's request.
func (h *house) ask(o operation, route string, kept map[string]string) servertest.Answer {
	h.t.Helper()
	fill := func(text string) string {
		for name, value := range kept {
			text = strings.ReplaceAll(text, "<"+name+">", value)
		}
		return text
	}
	method, path, _ := strings.Cut(route, " ")
	for _, value := range strings.Fields(fill(o.path)) {
		before, rest, _ := strings.Cut(path, "{")
		_, after, _ := strings.Cut(rest, "}")
		path = before + value + after
	}
	var body any
	if o.body != "" {
		body = json.RawMessage(fill(o.body))
	}
	if o.as == "" {
		return h.Request(method, path+o.query, body)
	}
	return h.bearer(o.as, "ws1", method, path+o.query, body)
}

// keep takes out of an answer what later ones name.
func (h *house) keep(o operation, a servertest.Answer, kept map[string]string) {
	h.t.Helper()
	for _, pair := range strings.Fields(o.keep) {
		name, field, _ := strings.Cut(pair, "=")
		var from any = a.JSON
		for _, step := range strings.Split(field, ".") {
			if i, err := strconv.Atoi(step); err == nil {
				from = at[any](h.t, from, i)
			} else {
				from = at[any](h.t, from, step)
			}
		}
		kept[name], _ = from.(string)
	}
	kept["feed"] = kept["feed"][strings.LastIndex(kept["feed"], "/")+1:]
}

// TestEveryOperationAnswersAsDescribed asks for each operation of the
// description with success, and holds the answer against its closed schema.
func TestEveryOperationAnswersAsDescribed(t *testing.T) {
	f, l := startForge(t, nil), listen(t)
	h := f.house
	if _, err := h.Apply(t.Context(), "more.yaml", []byte(more), false); err != nil {
		t.Fatal(err)
	}
	kept := map[string]string{"gone": h.disabledWebhook(l)}
	doc := h.described()
	asked := map[string]bool{}
	for _, o := range operations {
		route := route(doc, o.id)
		if route == "" {
			t.Errorf("%s is not in the description", o.id)
			continue
		}
		asked[o.id] = true
		a := h.ask(o, route, kept)
		if err := asDescribed(doc, route, a); err != nil || a.Status/100 != 2 {
			t.Errorf("%s: status %d: %v\n%s", o.id, a.Status, err, a.Body)
			continue
		}
		h.keep(o, a, kept)
	}
	asked["hearGitHub"] = true
	if a := f.send(message(t, "none"), nil); a.Status != 200 || asDescribed(doc, "POST /v1/leaks/github", a) != nil {
		t.Errorf("hearGitHub: status %d: %v\n%s", a.Status, asDescribed(doc, "POST /v1/leaks/github", a), a.Body)
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if !asked[op.OperationID] {
				t.Errorf("nothing here asks for %s (%s %s): add it to operations", op.OperationID, method, path)
			}
		}
	}
}

// disabledWebhook returns a subscription whose receiver said that it is gone.
func (h *house) disabledWebhook(l *listener) string {
	h.t.Helper()
	id := h.local(l.URL, "*")
	h.want(202, h.bearer(ana, "ws1", "POST", "/v1/webhooks/"+id+"/test", nil))
	l.status = 410
	h.deliver()
	return id
}
