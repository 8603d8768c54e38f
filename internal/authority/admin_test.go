package authority_test

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

// twoTenants is what the tests of declared things begin with.
const twoTenants = `
workspaces: [{id: w, number: 7, scopes: ["catalog:read", "assets:read"]}, {id: v}]
users:
  - {email: super@w.test, memberships: [{workspace: w, role: super_admin}]}
  - {email: admin@w.test, memberships: [{workspace: w, role: admin}]}
  - {email: member@w.test, memberships: [{workspace: w}]}
  - {email: super@v.test, memberships: [{workspace: v, role: super_admin}]}
clients:
  - {client_id: app, client_secret: secret-of-the-app-1, workspace: w, distribution: public, grant_types: [client_credentials, refresh_token], scope: "catalog:read"}
  - {client_id: spa, token_endpoint_auth_method: none, workspace: w, redirect_uris: ["http://127.0.0.1:9/cb"], scope: "openid"}
`

var apply = token.Actor{Kind: token.System, ID: "apply"}

var anything = authority.Options{}

// personOf returns a user by address.
func personOf(t *testing.T, h *servertest.House, email string) *token.Person {
	t.Helper()
	id, err := h.Store.PersonByEmail(t.Context(), email)
	if err != nil || id == "" {
		t.Fatalf("%s: %q, %v", email, id, err)
	}
	p, err := h.Store.Person(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// personAs returns the actor that a user is in workspace w.
func personAs(t *testing.T, h *servertest.House, email string) token.Actor {
	p := personOf(t, h, email)
	return token.Actor{Kind: token.User, ID: p.ID, Name: p.Email, Workspace: "w"}
}

// deeds are the changes of declared things in workspace w, by name.
func deeds(h *servertest.House) map[string]func(ctx context.Context, who token.Actor) error {
	a := h.Authority
	only := func(_ authority.Outcome, err error) error { return err }
	return map[string]func(ctx context.Context, who token.Actor) error{
		"name the workspace": func(ctx context.Context, who token.Actor) error {
			return only(a.PutWorkspace(ctx, who, &token.Workspace{ID: "w", Name: "by " + who.Name}, "", authority.Options{Only: []string{"name"}}))
		},
		"number the workspace": func(ctx context.Context, who token.Actor) error {
			return only(a.PutWorkspace(ctx, who, &token.Workspace{ID: "w", Number: 70}, "", authority.Options{Only: []string{"number"}}))
		},
		"widen the workspace": func(ctx context.Context, who token.Actor) error {
			return only(a.PutWorkspace(ctx, who, &token.Workspace{ID: "w", AllScopes: true}, "", authority.Options{Only: []string{"scopes"}}))
		},
		"make a workspace": func(ctx context.Context, who token.Actor) error {
			return only(a.PutWorkspace(ctx, who, &token.Workspace{ID: "new"}, "", anything))
		},
		"disable the workspace": func(ctx context.Context, who token.Actor) error { return a.DisableWorkspace(ctx, who, "w", "") },
		"make a role": func(ctx context.Context, who token.Actor) error {
			return only(a.PutRole(ctx, who, token.Role{Workspace: "w", Name: "reader"}, anything))
		},
		"make a client": func(ctx context.Context, who token.Actor) error {
			return only(a.PutClient(ctx, who, &token.Client{ID: "new", Workspace: "w"}, "", anything))
		},
		"let a client impersonate": func(ctx context.Context, who token.Actor) error {
			return only(a.PutClient(ctx, who, &token.Client{ID: "actor", Workspace: "w", MayImpersonate: true}, "", anything))
		},
		"let an old client impersonate": func(ctx context.Context, who token.Actor) error {
			return only(a.PutClient(ctx, who, &token.Client{ID: "app", Workspace: "w", MayImpersonate: true}, "", authority.Options{Only: []string{"may_impersonate"}}))
		},
		"make a resource": func(ctx context.Context, who token.Actor) error {
			return only(a.PutResource(ctx, who, &token.Resource{Workspace: "w", Identifier: "https://api.w.test/"}, anything))
		},
		"make a client token": func(ctx context.Context, who token.Actor) error {
			return only(a.PutClientToken(ctx, who, "w", "chronos-token-0001", anything))
		},
		"subscribe": func(ctx context.Context, who token.Actor) error {
			_, _, _, err := a.PutWebhook(ctx, who, token.Webhook{Workspace: "w", URL: "https://hooks.w.test/", Events: []string{"*"}}, "", anything)
			return err
		},
		"make a scope": func(ctx context.Context, who token.Actor) error {
			return only(a.PutScope(ctx, who, &token.ScopeInfo{Name: "brand.new"}, anything))
		},
		"import a token": func(ctx context.Context, who token.Actor) error {
			return only(a.Import(ctx, who, authority.Imported{Kind: token.Service, Workspace: "w", Secret: "made-elsewhere-1", Scopes: token.Scopes{"catalog:read"}}, anything))
		},
	}
}

func TestWhoMayChangeDeclaredThings(t *testing.T) {
	admins := []string{"make a client", "make a resource", "make a client token", "subscribe"}
	supers := append([]string{"name the workspace", "make a role", "let a client impersonate", "let an old client impersonate"}, admins...)
	h := servertest.Start(t, twoTenants, nil)
	for _, c := range []struct {
		name string
		who  token.Actor
		may  []string
	}{
		{"nobody", token.Actor{}, nil},
		{"a super admin of another workspace", personAs(t, h, "super@v.test"), nil},
		{"a member", personAs(t, h, "member@w.test"), nil},
		{"a program of another workspace", token.Actor{Kind: token.App, ID: "x", Workspace: "v"}, nil},
		{"a program with the right to administrate", token.Actor{Kind: token.App, ID: "x", Workspace: "w"}, admins},
		{"an admin", personAs(t, h, "admin@w.test"), admins},
		{"a super admin", personAs(t, h, "super@w.test"), supers},
	} {
		h := servertest.Start(t, twoTenants, nil) // each begins anew
		if c.who.Kind == token.User {
			c.who = personAs(t, h, c.who.Name)
		}
		before := positionOf(t, h)
		for name, deed := range deeds(h) {
			err := deed(t.Context(), c.who)
			if slices.Contains(c.may, name) {
				if err != nil {
					t.Errorf("%s may %s: %v", c.name, name, err)
				}
				continue
			}
			if !token.Is(err, token.Forbidden) && !token.Is(err, token.NotFound) {
				t.Errorf("%s may not %s: got %v", c.name, name, err)
			}
		}
		if c.may == nil && positionOf(t, h) != before {
			t.Errorf("%s changed something", c.name)
		}
	}
	for name, deed := range deeds(h) {
		if err := deed(t.Context(), apply); name != "disable the workspace" && err != nil && !token.Is(err, token.AccessDenied) {
			t.Errorf("the server itself may %s: %v", name, err)
		}
	}
}

func positionOf(t *testing.T, h *servertest.House) int64 {
	t.Helper()
	p, err := h.Store.Position(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p.Position
}

// A deed has one record, and what changes nothing has none.
func TestEachChangeHasOneRecordAndNoChangeHasNone(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	all := deeds(h)
	delete(all, "disable the workspace")
	count := func() (n int) {
		for _, w := range []string{"", "w", "new"} {
			rows, err := h.Store.Events(t.Context(), token.Trail{Workspace: w, Limit: token.MostListed})
			if err != nil {
				t.Fatal(err)
			}
			n += len(rows)
		}
		return n
	}
	for name, deed := range all {
		before := count()
		if err := deed(t.Context(), apply); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n := count() - before; n != 1 {
			t.Errorf("%s: %d records, want 1", name, n)
		}
		position := positionOf(t, h)
		if err := deed(t.Context(), apply); err != nil {
			t.Fatalf("%s again: %v", name, err)
		}
		if n := count() - before; n != 1 || positionOf(t, h) != position {
			t.Errorf("%s again: %d records, position %d, then %d", name, n, position, positionOf(t, h))
		}
	}
}

func TestNumbersAreAssignedAndNeverShared(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	ctx := t.Context()
	taken := func(err error) {
		t.Helper()
		if r := token.AsRefusal(err); r == nil || len(r.Fields) != 1 || r.Fields[0].Name != "number" {
			t.Errorf("got %v, want a refusal at number", err)
		}
	}
	_, err := h.Authority.PutWorkspace(ctx, apply, &token.Workspace{ID: "x", Number: 7}, "", anything)
	taken(err)
	_, err = h.Authority.PutWorkspace(ctx, apply, &token.Workspace{ID: "v", Number: 7}, "", anything)
	taken(err)
	app, err := h.Store.Client(ctx, "app")
	if err != nil || app.Number == 0 {
		t.Fatalf("got %+v, %v", app, err)
	}
	_, err = h.Authority.PutClient(ctx, apply, &token.Client{ID: "x", Workspace: "w", Number: app.Number}, "", anything)
	taken(err)
	_, err = h.Authority.PutClient(ctx, apply, &token.Client{ID: "x", Workspace: "w", Number: -1}, "", anything)
	taken(err)
	if out, err := h.Authority.PutClient(ctx, apply, &token.Client{ID: "app", Workspace: "w", Number: 90}, "", authority.Options{Only: []string{"number"}}); err != nil || out != authority.Changed {
		t.Errorf("got %s, %v", out, err)
	}
}

// What a contract could never read is not accepted as if it could be used.
func TestClientTokenWithAColonIsRefused(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	if _, err := h.Authority.PutClientToken(t.Context(), apply, "w", "chronos:token-0001", anything); !token.Is(err, token.Invalid) {
		t.Errorf("got %v, want a refusal at the field", err)
	}
}

func TestNamesAreNeverTakenFromAnotherTenant(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	ctx := t.Context()
	theirs := personAs(t, h, "super@v.test")
	if _, err := h.Authority.PutResource(ctx, apply, &token.Resource{Workspace: "w", Identifier: "https://api.w.test/"}, anything); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Authority.PutClientToken(ctx, apply, "w", "chronos-token-0001", anything); err != nil {
		t.Fatal(err)
	}
	_, client := h.Authority.PutClient(ctx, theirs, &token.Client{ID: "app", Workspace: "v"}, "mine-now-000000001", authority.Options{Restore: true})
	_, resource := h.Authority.PutResource(ctx, theirs, &token.Resource{Workspace: "v", Identifier: "https://api.w.test/"}, anything)
	_, clientToken := h.Authority.PutClientToken(ctx, theirs, "v", "chronos-token-0001", authority.Options{Restore: true})
	_, asker := h.Authority.PutResource(ctx, theirs, &token.Resource{Workspace: "v", Identifier: "https://api.v.test/", IntrospectionClient: "app"}, anything)
	for what, err := range map[string]error{"client": client, "resource": resource, "client token": clientToken, "asker": asker} {
		if !token.Is(err, token.Invalid) {
			t.Errorf("%s: got %v, want a refusal at the field", what, err)
		}
	}
	_, public := h.Authority.PutResource(ctx, apply, &token.Resource{Workspace: "w", Identifier: "https://two.w.test/", IntrospectionClient: "spa"}, anything)
	if !token.Is(public, token.Invalid) {
		t.Errorf("a public client asks: %v", public)
	}
}

func TestClientOfRS256HasItsKeyAtOnce(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	if _, err := h.Ring.Signer("RS256"); err == nil {
		t.Fatal("there is a key already")
	}
	if _, err := h.Authority.PutClient(t.Context(), apply, &token.Client{ID: "rsa", Workspace: "w", SigningAlg: "RS256"}, "", anything); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Ring.Signer("RS256"); err != nil {
		t.Error(err)
	}
}

func TestKeysOfAClientComeByValueOrByAddress(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	ctx := t.Context()
	put := func(metadata string) string {
		t.Helper()
		c := &token.Client{ID: "pk", Workspace: "w", Metadata: metadata}
		if _, err := h.Authority.PutClient(ctx, apply, c, "", authority.Options{Only: []string{"jwks", "jwks_uri"}}); err != nil {
			t.Fatal(err)
		}
		c, err := h.Store.Client(ctx, "pk")
		if err != nil {
			t.Fatal(err)
		}
		return c.Metadata
	}
	put(`{"client_uri":"https://pk.test/","jwks":{"keys":[]}}`)
	if got, want := put(`{"jwks_uri":"https://pk.test/keys"}`), `{"client_uri":"https://pk.test/","jwks_uri":"https://pk.test/keys"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A tenant's subscription must not make the server speak to its own network.
func TestTenantsSubscribeToPublicAddressesOnly(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	admin := personAs(t, h, "admin@w.test")
	put := func(who token.Actor, url string) error {
		_, _, _, err := h.Authority.PutWebhook(t.Context(), who, token.Webhook{Workspace: "w", URL: url, Events: []string{"*"}}, "", anything)
		return err
	}
	for _, url := range []string{
		"http://hooks.w.test/", "https://localhost/", "https://x.localhost/", "https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f.0.0.1/",
		"https://0177.0.0.1/", "https://10.0.0.1/", "https://192.168.1.1:8443/", "https://172.16.0.1/", "https://169.254.169.254/latest", "https://100.64.0.1/",
		"https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://[fe80::1]/", "https://[fd00::1]/", "https://[64:ff9b::a00:1]/", "https://0.0.0.0/", "https://[::]/",
		"https://intranet/", "https://metadata.google.internal/", "https://printer.local/", "https://user@hooks.w.test/", "https://hooks.w.test/#f",
		"file:///etc/passwd", "gopher://hooks.w.test/", "https:///path", "", "https://10.0.0.1./",
		"https://①②⑦.⓪.⓪.①/", "https://１２７.０.０.１/", "https://127。0。0。1/", "https://ｌocalhost/", "https://hooks.w.test:0/", "https://hooks.w.test:65536/",
	} {
		if err := put(admin, url); !token.Is(err, token.Invalid) {
			t.Errorf("%q: got %v, want a refusal at url", url, err)
		}
	}
	for _, url := range []string{"https://hooks.w.test/ficha?key=1", "https://hooks.w.test:8443/", "https://xn--bcher-kva.example/", "https://9.9.9.9/", "https://[2620:fe::fe]/"} {
		if err := put(admin, url); err != nil {
			t.Errorf("%q: %v", url, err)
		}
	}
	if err := put(apply, "http://127.0.0.1:9000/"); err != nil {
		t.Errorf("the server's own file names this machine: %v", err)
	}
}

func TestSecretOfASubscriptionIsMadeSealedAndTold(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	ctx := t.Context()
	hook := token.Webhook{Workspace: "w", URL: "https://hooks.w.test/", Events: []string{"token.*"}}
	made, secret, out, err := h.Authority.PutWebhook(ctx, apply, hook, "", anything)
	if err != nil || out != authority.Created {
		t.Fatal(out, err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) != 32 || !strings.HasPrefix(secret, "whsec_") {
		t.Errorf("%d bytes, %v: want whsec_ and 32 bytes", len(key), err)
	}
	again, told, out, err := h.Authority.PutWebhook(ctx, apply, hook, "another-secret-0001", anything)
	if err != nil || out != authority.Unchanged || told != "" || again.ID != made.ID {
		t.Errorf("got %v %q %s %v; the secret is told once", again, told, out, err)
	}
	hook.Events = []string{"*"}
	if again, told, out, err = h.Authority.PutWebhook(ctx, apply, hook, "", anything); err != nil || out != authority.Changed || told != "" || again.ID != made.ID {
		t.Errorf("got %v %q %s %v", again, told, out, err)
	}
	other := token.NewID(h.Clock.Now().Add(time.Second), token.Long)
	if _, err := h.Authority.WebhookSecret(other, []byte(secret)); err == nil {
		t.Error("what was never sealed opens")
	}
}

// issue mints an access token of the app in a workspace.
func issue(t *testing.T, h *servertest.House, workspace string) (string, error) {
	t.Helper()
	out, err := h.Authority.Issue(t.Context(), token.Actor{Kind: token.App, ID: "app", Workspace: workspace}, authority.Order{
		Kind: token.Access, Contract: "oauth2", Client: "app", Workspace: workspace, Scopes: token.Scopes{"catalog:read"},
	})
	if err != nil {
		return "", err
	}
	return out.Secret, nil
}

func judgeAt(h *servertest.House, secret string) error {
	_, _, err := h.Verifier.Judge(context.Background(), secret, token.Use{Now: h.Clock.Now().UnixMilli(), Surface: token.AtVerify, AnyWorkspace: true})
	return err
}

// A workspace is disabled with its tokens and those of its clients, wherever
// these are installed; enabling it revives none.
func TestDisabledWorkspaceTakesItsTokensAndClientsWithIt(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	ctx := t.Context()
	at, errAt := issue(t, h, "w")
	away, errAway := issue(t, h, "v")
	if err := errors.Join(errAt, errAway, judgeAt(h, at), judgeAt(h, away)); err != nil {
		t.Fatal(err)
	}
	if err := h.Authority.DisableWorkspace(ctx, apply, "w", "unpaid"); err != nil {
		t.Fatal(err)
	}
	dead := func(when string) {
		t.Helper()
		for where, secret := range map[string]string{"at home": at, "away": away} {
			if err := judgeAt(h, secret); !token.Is(err, token.InvalidToken) {
				t.Errorf("%s, the token %s: %v", when, where, err)
			}
		}
	}
	dead("disabled")
	if _, err := h.Authority.AuthenticateClient(ctx, token.Actor{}, authority.ByVendor, "app", "secret-of-the-app-1"); !token.Is(err, token.InvalidClient) {
		t.Errorf("the client of a disabled workspace shows itself: got %v, want invalid_client", err)
	}
	if _, err := h.Authority.ClientBySecret(ctx, token.Actor{}, "w", "secret-of-the-app-1"); !token.Is(err, token.InvalidClient) {
		t.Errorf("its secret alone: got %v, want invalid_client", err)
	}
	for _, where := range []string{"w", "v"} {
		if _, err := issue(t, h, where); token.AsRefusal(err) == nil {
			t.Errorf("the client of a disabled workspace gets a token in %s: %v", where, err)
		}
	}
	if err := h.Authority.DisableWorkspace(ctx, apply, "w", ""); !token.Is(err, token.Conflict) {
		t.Errorf("disabled twice: %v", err)
	}
	if err := h.Authority.EnableWorkspace(ctx, apply, "w", "paid"); err != nil {
		t.Fatal(err)
	}
	dead("enabled")
	if err := h.Authority.EnableWorkspace(ctx, apply, "w", ""); !token.Is(err, token.Conflict) {
		t.Errorf("enabled twice: %v", err)
	}
	fresh, err := issue(t, h, "v")
	if err != nil || judgeAt(h, fresh) != nil {
		t.Errorf("a new token after enabling: %v, %v", err, judgeAt(h, fresh))
	}
}

// Disabling and changing a client at once must not enable it.
func TestChangeOfAClientNeverUndoesItsDisabling(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	done := make(chan error, 1)
	go func() {
		var errs []error
		for i := range 50 {
			c := &token.Client{ID: "app", Workspace: "w", Description: strings.Repeat("x", i+1)}
			_, err := h.Authority.PutClient(context.Background(), apply, c, "", authority.Options{Only: []string{"description"}})
			errs = append(errs, err)
		}
		done <- errors.Join(errs...)
	}()
	if err := h.Authority.DisableClient(t.Context(), apply, "w", "app", "abused"); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if c, err := h.Store.Client(t.Context(), "app"); err != nil || c.DisabledAt == 0 {
		t.Errorf("got %+v, %v; want it disabled", c, err)
	}
}
