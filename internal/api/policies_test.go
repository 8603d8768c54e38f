package api_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

const policyPath = "/v1/policy"

// bounded is what the tests issue: it may be used from one network.
var bounded = object{"addresses": []string{"192.0.2.0/24", "2001:db8::/32"}, "format": "opaque"}

func TestPolicyIsSetByASuperAdminAndShown(t *testing.T) {
	h := start(t)
	soon := h.Clock.Now().Add(48 * time.Hour).Format(time.RFC3339)
	want := object{
		"max_ttl": object{"service": 86400}, "addresses": object{"service": []string{"192.0.2.0/24"}}, "scopes": object{"service": []string{"catalog:read"}},
		"require_purpose": true, "enforce_from": soon,
	}
	h.refused(http.StatusForbidden, "insufficient_scope", h.bearer(reader, "", "PUT", policyPath, want))
	h.refused(http.StatusForbidden, "forbidden", h.program("PUT", policyPath, want))
	a := h.want(http.StatusOK, h.bearer(ana, "", "PUT", policyPath, want))
	b := h.want(http.StatusOK, h.bearer(reader, "", "GET", policyPath, nil))
	if string(a.Body) != string(b.Body) || !strings.Contains(string(b.Body), `"coming":{"max_ttl":{"service":86400},"scopes":{"service":["catalog:read"]},"addresses":{"service":["192.0.2.0/24"]},"require_purpose":true,"enforce_from":"`+soon+`"}`) {
		t.Errorf("got %s\nand %s", a.Body, b.Body)
	}
	changed := h.events("action=policy.changed")
	if len(changed) != 1 || at[object](t, at[object](t, changed[0], "detail"), "after")["require_purpose"] != true {
		t.Errorf("on record is %v", changed)
	}
	h.want(http.StatusOK, h.bearer(ana, "", "PUT", policyPath, want))
	if again := h.events("action=policy.changed"); len(again) != 1 {
		t.Errorf("what changed nothing is on record: %v", again)
	}
	if other := h.want(http.StatusOK, h.bearer(bob, "", "GET", policyPath, nil)); string(other.Body) != `{"policy":{},"coming":null}`+"\n" && string(other.Body) != `{"policy":{},"coming":null}` {
		t.Errorf("another workspace has %s", other.Body)
	}
	h.Clock.Move(48 * time.Hour)
	if b := h.bearer(reader, "", "GET", policyPath, nil); at[object](t, b.JSON, "policy")["require_purpose"] != true || b.JSON["coming"] != nil {
		t.Errorf("in force is %s", b.Body)
	}
}

func TestPolicyThatCannotBeReadIsRefusedAtItsField(t *testing.T) {
	h := start(t)
	for field, body := range map[string]object{
		"max_ttl":       {"max_ttl": object{"session": 5}},
		"addresses":     {"addresses": object{"service": []string{"10.0.0.1/8"}}},
		"enforce_from":  {"enforce_from": "tomorrow"},
		"warn_from":     {"warn_from": "2027-01-02T00:00:00Z", "enforce_from": "2027-01-01T00:00:00Z"},
		"existing":      {"existing": "burn"},
		"registration":  {"registration": "shut"},
		"max_per_owner": {"max_per_owner": object{"service": 0}},
	} {
		if got := h.refused(http.StatusUnprocessableEntity, "invalid_value", h.bearer(ana, "", "PUT", policyPath, body)); got != field {
			t.Errorf("%v: refused at %q, want %s", body, got, field)
		}
		h.refused(http.StatusUnprocessableEntity, "invalid_value", h.bearer(reader, "", "POST", policyPath+"/simulations", body))
	}
	if a := h.bearer(ana, "", "PUT", policyPath, object{"max_age": 5}); a.Status/100 != 4 {
		t.Errorf("an unknown key is read over: %d", a.Status)
	}
}

// TestTokenIsBoundToItsNetworksEverywhere: one verdict at each surface.
func TestTokenIsBoundToItsNetworksEverywhere(t *testing.T) {
	h := start(t)
	a := h.issued(bounded)
	secret := text(t, a, "token")
	if got := a.JSON["addresses"]; len(at[[]any](t, a.JSON, "addresses")) != 2 {
		t.Errorf("shown are %v", got)
	}
	h.refused(http.StatusForbidden, "forbidden", h.verify(secret, "")) // from 127.0.0.1
	for address, active := range map[string]bool{"192.0.2.9": true, "::ffff:192.0.2.9": true, "2001:db8::1": true, "198.51.100.1": false, "": false, "nonsense": false} {
		for path, answer := range map[string]func() object{
			"/v1": func() object {
				return h.want(http.StatusOK, h.program("POST", "/v1/tokens/introspect", object{"token": secret, "address": address})).JSON
			},
			"/oauth2": func() object { return h.introspected(secret, address) },
		} {
			said := answer()
			if said["active"] != active {
				t.Errorf("%s from %q: got %v, want active %v", path, address, said, active)
			}
			if active && len(at[[]any](t, said, "addresses")) != 2 {
				t.Errorf("%s does not say for whence the answer holds: %v", path, said)
			}
		}
	}
	h.refused(http.StatusUnprocessableEntity, "invalid_value", h.program("POST", "/v1/tokens", object{"name": "x", "scopes": []string{"catalog:read"}, "addresses": []string{"somewhere"}}))
}

func TestRetryIsWarnedAsTheFirstWas(t *testing.T) {
	h := start(t)
	h.want(http.StatusOK, h.bearer(ana, "", "PUT", policyPath, object{"require_purpose": true, "enforce_from": h.Clock.Now().Add(time.Hour).Format(time.RFC3339)}))
	ask := object{"name": "x", "scopes": []string{"catalog:read"}}
	first := h.want(http.StatusCreated, h.program("POST", "/v1/tokens", ask, "Idempotency-Key", "k1"))
	again := h.want(http.StatusCreated, h.program("POST", "/v1/tokens", ask, "Idempotency-Key", "k1"))
	if len(at[[]any](t, first.JSON, "warnings")) != 1 || string(first.Body) != string(again.Body) {
		t.Errorf("got %s\nand %s", first.Body, again.Body)
	}
}

func TestSimulationNamesWhatItWouldRefuse(t *testing.T) {
	h := start(t)
	h.issued(object{"owner": "mia@example.test"})
	h.issued(object{"purpose": "nightly"})
	before := h.state()
	a := h.want(http.StatusOK, h.bearer(reader, "", "POST", policyPath+"/simulations", object{"require_purpose": true}))
	if h.state() != before {
		t.Error("it wrote something")
	}
	owners := at[[]any](t, a.JSON, "by_owner")
	if a.JSON["complete"] != true || at[object](t, a.JSON, "by_rule")["require_purpose"] != a.JSON["refused"] || len(owners) == 0 {
		t.Errorf("got %s", a.Body)
	}
	found := false
	for i := range owners {
		found = found || at[object](t, owners, i)["owner_email"] == "mia@example.test"
	}
	if !found || strings.Contains(string(a.Body), "bob") {
		t.Errorf("the owners are %v", owners)
	}
}

func TestTokenIsApprovedByAnotherAdministrator(t *testing.T) {
	h := start(t)
	h.want(http.StatusOK, h.bearer(ana, "", "PUT", policyPath, object{"approval": []string{"service"}}))
	a := h.issued(object{"format": "opaque"})
	path := "/v1/tokens/" + text(t, a, "id")
	if a.JSON["status"] != "waiting" || a.JSON["approval"] != "waiting" || a.JSON["active"] != false {
		t.Errorf("issued as %s", a.Body)
	}
	h.refused(http.StatusUnauthorized, "invalid_token", h.verify(text(t, a, "token"), ""))
	if list := h.items(h.bearer(reader, "", "GET", "/v1/tokens?status=waiting", nil)); len(list) != 1 {
		t.Errorf("waiting are %v", list)
	}
	h.refused(http.StatusForbidden, "forbidden", h.program("POST", path+"/approve", nil))
	h.refused(http.StatusForbidden, "insufficient_scope", h.bearer(reader, "", "POST", path+"/approve", nil))
	h.refused(http.StatusNotFound, "not_found", h.bearer(bob, "", "POST", path+"/approve", nil))
	if a := h.want(http.StatusOK, h.bearer(ana, "", "POST", path+"/approve", nil)); a.JSON["status"] != "active" || a.JSON["active"] != true {
		t.Errorf("approved is %s", a.Body)
	}
	h.want(http.StatusOK, h.verify(text(t, a, "token"), ""))
	h.refused(http.StatusConflict, "conflict", h.bearer(ana, "", "POST", path+"/deny", object{"reason": "late"}))
	own := h.issued(object{"owner": "ana@example.test"})
	h.refused(http.StatusForbidden, "forbidden", h.bearer(ana, "", "POST", "/v1/tokens/"+text(t, own, "id")+"/approve", nil))
	denied := h.issued(nil)
	if a := h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/tokens/"+text(t, denied, "id")+"/deny", object{"reason": "why?"})); a.JSON["status"] != "revoked" {
		t.Errorf("denied is %s", a.Body)
	}
}

// introspected asks by the standard's endpoint, as the client that issued.
func (h *house) introspected(secret, address string) object {
	h.t.Helper()
	form := url.Values{"token": {secret}}
	if address != "" {
		form.Set("address", address)
	}
	proof := "Basic " + base64.StdEncoding.EncodeToString([]byte("backend:"+backend))
	return h.want(http.StatusOK, h.Request("POST", "/oauth2/introspect", form, "Authorization", proof)).JSON
}

// TestSecondOfTwoAdminsHearsOfTheFirst: who changes what somebody else has
// changed since is told, and who names no version means any.
func TestSecondOfTwoAdminsHearsOfTheFirst(t *testing.T) {
	h := start(t)
	for path, change := range map[string][]object{
		policyPath:         {{"require_purpose": true}, {"require_owner": true}},
		"/v1/alerts/rules": {{"rules": []object{}}, {"built_in": true}},
	} {
		read := h.want(http.StatusOK, h.bearer(ana, "", "GET", path, nil)).Header.Get("ETag")
		put := func(want int, body object, header ...string) string {
			t.Helper()
			return h.want(want, h.bearer(ana, "", "PUT", path, body, header...)).Header.Get("ETag")
		}
		first := put(http.StatusOK, change[0], "If-Match", read)
		if read == "" || first == "" || first == read {
			t.Errorf("%s: version %s, then %s", path, read, first)
		}
		a := h.bearer(ana, "", "PUT", path, change[1], "If-Match", read)
		h.refused(http.StatusPreconditionFailed, "precondition_failed", a)
		if again := h.want(http.StatusOK, h.bearer(ana, "", "GET", path, nil)).Header.Get("ETag"); again != first {
			t.Errorf("%s: the second one changed it all the same", path)
		}
		put(http.StatusOK, change[1], "If-Match", first)
		put(http.StatusOK, change[0], "If-Match", "*")
		put(http.StatusOK, change[1])
		put(http.StatusUnprocessableEntity, change[0], "If-Match", read+", "+first)
	}
}
