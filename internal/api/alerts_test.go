package api_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fichadev/ficha/internal/alert"
	"github.com/fichadev/ficha/internal/token"
)

// rule is one that a workspace makes.
func rule(name string) alert.Rule {
	return alert.Rule{
		Name: name, Kind: alert.ErrorRate, Class: token.Internal, Route: "/orders", Client: "backend", Severity: alert.Page,
		Over: 0.05, Window: 10, For: 1, MinRequests: 20, MinBad: 2,
	}
}

func TestRulesOfAlertsAreBuiltInUntilAWorkspaceMakesItsOwn(t *testing.T) {
	h := start(t)
	doc := h.described()
	type answer struct {
		BuiltIn bool `json:"built_in"`
		Rules   []alert.Rule
	}
	ask := func(as, method string, body any) (got answer) {
		t.Helper()
		a := h.want(http.StatusOK, h.bearer(as, "", method, "/v1/alerts/rules", body))
		if err := asDescribed(doc, method+" /v1/alerts/rules", a); err != nil {
			t.Errorf("%v: %s", err, a.Body)
		}
		if err := json.Unmarshal(a.Body, &got); err != nil {
			t.Fatal(err)
		}
		return got
	}
	own := []alert.Rule{rule("orders")}
	for _, step := range []struct {
		what string
		got  answer
		want answer
	}{
		{"at first", ask(ana, "GET", nil), answer{true, alert.Defaults()}},
		{"its own", ask(ana, "PUT", object{"rules": own}), answer{false, own}},
		{"read again", ask(ana, "GET", nil), answer{false, own}},
		{"another workspace's", ask(bob, "GET", nil), answer{true, alert.Defaults()}},
		{"none", ask(ana, "PUT", object{"rules": []object{}}), answer{false, []alert.Rule{}}},
		{"as they were first read", ask(ana, "PUT", object{"built_in": true, "rules": alert.Defaults()}), answer{true, alert.Defaults()}},
		{"the same again", ask(ana, "PUT", object{"built_in": true}), answer{true, alert.Defaults()}},
	} {
		if d := cmp.Diff(step.want, step.got); d != "" {
			t.Errorf("%s: want -, got +:\n%s", step.what, d)
		}
	}
	if n := len(h.events("action=alert.rules_changed")); n != 3 {
		t.Errorf("%d records of 3 changes", n)
	}
}

func TestRulesOfAlertsAreCheckedAndNeedAnAdmin(t *testing.T) {
	h := start(t)
	put := func(as string, body any) (int, string) {
		a := h.bearer(as, "ws1", "PUT", "/v1/alerts/rules", body)
		field := ""
		if fields, _ := a.JSON["errors"].([]any); len(fields) > 0 {
			field = at[string](t, fields[0], "field")
		}
		return a.Status, field
	}
	bad := rule("orders")
	bad.Over = 5
	edited := []alert.Rule{rule("orders")}
	for _, c := range []struct {
		as     string
		body   any
		status int
		field  string
	}{
		{ana, object{}, 422, "rules"},
		{ana, object{"rules": []alert.Rule{bad}}, 422, "rules[0].over"},
		{ana, object{"rules": []alert.Rule{rule("a"), rule("a")}}, 422, "rules[1].name"},
		{ana, object{"built_in": true, "rules": edited}, 422, "built_in"},
		{reader, object{"rules": edited}, 403, ""},
		{mia, object{"rules": edited}, 403, ""},
		{backend, object{"rules": edited}, 403, ""},
	} {
		if status, field := put(c.as, c.body); status != c.status || field != c.field {
			t.Errorf("%v: %d at %q, want %d at %q", c.body, status, field, c.status, c.field)
		}
	}
}

func TestAlertsAreListedToTheirOwnWorkspace(t *testing.T) {
	h := start(t)
	doc := h.described()
	for i, state := range []token.AlertState{token.AlertFiring, token.AlertPending} {
		next := token.Alert{
			Workspace: "ws1", Rule: string(state), Class: token.External, Severity: "page", State: state, Since: h.Clock.Now().UnixMilli(),
			Detail: map[string]any{"value": "much", "threshold": "little"},
		}
		if err := h.Authority.TurnAlert(t.Context(), token.Alert{}, next); err != nil {
			t.Fatal(i, err)
		}
		h.Clock.Move(time.Second)
	}
	page := h.want(http.StatusOK, h.bearer(reader, "", "GET", "/v1/alerts?limit=1", nil))
	if err := asDescribed(doc, "GET /v1/alerts", page); err != nil {
		t.Errorf("%v: %s", err, page.Body)
	}
	if items := h.items(page); len(items) != 1 || items[0]["rule"] != "pending" {
		t.Errorf("the newest is %v", items)
	}
	rest := h.items(h.bearer(reader, "", "GET", "/v1/alerts?cursor="+at[string](t, page.JSON, "next"), nil))
	if len(rest) != 1 || rest[0]["rule"] != "firing" || at[object](t, rest[0], "detail")["value"] != "much" {
		t.Errorf("the rest is %v", rest)
	}
	if items := h.items(h.bearer(reader, "", "GET", "/v1/alerts?state=firing&rule=firing", nil)); len(items) != 1 {
		t.Errorf("firing are %v", items)
	}
	if items := h.items(h.bearer(bob, "", "GET", "/v1/alerts", nil)); len(items) != 0 {
		t.Errorf("another workspace sees %v", items)
	}
	h.refused(422, "invalid_value", h.bearer(reader, "", "GET", "/v1/alerts?state=bad", nil))
	h.refused(403, "insufficient_scope", h.bearer(mia, "ws1", "GET", "/v1/alerts", nil))
}
