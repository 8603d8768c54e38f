package authority_test

import (
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

const keepingApps = `
workspaces: [{id: ws1, name: Acme}]
users:
  - {email: ana@example.test, memberships: [{workspace: ws1, role: member}]}
clients:
  - {client_id: days, client_secret: fch-secret-of-days-0123456789, workspace: ws1, grant_types: [authorization_code, refresh_token],
     redirect_uris: ["https://days.example.test/"], scope: "content:write", refresh_token_ttl: 10d, refresh_token_idle_ttl: 2d}
  - {client_id: hours, client_secret: fch-secret-of-hours-0123456789, workspace: ws1, grant_types: [authorization_code, refresh_token],
     redirect_uris: ["https://hours.example.test/"], scope: "content:write", refresh_token_ttl: 6h, refresh_token_idle_ttl: 1h}
  - {client_id: idle, client_secret: fch-secret-of-idle-0123456789, workspace: ws1, grant_types: [authorization_code, refresh_token],
     redirect_uris: ["https://idle.example.test/"], scope: "content:write", refresh_token_idle_ttl: 20h}
`

// keeper refreshes for a client whose refresh tokens stay the same.
type keeper struct {
	*testing.T
	h      *servertest.House
	client *token.Client
	secret string
}

func newKeeper(t *testing.T, h *servertest.House, id string) *keeper {
	t.Helper()
	k := &keeper{T: t, h: h}
	var err error
	if k.client, err = h.Verifier.Client(t.Context(), id); err != nil || k.client == nil {
		t.Fatal(k.client, err)
	}
	ana, err := h.Store.PersonByEmail(t.Context(), "ana@example.test")
	if err != nil {
		t.Fatal(err)
	}
	scopes := token.Scopes{"content:write"}
	out, err := h.Authority.Issue(t.Context(), token.Actor{Kind: token.App, ID: id}, authority.Order{
		Kind: token.Access, Contract: "oauth2", Client: id, Workspace: "ws1", Person: ana, Scopes: scopes, Refresh: true,
		Family: &token.Grant{Contract: "oauth2", Client: id, Person: ana, Workspace: "ws1", Scopes: scopes, CreatedAt: h.Clock.Now().UnixMilli()},
	})
	if err != nil {
		t.Fatal(err)
	}
	k.secret = out.RefreshSecret
	return k
}

// after refreshes when a time has passed, and returns how long the refresh
// token lives from then on, 0 if it was refused.
func (k *keeper) after(d time.Duration) time.Duration {
	k.Helper()
	k.h.Clock.Move(d)
	out, err := k.h.Authority.Refresh(k.Context(), token.Actor{Kind: token.App, ID: k.client.ID}, k.client, authority.Renewal{Contract: "oauth2", Secret: k.secret})
	if token.Is(err, token.InvalidGrant) {
		return 0
	}
	if err != nil || out.RefreshSecret != k.secret {
		k.Fatal(out, err)
	}
	kept, err := k.h.Store.Token(k.Context(), out.Refresh.ID)
	if err != nil || kept.ExpiresAt != out.Refresh.ExpiresAt {
		k.Errorf("told an end at %d, the row says %d, %v", out.Refresh.ExpiresAt, kept.ExpiresAt, err)
	}
	return time.UnixMilli(out.Refresh.ExpiresAt).Sub(k.h.Clock.Now())
}

func TestRefreshTokenThatIsKeptLivesWhileItIsUsed(t *testing.T) {
	const day = 24 * time.Hour
	onEachEngine(t, keepingApps, func(t *testing.T, h *servertest.House) {
		for client, steps := range map[string][]struct{ after, left time.Duration }{
			"days": {
				{30 * time.Minute, 2*day - 30*time.Minute}, // its row is not written for so little
				{day, 2 * day},
				{2*day - time.Minute, 2 * day},
				{2*day - time.Minute, 2 * day},
				{2*day - time.Minute, 2 * day},
				{2*day - time.Minute, day - 26*time.Minute}, // never past its ten days
				{day - 27*time.Minute, time.Minute},
				{time.Minute, 0},
			},
			"hours": {{50 * time.Minute, time.Hour}, {time.Hour - time.Second, time.Hour}, {time.Hour, 0}},
			"idle":  {{19 * time.Hour, 20 * time.Hour}, {19 * time.Hour, 20 * time.Hour}, {19 * time.Hour, 20 * time.Hour}, {21 * time.Hour, 0}},
		} {
			k := newKeeper(t, h, client)
			for i, step := range steps {
				if got := k.after(step.after); got != step.left {
					t.Errorf("%s, step %d: lives %v, want %v", client, i, got, step.left)
				}
			}
		}
	})
}
