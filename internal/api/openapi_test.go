package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/fichadev/ficha/internal/server/servertest"
)

// described returns what the server says of its own API, with every object
// closed: a field that is answered and not described is then a mistake.
func (h *house) described() *openapi3.T {
	h.t.Helper()
	a := h.want(http.StatusOK, h.Request("GET", "/v1/openapi.json", nil))
	closeObjects(a.JSON)
	text, err := json.Marshal(a.JSON)
	if err != nil {
		h.t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		h.t.Fatal(err)
	}
	return doc
}

func closeObjects(in any) {
	switch in := in.(type) {
	case []any:
		for _, one := range in {
			closeObjects(one)
		}
	case object:
		_, open := in["additionalProperties"]
		if _, ok := in["properties"].(object); ok && !open {
			in["additionalProperties"] = false
		}
		for _, one := range in {
			closeObjects(one)
		}
	}
}

func TestDescriptionIsOpenAPI(t *testing.T) {
	h := start(t)
	if err := h.described().Validate(t.Context()); err != nil {
		t.Error(err)
	}
	a := h.Request("GET", "/v1/openapi.json", nil)
	if short := h.Request("GET", "/openapi.json", nil); string(short.Body) != string(a.Body) {
		t.Errorf("the short path tells something else: %d", short.Status)
	}
	if a.JSON["openapi"] != "3.1.0" || a.Header.Get("Content-Type") != "application/json" || a.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("it is %v, in %v", a.JSON["openapi"], a.Header)
	}
}

func TestEveryRouteIsDescribed(t *testing.T) {
	h := start(t)
	var served, told []string
	for _, r := range h.Floor.Routes() {
		if _, path, _ := strings.Cut(r.Pattern, " "); strings.HasPrefix(path, "/v1/") {
			served = append(served, r.Pattern)
		}
	}
	ids := map[string]bool{}
	for path, item := range h.described().Paths.Map() {
		for method, op := range item.Operations() {
			told = append(told, method+" "+path)
			if ids[op.OperationID] || op.OperationID == "" || op.Summary == "" {
				t.Errorf("%s %s: id %q, summary %q", method, path, op.OperationID, op.Summary)
			}
			ids[op.OperationID] = true
		}
	}
	slices.Sort(served)
	slices.Sort(told)
	if !slices.Equal(served, told) {
		t.Errorf("served %q\ndescribed %q", served, told)
	}
}

// TestAnswersAreAsDescribed sends a request of each sort to each route.
func TestAnswersAreAsDescribed(t *testing.T) {
	h := start(t)
	doc := h.described()
	full := object{
		"name": "full", "scopes": []string{"catalog:read"}, "ttl": 900, "type": "ephemeral", "purpose": "a test", "owner": "mia@example.test",
		"audience": []string{"https://a.example/"}, "format": "opaque", "max_uses": 3,
	}
	whole := h.issued(full)
	used := h.issued(object{"type": "impersonated", "on_behalf_of": "mia@example.test", "reason": "a test"})
	h.want(http.StatusOK, h.verify(text(t, used, "token"), ""))
	id, secret := text(t, whole, "id"), text(t, whole, "token")
	made := h.want(http.StatusCreated, h.bearer(ana, "", "POST", "/v1/clients/modest/secrets", nil))
	for _, try := range []struct {
		as, route, path string
		body            any
		status          int
	}{
		{backend, "POST /v1/tokens", "/v1/tokens", full, 201},
		{backend, "POST /v1/tokens", "/v1/tokens", object{"name": "x", "scopes": []string{"nobody:knows"}}, 422},
		{backend, "GET /v1/tokens", "/v1/tokens?type=ephemeral&status=active&limit=1", nil, 200},
		{ana, "GET /v1/tokens", "/v1/tokens", nil, 200},
		{mia, "GET /v1/tokens", "/v1/tokens", nil, 403},
		{"nobody", "GET /v1/tokens", "/v1/tokens", nil, 401},
		{ana, "GET /v1/tokens/{id}", "/v1/tokens/" + text(t, used, "id"), nil, 200},
		{ana, "GET /v1/tokens/{id}", "/v1/tokens/none", nil, 404},
		{ana, "POST /v1/tokens/{id}/suspend", "/v1/tokens/" + id + "/suspend", object{"until": "2027-01-31T12:00:00Z"}, 200},
		{ana, "POST /v1/tokens/{id}/resume", "/v1/tokens/" + id + "/resume", nil, 200},
		{ana, "POST /v1/tokens/introspect", "/v1/tokens/introspect", object{"token": secret}, 200},
		{ana, "POST /v1/tokens/introspect", "/v1/tokens/introspect", object{"tokens": []string{text(t, used, "token"), "none"}}, 200},
		{ana, "POST /v1/tokens/{id}/revoke", "/v1/tokens/" + id + "/revoke", object{"reason": "done"}, 200},
		{mia, "GET /v1/scopes", "/v1/scopes", nil, 200},
		{ana, "GET /v1/clients", "/v1/clients", nil, 200},
		{ana, "GET /v1/clients/{id}", "/v1/clients/modest", nil, 200},
		{ana, "POST /v1/clients/{id}/secrets", "/v1/clients/modest/secrets", nil, 201},
		{ana, "DELETE /v1/clients/{id}/secrets/{secret}", "/v1/clients/modest/secrets/" + text(t, made, "id"), nil, 204},
		{ana, "POST /v1/clients/{id}/disable", "/v1/clients/modest/disable", object{"reason": "done"}, 200},
		{ana, "POST /v1/clients/{id}/disable", "/v1/clients/modest/disable", nil, 409},
		{ana, "POST /v1/clients/{id}/enable", "/v1/clients/modest/enable", nil, 200},
		{ana, "DELETE /v1/users/{id}", "/v1/users/rita@example.test?reason=left", nil, 204},
		{ana, "GET /v1/users", "/v1/users", nil, 200},
		{ana, "PUT /v1/policy", "/v1/policy", object{"addresses": object{"personal": []string{"127.0.0.0/8"}}, "enforce_from": "2099-01-01T00:00:00Z"}, 200},
		{reader, "GET /v1/policy", "/v1/policy", nil, 200},
		{reader, "POST /v1/policy/simulations", "/v1/policy/simulations", object{"require_purpose": true}, 200},
		{ana, "POST /v1/tokens/{id}/approve", "/v1/tokens/" + id + "/approve", nil, 409},
		{ana, "POST /v1/tokens/{id}/deny", "/v1/tokens/" + id + "/deny", nil, 409},
		{ana, "GET /v1/audit", "/v1/audit?limit=200", nil, 200},
		{ana, "POST /v1/apply", "/v1/apply", object{"scopes": []object{{"name": "new:scope"}}}, 403},
	} {
		method, _, _ := strings.Cut(try.route, " ")
		a := h.bearer(try.as, "ws1", method, try.path, try.body)
		if err := asDescribed(doc, try.route, a); err != nil || a.Status != try.status {
			t.Errorf("%s %s: status %d, want %d: %v\n%s", method, try.path, a.Status, try.status, err, a.Body)
		}
	}
}

// asDescribed holds an answer against what is said of its status on a route.
func asDescribed(doc *openapi3.T, route string, a servertest.Answer) error {
	method, path, _ := strings.Cut(route, " ")
	said := doc.Paths.Value(path).GetOperation(method).Responses.Status(a.Status)
	if said == nil {
		return fmt.Errorf("no such status: there are %v", slices.Sorted(maps.Keys(doc.Paths.Value(path).GetOperation(method).Responses.Map())))
	}
	content := said.Value.Content["application/json"]
	if content == nil {
		if len(a.Body) > 0 {
			return fmt.Errorf("it has a body")
		}
		return nil
	}
	return content.Schema.Value.VisitJSON(a.JSON, openapi3.EnableJSONSchema2020())
}

// TestDescribedFieldsAreTaken: what the description says of an order is what
// issuing takes, neither less nor more.
func TestDescribedFieldsAreTaken(t *testing.T) {
	h := start(t)
	order := h.described().Components.Schemas["Order"].Value
	for name := range order.Properties {
		if field := h.refused(422, "invalid_value", h.program("POST", "/v1/tokens", object{"name": "x", "scopes": []string{"catalog:read"}, name: object{}})); field != name {
			t.Errorf("%s: the refusal names %q", name, field)
		}
	}
	if len(order.Properties) != 12 {
		t.Errorf("%d fields", len(order.Properties))
	}
}
