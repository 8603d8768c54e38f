package api_test

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// note writes a record of ws1.
func (h *house) note(n int, change func(*token.Event)) token.ID {
	h.t.Helper()
	e := audit.Note(h.Clock.Now(), token.Actor{Kind: token.User, ID: "u9"}, "ws1", "test.noted", audit.Target{Kind: "test", ID: "t"}, map[string]any{"n": n})
	if change != nil {
		change(e)
	}
	if err := h.Store.Commit(h.t.Context(), &token.Deed{Events: []*token.Event{e}}); err != nil {
		h.t.Fatal(err)
	}
	return e.ID
}

func TestRecordsAreFoundByWhoActed(t *testing.T) {
	h := start(t)
	mine := h.want(http.StatusCreated, h.bearer(backend, "ws1", "POST", "/v1/tokens", object{"name": "n", "scopes": []string{"catalog:read"}, "ttl": 600}))
	h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/tokens/"+text(t, mine, "id")+"/revoke", object{}))
	person, err := h.Store.PersonByEmail(t.Context(), "ana@example.test")
	if err != nil {
		t.Fatal(err)
	}
	revoked := h.events("action=token.revoked")
	if len(revoked) != 1 {
		t.Fatalf("%d endings, want 1", len(revoked))
	}
	credential := at[string](t, at[object](t, revoked[0], "actor"), "token")
	for query, want := range map[string]int{
		"actor=Ana@example.test": 1, "actor=" + person: 1, "token=" + credential: 1, "actor=nobody@example.test": 0, "actor=bob@example.test": 0,
		"request=" + at[string](t, at[object](t, revoked[0], "actor"), "request_id"): 1, "request=none": 0,
	} {
		if got := h.events(query); len(got) != want || want == 1 && at[string](t, got[0], "id") != at[string](t, revoked[0], "id") {
			t.Errorf("%s finds %d records, want %d", query, len(got), want)
		}
	}
	h.refused(http.StatusUnprocessableEntity, "invalid_value", h.bearer(ana, "", "GET", "/v1/audit?format=xml", nil))
}

func TestExportHasEveryRecordOnce(t *testing.T) {
	h := start(t)
	const many = 450 // more than two pages of the store
	var ids []string
	for n := range many {
		h.Clock.Move(time.Millisecond) // of one instant two ids may clash
		ids = append(ids, h.note(n, nil).String())
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	var got []string
	a := h.want(http.StatusOK, h.bearer(ana, "", "GET", "/v1/audit?action=test.*", nil, "Accept", "text/html, application/x-ndjson;q=0.9"))
	for line := range strings.Lines(string(a.Body)) {
		var v struct{ ID, Action string }
		if err := json.Unmarshal([]byte(line), &v); err != nil || v.Action != "test.noted" {
			t.Fatalf("line %q: %v", line, err)
		}
		got = append(got, v.ID)
	}
	if a.Header.Get("Content-Type") != "application/jsonl" || !slices.Equal(got, ids) {
		t.Errorf("%s with %d records, want the %d that there are, newest first", a.Header.Get("Content-Type"), len(got), many)
	}
	a = h.want(http.StatusOK, h.bearer(ana, "", "GET", "/v1/audit?format=csv&action=test.noted", nil))
	rows, err := csv.NewReader(strings.NewReader(string(a.Body))).ReadAll()
	if err != nil || len(rows) != many+1 || rows[0][0] != "id" || rows[1][0] != ids[0] || rows[many][0] != ids[many-1] {
		t.Errorf("the table has %d rows, %v; want %d and a head", len(rows), err, many)
	}
	if a = h.want(http.StatusOK, h.bearer(ana, "", "GET", "/v1/audit?format=jsonl&action=none", nil)); len(a.Body) != 0 {
		t.Errorf("an export of nothing has %q", a.Body)
	}
	h.refused(http.StatusForbidden, "insufficient_scope", h.bearer(mia, "ws1", "GET", "/v1/audit?format=csv", nil))
}

// TestNoCellIsAFormula: what a stranger writes into a name runs on nobody's
// machine.
func TestNoCellIsAFormula(t *testing.T) {
	h := start(t)
	for _, evil := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"} {
		h.note(0, func(e *token.Event) { e.TargetName, e.Actor.Agent, e.Actor.Name = evil, evil, evil })
	}
	h.note(0, func(e *token.Event) { e.TargetName = `plain "quoted", and cut` })
	a := h.want(http.StatusOK, h.bearer(ana, "", "GET", "/v1/audit?format=csv&action=test.noted", nil))
	rows, err := csv.NewReader(strings.NewReader(string(a.Body))).ReadAll()
	if err != nil || len(rows) != 9 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if cell != "" && strings.Contains("=+-@\t\r\n", cell[:1]) {
				t.Errorf("cell %q is a formula", cell)
			}
		}
	}
	if !slices.ContainsFunc(rows, func(row []string) bool { return row[14] == `plain "quoted", and cut` }) {
		t.Error("a name with quotes and commas is not read as it was")
	}
}
