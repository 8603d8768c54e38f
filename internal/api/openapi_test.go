package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"os"
	"path/filepath"
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

// Two files with one name would be one of them.
func TestEveryNameIsDescribedInOneFile(t *testing.T) {
	files, err := filepath.Glob("openapi/*.json")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	at := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var part struct {
			Paths      object
			Components map[string]object
		}
		if err := json.Unmarshal(text, &part); err != nil {
			t.Fatal(file, err)
		}
		sections := map[string]object{"paths": part.Paths}
		maps.Copy(sections, part.Components)
		for section, names := range sections {
			for name := range names {
				if other, ok := at[section+" "+name]; ok {
					t.Errorf("%s is in %s and in %s", name, other, file)
				}
				at[section+" "+name] = file
			}
		}
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

// TestRefusalsAreAsDescribed sends what is refused, and reads a token that has
// been through most.
func TestRefusalsAreAsDescribed(t *testing.T) {
	h := start(t)
	doc := h.described()
	used := h.issued(object{"type": "impersonated", "on_behalf_of": "mia@example.test", "reason": "a test"})
	secret := text(t, used, "token")
	path := "/v1/tokens/" + text(t, used, "id")
	h.want(http.StatusOK, h.verify(secret, ""))
	h.want(http.StatusOK, h.bearer(ana, "", "POST", path+"/revoke", object{"reason": "done"}))
	h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/clients/modest/disable", nil))
	for _, try := range []struct {
		as, route, path string
		body            any
		status          int
	}{
		{ana, "GET /v1/tokens", "/v1/tokens", nil, 200},
		{ana, "GET /v1/tokens/{id}", path, nil, 200},
		{backend, "POST /v1/tokens/introspect", "/v1/tokens/introspect", object{"tokens": []string{secret, "none"}}, 200},
		{backend, "POST /v1/tokens", "/v1/tokens", object{"name": "x", "scopes": []string{"nobody:knows"}}, 422},
		{mia, "GET /v1/tokens", "/v1/tokens", nil, 403},
		{"nobody", "GET /v1/tokens", "/v1/tokens", nil, 401},
		{ana, "GET /v1/tokens/{id}", "/v1/tokens/none", nil, 404},
		{ana, "POST /v1/clients/{id}/disable", "/v1/clients/modest/disable", nil, 409},
		{ana, "POST /v1/tokens/{id}/approve", path + "/approve", nil, 409},
		{ana, "POST /v1/tokens/{id}/deny", path + "/deny", nil, 409},
		{ana, "POST /v1/tokens/{id}/resume", path + "/resume", nil, 409},
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
	if len(said.Value.Content) == 0 {
		if len(a.Body) > 0 {
			return fmt.Errorf("it has a body")
		}
		return nil
	}
	kind, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	content := said.Value.Content[kind]
	if err != nil || content == nil {
		return fmt.Errorf("it is %s: there are %v (%w)", kind, slices.Sorted(maps.Keys(said.Value.Content)), err)
	}
	if kind != "application/json" && kind != "application/jsonl" {
		return nil
	}
	for d := json.NewDecoder(bytes.NewReader(a.Body)); ; { // JSON is one line of JSON Lines
		var line any
		if err := d.Decode(&line); err != nil {
			return orNil(err, io.EOF)
		}
		if err := content.Schema.Value.VisitJSON(line, openapi3.EnableJSONSchema2020()); err != nil {
			return err
		}
	}
}

func orNil(err, end error) error {
	if errors.Is(err, end) {
		return nil
	}
	return err
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
