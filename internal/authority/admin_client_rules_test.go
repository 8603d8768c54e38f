package authority_test

import (
	"slices"
	"testing"

	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

// website is a client that people may register.
func website() token.Client {
	return token.Client{
		Workspace: "w", Name: "Site", AuthMethod: "client_secret_basic", RedirectURIs: []string{"https://site.test/callback"},
		GrantTypes: []string{"authorization_code", "refresh_token"}, Scope: token.Scopes{"content:read"}, Distribution: "private",
	}
}

func TestRegistrationThatNoClientCanHaveIsRefusedAtItsField(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	admin := personAs(t, h, "super@w.test")
	redirect := func(uri string) func(*token.Client) { return func(c *token.Client) { c.RedirectURIs = []string{uri} } }
	for _, try := range []struct {
		field  string
		change func(*token.Client)
	}{
		{"client_name", func(c *token.Client) { c.Name = "" }},
		{"token_endpoint_auth_method", func(c *token.Client) { c.AuthMethod = "private_key_jwt" }},
		{"grant_types", func(c *token.Client) { c.GrantTypes = []string{"password"} }},
		{"grant_types", func(c *token.Client) { c.AuthMethod, c.GrantTypes = "none", []string{"client_credentials"} }},
		{"redirect_uris", func(c *token.Client) { c.RedirectURIs = nil }},
		{"redirect_uris", func(c *token.Client) { c.RedirectURIs = slices.Repeat(c.RedirectURIs, 33) }},
		{"redirect_uris", redirect("javascript:alert(1)")}, {"redirect_uris", redirect("http://site.test/callback")}, {"redirect_uris", redirect("data:text/html,x")},
		{"redirect_uris", redirect("https://site.test/#x")}, {"redirect_uris", redirect("https://a@site.test/")}, {"redirect_uris", redirect("https://*.site.test/")},
		{"redirect_uris", redirect("/callback")}, {"redirect_uris", redirect("https:///callback")}, {"redirect_uris", redirect("https://site.test/\\x")},
		{"distribution", func(c *token.Client) { c.Distribution = "everywhere" }}, {"distribution", func(c *token.Client) { c.Distribution = "listed" }},
		{"installable_by", func(c *token.Client) { c.InstallableBy = "guest" }},
		{"access_token_ttl", func(c *token.Client) { c.AccessTTL = 90*86400 + 1 }},
		{"description", func(c *token.Client) { c.Description = string(make([]byte, 2000)) }},
	} {
		c := website()
		try.change(&c)
		c.ID = h.Authority.NewClientID()
		err := h.Authority.Register(t.Context(), admin, c)
		if r := token.AsRefusal(err); r == nil || len(r.Fields) != 1 || r.Fields[0].Name != try.field {
			t.Errorf("%s %+v: got %v", try.field, c, err)
		}
	}
}

func TestPeopleRegisterAndChangeAClient(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	admin := personAs(t, h, "super@w.test")
	c := website()
	c.RedirectURIs = append(c.RedirectURIs, "http://localhost:9/callback", "com.example.app:/callback")
	id := h.Authority.NewClientID()
	for _, name := range []string{"Site", "Site", "Renamed"} {
		c.ID, c.Name, c.Scope = id, name, token.Scopes{"content:read", "content:write"}
		if err := h.Authority.Register(t.Context(), admin, c); err != nil {
			t.Fatal(err)
		}
	}
	got, err := h.Store.Client(t.Context(), id)
	if err != nil || got.Name != "Renamed" || len(got.RedirectURIs) != 3 || got.Number == 0 || len(got.Secrets) != 0 || !got.Scope.Has("content:write") {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := h.Authority.Register(t.Context(), personAs(t, h, "super@v.test"), c); !token.Is(err, token.NotFound) {
		t.Errorf("a stranger changes it: %v", err)
	}
	theirs := c
	theirs.Workspace = "v"
	if err := h.Authority.Register(t.Context(), personAs(t, h, "super@v.test"), theirs); !token.Is(err, token.NotFound) {
		t.Errorf("another workspace takes it: %v", err)
	}
	for _, odd := range []string{"", "mine", "app_mine", "app_"} {
		other := c
		other.ID = odd
		if err := h.Authority.Register(t.Context(), admin, other); !token.Is(err, token.NotFound) {
			t.Errorf("the id %q is chosen: %v", odd, err)
		}
	}
	if err := h.Authority.DisableClient(t.Context(), admin, "w", id, "over"); err != nil {
		t.Fatal(err)
	}
	if err := h.Authority.Register(t.Context(), admin, c); !token.Is(err, token.Conflict) {
		t.Errorf("a disabled one is changed: %v", err)
	}
}
