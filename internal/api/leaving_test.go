package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
)

// leavers has somebody who leaves ws1 and stays in ws2.
const leavers = `
workspaces:
  - {id: ws1, name: Acme}
  - {id: ws2, name: Other}
users:
  - {email: ana@example.test, password: "ana's long password", memberships: [{workspace: ws1, role: super_admin}, {workspace: ws2, role: super_admin}]}
  - {email: both@example.test, password: "both's long password", memberships: [{workspace: ws1, role: admin, may_impersonate: true}, {workspace: ws2, role: admin}]}
  - {email: mia@example.test, memberships: [{workspace: ws1}]}
  - {email: sam@example.test, memberships: [{workspace: ws1, role: admin, may_impersonate: true}]}
clients:
  - client_id: backend
    client_secret: backend-secret-of-acme
    workspace: ws1
    grant_types: [client_credentials, authorization_code, refresh_token]
    redirect_uris: ["http://127.0.0.1:9/cb"]
    scope: "catalog:read"
tokens:
  - {kind: personal, user: ana@example.test, name: ana, workspace: ws1, secret: "ana-admin-token-0001", scopes: ["admin:write"]}
  - {kind: personal, user: both@example.test, name: both, secret: "both-plain-token-0001", scopes: ["admin:write", "catalog:read"]}
`

// A thing is a secret of somebody, as it is found at one surface.
type thing struct {
	name, secret string
	surface      token.Surface
	workspace    string
	survives     bool
}

// given issues what an order asks for.
func (h *house) given(o authority.Order) *authority.Issued {
	h.t.Helper()
	o.Contract, o.Name = "test", "thing"
	if o.Scopes == nil {
		o.Scopes = token.Scopes{"catalog:read"}
	}
	out, err := h.Authority.Issue(h.t.Context(), token.Actor{Kind: token.System, ID: "test"}, o)
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

// holdings are secrets of every kind that both@example.test has to do with.
func (h *house) holdings() []thing {
	h.t.Helper()
	who, sam := h.idOf("both@example.test"), h.idOf("sam@example.test")
	family := func(installed bool) *token.Grant {
		return &token.Grant{Contract: "test", Client: "backend", Person: who, Workspace: "ws1", Scopes: token.Scopes{"catalog:read"}, Installed: installed, CreatedAt: h.Clock.Now().UnixMilli()}
	}
	access := h.given(authority.Order{Kind: token.Access, Client: "backend", Person: who, Workspace: "ws1", Refresh: true, Family: family(false)})
	install := h.given(authority.Order{Kind: token.Access, Client: "backend", Person: who, Workspace: "ws1", Refresh: true, Family: family(true)})
	code := h.given(authority.Order{Kind: token.AuthCode, Client: "backend", Person: who, Workspace: "ws1", Family: family(false)})
	session := h.given(authority.Order{Kind: token.Session, Person: who})
	roams := h.given(authority.Order{Kind: token.Personal, Person: who}).Secret
	by := authority.Order{Kind: token.Impersonated, Workspace: "ws1", Sponsor: who, Actor: "user:" + who, Person: sam, Reason: "support"}
	of := authority.Order{Kind: token.Impersonated, Workspace: "ws1", Sponsor: sam, Actor: "user:" + sam, Person: who, Reason: "support"}
	return []thing{
		{"a personal token of the workspace", h.given(authority.Order{Kind: token.Personal, Person: who, Workspace: "ws1"}).Secret, token.AtVerify, "ws1", false},
		{"a personal token of another", h.given(authority.Order{Kind: token.Personal, Person: who, Workspace: "ws2"}).Secret, token.AtVerify, "ws2", true},
		{"a roaming one, here", roams, token.AtAPI, "ws1", false},
		{"a roaming one, elsewhere", roams, token.AtAPI, "ws2", true},
		{"a service token on their rights", h.given(authority.Order{Kind: token.Service, Workspace: "ws1", Sponsor: who}).Secret, token.AtVerify, "ws1", false},
		{"a client's that they answer for", h.given(authority.Order{Kind: token.Service, Workspace: "ws1", Client: "backend", Owner: who}).Secret, token.AtVerify, "ws1", true},
		{"what acts by them", h.given(by).Secret, token.AtVerify, "ws1", false},
		{"what acts as them", h.given(of).Secret, token.AtVerify, "ws1", false},
		{"an access token of a consent", access.Secret, token.AtIntrospect, "ws1", false},
		{"its refresh token", access.RefreshSecret, token.AtToken, "ws1", false},
		{"a code", code.Secret, token.AtToken, "ws1", false},
		{"an install's access token", install.Secret, token.AtVerify, "ws1", true},
		{"its refresh token, of an install", install.RefreshSecret, token.AtToken, "ws1", true},
		{"a Chronos token", h.given(authority.Order{Kind: token.Access, Form: authority.Hex, Person: who, Workspace: "ws1"}).Secret, token.AtVerify, "ws1", false},
		{"a session, here", session.Secret, token.AtPages, "ws1", false},
		{"a session, elsewhere", session.Secret, token.AtPages, "ws2", true},
	}
}

func (h *house) opens(x thing) bool {
	h.t.Helper()
	_, _, err := h.Verifier.Judge(h.t.Context(), x.secret, token.Use{Now: h.Clock.Now().UnixMilli(), Surface: x.surface, Workspace: x.workspace})
	return err == nil
}

// TestWhoLeavesLosesTheWorkspaceAtOnceOnEverySurface, and that one alone; who
// comes back has nothing back (HT-193).
func TestWhoLeavesLosesTheWorkspaceAtOnceOnEverySurface(t *testing.T) {
	h := startFrom(t, leavers)
	all := h.holdings()
	feed := text(t, h.want(http.StatusCreated, h.bearer(both, "ws1", "POST", "/v1/expiry-feed", nil)), "url")
	feed = strings.TrimPrefix(feed, h.URL)
	h.want(http.StatusOK, h.Request("GET", feed, nil))
	for _, x := range all {
		if !h.opens(x) {
			t.Errorf("%s opens nothing before", x.name)
		}
	}
	h.want(http.StatusNoContent, h.bearer(ana, "", "DELETE", "/v1/users/both@example.test", nil))
	judge := func(when string) {
		t.Helper()
		for _, x := range all {
			if got := h.opens(x); got != x.survives {
				t.Errorf("%s: %s opens %v, want %v", when, x.name, got, x.survives)
			}
		}
		h.want(http.StatusNotFound, h.Request("GET", feed, nil))
	}
	judge("after")
	if _, err := h.Server.Apply(t.Context(), "again.yaml", []byte(`users: [{email: both@example.test, memberships: [{workspace: ws1, role: admin, may_impersonate: true}]}]`), true); err != nil {
		t.Fatal(err)
	}
	h.want(http.StatusOK, h.bearer(both, "ws2", "GET", "/v1/users", nil))
	judge("after they came back")
}

// TestWhatWaitsForWhoLeavesIsNothingWorthAfterwards: an approval and a rotation.
func TestWhatWaitsForWhoLeavesIsNothingWorthAfterwards(t *testing.T) {
	h := startFrom(t, leavers)
	who := h.idOf("both@example.test")
	turning := h.given(authority.Order{Kind: token.Service, Workspace: "ws1", Sponsor: who})
	turn := h.want(http.StatusCreated, h.bearer(ana, "", "POST", "/v1/tokens/"+turning.Token.ID.String()+"/rotations", object{"grace_seconds": 60}))
	h.want(http.StatusOK, h.bearer(ana, "", "PUT", "/v1/policy", object{"approval": []string{"service"}}))
	waiting := h.given(authority.Order{Kind: token.Service, Workspace: "ws1", Sponsor: who})
	h.want(http.StatusNoContent, h.bearer(ana, "", "DELETE", "/v1/users/both@example.test", nil))
	h.bearer(ana, "", "POST", "/v1/tokens/"+waiting.Token.ID.String()+"/approve", nil)
	for name, secret := range map[string]string{"what was approved late": waiting.Secret, "the old secret": turning.Secret, "the new one": text(t, turn, "token")} {
		if a := h.verify(secret, ""); a.Status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, a.Status)
		}
	}
}

// TestRemovalShowsWhatItLeavesBehindAndMovesIt.
func TestRemovalShowsWhatItLeavesBehindAndMovesIt(t *testing.T) {
	h := startFrom(t, leavers)
	who := h.idOf("both@example.test")
	made := h.given(authority.Order{Kind: token.Service, Workspace: "ws1", Sponsor: who, Owner: who})
	owned := h.given(authority.Order{Kind: token.Service, Workspace: "ws1", Client: "backend", Owner: who})
	h.given(authority.Order{Kind: token.Service, Workspace: "ws2", Sponsor: who})
	h.want(http.StatusOK, h.verify(made.Secret, ""))
	left := h.items(h.bearer(ana, "", "GET", "/v1/users/both@example.test/leaving", nil))
	if len(left) != 2 {
		t.Fatalf("%d are left behind: %v", len(left), left)
	}
	for _, v := range left {
		is := at[object](t, v, "token")
		want := [2]string{"client", "stays"}
		if is["id"] == made.Token.ID.String() {
			want = [2]string{"user", "ends"}
			if is["last_used_at"] == nil || is["name"] != "thing" || len(at[[]any](t, is, "scopes")) != 1 {
				t.Errorf("it is shown as %v", is)
			}
		}
		if v["stands_on"] != want[0] || v["then"] != want[1] {
			t.Errorf("%v stands on %v and %v", is["id"], v["stands_on"], v["then"])
		}
	}
	remove := func(tokens object) int {
		return h.bearer(ana, "", "POST", "/v1/users/both@example.test/removal", object{"reason": "left", "service_tokens": tokens}).Status
	}
	for _, wrong := range []object{{"move_to": "nobody@example.test"}, {"move_to": "both@example.test"}, {"live_until": "2020-01-01T00:00:00Z"}, {"end": true, "move_to": "sam@example.test"}} {
		if got := remove(wrong); got != http.StatusUnprocessableEntity {
			t.Errorf("%v: %d", wrong, got)
		}
	}
	a := h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/users/both@example.test/removal", object{"service_tokens": object{"move_to": "sam@example.test"}}))
	if a.JSON["service_tokens"] != float64(2) {
		t.Errorf("answer %s", a.Body)
	}
	h.want(http.StatusOK, h.verify(made.Secret, ""))
	for _, id := range []token.ID{made.Token.ID, owned.Token.ID} {
		is := h.want(http.StatusOK, h.bearer(ana, "", "GET", "/v1/tokens/"+id.String(), nil))
		if is.JSON["owner_email"] != "sam@example.test" || is.JSON["owner_left"] != nil {
			t.Errorf("it is %s", is.Body)
		}
	}
	h.want(http.StatusNotFound, h.bearer(ana, "", "POST", "/v1/users/both@example.test/removal", object{}))
}

// TestKeptTokenIsNotRotated: what lives on until an instant does not get another
// life, by nobody.
func TestKeptTokenIsNotRotated(t *testing.T) {
	h := startFrom(t, leavers)
	who := h.idOf("both@example.test")
	kept := h.given(authority.Order{Kind: token.Service, Workspace: "ws1", Sponsor: who})
	until := h.Clock.Now().Add(24 * time.Hour)
	h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/users/both@example.test/removal", object{"service_tokens": object{"live_until": until.Format(time.RFC3339)}}))
	h.want(http.StatusOK, h.verify(kept.Secret, ""))
	path := "/v1/tokens/" + kept.Token.ID.String() + "/rotations"
	for _, secret := range []string{ana, kept.Secret} {
		h.refused(http.StatusConflict, "conflict", h.bearer(secret, "ws1", "POST", path, object{"grace_seconds": 60}))
	}
	h.Clock.Move(24 * time.Hour)
	h.want(http.StatusUnauthorized, h.verify(kept.Secret, ""))
}

func TestOwnerWhoLeftIsShownAndReplaced(t *testing.T) {
	h := startFrom(t, leavers)
	owned := h.given(authority.Order{Kind: token.Service, Workspace: "ws1", Client: "backend", Owner: h.idOf("both@example.test")})
	path := "/v1/tokens/" + owned.Token.ID.String()
	h.want(http.StatusNoContent, h.bearer(ana, "", "DELETE", "/v1/users/both@example.test", nil))
	if is := h.bearer(ana, "", "GET", path, nil); is.JSON["owner_left"] != true || is.JSON["active"] != true {
		t.Errorf("it is %s", is.Body)
	}
	h.want(http.StatusUnprocessableEntity, h.bearer(ana, "", "POST", "/v1/users/both@example.test/transfer", object{}))
	h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/users/both@example.test/transfer", object{"to": "mia@example.test"}))
	if is := h.bearer(ana, "", "GET", path, nil); is.JSON["owner_left"] != nil || is.JSON["owner_email"] != "mia@example.test" {
		t.Errorf("it is %s", is.Body)
	}
}

// TestDisablingShowsWhatItHitsAndEnablingRevivesNothing, of a client and of a
// workspace.
func TestDisablingShowsWhatItHitsAndEnablingRevivesNothing(t *testing.T) {
	system := token.Actor{Kind: token.System, ID: "apply"}
	for name, c := range map[string]struct {
		by              object
		disable, enable func(h *house) error
		hits            int
	}{
		"client": {
			object{"client": "backend"},
			func(h *house) error {
				return h.Authority.DisableClient(t.Context(), system, "ws1", "backend", "leaked")
			},
			func(h *house) error { return h.Authority.EnableClient(t.Context(), system, "ws1", "backend") }, 1,
		},
		"workspace": {
			object{"workspace": "ws1"},
			func(h *house) error { return h.Authority.DisableWorkspace(t.Context(), system, "ws1", "unpaid") },
			func(h *house) error { return h.Authority.EnableWorkspace(t.Context(), system, "ws1", "paid") }, 3,
		},
	} {
		h := startFrom(t, leavers)
		of := h.given(authority.Order{Kind: token.Service, Workspace: "ws1", Client: "backend"})
		other := h.given(authority.Order{Kind: token.Service, Workspace: "ws1", Sponsor: h.idOf("sam@example.test")})
		dry := h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/revocations", object{"by": c.by, "dry_run": true}))
		if dry.JSON["count"] != float64(c.hits) {
			t.Errorf("%s: it would hit %v, want %d", name, dry.JSON["count"], c.hits)
		}
		if err := c.disable(h); err != nil {
			t.Fatal(err)
		}
		h.want(http.StatusUnauthorized, h.verify(of.Secret, ""))
		if err := c.enable(h); err != nil {
			t.Fatal(err)
		}
		h.want(http.StatusUnauthorized, h.verify(of.Secret, ""))
		if got := h.verify(other.Secret, "").Status == http.StatusOK; got != (name == "client") {
			t.Errorf("%s: a token beside it opens %v", name, got)
		}
		h.want(http.StatusOK, h.verify(h.given(authority.Order{Kind: token.Service, Workspace: "ws1", Client: "backend"}).Secret, ""))
	}
}
