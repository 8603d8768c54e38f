package authority_test

import (
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

func importing(t *testing.T, h *servertest.House, d authority.Imported) (authority.Outcome, error) {
	t.Helper()
	return h.Authority.Import(t.Context(), apply, d, anything)
}

// rowOf returns the row that an imported secret leads to.
func rowOf(t *testing.T, h *servertest.House, secret string) *token.Token {
	t.Helper()
	id, err := h.Store.Imported(t.Context(), token.HashOf(secret))
	if err != nil || id == 0 {
		t.Fatalf("%v, %v", id, err)
	}
	row, err := h.Store.Token(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func TestImportedTokensLiveByTheRulesOfTheirKind(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	admin := personOf(t, h, "admin@w.test").ID
	now := h.Clock.Now()
	ordinary := token.Scopes{"catalog:read"}
	day := 24 * time.Hour
	for _, c := range []struct {
		name string
		d    authority.Imported
		life time.Duration // 0: for ever
	}{
		{"personal", authority.Imported{Kind: token.Personal, Person: admin, Scopes: token.Scopes{token.ManageContent}}, 0},
		{"personal with an expiry", authority.Imported{Kind: token.Personal, Person: admin, Scopes: ordinary, ExpiresAt: now.Add(400 * day).UnixMilli()}, 400 * day},
		{"service", authority.Imported{Kind: token.Service, Workspace: "w", Client: "app", Scopes: ordinary}, 30 * day},
		{"service of a person", authority.Imported{Kind: token.Service, Workspace: "w", Person: admin, Scopes: ordinary}, 30 * day},
		{"access", authority.Imported{Kind: token.Access, Workspace: "v", Client: "app", Scopes: ordinary}, 30 * time.Minute},
		{"ephemeral", authority.Imported{Kind: token.Ephemeral, Workspace: "w", Scopes: ordinary, ExpiresAt: now.Add(time.Hour).UnixMilli()}, time.Hour},
	} {
		c.d.Secret = "made elsewhere: " + c.name
		if out, err := importing(t, h, c.d); err != nil || out != authority.Created {
			t.Fatalf("%s: %s, %v", c.name, out, err)
		}
		row := rowOf(t, h, c.d.Secret)
		want := int64(0)
		if c.life > 0 {
			want = now.Add(c.life).UnixMilli()
		}
		if row.ExpiresAt != want || row.Hash != token.HashOf(c.d.Secret) || row.LastFour != token.LastFour(c.d.Secret) || row.Contract != "import" {
			t.Errorf("%s: got %+v, want it to expire at %d", c.name, row, want)
		}
		if err := judgeAt(h, c.d.Secret); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if out, err := importing(t, h, c.d); err != nil || out != authority.Unchanged {
			t.Errorf("%s again: %s, %v", c.name, out, err)
		}
	}
	h.Clock.Move(31 * day)
	if err := judgeAt(h, "made elsewhere: service"); !token.Is(err, token.InvalidToken) {
		t.Errorf("an imported service token after its time: %v", err)
	}
	if err := judgeAt(h, "made elsewhere: personal"); err != nil {
		t.Errorf("an imported personal token after a month: %v", err)
	}
}

func TestImportedServiceTokenFallsWithThePersonItStandsOn(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	p := personOf(t, h, "member@w.test")
	d := authority.Imported{Kind: token.Service, Workspace: "w", Person: p.ID, Secret: "stands on a member", Scopes: token.Scopes{"catalog:read"}}
	if _, err := importing(t, h, d); err != nil {
		t.Fatal(err)
	}
	if err := h.Identity.Remove(t.Context(), apply, p.ID, "w", "left"); err != nil {
		t.Fatal(err)
	}
	if err := judgeAt(h, d.Secret); !token.Is(err, token.InvalidToken) {
		t.Errorf("got %v, want it dead", err)
	}
	if out, err := importing(t, h, d); err != nil || out == authority.Created || out == authority.Restored {
		t.Errorf("importing again: %s, %v", out, err)
	}
	if err := judgeAt(h, d.Secret); !token.Is(err, token.InvalidToken) {
		t.Errorf("after importing again: %v", err)
	}
}

func TestImportedRefreshTokenIsExchanged(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	d := authority.Imported{Kind: token.Refresh, Workspace: "w", Client: "app", Secret: "a refresh token of the old server", Scopes: token.Scopes{"catalog:read"}}
	if _, err := importing(t, h, d); err != nil {
		t.Fatal(err)
	}
	if row := rowOf(t, h, d.Secret); row.ExpiresAt != 0 || row.Grant == 0 {
		t.Errorf("got %+v, want one without expiry and with a family", row)
	}
	ctx := t.Context()
	c, err := h.Store.Client(ctx, "app")
	if err != nil {
		t.Fatal(err)
	}
	out, err := h.Authority.Refresh(ctx, token.Actor{Kind: token.App, ID: "app"}, c, authority.Renewal{Contract: "hubspot", Secret: d.Secret})
	if err != nil {
		t.Fatal(err)
	}
	if err := judgeAt(h, out.Secret); err != nil {
		t.Errorf("the new access token: %v", err)
	}
	if out.Token.Contract != "hubspot" {
		t.Errorf("it is of the contract %s, want the one that it was asked for by", out.Token.Contract)
	}
}

func TestImportIsRefusedWhatTheMintWouldRefuse(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	member := personOf(t, h, "member@w.test").ID
	stranger := personOf(t, h, "super@v.test").ID
	ordinary := token.Scopes{"catalog:read"}
	far := h.Clock.Now().Add(1000 * 24 * time.Hour).UnixMilli()
	for name, c := range map[string]struct {
		d    authority.Imported
		want token.Code
	}{
		"a scope that nobody knows":        {authority.Imported{Kind: token.Service, Workspace: "w", Scopes: token.Scopes{"nobody.knows"}}, token.InvalidScope},
		"a scope that the workspace lacks": {authority.Imported{Kind: token.Service, Workspace: "w", Scopes: token.Scopes{"events:write"}}, token.InvalidScope},
		"a scope that the client lacks":    {authority.Imported{Kind: token.Service, Workspace: "w", Client: "app", Scopes: token.Scopes{"assets:read"}}, token.InvalidScope},
		"administration for a member":      {authority.Imported{Kind: token.Personal, Person: member, Scopes: token.Scopes{token.AdminWrite}}, token.InvalidScope},
		"administration for a program":     {authority.Imported{Kind: token.Service, Workspace: "w", Scopes: token.Scopes{token.AdminRead}}, token.InvalidScope},
		"no scope":                         {authority.Imported{Kind: token.Personal, Person: member}, token.InvalidScope},
		"a client that is not there":       {authority.Imported{Kind: token.Access, Workspace: "w", Client: "none", Scopes: ordinary}, token.InvalidClient},
		"a workspace that is not there":    {authority.Imported{Kind: token.Service, Workspace: "none", Scopes: ordinary}, token.AccessDenied},
		"a person who is no member":        {authority.Imported{Kind: token.Service, Workspace: "w", Person: stranger, Scopes: ordinary}, token.AccessDenied},
		"a person who is not there":        {authority.Imported{Kind: token.Personal, Person: "none", Scopes: ordinary}, token.AccessDenied},
		"a service token for years":        {authority.Imported{Kind: token.Service, Workspace: "w", Scopes: ordinary, ExpiresAt: far}, token.Invalid},
		"an impersonated token":            {authority.Imported{Kind: token.Impersonated, Workspace: "w", Person: member, Scopes: ordinary}, token.Invalid},
		"the secret of a client":           {authority.Imported{Kind: token.ClientSecret, Workspace: "w", Client: "app"}, token.Invalid},
		"a name with a line end":           {authority.Imported{Kind: token.Service, Workspace: "w", Name: "a\nb", Scopes: ordinary}, token.Invalid},
	} {
		c.d.Secret = "refused: " + name
		if out, err := importing(t, h, c.d); !token.Is(err, c.want) {
			t.Errorf("%s: got %s, %v; want %s", name, out, err, c.want)
		}
		if id, err := h.Store.Imported(t.Context(), token.HashOf(c.d.Secret)); id != 0 || err != nil {
			t.Errorf("%s: imported all the same (%v)", name, err)
		}
	}
}

func TestImportOfWhatHasExpiredIsKeptEnded(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	d := authority.Imported{Kind: token.Service, Workspace: "w", Secret: "out of time", Scopes: token.Scopes{"catalog:read"}, ExpiresAt: h.Clock.Now().UnixMilli()}
	for _, o := range []authority.Options{{}, {Restore: true}} {
		if out, err := h.Authority.Import(t.Context(), apply, d, o); err != nil || out != authority.KeptEnded {
			t.Errorf("%+v: got %s, %v", o, out, err)
		}
	}
	d.ExpiresAt += time.Hour.Milliseconds()
	if out, err := importing(t, h, d); err != nil || out != authority.Created {
		t.Fatalf("got %s, %v", out, err)
	}
	h.Clock.Move(time.Hour)
	if out, err := importing(t, h, d); err != nil || out != authority.KeptEnded {
		t.Errorf("after its time: %s, %v", out, err)
	}
}

// Restoring gives the secret a new row; the one that was revoked stays so.
func TestRestoredImportLeavesTheOldRowEnded(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	d := authority.Imported{Kind: token.Service, Workspace: "w", Secret: "comes and goes", Scopes: token.Scopes{"catalog:read"}}
	if _, err := importing(t, h, d); err != nil {
		t.Fatal(err)
	}
	old := rowOf(t, h, d.Secret)
	if err := judgeAt(h, d.Secret); err != nil {
		t.Fatal(err)
	}
	if err := h.Authority.Revoke(t.Context(), apply, old, "leaked"); err != nil {
		t.Fatal(err)
	}
	h.Clock.Move(time.Second)
	if out, err := h.Authority.Import(t.Context(), apply, d, authority.Options{Restore: true}); err != nil || out != authority.Restored {
		t.Fatalf("got %s, %v", out, err)
	}
	if err := judgeAt(h, d.Secret); err != nil {
		t.Errorf("restored: %v", err)
	}
	still, err := h.Store.Token(t.Context(), old.ID)
	if err != nil || still.EndedAt == 0 || rowOf(t, h, d.Secret).ID == old.ID {
		t.Errorf("the old row is %+v, %v", still, err)
	}
}
