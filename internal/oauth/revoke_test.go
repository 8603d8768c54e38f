package oauth_test

import (
	"context"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/server/servertest"
)

func (w world) revoke(client, secret string, pairs ...string) servertest.Answer {
	w.t.Helper()
	form := values(append(pairs, "token", secret)...)
	if client == "spa" {
		form.Set("client_id", client)
		return w.Request("POST", "/oauth2/revoke", form)
	}
	return w.post("/oauth2/revoke", client, form)
}

func (w world) revoked(client, secret string, pairs ...string) {
	w.t.Helper()
	if a := w.revoke(client, secret, pairs...); a.Status != 200 || strings.TrimSpace(string(a.Body)) != "{}" || a.Header.Get("Content-Type") != "application/json" {
		w.t.Errorf("%d %s, want 200 and an empty object", a.Status, a.Body)
	}
}

func TestRevokedTokenIsDeadAtOnce(t *testing.T) {
	w := start(t)
	for _, client := range []string{"web", "spa"} {
		access, refresh := w.tokens(client)
		if !w.active(access) {
			t.Fatal("not active")
		}
		w.revoked(client, access, "token_type_hint", "refresh_token")
		if w.active(access) {
			t.Errorf("%s: the revoked token is active", client)
		}
		if a := w.refresh(client, refresh); a.Status != 200 {
			t.Errorf("%s: revoking an access token ended its refresh token: %d", client, a.Status)
		}
		w.revoked(client, access)
	}
}

func TestRevokingARefreshTokenEndsItsGrant(t *testing.T) {
	w := start(t)
	for _, client := range []string{"web", "spa"} {
		access, refresh := w.tokens(client)
		a := w.refresh(client, refresh)
		last := w.must(a, "refresh_token")
		w.revoked(client, last)
		for name, secret := range map[string]string{"first": access, "second": w.must(a, "access_token")} {
			if w.active(secret) {
				t.Errorf("%s: the %s access token lives", client, name)
			}
		}
		w.refused(w.refresh(client, last), 400, "invalid_grant")
		w.revoked(client, last)
	}
}

// Who gives up a refresh token that was replaced, by a thief or by an answer that
// was lost, means the grant.
func TestRevokingAReplacedRefreshTokenEndsItsGrant(t *testing.T) {
	w := start(t)
	access, first := w.tokens("spa")
	a := w.refresh("spa", first)
	b := w.refresh("spa", w.must(a, "refresh_token"))
	w.revoked("rival", first)
	if !w.active(access) {
		t.Fatal("another client ended the grant")
	}
	w.revoked("spa", first, "token_type_hint", "refresh_token")
	for name, secret := range map[string]string{"first": access, "second": w.must(a, "access_token"), "third": w.must(b, "access_token")} {
		if w.active(secret) {
			t.Errorf("the %s access token lives", name)
		}
	}
	w.refused(w.refresh("spa", w.must(b, "refresh_token")), 400, "invalid_grant")
}

func TestOthersAndGarbageChangeNothing(t *testing.T) {
	w := start(t)
	access, refresh := w.tokens("web")
	for _, secret := range []string{access, refresh, "garbage", access + "x"} {
		w.revoked("rival", secret)
		w.revoked("spa", secret)
		w.revoked("gateway", secret)
	}
	if !w.active(access) || w.refresh("web", refresh).Status != 200 {
		t.Error("another client ended the tokens")
	}
}

func TestRevocationTakesTheClientsSecret(t *testing.T) {
	w := start(t)
	access, _ := w.tokens("web")
	w.refused(w.raw("/oauth2/revoke", "token="+access, "Authorization", basic("web", "wrong")), 401, "invalid_client")
	w.refused(w.raw("/oauth2/revoke", "client_id=web&token="+access), 401, "invalid_client")
	w.refused(w.raw("/oauth2/revoke", "token="+access), 401, "invalid_client")
	w.refused(w.post("/oauth2/revoke", "web", nil), 400, "invalid_request")
	if !w.active(access) {
		t.Error("the token is dead")
	}
}

// A 200 says that the ending is on disk.
func TestRevocationWithoutAStoreIsNoYes(t *testing.T) {
	w := start(t)
	access, refresh := w.tokens("web")
	if !w.active(access) {
		t.Fatal("not active")
	}
	mend := w.breakStore()
	for name, secret := range map[string]string{"access": access, "refresh": refresh} {
		if a := w.revoke("web", secret); a.Status != 500 && a.Status != 503 {
			t.Errorf("%s: %d %s, want 500 or 503", name, a.Status, a.Body)
		}
	}
	mend()
	if !w.active(access) || w.refresh("web", refresh).Status != 200 {
		t.Error("the refused revocation ended a token")
	}
}

func TestAcknowledgedRevocationOutlivesARestart(t *testing.T) {
	w := start(t)
	access, _ := w.tokens("web")
	w.revoked("web", access)
	again := w.restart()
	if again.active(access) {
		t.Error("the token is back")
	}
	row, err := again.Verifier.Find(context.Background(), access)
	if err != nil || row.Token.EndedBy != "client:web" {
		t.Errorf("the row says it was ended by %q (%v)", row.Token.EndedBy, err)
	}
}
