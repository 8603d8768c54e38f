package api_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestDisabledClientIsOutAtOnce: its secret and every token; enabling it revives
// no token.
func TestDisabledClientIsOutAtOnce(t *testing.T) {
	h := start(t)
	secret := text(t, h.issued(nil), "token")
	a := h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/clients/backend/disable", object{"reason": "retired"}))
	if a.JSON["status"] != "disabled" || a.JSON["disabled_at"] == nil {
		t.Errorf("got %s", a.Body)
	}
	h.want(http.StatusUnauthorized, h.verify(secret, ""))
	h.refused(http.StatusUnauthorized, "invalid_client", h.program("GET", "/v1/tokens", nil))
	h.refused(http.StatusConflict, "conflict", h.bearer(ana, "", "POST", "/v1/clients/backend/disable", nil))
	if a := h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/clients/backend/enable", nil)); a.JSON["status"] != "active" {
		t.Errorf("got %s", a.Body)
	}
	h.refused(http.StatusConflict, "conflict", h.bearer(ana, "", "POST", "/v1/clients/backend/enable", nil))
	h.want(http.StatusUnauthorized, h.verify(secret, ""))
	h.want(http.StatusOK, h.verify(text(t, h.issued(nil), "token"), ""))
	if got := len(h.events("target=client:backend&action=client.")); got != 3 { // created, disabled, enabled
		t.Errorf("%d records, want 3", got)
	}
}

// TestSecretsOverlapUntilTheOldOneEnds: both work, the list shows both, and the
// text is shown once.
func TestSecretsOverlapUntilTheOldOneEnds(t *testing.T) {
	h := start(t)
	made := h.want(http.StatusCreated, h.bearer(ana, "", "POST", "/v1/clients/backend/secrets", nil))
	fresh := text(t, made, "client_secret")
	if made.Header.Get("Cache-Control") != "no-store" || !strings.HasSuffix(fresh, text(t, made, "last_four")) {
		t.Errorf("got %s", made.Body)
	}
	h.want(http.StatusOK, h.bearer(fresh, "ws1", "GET", "/v1/tokens", nil))
	h.want(http.StatusOK, h.program("GET", "/v1/tokens", nil))
	client := h.want(http.StatusOK, h.bearer(reader, "", "GET", "/v1/clients/backend", nil))
	secrets, _ := client.JSON["secrets"].([]any)
	if len(secrets) != 2 || strings.Contains(string(client.Body), fresh) {
		t.Fatalf("got %s", client.Body)
	}
	old := at[object](t, secrets, 0)
	if old["id"] == text(t, made, "id") { // made in the same millisecond
		old = at[object](t, secrets, 1)
	}
	h.want(http.StatusNoContent, h.bearer(ana, "", "DELETE", "/v1/clients/backend/secrets/"+at[string](t, old, "id"), nil))
	h.refused(http.StatusUnauthorized, "invalid_client", h.program("GET", "/v1/tokens", nil))
	h.want(http.StatusOK, h.bearer(fresh, "ws1", "GET", "/v1/tokens", nil))
	h.refused(http.StatusNotFound, "not_found", h.bearer(ana, "", "DELETE", "/v1/clients/backend/secrets/"+at[string](t, old, "id"), nil))
	h.refused(http.StatusNotFound, "not_found", h.bearer(ana, "", "DELETE", "/v1/clients/modest/secrets/"+text(t, made, "id"), nil))
}

func TestClientHasFiveSecretsAtMost(t *testing.T) {
	h := start(t)
	for range 4 {
		h.want(http.StatusCreated, h.bearer(ana, "", "POST", "/v1/clients/backend/secrets", nil))
	}
	h.refused(http.StatusConflict, "conflict", h.bearer(ana, "", "POST", "/v1/clients/backend/secrets", nil))
}

func TestClientsAndMembersComeInPages(t *testing.T) {
	h := start(t)
	for path, want := range map[string]int{"/v1/clients": 3, "/v1/users": 5} {
		var seen []string
		for next := path + "?limit=2"; next != ""; {
			a := h.bearer(reader, "", "GET", next, nil)
			for _, i := range h.items(a) {
				id, _ := i["id"].(string)
				if client, ok := i["client_id"].(string); ok {
					id = client
				}
				seen = append(seen, id)
			}
			next = ""
			if cursor, more := a.JSON["next"].(string); more {
				next = path + "?limit=2&cursor=" + url.QueryEscape(cursor)
			}
		}
		slices.Sort(seen)
		if len(slices.Compact(seen)) != want {
			t.Errorf("%s: got %v, want %d", path, seen, want)
		}
	}
}

// TestMembersAreShownAsTheyAreHere: roles and rights of this workspace, those who
// left included, nothing of other workspaces.
func TestMembersAreShownAsTheyAreHere(t *testing.T) {
	h := start(t)
	h.want(http.StatusNoContent, h.bearer(ana, "", "DELETE", "/v1/users/"+h.idOf("rita@example.test"), nil))
	roles := map[string]string{}
	for _, u := range h.items(h.bearer(reader, "", "GET", "/v1/users", nil)) {
		roles[at[string](t, u, "email")] = at[string](t, u, "role") + " " + at[string](t, u, "status")
	}
	for email, want := range map[string]string{
		"ana@example.test": "super_admin active", "both@example.test": "member active", "rita@example.test": "reader removed", "bob@example.test": "",
	} {
		if roles[email] != want {
			t.Errorf("%s is %q, want %q", email, roles[email], want)
		}
	}
	h.refused(http.StatusNotFound, "not_found", h.bearer(ana, "", "DELETE", "/v1/users/rita@example.test", nil))
	h.refused(http.StatusConflict, "conflict", h.bearer(ana, "", "DELETE", "/v1/users/ana@example.test", nil)) // the last super admin
}

func TestAuditIsNarrowedByItsFilters(t *testing.T) {
	h := start(t)
	h.Clock.Move(time.Hour)
	a := h.issued(nil)
	id := text(t, a, "id")
	h.Clock.Move(time.Hour)
	h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/tokens/"+id+"/revoke", object{"reason": "leaked"}))
	for query, want := range map[string][]string{
		"target=token:" + id:                      {"token.revoked", "token.issued"},
		"action=token.":                           {"token.revoked", "token.issued"},
		"action=token.issued":                     {"token.issued"},
		"actor=backend":                           {"token.issued"},
		"actor=" + h.idOf("ana@example.test"):     {"token.revoked"},
		"from=2026-11-22T14:00:00Z":               {"token.revoked"},
		"from=2026-11-22T12:30:00Z&limit=1":       {"token.revoked"},
		"target=token:" + id + "&outcome=refused": nil,
	} {
		var got []string
		for _, e := range h.events(query) {
			got = append(got, at[string](t, e, "action"))
		}
		slices.Sort(got)
		slices.Reverse(got)
		if query == "action=token." {
			got = slices.DeleteFunc(got, func(s string) bool { return s == "token.imported" })
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", query, got, want)
		}
	}
	e := h.events("action=token.revoked")[0]
	actor := at[object](t, e, "actor")
	if actor["type"] != "user" || actor["name"] != "ana@example.test" || actor["token"] == nil || actor["address"] != "127.0.0.1" || actor["request_id"] == nil {
		t.Errorf("the record does not say who, with what and from where: %v", actor)
	}
}

// TestScopesAreInTheLanguageOfTheRequest: grouped by domain, in English where no
// other language suits.
func TestScopesAreInTheLanguageOfTheRequest(t *testing.T) {
	h := start(t)
	for header, want := range map[string]string{
		"":                       "Read media assets",
		"es":                     "Consultar activos multimedia",
		"es-MX,es;q=0.9,en;q=.8": "Consultar activos multimedia",
		"ja":                     "Read media assets",
		"\"garbage":              "Read media assets",
	} {
		a := h.want(http.StatusOK, h.program("GET", "/v1/scopes", nil, "Accept-Language", header))
		if a.Header.Get("Vary") != "Accept-Language" {
			t.Errorf("Vary is %q", a.Header.Get("Vary"))
		}
		domains, _ := a.JSON["domains"].([]any)
		if len(domains) != 5 { // assets, catalog, content, events, users
			t.Fatalf("got %s", a.Body)
		}
		assets := at[object](t, domains, 0)
		first := at[object](t, at[[]any](t, assets, "scopes"), 0)
		texts, _ := first["descriptions"].(object)
		if assets["domain"] != "assets" || first["name"] != "assets:read" || first["description"] != want || texts["es"] != "Consultar activos multimedia" {
			t.Errorf("%q: got %v", header, first)
		}
	}
	h.want(http.StatusOK, h.bearer(mia, "", "GET", "/v1/scopes", nil))
	h.want(http.StatusOK, h.bearer(both, "", "GET", "/v1/scopes", nil))
}

// TestFileIsAppliedByWhoGovernsTheServer: a super admin of every workspace; what
// a file names on the server's own machine is refused.
func TestFileIsAppliedByWhoGovernsTheServer(t *testing.T) {
	h := start(t)
	apply := func(secret, file string) int {
		t.Helper()
		return h.bearer(secret, "", "POST", "/v1/apply", file, "Content-Type", "application/yaml").Status
	}
	const more = "scopes: [{name: \"orders:read\"}]\n"
	for _, secret := range []string{ana, bob} {
		if got := apply(secret, more); got != http.StatusForbidden {
			t.Errorf("a super admin of one workspace: status %d", got)
		}
	}
	if _, err := h.Apply(t.Context(), "more.yaml", []byte("users: [{email: ana@example.test, memberships: [{workspace: ws2, role: super_admin}]}]"), false); err != nil {
		t.Fatal(err)
	}
	lines := func(a any) []any { l, _ := a.([]any); return l }
	for i, outcome := range []string{"created", "unchanged"} {
		a := h.want(http.StatusOK, h.bearer(ana, "ws1", "POST", "/v1/apply", more, "Content-Type", "application/yaml"))
		if l := lines(a.JSON["lines"]); len(l) != 1 || at[string](t, at[object](t, l, 0), "outcome") != outcome {
			t.Errorf("time %d: %s", i+1, a.Body)
		}
	}
	const founding = "workspaces: [{id: ws3}]\n"
	for range 2 { // no workspace is named: afterwards the token opens one more
		h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/apply", founding, "Content-Type", "application/yaml"))
	}
	for _, leak := range []string{"file:/etc/hostname", "${HOME}"} {
		file := "workspaces: [{id: ws4, name: \"" + leak + "\"}]"
		a := h.bearer(ana, "ws1", "POST", "/v1/apply", file, "Content-Type", "application/yaml")
		h.refused(http.StatusUnprocessableEntity, "invalid_value", a)
	}
	h.want(http.StatusUnsupportedMediaType, h.bearer(ana, "ws1", "POST", "/v1/apply", more, "Content-Type", "text/plain"))
}

// TestFileBringsWhatItNames: variables and files of the sender stand in for those
// of the server, and only those that were sent.
func TestFileBringsWhatItNames(t *testing.T) {
	h := start(t)
	if _, err := h.Apply(t.Context(), "more.yaml", []byte("users: [{email: ana@example.test, memberships: [{workspace: ws2, role: super_admin}]}]"), false); err != nil {
		t.Fatal(err)
	}
	send := func(variables object) int {
		t.Helper()
		body := `{"name":"mine.yaml","text":"clients: [{client_id: sent, workspace: ws1, client_secret: \"${SECRET}\", grant_types: [client_credentials], scope: \"catalog:read\"}]","variables":{`
		if s, ok := variables["SECRET"].(string); ok {
			body += `"SECRET":"` + s + `"`
		}
		return h.bearer(ana, "ws1", "POST", "/v1/apply", body+`}}`, "Content-Type", "application/vnd.ficha.source+json").Status
	}
	if got := send(nil); got != http.StatusUnprocessableEntity {
		t.Errorf("a variable that was not sent: status %d", got)
	}
	if got := send(object{"SECRET": "sent-along-secret-01"}); got != http.StatusOK {
		t.Errorf("a variable that was sent: status %d", got)
	}
	h.want(http.StatusOK, h.bearer("sent-along-secret-01", "ws1", "GET", "/v1/tokens", nil))
}
