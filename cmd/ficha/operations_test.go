package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

// commands has, for each operation of the API, a command line that asks for it.
var commands = map[string]string{
	"listTokens":       "token list --type service --created-from 2027-01-31T12:00:00Z --never-used",
	"issueToken":       "token create nightly --scope catalog:read --ttl 30d --audience https://a.example --max-uses 3",
	"getToken":         "token show T",
	"changeToken":      "token change T --owner=",
	"revokeToken":      "token revoke T --reason done",
	"suspendToken":     "token suspend T --until 2027-01-31T12:00:00Z",
	"resumeToken":      "token resume T",
	"approveToken":     "token approve T",
	"denyToken":        "token deny T --reason no",
	"introspectTokens": "token introspect secret",
	"exportTokens":     "token export --format csv --scope catalog:read",
	"reportTokens":     "token report --contract v1",
	"countAttention":   "token attention",
	"lookUpToken":      "token lookup secret",
	"brownOutToken":    "token brownout start T --minutes 5",
	"getBrownOut":      "token brownout show T",
	"listUses":         "token uses T --from 2027-01-31T12:00:00Z",
	"getUsedScopes":    "token scopes T",
	"getTokenLeak":     "token leak T",
	"reportUses":       "uses report USES --batch one",

	"rotateToken":                "token rotate T --grace 1h --scope catalog:read",
	"listTokenRotations":         "rotation list --of-token T --open",
	"moveTokenRotation":          "rotation undo R --of-token T --reason why",
	"rotateClientSecret":         "client secret rotate C --secret S",
	"listClientSecretRotations":  "rotation list --of-client C",
	"moveClientSecretRotation":   "rotation confirm R --of-client C",
	"rotateWebhookSecret":        "webhook rotate W",
	"listWebhookSecretRotations": "rotation list --of-webhook W",
	"moveWebhookSecretRotation":  "rotation cancel R --of-webhook W",
	"listClientTokens":           "client-token list",
	"rotateClientToken":          "client-token rotate K --now --reason leaked",
	"listClientTokenRotations":   "rotation list --of-client-token K",
	"moveClientTokenRotation":    "rotation finish R --of-client-token K --reason why",
	"listRotations":              "rotation list --what token",
	"moveRotation":               "rotation confirm R",
	"listKeys":                   "key list",
	"rotateKey":                  "key rotate ES256",
	"endKey":                     "key end ES256 K --reason leaked",

	"revokeTokens":    "revoke --client C --idle-days 90 --yes",
	"listRevocations": "revocation list",
	"getRevocation":   "revocation show R",
	"retryRevocation": "revocation retry R",
	"checkLeaks":      "scan LEAK",
	"listLeaks":       "leak list --from 2027-01-31T12:00:00Z",
	"reportLeak":      "leak report secret --url https://a.example/paste",
	"selfRevoke":      "leak end secret",

	"getPolicy":      "policy show",
	"putPolicy":      "policy set POLICY",
	"simulatePolicy": "policy simulate POLICY --complete",
	"listScopes":     "scope list",

	"listClients":     "client list",
	"getClient":       "client show C",
	"disableClient":   "client disable C --reason left",
	"enableClient":    "client enable C",
	"addClientSecret": "client secret add C",
	"endClientSecret": "client secret end C S",

	"listUsers":          "user list",
	"inviteUser":         "user add new@example.test --role admin",
	"listInvitations":    "user invitations",
	"withdrawInvitation": "user withdraw new@example.test",
	"listLeftBehind":     "user leaving U",
	"removeUserWith":     "user remove U --reason left --move-to V",
	"transferTokens":     "user transfer U --to V",
	"impersonate":        "impersonate U --reason why --minutes 5 --ticket 7",
	"listImpersonations": "impersonation list --status active --user U",
	"endImpersonation":   "impersonation end I --reason done",

	"listWebhooks":   "webhook list",
	"listEventKinds": "webhook events",
	"createWebhook":  "webhook create https://a.example/ --events token.*",
	"getWebhook":     "webhook show W",
	"changeWebhook":  "webhook change W --events token.*,client.*",
	"deleteWebhook":  "webhook delete W",
	"enableWebhook":  "webhook enable W",
	"testWebhook":    "webhook test W --wait 1ms",
	"listDeliveries": "webhook deliveries W --state dead",
	"replayWebhook":  "webhook replay W --delivery D",

	"listEvents":     "audit list --actor A --from 2027-01-31T12:00:00Z",
	"listAlerts":     "alerts list --state firing --rule errors",
	"getAlertRules":  "alerts rules",
	"putAlertRules":  "alerts rules --built-in",
	"applyResources": "apply RESOURCES --prune",
	"listJobs":       "job list",
	"makeExpiryFeed": "expiry-feed make",
	"endExpiryFeed":  "expiry-feed end",
}

// uncommanded are the operations that no command asks for.
var uncommanded = map[string]string{
	"changeTokenWhole": "it is changeToken",
	"removeUser":       "it is removeUserWith, with nothing said",
	"getLeakRules":     "ficha scan rules prints them without a server",
	"hearGitHub":       "GitHub asks",
	"getExpiryFeed":    "calendars ask",
	"getStatusList":    "resource servers ask",
	"getDescription":   "what generates clients asks",
}

// The files that command lines name.
var commandFiles = map[string]string{
	"USES":      `{"token_id":"0123456789abc","at":"2027-01-31T12:00:00Z","route":"GET /items","status":200,"duration_ms":1.5}`,
	"POLICY":    `require_purpose: true`,
	"RESOURCES": `scopes: [{name: "new:scope"}]`,
}

// A hearing is a server that understands every operation of the API and does
// none: it notes what it was asked, and what of that is not in the description.
type hearing struct {
	mu    sync.Mutex
	heard []string
	wrong []string
}

func (h *hearing) operation(op *openapi3.Operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.heard = append(h.heard, op.OperationID)
		for name := range r.URL.Query() {
			if op.Parameters.GetByInAndName("query", name) == nil {
				h.wrong = append(h.wrong, op.OperationID+" takes no "+name)
			}
		}
		if r.Header.Get("Content-Type") == jsonType {
			if err := bodyAsDescribed(op, r.Body); err != nil {
				h.wrong = append(h.wrong, op.OperationID+": "+err.Error())
			}
		}
		w.Header().Set("ETag", `"made"`)
		w.Write([]byte(`{"id": "made"}`))
	}
}

func bodyAsDescribed(op *openapi3.Operation, body io.Reader) error {
	var sent map[string]any
	if err := json.NewDecoder(body).Decode(&sent); err != nil {
		return err
	}
	if op.RequestBody == nil { // an empty object says that there is none
		return openapi3.NewObjectSchema().WithAnyAdditionalProperties().WithMaxProperties(0).VisitJSON(sent)
	}
	schema := *op.RequestBody.Value.Content[jsonType].Schema.Value
	if schema.Properties != nil {
		no := false
		schema.AdditionalProperties = openapi3.AdditionalProperties{Has: &no}
	}
	return schema.VisitJSON(sent, openapi3.EnableJSONSchema2020())
}

// hear starts the server, and returns the operations that there are.
func hear(t *testing.T, h *hearing) (operations []string, url string) {
	t.Helper()
	text := servertest.Start(t, "", nil).Request("GET", "/v1/openapi.json", nil).Body
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			op.Parameters = append(op.Parameters, item.Parameters...)
			operations = append(operations, op.OperationID)
			mux.Handle(method+" "+path, h.operation(op))
		}
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	slices.Sort(operations)
	return operations, s.URL
}

func TestEveryOperationHasItsCommand(t *testing.T) {
	h := &hearing{}
	operations, url := hear(t, h)
	for name, value := range map[string]string{"FICHA_SERVER": url, "FICHA_TOKEN": "secret", "FICHA_WORKSPACE": "acme"} {
		t.Setenv(name, value)
	}
	t.Chdir(t.TempDir())
	write(t, "LEAK", mintedSecret(t, token.Service))
	for name, text := range commandFiles {
		write(t, name, text)
	}
	silence(t)
	for _, name := range operations {
		line, ok := commands[name]
		switch {
		case uncommanded[name] != "":
			continue
		case !ok:
			t.Errorf("no command asks for %s: add one, and its line to this test", name)
			continue
		}
		h.heard, h.wrong = nil, nil
		code := run(t.Context(), strings.Fields(line)) // an empty answer may be a failure: what was asked counts
		if code == 2 || !slices.Contains(h.heard, name) || h.wrong != nil {
			t.Errorf("ficha %s: exit code %d, asked for %q, want %s; wrong are %q", line, code, h.heard, name, h.wrong)
		}
	}
}

// silence keeps what commands print out of the test's output.
func silence(t *testing.T) {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	out, told := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = null, null
	t.Cleanup(func() {
		os.Stdout, os.Stderr = out, told
		null.Close()
	})
}
