package resources

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/fichadev/ficha/internal/token"
)

func at(line int, keys ...string) Entry { return Entry{Line: line, Keys: keys} }

// theExample is what testdata/example.yaml, the whole format, declares.
func theExample() *File {
	return &File{
		Environment: "production",
		Scopes: []Scope{
			{Entry: at(3, "name", "description", "use"), Name: "content:write",
				Description: map[string]string{"en": "Create, update and publish entries", "es": "Crear, actualizar y publicar entradas"},
				Use:         map[string]string{"en": "Editorial automation"}},
			{Entry: at(4, "name"), Name: "crm.objects.contacts.read"},
			{Entry: at(5, "name"), Name: "forms"},
		},
		Workspaces: []Workspace{{
			Entry: at(8, "id", "name", "number", "domain", "scopes", "policy", "client_tokens", "teams", "spaces"),
			ID:    "ws1", Name: "Acme", Number: 62515, Domain: "acme.example",
			Scopes:       token.Scopes{"content:write", "catalog:read", "crm.objects.contacts.read", "forms"},
			Policy:       token.Policy{MaxTTL: map[token.Kind]int64{token.Service: 90 * 86400}, Registration: "token"},
			ClientTokens: []string{"value of CHRONOS_CLIENT_TOKEN"},
			Teams:        []token.Group{{ID: "editors", Name: "Editors"}},
			Spaces:       []token.Group{{ID: "blog", Name: "Blog"}},
		}},
		Roles:     []Role{{Entry: at(19, "workspace", "name", "scopes"), Workspace: "ws1", Name: "reader", Scopes: token.Scopes{"catalog:read"}}},
		Users:     exampleUsers(),
		Clients:   exampleClients(),
		Resources: []Resource{{Entry: at(72, "identifier", "workspace", "scopes", "token_format", "introspection_client"), Identifier: "https://api.example.test/", Workspace: "ws1", Scopes: token.Scopes{"catalog:read"}, TokenFormat: "jwt", IntrospectionClient: "gateway"}},
		Tokens:    []Import{{Entry: at(75, "kind", "user", "name", "secret", "scopes"), Kind: token.Personal, User: "admin@example.test", Name: "imported", Secret: "CFPAT-admin-seed-token", Scopes: token.Scopes{token.ManageContent}}},
		Webhooks:  []Webhook{{Entry: at(78, "workspace", "url", "events", "secret"), Workspace: "ws1", URL: "https://hooks.example.test/ficha", Events: []string{"token.*", "rotation.*", "alert.*"}, Secret: "whsec_…"}},
	}
}

func exampleUsers() []User {
	return []User{
		{Entry: at(22, "email", "name", "number", "password", "memberships"), Email: "admin@example.test", Name: "Ana Admin", Number: 501, Password: "correct horse",
			Memberships: []Membership{{Entry: at(26, "workspace", "role", "teams", "spaces", "may_impersonate"), Workspace: "ws1", Role: token.SuperAdmin, Teams: []string{"editors"}, Spaces: []string{"blog"}, MayImpersonate: true}}},
		{Entry: at(27, "email", "password", "memberships"), Email: "limited@example.test", Password: "correct horse",
			Memberships: []Membership{{Entry: at(29, "workspace", "role", "scopes"), Workspace: "ws1", Role: token.Member, Scopes: token.Scopes{"catalog:read"}, Narrowed: true}}},
	}
}

func exampleClients() []Client {
	code := []string{"authorization_code", "refresh_token"}
	return []Client{
		{ID: "be-backend", Secret: "be-client-secret", Workspace: "ws1", Name: "Backend", AuthMethod: "client_secret_basic",
			GrantTypes: []string{"client_credentials"}, Scope: token.Scopes{"content:write", "catalog:read"}, Distribution: "private", Introspect: "own",
			Entry:    at(32, "client_id", "client_secret", "workspace", "client_name", "grant_types", "scope", "may_impersonate"),
			Metadata: map[string]any{"client_name": "Backend", "grant_types": []string{"client_credentials"}, "scope": "content:write catalog:read"}},
		{ID: "hs-client", Secret: "hs-secret", Workspace: "ws1", Number: 77, Name: "Contacts sync", Description: "Copies contacts to the newsletter", AuthMethod: "client_secret_basic",
			RedirectURIs: []string{"http://localhost:3000/oauth-callback"}, GrantTypes: code, Scope: token.Scopes{"oauth", "crm.objects.contacts.read"}, OptionalScope: token.Scopes{"forms", "automation"},
			Distribution: "public", InstallableBy: "super_admin", Introspect: "own", AccessTTL: 1800,
			Entry:    at(39, "client_id", "client_secret", "number", "workspace", "distribution", "client_name", "description", "redirect_uris", "grant_types", "scope", "optional_scope", "access_token_ttl", "installable_by"),
			Metadata: map[string]any{"client_name": "Contacts sync", "redirect_uris": []string{"http://localhost:3000/oauth-callback"}, "grant_types": code, "scope": "oauth crm.objects.contacts.read"}},
		{ID: "spa", Workspace: "ws1", AuthMethod: "none", RedirectURIs: []string{"http://127.0.0.1:9/callback"}, GrantTypes: code, Scope: token.Scopes{"openid", "profile", "offline_access"}, Distribution: "private", Introspect: "own",
			Entry:    at(52, "client_id", "token_endpoint_auth_method", "workspace", "redirect_uris", "grant_types", "scope"),
			Metadata: map[string]any{"token_endpoint_auth_method": "none", "redirect_uris": []string{"http://127.0.0.1:9/callback"}, "grant_types": code, "scope": "openid profile offline_access"}},
		{ID: "pk", Workspace: "ws1", AuthMethod: "private_key_jwt", GrantTypes: []string{"client_credentials"}, Scope: token.Scopes{"catalog:read"}, Distribution: "private", Introspect: "own",
			Entry: at(58, "client_id", "token_endpoint_auth_method", "token_endpoint_auth_signing_alg", "jwks", "workspace", "grant_types", "scope"),
			Metadata: map[string]any{"token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "ES256", "grant_types": []string{"client_credentials"}, "scope": "catalog:read",
				"jwks": map[string]any{"keys": []any{map[string]any{"kty": "EC", "crv": "P-256", "x": "…", "y": "…", "kid": "k1"}}}}},
		{ID: "gateway", Secret: "value of GATEWAY_SECRET", Workspace: "ws1", AuthMethod: "client_secret_basic", Distribution: "private", Introspect: "workspace",
			Entry:    at(65, "client_id", "client_secret", "workspace", "grant_types", "introspect"),
			Metadata: map[string]any{"grant_types": []string{}}},
	}
}

func TestExampleOfTheFormatReadsAsItIsDocumented(t *testing.T) {
	text, err := os.ReadFile("testdata/example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	env := func(name string) (string, bool) { return "value of " + name, true }
	got, warnings, err := Parse("resources.yaml", text, env, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(theExample(), got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("want - got +\n%s", diff)
	}
	checkWarnings(t, warnings,
		"resources.yaml:40: clients[1].client_secret: is weak: it has fewer than 16 characters",
		"resources.yaml:78: webhooks[0].secret: is weak: it has fewer than 16 characters")
	want := []Reference{{Kind: ToScope, Name: "catalog:read", Line: 8}}
	if diff := cmp.Diff(want, got.References()); diff != "" {
		t.Errorf("references: want - got +\n%s", diff)
	}
}

func checkWarnings(t *testing.T, got []Warning, want ...string) {
	t.Helper()
	var lines []string
	for _, w := range got {
		lines = append(lines, w.String())
	}
	if diff := cmp.Diff(want, lines, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("warnings: want - got +\n%s", diff)
	}
}
