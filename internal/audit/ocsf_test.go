package audit_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// required lists what OCSF 1.6.0 requires of every class, and of each
// (events/base_event.json and events/iam, events/application of the schema).
var required = map[float64][]string{
	-1: {
		"activity_id", "category_uid", "class_uid", "severity_id", "time", "type_uid", "metadata", "metadata.version", "metadata.product",
		"metadata.product.name", "metadata.uid",
	},
	0:    {},
	3001: {"user", "user.uid"},
	3002: {"user", "user.uid", "service", "service.name"}, // or dst_endpoint
	3004: {"entity", "entity.uid"},
	3005: {"user", "user.uid", "privileges"},
	6003: {"actor", "api", "api.operation", "src_endpoint"},
}

func TestRecordsAreOCSF(t *testing.T) {
	classes := map[float64]int{}
	kinds := append(audit.Catalogue(), audit.EventKind{Name: "token.leaked", Target: "token"},
		audit.EventKind{Name: "alert.firing", Target: "alert"})
	for _, kind := range kinds {
		for name, who := range map[string]token.Actor{
			"person": {Kind: token.User, ID: "u1", Name: "ana@example.test", Address: "192.0.2.1", Agent: "curl/8", Request: "r1", Token: 7},
			"server": {Kind: token.System, ID: "expiry"}, "nobody": {},
		} {
			e := audit.Note(start, who, "ws1", kind.Name, audit.Target{Kind: kind.Target, ID: "x1"}, map[string]any{"n": 1})
			text, err := audit.OCSF(e)
			if err != nil {
				t.Fatal(err)
			}
			var got map[string]any
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatal(err)
			}
			class, _ := got["class_uid"].(float64)
			classes[class]++
			for _, field := range append(required[-1], required[class]...) {
				if v, ok := lookUp(got, field); !ok || v == "" || v == nil {
					t.Errorf("%s by %s, class %v, has no %s: %s", kind.Name, name, class, field, text)
				}
			}
			activity, _ := got["activity_id"].(float64)
			if got["type_uid"] != class*100+activity || got["category_uid"] != float64(int(class)/1000) || got["time"] != float64(start.UnixMilli()) {
				t.Errorf("%s: numbers do not fit each other: %s", kind.Name, text)
			}
		}
	}
	for class := range required {
		if class >= 0 && classes[class] == 0 {
			t.Errorf("no record is of class %v", class)
		}
	}
}

func TestOCSFTellsWhoDidWhat(t *testing.T) {
	for action, want := range map[string]struct{ class, activity, status, severity float64 }{
		"token.issued": {3004, 1, 1, 1}, "token.revoked": {3004, 4, 1, 1}, "token.suspended": {3004, 12, 1, 1}, "token.leaked": {3004, 99, 1, 4},
		"user.created": {3001, 1, 1, 1}, "user.password_changed": {3001, 3, 1, 1}, "user.sign_in": {3002, 1, 2, 3},
		"impersonation.refused": {3002, 7, 2, 3}, "member.removed": {3005, 2, 1, 1}, "impersonation.used": {6003, 99, 1, 1}, "new.thing": {3004, 99, 1, 1},
	} {
		e := audit.Note(start, token.Actor{Kind: token.App, ID: "c1", Name: "ci"}, "ws1", action, audit.Target{Kind: "user", ID: "u1"}, map[string]any{"route": "GET /x"})
		if want.status == 2 {
			e.Outcome = token.Refused
		}
		text, err := audit.OCSF(e)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		for field, v := range map[string]any{
			"class_uid": want.class, "activity_id": want.activity, "status_id": want.status, "severity_id": want.severity, "metadata.uid": e.ID.String(),
			"metadata.event_code": action, "metadata.tenant_uid": "ws1", "actor.app_uid": "c1", "unmapped.detail.route": "GET /x",
		} {
			if found, _ := lookUp(got, field); found != v {
				t.Errorf("%s: %s is %v, want %v", action, field, found, v)
			}
		}
	}
}

// lookUp returns the value at a path of names.
func lookUp(in map[string]any, path string) (any, bool) {
	var v any = in
	for name := range strings.SplitSeq(path, ".") {
		m, _ := v.(map[string]any)
		next, ok := m[name]
		if !ok {
			return nil, false
		}
		v = next
	}
	return v, true
}
