package api_test

import (
	"net/http"
	"reflect"
	"testing"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
)

const inactive = `{"active":false}`

// TestIntrospectionTellsThoseWhoMayAsk: the client that issued it, a gateway of
// the workspace, an administrator; nobody else, and never across workspaces.
func TestIntrospectionTellsThoseWhoMayAsk(t *testing.T) {
	h := start(t)
	a := h.issued(nil)
	secret := text(t, a, "token")
	for _, try := range []struct {
		who, workspace string
		told           bool
	}{
		{backend, "ws1", true}, {gateway, "ws1", true}, {reader, "", true}, {ana, "ws1", true},
		{modest, "ws1", false}, {foreign, "ws2", false}, {bob, "", false},
	} {
		got := h.want(http.StatusOK, h.bearer(try.who, try.workspace, "POST", "/v1/tokens/introspect", object{"token": secret}))
		if got.JSON["active"] != try.told || !try.told && string(got.Body) != inactive {
			t.Errorf("%s is told %s", try.who, got.Body)
		}
		if try.told && (got.JSON["scope"] != "catalog:read" || got.JSON["client_id"] != "backend" || got.JSON["workspace"] != "ws1" || got.JSON["sub"] != "backend" ||
			got.JSON["token_id"] != text(t, a, "id") || got.JSON["exp"] == nil || got.JSON["iat"] == nil || got.JSON["iss"] != h.URL ||
			!reflect.DeepEqual(got.JSON["aud"], []any{h.URL})) {
			t.Errorf("%s is told too little: %s", try.who, got.Body)
		}
	}
	h.refused(http.StatusForbidden, "insufficient_scope", h.bearer(mia, "", "POST", "/v1/tokens/introspect", object{"token": secret}))
}

func TestInactiveAnswerSaysNothingElse(t *testing.T) {
	h := start(t)
	revoked := h.issued(nil)
	h.want(http.StatusOK, h.program("POST", "/v1/tokens/"+text(t, revoked, "id")+"/revoke", nil))
	secret := text(t, h.issued(nil), "token")
	for _, dead := range []string{text(t, revoked, "token"), "garbage", secret + "x", secret[:len(secret)-1], backend} {
		if got := h.program("POST", "/v1/tokens/introspect", object{"token": dead}); string(got.Body) != inactive {
			t.Errorf("%s", got.Body)
		}
	}
}

func TestManyTokensAreAnsweredInOrder(t *testing.T) {
	h := start(t)
	secret := text(t, h.issued(nil), "token")
	got := h.want(http.StatusOK, h.program("POST", "/v1/tokens/introspect", object{"tokens": []string{"garbage", secret, ""}}))
	results, _ := got.JSON["results"].([]any)
	for i, want := range []bool{false, true, false} {
		if at[bool](t, at[object](t, results, i), "active") != want {
			t.Errorf("got %s", got.Body)
		}
	}
	for _, body := range []any{object{}, object{"token": secret, "tokens": []string{secret}}, object{"tokens": make([]string, 101)}} {
		h.want(http.StatusUnprocessableEntity, h.program("POST", "/v1/tokens/introspect", body))
	}
}

// TestToAskIsToUse: who acts on the answer has let the token in. A caller who may
// not ask uses nothing up.
func TestToAskIsToUse(t *testing.T) {
	h := start(t)
	secret := text(t, h.issued(object{"type": "ephemeral", "max_uses": 1}), "token")
	ask := func(who string) any {
		return h.want(http.StatusOK, h.bearer(who, "ws1", "POST", "/v1/tokens/introspect", object{"token": secret})).JSON["active"]
	}
	if ask(modest) != false || ask(gateway) != true || ask(gateway) != false {
		t.Error("one use was not counted as one")
	}
	h.want(http.StatusUnauthorized, h.verify(secret, ""))

	a := h.want(http.StatusCreated, h.impersonate(backend, "ws1", "mia@example.test"))
	for _, who := range []string{modest, gateway} {
		h.bearer(who, "ws1", "POST", "/v1/tokens/introspect", object{"token": text(t, a, "token")})
	}
	if n := len(h.events("action=impersonation.used")); n != 1 {
		t.Errorf("%d uses are on record, want 1", n)
	}
}

// TestPersonalTokenIsJudgedInTheAskersWorkspace: it opens several, and is told of
// in each as it is there.
func TestPersonalTokenIsJudgedInTheAskersWorkspace(t *testing.T) {
	h := start(t)
	for _, try := range [][3]string{{gateway, "ws1", "catalog:read"}, {foreign, "ws2", "catalog:read admin:write"}} {
		got := h.want(http.StatusOK, h.bearer(try[0], try[1], "POST", "/v1/tokens/introspect", object{"token": both}))
		if got.JSON["workspace"] != try[1] || got.JSON["scope"] != try[2] {
			t.Errorf("in %s: %s", try[1], got.Body)
		}
	}
	if got := h.bearer(foreign, "ws2", "POST", "/v1/tokens/introspect", object{"token": mia}); string(got.Body) != inactive {
		t.Errorf("a token of another workspace: %s", got.Body)
	}
}

// TestRefreshTokenOpensNothingHere: it is between its client and the token
// endpoint; nobody else hears that it is alive.
func TestRefreshTokenOpensNothingHere(t *testing.T) {
	h := start(t)
	out, err := h.Authority.Issue(t.Context(), token.Actor{Kind: token.App, ID: "backend"}, authority.Order{
		Kind: token.Access, Contract: "fanbase", Client: "backend", Workspace: "ws1", Scopes: token.Scopes{"catalog:read"}, Refresh: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.want(http.StatusOK, h.verify(out.Secret, ""))
	h.want(http.StatusUnauthorized, h.verify(out.RefreshSecret, ""))
	h.want(http.StatusUnauthorized, h.bearer(out.RefreshSecret, "ws1", "GET", "/v1/scopes", nil))
	for _, who := range []string{gateway, ana, reader, modest} {
		if got := h.bearer(who, "ws1", "POST", "/v1/tokens/introspect", object{"token": out.RefreshSecret}); string(got.Body) != inactive {
			t.Errorf("%s hears %s", who, got.Body)
		}
	}
	if got := h.program("POST", "/v1/tokens/introspect", object{"token": out.RefreshSecret}); got.JSON["active"] != true || got.JSON["kind"] != "refresh" {
		t.Errorf("its own client hears %s", got.Body)
	}
	// An administrator sees it among the tokens of the workspace and may end it.
	path := "/v1/tokens/" + out.Refresh.ID.String()
	if got := h.want(http.StatusOK, h.bearer(reader, "", "GET", path, nil)); got.JSON["type"] != "refresh" || got.JSON["active"] != true {
		t.Errorf("got %s", got.Body)
	}
	h.want(http.StatusOK, h.bearer(ana, "", "POST", path+"/revoke", nil))
	if got := h.program("POST", "/v1/tokens/introspect", object{"token": out.RefreshSecret}); string(got.Body) != inactive {
		t.Errorf("after its end its own client hears %s", got.Body)
	}
}

func TestTokenMayAskAboutItself(t *testing.T) {
	h := start(t)
	own := text(t, h.issued(object{"name": "own", "scopes": []string{"catalog:read"}}), "token")
	other := text(t, h.issued(object{"name": "other", "scopes": []string{"catalog:read"}}), "token")
	a := h.want(http.StatusOK, h.bearer(own, "", "POST", "/v1/tokens/introspect", object{"token": own}))
	if a.JSON["active"] != true || a.JSON["scope"] != "catalog:read" {
		t.Errorf("%v", a.JSON)
	}
	h.refused(http.StatusForbidden, "insufficient_scope", h.bearer(own, "", "POST", "/v1/tokens/introspect", object{"token": other}))
	h.refused(http.StatusForbidden, "insufficient_scope", h.bearer(own, "", "POST", "/v1/tokens/introspect", object{"tokens": []string{own, other}}))
}
