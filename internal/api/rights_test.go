package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// mutating lists every route of /v1 that changes state for callers that are
// known, as the floor has it, with the wildcards filled in.
func (h *house) mutating(id string) []string {
	h.t.Helper()
	fill := strings.NewReplacer("{id}", id, "{secret}", id, "{rotation}", id)
	var routes []string
	for _, r := range h.Floor.Routes() {
		if _, path, ok := strings.Cut(r.Pattern, " "); ok && r.Rule.Mutates && r.Rule.Auth == web.AuthBearer && strings.HasPrefix(path, "/v1/") {
			routes = append(routes, fill.Replace(r.Pattern))
		}
	}
	if len(routes) < 8 {
		h.t.Fatalf("only %v change state", routes)
	}
	return routes
}

// state is what a read-only credential must leave as it is.
func (h *house) state() [2]int64 {
	h.t.Helper()
	at, err := h.Store.Position(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return [2]int64{at.Position, int64(len(h.events("limit=200")))}
}

// TestReadOnlyCredentialChangesNothing drives every mutating route with tokens
// that may only read, in every header that carries a token.
func TestReadOnlyCredentialChangesNothing(t *testing.T) {
	h := start(t)
	id := text(t, h.issued(nil), "id")
	before := h.state()
	for _, route := range h.mutating(id) {
		method, path, _ := strings.Cut(route, " ")
		for _, secret := range []string{reader, mia} {
			for _, header := range [][]string{{"Authorization", "Bearer " + secret}, {"Authorization", "bearer " + secret}, {"AccessToken", secret}} {
				a := h.Request(method, path, object{"name": "x", "scopes": []string{"catalog:read"}}, append(header, "X-Workspace-Id", "ws1")...)
				if a.Status != http.StatusForbidden {
					t.Errorf("%s by %s: status %d: %s", route, header[0], a.Status, a.Body)
				}
			}
		}
	}
	if after := h.state(); after != before {
		t.Errorf("position and records were %v and are %v", before, after)
	}
}

// TestEveryRouteSaysWhoMayCallIt: a route of /v1 is either open to all callers
// that are known, or names its administration scope.
func TestEveryRouteSaysWhoMayCallIt(t *testing.T) {
	h := start(t)
	for _, r := range h.Floor.Routes() {
		_, path, _ := strings.Cut(r.Pattern, " ")
		if !strings.HasPrefix(path, "/v1/users") && !strings.HasPrefix(path, "/v1/clients") && !strings.HasPrefix(path, "/v1/audit") && path != "/v1/apply" {
			continue
		}
		want := token.AdminRead
		if r.Rule.Mutates {
			want = token.AdminWrite
		}
		if r.Rule.Scope.String() != want || !r.Rule.NoForeignOrigin || !r.Rule.Secret {
			t.Errorf("%s: scope %q, want %q; kept from foreign origins: %v; not stored: %v", r.Pattern, r.Rule.Scope, want, r.Rule.NoForeignOrigin, r.Rule.Secret)
		}
	}
}

func TestMissingScopeIsNamedInTheChallenge(t *testing.T) {
	h := start(t)
	a := h.bearer(mia, "", "GET", "/v1/users", nil)
	h.refused(http.StatusForbidden, "insufficient_scope", a)
	if c := a.Header.Get("WWW-Authenticate"); !strings.Contains(c, `error="insufficient_scope"`) || !strings.Contains(c, `scope="admin:read"`) {
		t.Errorf("challenge %s", c)
	}
}

// TestAdministrationEndsWithTheRole: the token stays, the right behind it goes.
func TestAdministrationEndsWithTheRole(t *testing.T) {
	h := start(t)
	h.refused(http.StatusForbidden, "insufficient_scope", h.bearer(both, "ws1", "GET", "/v1/users", nil)) // a member there
	h.want(http.StatusOK, h.bearer(both, "ws2", "GET", "/v1/users", nil))                                 // an admin here
	h.refused(http.StatusForbidden, "workspace_required", h.bearer(both, "", "GET", "/v1/users", nil))
}

func TestProgramDoesNotAdministrate(t *testing.T) {
	h := start(t)
	for _, route := range h.mutating("backend") {
		method, path, _ := strings.Cut(route, " ")
		if strings.HasPrefix(path, "/v1/tokens") {
			continue
		}
		if a := h.bearer(backend, "ws1", method, path, nil); a.Status != http.StatusForbidden {
			t.Errorf("%s: status %d: %s", route, a.Status, a.Body)
		}
	}
}

// TestNothingIsSeenAcrossWorkspaces: ids of another workspace are as unknown, for
// its administrators and its programs, on every route that takes one.
func TestNothingIsSeenAcrossWorkspaces(t *testing.T) {
	h := start(t)
	a := h.issued(nil)
	id := text(t, a, "id")
	for _, try := range []struct{ method, path string }{
		{"GET", "/v1/tokens/%s"}, {"POST", "/v1/tokens/%s/revoke"}, {"POST", "/v1/tokens/%s/suspend"}, {"POST", "/v1/tokens/%s/resume"},
	} {
		theirs := h.bearer(bob, "", try.method, strings.Replace(try.path, "%s", id, 1), nil)
		unknown := h.bearer(bob, "", try.method, strings.Replace(try.path, "%s", "0000000000001", 1), nil)
		h.refused(http.StatusNotFound, "not_found", theirs)
		if theirs.JSON["error_description"] != unknown.JSON["error_description"] || unknown.Status != theirs.Status {
			t.Errorf("%s %s: %s can be told from %s", try.method, try.path, theirs.Body, unknown.Body)
		}
	}
	mia := h.idOf("mia@example.test")
	for _, try := range [][2]string{
		{"GET", "/v1/clients/backend"}, {"POST", "/v1/clients/backend/disable"}, {"POST", "/v1/clients/backend/enable"}, {"POST", "/v1/clients/backend/secrets"},
		{"DELETE", "/v1/clients/backend/secrets/" + id}, {"DELETE", "/v1/users/" + mia}, {"DELETE", "/v1/users/mia@example.test"},
	} {
		h.refused(http.StatusNotFound, "not_found", h.bearer(bob, "", try[0], try[1], nil))
	}
	h.refused(http.StatusNotFound, "not_found", h.bearer(foreign, "ws2", "GET", "/v1/tokens/"+id, nil))
	h.refused(http.StatusNotFound, "not_found", h.bearer(foreign, "ws2", "POST", "/v1/tokens/"+id+"/revoke", nil))
	for _, path := range []string{"/v1/tokens?client=backend", "/v1/tokens?q=worker", "/v1/tokens?user=" + mia} {
		if got := h.items(h.bearer(bob, "", "GET", path, nil)); len(got) != 0 {
			t.Errorf("%s shows %v", path, got)
		}
	}
	for _, path := range []string{"/v1/tokens", "/v1/tokens/export", "/v1/reports/tokens", "/v1/clients", "/v1/users", "/v1/audit"} {
		body := string(h.want(http.StatusOK, h.bearer(bob, "", "GET", path, nil)).Body)
		for _, foreign := range []string{"ws1", "backend", "mia@", "ana@"} {
			if strings.Contains(body, foreign) {
				t.Errorf("%s tells of %s: %s", path, foreign, body)
			}
		}
	}
	h.want(http.StatusUnauthorized, h.bearer(bob, "ws1", "GET", "/v1/tokens", nil))
	h.want(http.StatusOK, h.verify(text(t, a, "token"), ""))
}
