package api_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// access returns a routine token, as a program gets it by OAuth.
func (h *house) access(client, secret string) string {
	h.t.Helper()
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(client+":"+secret))
	a := h.want(http.StatusOK, h.Request("POST", "/oauth2/token", url.Values{"grant_type": {"client_credentials"}}, "Authorization", basic))
	return text(h.t, a, "access_token")
}

func TestOneListHoldsEveryKind(t *testing.T) {
	h := start(t)
	for _, body := range []object{
		nil, {"type": "ephemeral"}, {"type": "impersonated", "on_behalf_of": "mia@example.test", "reason": "a test"},
	} {
		h.issued(body)
	}
	h.access("backend", backend)
	kinds := map[string]int{}
	for _, item := range h.items(h.bearer(reader, "", "GET", "/v1/tokens", nil)) {
		kinds[at[string](t, item, "type")]++
	}
	want := map[string]int{"service": 1, "ephemeral": 1, "impersonated": 1, "access": 1, "personal": 4, "client_secret": 3}
	if !maps.Equal(kinds, want) {
		t.Errorf("got %v, want %v", kinds, want)
	}
	// A program sees what it was given, and no secret beside it.
	kinds = map[string]int{}
	for _, item := range h.items(h.program("GET", "/v1/tokens", nil)) {
		kinds[at[string](t, item, "type")]++
	}
	if want := map[string]int{"service": 1, "ephemeral": 1, "impersonated": 1, "access": 1}; !maps.Equal(kinds, want) {
		t.Errorf("the program sees %v, want %v", kinds, want)
	}
}

// TestWhereARoamingTokenWasUsedIsItsPersonsOwn: it opens other workspaces too.
func TestWhereARoamingTokenWasUsedIsItsPersonsOwn(t *testing.T) {
	h := start(t)
	h.want(http.StatusOK, h.verify(both, "?workspace=ws2"))
	for _, item := range h.items(h.bearer(reader, "", "GET", "/v1/tokens?user=both@example.test", nil)) {
		if item["last_use"] != nil || item["last_used_at"] == nil {
			t.Errorf("the other workspace sees %v", item)
		}
	}
}

func TestUseNarrowsTheInventory(t *testing.T) {
	h := start(t)
	h.issued(object{"name": "never", "ttl": 90 * 24 * 3600})
	used := h.issued(object{"name": "used", "ttl": 90 * 24 * 3600})
	h.want(http.StatusOK, h.verify(text(t, used, "token"), ""))
	if err := h.Verifier.WriteUses(t.Context(), h.Store.FlushUses); err != nil {
		t.Fatal(err)
	}
	h.Clock.Move(10 * 24 * time.Hour)
	h.issued(object{"name": "new"})
	for query, want := range map[string][]string{
		"never_used=true":                         {"new", "never"},
		"used_from=2026-11-22T12:00:00Z":          {"used"},
		"used_from=2026-11-22T12:00:01Z":          nil,
		"used_before=2026-11-22T12:00:01Z":        {"used"},
		"idle_days=9":                             {"used", "never"},
		"idle_days=11":                            nil,
		"scope=catalog:read":                      {"new", "used", "never"},
		"scope=catalog":                           nil,
		"contract=v1":                             {"new", "used", "never"},
		"contract=oauth2":                         nil,
		"last_four=" + text(t, used, "last_four"): {"used"},
	} {
		got := namesOf(t, h.items(h.bearer(reader, "", "GET", "/v1/tokens?type=service&"+query, nil)))
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", query, got, want)
		}
	}
}

// TestExportIsTheList: the same credentials in the same order, in both forms,
// under any filter, and nothing that a spreadsheet would run.
func TestExportIsTheList(t *testing.T) {
	h := start(t)
	h.issued(object{"name": `=HYPERLINK("https://evil.example","x")`, "purpose": "+1, \"quoted\"\nline"[:12]})
	h.issued(object{"name": "@sum", "type": "ephemeral"})
	h.access("backend", backend)
	for _, query := range []string{"", "type=service", "status=revoked", "user=mia@example.test", "client=backend"} {
		var want []string
		for _, item := range h.items(h.bearer(reader, "", "GET", "/v1/tokens?limit=200&"+query, nil)) {
			want = append(want, at[string](t, item, "secret_id"))
		}
		for _, path := range []string{"/v1/tokens/export?", "/v1/reports/tokens?"} {
			var got []string
			lines := h.want(http.StatusOK, h.bearer(reader, "", "GET", path+query, nil))
			for line := range strings.Lines(string(lines.Body)) {
				var item object
				if err := json.Unmarshal([]byte(line), &item); err != nil {
					t.Fatal(err)
				}
				got = append(got, at[string](t, item, "secret_id"))
			}
			table := h.want(http.StatusOK, h.bearer(reader, "", "GET", path+"format=csv&"+query, nil))
			rows, err := csv.NewReader(strings.NewReader(string(table.Body))).ReadAll()
			if err != nil || len(rows) == 0 || rows[0][1] != "secret_id" {
				t.Fatalf("%v: %s", err, table.Body)
			}
			var cells []string
			for _, row := range rows[1:] {
				cells = append(cells, row[1])
				for _, cell := range row {
					if cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) {
						t.Errorf("a spreadsheet would run %q", cell)
					}
				}
			}
			if !slices.Equal(got, want) || !slices.Equal(cells, want) {
				t.Errorf("%s%s: got %v and %v, want %v", path, query, got, cells, want)
			}
		}
	}
}

func TestReportSaysWhoMadeACredentialAndHowItEnded(t *testing.T) {
	h := start(t)
	made := h.issued(object{"name": "robot", "purpose": "builds", "owner": "mia@example.test"})
	h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/tokens/"+text(t, made, "id")+"/revoke", object{"reason": "not needed"}))
	var row object
	a := h.want(http.StatusOK, h.bearer(reader, "", "GET", "/v1/reports/tokens?type=service", nil))
	if err := json.Unmarshal(a.Body, &row); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"created_by": "client:backend Backend", "purpose": "builds", "owner_email": "mia@example.test", "status": "revoked", "end_reason": "not needed",
		"ended_by": "user:" + h.idOf("ana@example.test"), "expiry_rule": "expires_at", "effective_expires_at": "2026-12-22T12:00:00Z", "created_at": "2026-11-22T12:00:00Z",
	} {
		if row[name] != want {
			t.Errorf("%s is %v, want %s", name, row[name], want)
		}
	}
}

// TestPastedSecretIsFound by itself or by what a browser makes of it, and by
// nobody else's administrators.
func TestPastedSecretIsFound(t *testing.T) {
	h := start(t)
	made := h.issued(nil)
	routine := h.access("backend", backend)
	hashed := func(secret string) object {
		sum := sha256.Sum256([]byte(secret))
		return object{"sha256": hex.EncodeToString(sum[:]), "last_four": secret[len(secret)-4:]}
	}
	secret := text(t, made, "token")
	for name, try := range map[string]struct {
		body object
		kind string
	}{
		"service": {object{"token": secret}, "service"}, "service, hashed": {hashed(secret), "service"}, "routine": {object{"token": routine}, "access"},
		"imported": {object{"token": mia}, "personal"}, "imported, hashed": {hashed(mia), "personal"},
		"client secret": {object{"token": backend}, "client_secret"}, "client secret, hashed": {hashed(backend), "client_secret"},
	} {
		a := h.want(http.StatusOK, h.bearer(reader, "", "POST", "/v1/tokens/lookup", try.body))
		if a.JSON["type"] != try.kind || strings.Contains(string(a.Body), secret) {
			t.Errorf("%s: %s", name, a.Body)
		}
		h.refused(http.StatusNotFound, "not_found", h.bearer(bob, "", "POST", "/v1/tokens/lookup", try.body))
	}
	wrong := hashed(secret)
	wrong["sha256"] = strings.Repeat("0", 64)
	h.refused(http.StatusNotFound, "not_found", h.bearer(reader, "", "POST", "/v1/tokens/lookup", wrong))
	h.refused(http.StatusUnprocessableEntity, "invalid_value", h.bearer(reader, "", "POST", "/v1/tokens/lookup", object{}))
	h.refused(http.StatusUnprocessableEntity, "invalid_value", h.bearer(reader, "", "POST", "/v1/tokens/lookup", object{"sha256": "x"}))
	if strings.Contains(h.Log.String(), secret) {
		t.Error("the log holds the secret")
	}
}

func TestAttentionIsCounted(t *testing.T) {
	h := start(t)
	h.issued(object{"owner": "mia@example.test", "purpose": "builds"})
	a := h.want(http.StatusOK, h.bearer(reader, "", "GET", "/v1/tokens/attention", nil))
	for name, want := range map[string]float64{
		"looked_at": 5, "expiring_30_days": 0, "never_used_30_days": 0, "idle_90_days": 0, "no_owner": 0, "no_purpose": 4, "broad_scopes": 3,
	} {
		if a.JSON[name] != want {
			t.Errorf("%s is %v, want %v", name, a.JSON[name], want)
		}
	}
}

// TestBrownoutTellsWhoNeedsTheToken and ends by itself.
func TestBrownoutTellsWhoNeedsTheToken(t *testing.T) {
	h := start(t)
	made := h.issued(object{"format": "opaque"})
	path := "/v1/tokens/" + text(t, made, "id") + "/brownout"
	for _, minutes := range []int{0, -1, 1441} {
		h.refused(http.StatusUnprocessableEntity, "invalid_value", h.bearer(ana, "", "POST", path, object{"minutes": minutes}))
	}
	h.refused(http.StatusForbidden, "insufficient_scope", h.bearer(reader, "", "POST", path, object{"minutes": 10}))
	h.want(http.StatusOK, h.bearer(ana, "", "POST", path, object{"minutes": 10}))
	h.refused(http.StatusConflict, "conflict", h.bearer(ana, "", "POST", path, object{"minutes": 10}))
	for range 3 {
		h.want(http.StatusUnauthorized, h.verify(text(t, made, "token"), "", "User-Agent", "builder/1"))
	}
	h.want(http.StatusUnauthorized, h.verify(text(t, made, "token"), "", "User-Agent", "cron"))
	a := h.want(http.StatusOK, h.bearer(reader, "", "GET", path, nil))
	counts := map[string]float64{}
	for _, by := range at[[]any](t, a.JSON, "by") {
		counts[at[string](t, by, "user_agent")] = at[float64](t, by, "count")
	}
	if want := map[string]float64{"builder/1": 3, "cron": 1}; !maps.Equal(counts, want) || a.JSON["refused"] != 4.0 {
		t.Errorf("got %s, want %v", a.Body, want)
	}
	// Every node tells so, and still does after a restart: it is written down.
	if err := h.Store.WriteNeeds(t.Context(), h.Verifier.TakeRefused()); err != nil {
		t.Fatal(err)
	}
	h.want(http.StatusUnauthorized, h.verify(text(t, made, "token"), "", "User-Agent", "cron"))
	h.want(http.StatusUnauthorized, h.verify(text(t, made, "token"), "", "User-Agent", "night/2"))
	by := at[[]any](t, h.want(http.StatusOK, h.bearer(reader, "", "GET", path, nil)).JSON, "by")
	got := map[string]float64{}
	for _, one := range by {
		got[at[string](t, one, "user_agent")] = at[float64](t, one, "count")
	}
	if want := map[string]float64{"builder/1": 3, "cron": 2, "night/2": 1}; !maps.Equal(got, want) {
		t.Errorf("with what was written before %v, want %v", got, want)
	}
	if e := h.events("action=token.suspended")[0]; at[object](t, e, "detail")["brownout"] != true {
		t.Errorf("the record is %v", e)
	}
	h.Clock.Move(10 * time.Minute)
	h.want(http.StatusOK, h.verify(text(t, made, "token"), ""))
}
