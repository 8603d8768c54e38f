package oauth_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

const inactive = `{"active":false}`

func TestActiveTokenIsDescribed(t *testing.T) {
	w := start(t)
	access, refresh := w.tokens("web")
	ben := w.person("ben@example.test")
	got := w.introspect(access)
	now := float64(w.Clock.Now().Unix())
	for name, want := range map[string]any{
		"active": true, "scope": "catalog:read content:write", "client_id": "web", "username": "ben@example.test", "token_type": "Bearer",
		"exp": now + 1800, "iat": now, "sub": ben.ID, "aud": w.URL, "iss": w.URL, "workspace": "ws1", "kind": "access",
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if id, ok := token.ParseID(fmt.Sprint(got["jti"])); !ok || got["token_id"] != id.String() {
		t.Errorf("jti %v and token_id %v, want the same id", got["jti"], got["token_id"])
	}
	mine := w.introspectAs("web", refresh)
	if mine["active"] != true || mine["kind"] != "refresh" || mine["token_type"] != nil {
		t.Errorf("the client's own refresh token is %v", mine)
	}
}

func TestOnlyThoseWhoMayAskHearOfAToken(t *testing.T) {
	w := start(t)
	access, _ := w.tokens("web")
	aimed := w.must(w.own("machine", "resource", "https://api.example.test/"), "access_token")
	for _, tc := range []struct {
		asker, secret string
		want          bool
	}{
		{"web", access, true}, {"gateway", access, true}, {"rival", access, false}, {"listener", access, false}, {"stranger", access, false},
		{"machine", aimed, true}, {"gateway", aimed, true}, {"listener", aimed, true}, {"web", aimed, false}, {"stranger", aimed, false},
	} {
		a := w.post("/oauth2/introspect", tc.asker, values("token", tc.secret))
		if (a.JSON["active"] == true) != tc.want || !tc.want && string(a.Body) != inactive {
			t.Errorf("%s hears %s, want active %v", tc.asker, a.Body, tc.want)
		}
	}
}

// A resource server would take an active refresh token for a bearer.
func TestRefreshTokenIsActiveForItsClientAlone(t *testing.T) {
	w := start(t)
	_, refresh := w.tokens("web")
	if w.active(refresh) {
		t.Error("the gateway hears that a refresh token is active")
	}
	if w.introspectAs("web", refresh)["active"] != true {
		t.Error("the client's own refresh token is not active")
	}
}

func TestWhatOpensNothingIsExactlyInactive(t *testing.T) {
	w := start(t)
	access, _ := w.tokens("web")
	_, session := w.signIn("ana@example.test")
	cookie, _ := w.signIn("ana@example.test")
	old := w.must(w.own("machine"), "access_token")
	code := w.code("web", "ana@example.test")
	w.Clock.Move(30 * time.Minute)
	for name, secret := range map[string]string{
		"garbage": "x", "cut": access[:len(access)-1], "longer": access + "x", "another case": strings.ToLower(access), "expired": old, "a code": code,
		"a client secret": "web-secret", "a session": strings.TrimPrefix(cookie, "ficha_session="), "an id": session.ID.String(),
		"a JWT of nobody": "eyJhbGciOiJub25lIn0.eyJqdGkiOiIwMDAwMDAwMDAwMDAxIn0.", "very long": strings.Repeat("a", 4000),
	} {
		a := w.post("/oauth2/introspect", "gateway", values("token", secret))
		if a.Status != 200 || string(a.Body) != inactive {
			t.Errorf("%s: %d %s, want %s", name, a.Status, a.Body, inactive)
		}
	}
}

func TestSignedTokenIsBelievedByItsBytes(t *testing.T) {
	w := start(t)
	access := w.must(w.own("signer"), "access_token")
	if !w.active(access) {
		t.Fatal("the token is not active")
	}
	parts := strings.Split(access, ".")
	flip := func(s string) string {
		c := byte('A')
		if s[0] == c {
			c = 'B'
		}
		return string(c) + s[1:]
	}
	for name, secret := range map[string]string{
		"signature stripped": parts[0] + "." + parts[1] + ".", "signature changed": parts[0] + "." + parts[1] + "." + flip(parts[2]),
		"header changed": "eyJhbGciOiJub25lIn0." + parts[1] + "." + parts[2], "payload changed": parts[0] + "." + parts[1][:40] + flip(parts[1][40:]) + "." + parts[2],
	} {
		if w.active(secret) {
			t.Errorf("%s: still active", name)
		}
	}
}

func TestAskerHasToShowWhoItIs(t *testing.T) {
	w := start(t)
	access, _ := w.tokens("spa")
	for name, a := range map[string]servertest.Answer{
		"nobody":           w.raw("/oauth2/introspect", "token="+access),
		"public client":    w.raw("/oauth2/introspect", "client_id=spa&token="+access),
		"wrong secret":     w.raw("/oauth2/introspect", "token="+access, "Authorization", basic("gateway", "wrong")),
		"the token itself": w.raw("/oauth2/introspect", "token="+access, "Authorization", "Bearer "+access),
	} {
		if a.Status != 401 || a.JSON["error"] != "invalid_client" || a.JSON["active"] != nil {
			t.Errorf("%s: %d %s, want 401", name, a.Status, a.Body)
		}
	}
	w.refused(w.post("/oauth2/introspect", "gateway", nil), 400, "invalid_request")
	if a := w.post("/oauth2/introspect", "gateway", values("token", access, "token_type_hint", "refresh_token")); a.JSON["active"] != true {
		t.Errorf("a wrong hint: %s", a.Body)
	}
}

func TestAnswerIsNeverStored(t *testing.T) {
	w := start(t)
	a := w.post("/oauth2/introspect", "gateway", values("token", "x"))
	if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", a.Header)
	}
}

// A person's token that opens several workspaces is judged in the asker's.
func TestPersonalTokenIsJudgedInTheAskersWorkspace(t *testing.T) {
	w := start(t)
	ana := w.person("ana@example.test")
	out, err := w.Authority.Issue(t.Context(), token.Actor{Kind: token.User, ID: ana.ID}, authority.Order{
		Kind: token.Personal, Contract: "contentful", Person: ana.ID, Name: `odd "name" é`, Scopes: token.Scopes{token.ReadContent},
	})
	if err != nil {
		t.Fatal(err)
	}
	for asker, workspace := range map[string]string{"gateway": "ws1", "stranger": "ws2"} {
		if got := w.introspectAs(asker, out.Secret); got["active"] != true || got["workspace"] != workspace || got["exp"] != nil {
			t.Errorf("%s hears %v, want it active in %s for ever", asker, got, workspace)
		}
	}
	if err := w.Identity.Remove(t.Context(), system, ana.ID, "ws2", "left"); err != nil {
		t.Fatal(err)
	}
	if got := w.introspectAs("stranger", out.Secret); got["active"] != false {
		t.Errorf("after leaving ws2 its gateway hears %v", got)
	}
	if !w.active(out.Secret) {
		t.Error("leaving one workspace closed the other")
	}
}

// Stranger's questions use up nothing; the resource server's own count.
func TestQuestionCountsAsAUseForThoseWhoMayAsk(t *testing.T) {
	w := start(t)
	out, err := w.Authority.Issue(t.Context(), system, authority.Order{
		Kind: token.Ephemeral, Contract: "v1", Client: "machine", Workspace: "ws1", Scopes: token.Scopes{"catalog:read"}, MaxUses: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if w.introspectAs("stranger", out.Secret)["active"] != false {
			t.Error("a stranger hears that the token is active")
		}
	}
	if _, seen := w.Verifier.Seen(out.Token.Credential); seen {
		t.Error("a stranger's question was noted as a use")
	}
	if !w.active(out.Secret) {
		t.Fatal("strangers used the token up")
	}
	if seen, ok := w.Verifier.Seen(out.Token.Credential); !ok || seen.Route != "POST /oauth2/introspect" {
		t.Errorf("the use was noted as %+v", seen)
	}
	if w.active(out.Secret) {
		t.Error("the token may be used once and is active a second time")
	}
}

// What an asker calls an address is kept with the use of the token, where people
// and the audit take it for one.
func TestWhatIsNoAddressIsNotKeptAsOne(t *testing.T) {
	w := start(t)
	access, _ := w.tokens("web")
	r, err := w.Verifier.Find(t.Context(), access)
	if err != nil {
		t.Fatal(err)
	}
	for said, want := range map[string]string{
		"198.51.100.7": "198.51.100.7", "::ffff:198.51.100.7": "198.51.100.7", "2001:DB8:0::1": "2001:db8::1",
		"fe80::1%" + strings.Repeat("z", 2000): "fe80::1", "<b>here</b>" + strings.Repeat("x", 4000): "", "host.example:443": "",
	} {
		w.must(w.post("/oauth2/introspect", "gateway", values("token", access, "address", said)), "sub")
		if seen, ok := w.Verifier.Seen(r.Token.ID); !ok || seen.Address != want {
			t.Errorf("%.30q is kept as %.30q, want %q", said, seen.Address, want)
		}
	}
}

func TestImpersonationIsTold(t *testing.T) {
	w := start(t)
	ben := w.person("ben@example.test")
	out, err := w.Authority.Issue(t.Context(), token.Actor{Kind: token.App, ID: "machine"}, authority.Order{
		Kind: token.Impersonated, Contract: "v1", Workspace: "ws1", Client: "machine", Person: ben.ID, Actor: "client:machine", Reason: "support",
		Scopes: token.Scopes{"catalog:read"},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := w.introspect(out.Secret)
	act, _ := got["act"].(map[string]any)
	if got["sub"] != ben.ID || act["sub"] != "client:machine" {
		t.Errorf("got %v, want subject and actor", got)
	}
}

func TestRightsShrinkAtOnce(t *testing.T) {
	w := start(t)
	access, _ := w.tokens("web")
	workspace, err := w.Store.Workspace(context.Background(), "ws1")
	if err != nil {
		t.Fatal(err)
	}
	narrowed := *workspace
	narrowed.Scopes, narrowed.AllScopes = token.Scopes{"catalog:read"}, false
	if _, err := w.Authority.PutWorkspace(t.Context(), system, &narrowed, "", authority.Options{}); err != nil {
		t.Fatal(err)
	}
	if got := w.introspect(access)["scope"]; got != "catalog:read" {
		t.Errorf("the scope is %v, want catalog:read alone", got)
	}
}

func TestNotKnowingIsNeverANo(t *testing.T) {
	w := start(t)
	access, _ := w.tokens("web")
	other := w.must(w.own("machine"), "access_token")
	if !w.active(other) {
		t.Fatal("not active")
	}
	w.sql("ALTER TABLE tokens_short RENAME TO hidden")
	w.refused(w.post("/oauth2/introspect", "gateway", values("token", access)), 500, "server_error")
	if !w.active(other) {
		t.Error("a cached token needs the store")
	}
	w.sql("ALTER TABLE hidden RENAME TO tokens_short")
	if !w.active(access) {
		t.Error("the token is not active when the store is back")
	}
}
