package api_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"
)

// passwords lets some of the people of the resources sign in to the pages.
const passwords = `
users:
  - {email: ana@example.test, password: "ana's long password"}
  - {email: mia@example.test, password: "mia's long password"}
  - {email: both@example.test, password: "both's long password"}
`

// signIn returns the cookie of a person who signed in to the pages.
func (h *house) signIn(name string) string {
	h.t.Helper()
	if _, err := h.Apply(h.t.Context(), "passwords.yaml", []byte(passwords), false); err != nil {
		h.t.Fatal(err)
	}
	form := url.Values{"email": {name + "@example.test"}, "password": {name + "'s long password"}}
	a := h.want(http.StatusSeeOther, h.Request("POST", "/panel/login", form, "Origin", h.URL))
	for _, cookie := range (&http.Response{Header: a.Header}).Cookies() {
		if cookie.Name == "ficha_session" {
			return cookie.Name + "=" + cookie.Value
		}
	}
	h.t.Fatal("signing in gave no session")
	return ""
}

func TestPanelSessionAdministratesAsTheRoleOfItsPerson(t *testing.T) {
	h := start(t)
	id := text(t, h.issued(nil), "id")
	ana, mia, both := h.signIn("ana"), h.signIn("mia"), h.signIn("both")

	if all := h.items(h.Request("GET", "/v1/tokens", nil, "Cookie", ana)); len(all) == 0 {
		t.Error("a super admin sees no tokens")
	}
	h.want(http.StatusOK, h.Request("GET", "/v1/scopes", nil, "Cookie", mia))
	h.refused(403, "insufficient_scope", h.Request("GET", "/v1/tokens", nil, "Cookie", mia))
	h.refused(403, "insufficient_scope", h.Request("POST", "/v1/tokens/"+id+"/revoke", nil, "Cookie", mia))
	h.refused(403, "workspace_required", h.Request("GET", "/v1/tokens", nil, "Cookie", both))
	h.refused(403, "insufficient_scope", h.Request("GET", "/v1/tokens", nil, "Cookie", both, "X-Workspace-Id", "ws1"))
	h.want(http.StatusOK, h.Request("GET", "/v1/tokens", nil, "Cookie", both, "X-Workspace-Id", "ws2"))
	h.refused(401, "invalid_token", h.Request("GET", "/v1/tokens", nil, "Cookie", ana, "X-Workspace-Id", "ws2"))

	a := h.want(http.StatusOK, h.Request("POST", "/v1/tokens/"+id+"/revoke", object{"reason": "by hand"}, "Cookie", ana))
	if a.JSON["status"] != "revoked" {
		t.Errorf("revoked by a session, and is %s", a.Body)
	}
	if e := h.events("action=token.revoked"); len(e) != 1 || at[string](t, at[object](t, e[0], "actor"), "type") != "user" {
		t.Errorf("the record of the revocation is %v", e)
	}
}

func TestPanelSessionIssuesNothing(t *testing.T) {
	h := start(t)
	h.refused(403, "forbidden", h.Request("POST", "/v1/tokens", object{"name": "x", "scopes": []string{"catalog:read"}}, "Cookie", h.signIn("ana")))
}

// TestSessionOpensNothingForOtherSites: the cookie comes along by itself, so that
// a page elsewhere must not be able to use it; as a bearer it is worth nothing.
func TestSessionOpensNothingForOtherSites(t *testing.T) {
	h := start(t)
	id := text(t, h.issued(nil), "id")
	cookie := h.signIn("ana")
	for _, origin := range []string{"https://evil.example", "null"} {
		h.refused(403, "forbidden", h.Request("POST", "/v1/tokens/"+id+"/revoke", nil, "Cookie", cookie, "Origin", origin))
	}
	h.want(http.StatusOK, h.Request("GET", "/v1/tokens/"+id, nil, "Cookie", cookie, "Origin", h.URL))
	secret := cookie[len("ficha_session="):]
	h.refused(401, "invalid_token", h.bearer(secret, "", "GET", "/v1/tokens", nil))
	h.want(http.StatusUnauthorized, h.verify(secret, ""))
	h.want(http.StatusUnauthorized, h.Request("GET", "/verify", nil, "Cookie", cookie))
}

// TestShownTokenDecidesBesideASession: who shows a token is judged by it, not by
// the cookie that a browser added.
func TestShownTokenDecidesBesideASession(t *testing.T) {
	h := start(t)
	cookie := h.signIn("ana")
	h.refused(403, "insufficient_scope", h.bearer(mia, "", "GET", "/v1/tokens", nil, "Cookie", cookie))
	h.refused(401, "invalid_client", h.bearer("wrong", "ws1", "GET", "/v1/tokens", nil, "Cookie", cookie))
}

func TestEndedSessionAdministratesNoMore(t *testing.T) {
	h := start(t)
	signedOut, tooOld, other := h.signIn("ana"), h.signIn("ana"), "ficha_session="+ana
	h.want(http.StatusSeeOther, h.Request("POST", "/panel/logout", url.Values{}, "Origin", h.URL, "Cookie", signedOut))
	for name, cookie := range map[string]string{"signed out": signedOut, "a token": other, "nothing": "ficha_session="} {
		if a := h.Request("GET", "/v1/tokens", nil, "Cookie", cookie); a.Status != http.StatusUnauthorized {
			t.Errorf("%s: status %d", name, a.Status)
		}
	}
	h.Clock.Move(31 * 24 * time.Hour)
	h.refused(401, "invalid_token", h.Request("GET", "/v1/tokens", nil, "Cookie", tooOld))
}
