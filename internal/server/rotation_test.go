package server_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/fichadev/ficha/internal/keys"
	"github.com/fichadev/ficha/internal/server/servertest"
)

// A resource server that reads the key set as seldom as it may never meets a
// token that it cannot check, through two turns of the key, and old tokens are
// good until they expire.
func TestSeldomReadKeySetChecksEveryToken(t *testing.T) {
	h := servertest.Start(t, `
workspaces: [{id: ws1, name: Acme}]
clients: [{client_id: c1, client_secret: secret-of-the-client-c1, workspace: ws1, grant_types: [client_credentials], scope: "catalog:read"}]
`, nil)
	var held []byte // what the resource server knows
	var read time.Time
	var old []string
	ids := map[string]bool{}
	step := func(by time.Duration) {
		t.Helper()
		h.Clock.Move(by)
		now := h.Clock.Now()
		if err := h.Keeper.Turn(context.Background(), now); err != nil {
			t.Fatal(err)
		}
		secret := signed(t, h)
		if held == nil || now.Sub(read) >= keys.JWKSMaxAge {
			held, read = h.Ring.JWKS(), now
		}
		ids[check(t, secret, held)] = true
		old = append(old, secret)
	}
	for range 2 {
		step(90 * 24 * time.Hour) // the key's period
		for range 30 {
			step(time.Minute)
		}
		for _, secret := range old[max(0, len(old)-30):] {
			check(t, secret, h.Ring.JWKS())
		}
	}
	if len(ids) < 3 {
		t.Errorf("%d keys signed, want 3: the key did not turn", len(ids))
	}
}

// signed issues a token that is signed and lives an hour.
func signed(t *testing.T, h *servertest.House) string {
	t.Helper()
	a := h.Request("POST", "/v1/tokens", map[string]any{"name": "n", "scopes": []string{"catalog:read"}, "ttl": 3600},
		"Authorization", "Bearer secret-of-the-client-c1", "X-Workspace-Id", "ws1")
	secret, ok := a.JSON["token"].(string)
	if !ok {
		t.Fatalf("got %d %s, want a token", a.Status, a.Body)
	}
	return secret
}

// check verifies a token by a key set and returns the id of its key.
func check(t *testing.T, secret string, set []byte) string {
	t.Helper()
	jws, err := jose.ParseSignedCompact(secret, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	var known jose.JSONWebKeySet
	if err := json.Unmarshal(set, &known); err != nil {
		t.Fatal(err)
	}
	id := jws.Signatures[0].Header.KeyID
	found := known.Key(id)
	if len(found) != 1 {
		t.Fatalf("the key set that was read before does not hold key %s", id)
	}
	if _, err := jws.Verify(found[0].Key); err != nil {
		t.Error(err)
	}
	return id
}
