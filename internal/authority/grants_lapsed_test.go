package authority_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

// TestFamilyOfWhichNothingIsLeftEnds: what a person gave with a record, and off
// the list of what they may take back; a client's own is forgotten. Until then,
// and while a refresh token lives, it stays.
func TestFamilyOfWhichNothingIsLeftEnds(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	ana := personOf(t, h, "super@w.test")
	give := func(person string, installed bool) token.ID {
		t.Helper()
		h.Clock.Move(time.Second)
		g := &token.Grant{
			Contract: "fanbase", Client: "app", Workspace: "w", Person: person, Installed: installed,
			CreatedAt: h.Clock.Now().UnixMilli(), Scopes: token.Scopes{"catalog:read"},
		}
		out, err := h.Authority.Issue(t.Context(), token.Actor{Kind: token.App, ID: "app"}, authority.Order{
			Kind: token.Access, Contract: "fanbase", Client: "app", Workspace: "w", Person: person, Scopes: g.Scopes, Family: g, Refresh: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		return out.Token.Grant
	}
	given := give(ana.ID, false)
	own := give("", false)
	install := give(ana.ID, true)
	later := func(d time.Duration) {
		t.Helper()
		h.Clock.Move(d)
		for n := 1; n > 0; {
			var err error
			if n, err = h.Store.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.Authority.LapseGrants(t.Context(), h.Clock.Now()); err != nil {
			t.Fatal(err)
		}
	}
	live := func(id token.ID) bool {
		t.Helper()
		is, err := h.Store.Grant(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return is != nil && is.EndedAt == 0
	}
	later(119 * 24 * time.Hour)
	if !live(given) || !live(own) {
		t.Error("a family ended while its refresh token was kept")
	}
	later(24 * time.Hour)
	if live(given) || live(own) || !live(install) {
		t.Errorf("what a person gave lives: %v, a client's own: %v, an install: %v; want the last alone", live(given), live(own), live(install))
	}
	if is, err := h.Store.Grant(t.Context(), own); is != nil || err != nil {
		t.Errorf("a client's own is %+v, %v", is, err)
	}
	left, err := h.Authority.Given(t.Context(), ana)
	if err != nil || len(left) != 1 || !left[0].Families[0].Installed {
		t.Errorf("they may take back %+v, %v", left, err)
	}
	events, err := h.Store.Events(t.Context(), token.Trail{Workspace: "w", Target: "grant:" + given.String(), Limit: 10})
	if err != nil || len(events) != 1 || events[0].Action != "consent.lapsed" || events[0].Detail["person"] != ana.ID {
		t.Errorf("on record %+v, %v", events, err)
	}
}

// TestOneFamilyKeepsNoOtherFromEnding: what cannot be ended is told of at the end.
func TestOneFamilyKeepsNoOtherFromEnding(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	ana := personOf(t, h, "super@w.test")
	var families []token.ID
	for range 3 {
		h.Clock.Move(time.Second)
		families = append(families, lapsedFamily(t, h, ana.ID))
	}
	h.Clock.Move(91 * 24 * time.Hour)
	for n := 1; n > 0; {
		var err error
		if n, err = h.Store.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	on := &breaking{write: func(tx authority.Tx) authority.Tx { return stuck{tx, families[1]} }}
	err := brokenHouse(t, h, on).LapseGrants(t.Context(), h.Clock.Now())
	if err == nil || !strings.Contains(err.Error(), families[1].String()) {
		t.Errorf("it says %v", err)
	}
	for n, id := range families {
		g, err := h.Store.Grant(t.Context(), id)
		if err != nil || (g.EndedAt != 0) != (n != 1) {
			t.Errorf("family %d ended at %d, %v", n, g.EndedAt, err)
		}
	}
}

// A stuck transaction cannot let one family lapse.
type stuck struct {
	authority.Tx
	family token.ID
}

func (s stuck) LapseGrant(ctx context.Context, id token.ID) (bool, error) {
	if id == s.family {
		return false, errors.New("the page is broken")
	}
	return s.Tx.LapseGrant(ctx, id)
}

// lapsedFamily enters a family of a person that nothing is left of.
func lapsedFamily(t *testing.T, h *servertest.House, person string) token.ID {
	t.Helper()
	now := h.Clock.Now()
	g := &token.Grant{ID: token.NewID(now, token.Long), Contract: "fanbase", Client: "app", Workspace: "w", Person: person, CreatedAt: now.UnixMilli()}
	last := &token.Token{
		ID: token.NewID(now, token.Long), Kind: token.Refresh, Contract: "fanbase", Hash: token.HashOf(g.ID.String()), Workspace: "w", Client: "app", Person: person,
		Grant: g.ID, Born: positionOf(t, h), IssuedAt: now.UnixMilli(), ExpiresAt: now.Add(time.Hour).UnixMilli(),
	}
	last.Credential = last.ID
	if err := h.Store.Commit(t.Context(), &token.Deed{Grant: g, Issue: []*token.Token{last}}); err != nil {
		t.Fatal(err)
	}
	return g.ID
}

// TestLastRefreshTokenOfAFamilyIsKeptAsLongAsTheOthers, though it lives for a
// moment: the purge knows a family's end by it.
func TestLastRefreshTokenOfAFamilyIsKeptAsLongAsTheOthers(t *testing.T) {
	h := servertest.Start(t, `
workspaces: [{id: w, scopes: ["catalog:read"]}]
clients:
  - {client_id: app, client_secret: secret-of-the-app-1, workspace: w, grant_types: [client_credentials, refresh_token], scope: "catalog:read", refresh_token_policy: rotate}
`, nil)
	first, err := h.Authority.Issue(t.Context(), token.Actor{Kind: token.App, ID: "app"}, authority.Order{
		Kind: token.Access, Contract: "fanbase", Client: "app", Workspace: "w", Scopes: token.Scopes{"catalog:read"}, Refresh: true,
		Family: &token.Grant{Contract: "fanbase", Client: "app", Workspace: "w", CreatedAt: h.Clock.Now().UnixMilli(), Scopes: token.Scopes{"catalog:read"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Clock.Move(30*24*time.Hour - time.Minute)
	c, err := h.Verifier.Client(t.Context(), "app")
	if err != nil {
		t.Fatal(err)
	}
	last, err := h.Authority.Refresh(t.Context(), token.Actor{Kind: token.App, ID: "app"}, c, authority.Renewal{Contract: "fanbase", Secret: first.RefreshSecret})
	if err != nil || last.Refresh.ID.Class() != token.Long || last.Refresh.ExpiresAt > h.Clock.Now().Add(time.Minute).UnixMilli() {
		t.Errorf("%+v, %v; want a long row that lives for a minute", last, err)
	}
}
