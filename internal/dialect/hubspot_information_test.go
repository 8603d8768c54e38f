package dialect_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
)

func foreignForm(secret string) url.Values {
	return url.Values{"client_id": {"hs-other"}, "client_secret": {"hs-other-secret"}, "token": {secret}}
}

// The vendor: "This will only delete the refresh token. Access tokens generated
// with it are not affected, and the app is not uninstalled."
func TestDeletedRefreshTokenEndsAlone(t *testing.T) {
	h := newHubSpot(t)
	access, renewing := h.installed()
	for range 2 { // a retry whose first answer was lost
		if a := h.Request("DELETE", "/oauth/v1/refresh-tokens/"+renewing, nil); a.Status != 204 || len(a.Body) != 0 {
			t.Fatalf("DELETE: %d %s", a.Status, a.Body)
		}
	}
	wantRefusal(t, h.Request("POST", "/oauth/v1/token", refresh(renewing)), 400, "BAD_REFRESH_TOKEN", "invalid_grant")
	wantRefusal(t, h.Request("GET", "/oauth/v1/refresh-tokens/"+renewing, nil), 404, "error", "not_found")
	wantJSON(t, h.Request("GET", "/oauth/v1/access-tokens/"+access, nil), 200, map[string]any{"hub_id": 62515})
	if !h.lives(access) {
		t.Error("the access token ended too")
	}
}

func TestAppIntrospectsItsOwnTokens(t *testing.T) {
	h := newHubSpot(t)
	access, renewing := h.installed()
	h.Clock.Move(time.Minute)
	issued := h.Clock.Now().Add(-time.Minute).Unix()
	for _, path := range []string{"/oauth/v3/token/introspect", "/oauth/2026-03/token/introspect", "/oauth/2026-09/introspect", "/oauth/2026-09/token/introspect"} {
		a := h.Request("POST", path, form("token", access, "token_type_hint", "refresh_token"))
		wantJSON(t, a, 200, map[string]any{
			"active": true, "token_use": "access_token", "token": access, "hub_id": 62515, "user_id": 501, "client_id": "hs-client", "app_id": 77,
			"scopes": "oauth crm.objects.contacts.read", "expires_in": 1740, "is_private_distribution": false, "token_type": "access",
			"user": "super@acme.test", "hub_domain": "acme.example", "scope": "oauth crm.objects.contacts.read", "iat": int(issued), "exp": int(issued) + 1800,
		})
		if a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be stored: %v", path, a.Header)
		}
	}
	a := h.Request("POST", "/oauth/v3/token/introspect", form("token", renewing))
	wantJSON(t, a, 200, map[string]any{
		"active": true, "token_use": "refresh_token", "token_type": "refresh", "hub_id": 62515, "user_id": 501, "client_id": "hs-client", "app_id": 77,
		"token": renewing, "scopes": "oauth crm.objects.contacts.read", "signed_access_token": nil, "expires_in": nil, "exp": nil,
	})
}

// All fields that the vendor requires are there, and none pretends to be a
// signature.
func TestSignedAccessTokenHoldsFactsAlone(t *testing.T) {
	h := newHubSpot(t)
	access, _ := h.installed()
	a := h.Request("POST", "/oauth/v3/token/introspect", form("token", access))
	signed, ok := a.JSON["signed_access_token"].(map[string]any)
	if !ok {
		t.Fatalf("no signed_access_token in %s", a.Body)
	}
	for name, want := range map[string]any{
		"appId": 77, "audience": "", "expiresAt": int(h.Clock.Now().Add(30 * time.Minute).UnixMilli()), "hubId": 62515, "hublet": "",
		"installingUserId": 501, "isPrivateDistribution": false, "isServiceAccount": false, "isUserLevel": false, "newSignature": "",
		"scopeToScopeGroupPks": "", "scopes": "oauth crm.objects.contacts.read", "signature": "", "trialScopeToScopeGroupPks": "", "trialScopes": "", "userId": 501,
	} {
		if got, there := signed[name]; !there || !same(got, want) {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if id, _ := signed["appInstallId"].(string); len(id) != token.IDLen {
		t.Errorf("appInstallId is %q", id)
	}
}

func TestOthersLearnNothingOfATokenByIntrospection(t *testing.T) {
	h := newHubSpot(t)
	access, renewing := h.installed()
	for name, f := range map[string]url.Values{
		"another app's access token": foreignForm(access), "another app's refresh token": foreignForm(renewing), "garbage": form("token", "x"),
	} {
		a := h.Request("POST", "/oauth/v3/token/introspect", f)
		if a.Status != 200 || string(a.Body) != `{"active":false}` {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	h.Clock.Move(30 * time.Minute)
	if a := h.Request("POST", "/oauth/v3/token/introspect", form("token", access)); string(a.Body) != `{"active":false}` {
		t.Errorf("an expired token: %s", a.Body)
	}
	wrong := form("token", access)
	wrong.Set("client_secret", "wrong")
	for _, f := range []url.Values{wrong, {"token": {access}}, {"token": {access}, "client_id": {"hs-client"}}} {
		wantRefusal(t, h.Request("POST", "/oauth/v3/token/introspect", f), 400, "BAD_CLIENT_ID", "invalid_client")
	}
	wantRefusal(t, h.Request("POST", "/oauth/v3/token/introspect", form()), 400, "error", "invalid_request")
}

func TestRevokingEndsOneTokenOfTheAppItself(t *testing.T) {
	h := newHubSpot(t)
	for _, path := range []string{"/oauth/v3/token/revoke", "/oauth/2026-03/token/revoke", "/oauth/2026-09/revoke"} {
		access, renewing := h.installed()
		wrong := form("token", renewing)
		wrong.Set("client_secret", "wrong")
		wantRefusal(t, h.Request("POST", path, wrong), 400, "BAD_CLIENT_ID", "invalid_client")
		for _, harmless := range []url.Values{foreignForm(renewing), foreignForm(access), form("token", "garbage")} {
			wantJSON(t, h.Request("POST", path, harmless), 200, nil)
		}
		wantJSON(t, h.Request("POST", "/oauth/v1/token", refresh(renewing)), 200, nil)

		wantJSON(t, h.Request("POST", path, form("token", renewing)), 200, nil)
		wantJSON(t, h.Request("POST", path, form("token", renewing)), 200, nil)
		wantRefusal(t, h.Request("POST", "/oauth/v1/token", refresh(renewing)), 400, "BAD_REFRESH_TOKEN", "invalid_grant")
		if !h.lives(access) {
			t.Errorf("%s: the access token ended with the refresh token", path)
		}
		wantJSON(t, h.Request("POST", path, form("token", access)), 200, nil)
		if h.lives(access) {
			t.Errorf("%s: the revoked access token still opens", path)
		}
	}
}

func TestUnknownAndExpiredTokensAreNotFound(t *testing.T) {
	h := newHubSpot(t)
	access, renewing := h.installed()
	for _, path := range []string{
		"/oauth/v1/access-tokens/CNye4dqFMBICAAEYhOKl", "/oauth/v1/refresh-tokens/b9443019-30fe-4df1-a67e-3d75cbd0f726",
		"/oauth/v1/access-tokens/" + renewing, "/oauth/v1/refresh-tokens/" + access, "/oauth/v1/access-tokens/" + access[:len(access)-1],
	} {
		a := h.Request("GET", path, nil)
		wantRefusal(t, a, 404, "error", "not_found")
		wantJSON(t, a, 404, map[string]any{"category": "OBJECT_NOT_FOUND"})
	}
	wantRefusal(t, h.Request("DELETE", "/oauth/v1/refresh-tokens/"+access, nil), 404, "error", "not_found")
	h.Clock.Move(30 * time.Minute)
	a := h.Request("GET", "/oauth/v1/access-tokens/"+access, nil)
	wantJSON(t, a, 404, map[string]any{"category": "EXPIRED_AUTHENTICATION"})
	if !strings.Contains(text(a, "message"), "expired on 2026-11-22T12:30:00Z") {
		t.Errorf("the message does not say when the token expired: %s", a.Body)
	}
}

// Whoever holds a token of another contract learns nothing of it here, and
// cannot end it here, also where it is the same app's.
func TestTokensOfOtherContractsAreStrangersHere(t *testing.T) {
	h := newHubSpot(t)
	scopes := token.Scopes{token.HubSpotBasic}
	made, err := h.Authority.Issue(context.Background(), token.Actor{Kind: token.App, ID: "hs-client"}, authority.Order{
		Kind: token.Access, Contract: "oauth2", Client: "hs-client", Workspace: "maker", Scopes: scopes, Refresh: true,
		Family: &token.Grant{ID: token.NewID(h.Clock.Now(), token.Long), Contract: "oauth2", Client: "hs-client", Workspace: "maker", Scopes: scopes},
	})
	if err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, h.Request("GET", "/oauth/v1/access-tokens/"+made.Secret, nil), 404, "error", "not_found")
	wantRefusal(t, h.Request("GET", "/oauth/v1/refresh-tokens/"+made.RefreshSecret, nil), 404, "error", "not_found")
	wantRefusal(t, h.Request("DELETE", "/oauth/v1/refresh-tokens/"+made.RefreshSecret, nil), 404, "error", "not_found")
	for _, secret := range []string{made.Secret, made.RefreshSecret} {
		if a := h.Request("POST", "/oauth/v3/token/introspect", form("token", secret)); string(a.Body) != `{"active":false}` {
			t.Errorf("introspection: %s", a.Body)
		}
		if a := h.Request("POST", "/oauth/v3/token/revoke", form("token", secret)); a.Status != 200 {
			t.Errorf("revocation: %d %s, want 200 as for garbage", a.Status, a.Body)
		}
	}
	wantRefusal(t, h.Request("POST", "/oauth/v1/token", refresh(made.RefreshSecret)), 400, "BAD_REFRESH_TOKEN", "invalid_grant")
	r, err := h.Verifier.Find(context.Background(), made.RefreshSecret)
	if err != nil || r.Token.EndedAt != 0 {
		t.Errorf("the refresh token came to harm: %+v, %v", r, err)
	}
}

func TestDisabledAppIsRefusedEverywhere(t *testing.T) {
	h := newHubSpot(t)
	access, renewing := h.installed()
	code := h.install(link())
	_, cookie := h.signIn("super@acme.test")
	who := token.Actor{Kind: token.System, ID: "apply"}
	if err := h.Authority.DisableClient(context.Background(), who, "maker", "hs-client", "leaked"); err != nil {
		t.Fatal(err)
	}
	for _, f := range []url.Values{exchange(code), refresh(renewing), form("grant_type", "client_credentials")} {
		wantRefusal(t, h.Request("POST", "/oauth/v1/token", f), 400, "BAD_CLIENT_ID", "invalid_client")
	}
	for _, path := range []string{"/oauth/v3/token/introspect", "/oauth/v3/token/revoke"} {
		wantRefusal(t, h.Request("POST", path, form("token", access)), 400, "BAD_CLIENT_ID", "invalid_client")
	}
	wantRefusal(t, h.Request("GET", "/oauth/v1/access-tokens/"+access, nil), 404, "error", "not_found")
	if a := h.Request("GET", link(), nil, "Cookie", cookie); a.Status != 400 || a.Header.Get("Location") != "" || h.lives(access) {
		t.Errorf("the link of a disabled app: %d to %q; its token lives: %t", a.Status, a.Header.Get("Location"), h.lives(access))
	}
}

// Looking at a token is not using it: "last used" stays honest.
func TestLookingAtATokenIsNoUse(t *testing.T) {
	h := newHubSpot(t)
	access, _ := h.installed()
	h.Request("GET", "/oauth/v1/access-tokens/"+access, nil)
	h.Request("POST", "/oauth/v3/token/introspect", form("token", access))
	r, err := h.Verifier.Find(context.Background(), access)
	if err != nil {
		t.Fatal(err)
	}
	if seen, used := h.Verifier.Seen(r.Token.Credential); used {
		t.Errorf("counted as used: %+v", seen)
	}
}
