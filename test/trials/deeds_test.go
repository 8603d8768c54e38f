package trials

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/identity"
)

// A deed is one kind of request that changes something.
type deed struct {
	name  string
	ready func(t *testing.T, f *faultTrial) act
}

// simple is a deed that needs no subject of its own.
func simple(name string, do func(f *faultTrial) (answer, error)) deed {
	return deed{name, func(_ *testing.T, f *faultTrial) act { return act{do: func() (answer, error) { return do(f) }} }}
}

// deeds are those of every contract.
func deeds() []deed {
	ana := bearer(secret("ANA_TOKEN"))
	return append([]deed{
		simple("client credentials", func(f *faultTrial) (answer, error) { return f.own("backend", secret("BACKEND_SECRET")) }),
		simple("service token", func(f *faultTrial) (answer, error) { return f.issue(nil) }),
		simple("ephemeral token", func(f *faultTrial) (answer, error) {
			return f.issue(map[string]any{"type": "ephemeral", "ttl": 60, "max_uses": 9})
		}),
		simple("impersonated token", func(f *faultTrial) (answer, error) {
			return f.issue(map[string]any{"type": "impersonated", "on_behalf_of": "ben@north.example", "reason": "trial", "ttl": 60})
		}),
		{"idempotent token", func(_ *testing.T, f *faultTrial) act {
			f.people++
			key := fmt.Sprint("key ", f.people)
			return act{do: func() (answer, error) { return f.issue(nil, "Idempotency-Key", key) }}
		}},
		simple("fanbase", func(f *faultTrial) (answer, error) {
			q := fields{"grant_type": "client_credentials", "client_id": "fans", "client_secret": secret("FANS_SECRET")}.form()
			return f.ask("POST", "/api/token?"+q.Encode(), nil)
		}),
		simple("chronos", func(f *faultTrial) (answer, error) {
			return f.ask("POST", "/token/generate", fields{"email": "ben@north.example", "password": secret("BEN_PASSWORD") + ":" + secret("CLIENT_TOKEN")})
		}),
		simple("contentful", func(f *faultTrial) (answer, error) {
			return f.ask("POST", "/users/me/access_tokens", map[string]any{"name": "n", "scopes": []string{"content_management_read"}}, ana...)
		}),
		{"sign in", func(_ *testing.T, f *faultTrial) act {
			return act{done: redirects, do: func() (answer, error) {
				return f.browser().visit("POST", "/panel/login", fields{"email": "ben@north.example", "password": secret("BEN_PASSWORD")}.form())
			}}
		}},
		{"begin an authorization", func(_ *testing.T, f *faultTrial) act {
			path := "/oauth/authorize?client_id=sync&scope=oauth%20crm.objects.contacts.read&redirect_uri=" + url.QueryEscape(syncApp().redirect)
			return act{do: func() (answer, error) { return f.ana.visit("GET", path, nil) }, done: redirects}
		}},
		{"approve a consent", approve},
		{"add a client secret", func(t *testing.T, f *faultTrial) act {
			id := f.newClient(t)
			return act{do: func() (answer, error) {
				return f.ask("POST", "/v1/clients/"+id+"/secrets", map[string]any{}, as(secret("ANA_TOKEN"), "north")...)
			}}
		}},
	}, slices.Concat(renewals(), endings(), later())...)
}

// redirects is the yes of a page: elsewhere than to a problem.
func redirects(a answer) bool {
	return a.status/100 == 3 && param(a.header.Get("Location"), "error") == ""
}

func approve(t *testing.T, f *faultTrial) act {
	request, err := f.ana.request(syncApp())
	if err != nil {
		t.Fatal(err)
	}
	return act{do: func() (answer, error) { return f.ana.allow(request, "north") }, done: func(a answer) bool {
		return param(a.header.Get("Location"), "code") != ""
	}}
}

// renewals are codes and refresh tokens on their way to access tokens.
func renewals() (all []deed) {
	for _, one := range []struct {
		name string
		app  app
	}{{"kept", syncApp()}, {"replaced", phoneApp()}} {
		all = append(all,
			deed{"exchange of " + one.app.id, func(t *testing.T, f *faultTrial) act {
				code := f.newCode(t, one.app)
				return act{do: func() (answer, error) { return f.exchange(one.app, code) }}
			}},
			deed{"refresh token " + one.name, func(t *testing.T, f *faultTrial) act {
				given := must(t, 200)(f.exchange(one.app, f.newCode(t, one.app)))
				return act{do: func() (answer, error) { return f.renew(one.app, given.text("refresh_token")) }}
			}})
	}
	return all
}

func (f *faultTrial) newCode(t *testing.T, a app) string {
	t.Helper()
	code, err := f.ana.code(a, "north")
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// endings are the deeds after which a token opens nothing.
func endings() []deed {
	return []deed{
		{"revoke an access token", func(t *testing.T, f *faultTrial) act {
			tok := must(t, 200)(f.own("backend", secret("BACKEND_SECRET"))).text("access_token")
			return act{ended: tok, do: func() (answer, error) { return f.revoke("backend", secret("BACKEND_SECRET"), tok) }}
		}},
		{"revoke a family by its refresh token", func(t *testing.T, f *faultTrial) act {
			given := must(t, 200)(f.exchange(phoneApp(), f.newCode(t, phoneApp())))
			return act{ended: given.text("access_token"), do: func() (answer, error) {
				return f.ask("POST", "/oauth2/revoke", fields{"client_id": "phone", "token": given.text("refresh_token")}.form())
			}}
		}},
		{"revoke a service token", func(t *testing.T, f *faultTrial) act {
			made := must(t, 201)(f.issue(nil))
			return act{ended: made.text("token"), do: func() (answer, error) {
				return f.ask("POST", "/v1/tokens/"+made.text("id")+"/revoke", map[string]any{}, as(secret("BACKEND_SECRET"), "north")...)
			}}
		}},
		{"suspend a token", func(t *testing.T, f *faultTrial) act {
			made := must(t, 201)(f.issue(nil))
			return act{ended: made.text("token"), do: func() (answer, error) {
				return f.ask("POST", "/v1/tokens/"+made.text("id")+"/suspend", map[string]any{}, as(secret("ANA_TOKEN"), "north")...)
			}}
		}},
		{"revoke a personal token", func(t *testing.T, f *faultTrial) act {
			made := must(t, 201)(f.ask("POST", "/users/me/access_tokens", map[string]any{"name": "n", "scopes": []string{"content_management_read"}}, bearer(secret("ANA_TOKEN"))...))
			_, id, _ := strings.Cut(made.body, `"id":"`)
			id, _, _ = strings.Cut(id, `"`)
			return act{ended: made.text("token"), do: func() (answer, error) {
				return f.ask("PUT", "/users/me/access_tokens/"+id+"/revoked", nil, bearer(secret("ANA_TOKEN"))...)
			}}
		}},
		{"disable a client", func(t *testing.T, f *faultTrial) act {
			id := f.newClient(t)
			tok := must(t, 200)(f.own(id, "secret-of-"+id)).text("access_token")
			return act{ended: tok, do: func() (answer, error) {
				return f.ask("POST", "/v1/clients/"+id+"/disable", map[string]any{}, as(secret("ANA_TOKEN"), "north")...)
			}}
		}},
		{"remove a member", func(t *testing.T, f *faultTrial) act {
			id, personal := f.newMember(t)
			return act{ended: personal, do: func() (answer, error) {
				return f.ask("DELETE", "/v1/users/"+id, nil, as(secret("ANA_TOKEN"), "north")...)
			}}
		}},
		{"sign out", func(t *testing.T, f *faultTrial) act {
			b := f.browser()
			if err := b.signIn("ben@north.example", secret("BEN_PASSWORD")); err != nil {
				t.Fatal(err)
			}
			return act{do: func() (answer, error) { return b.visit("POST", "/panel/logout", nil) }, done: redirects}
		}},
	}
}

// newClient declares a client of north.
func (f *faultTrial) newClient(t *testing.T) string {
	t.Helper()
	f.people++
	id := fmt.Sprintf("client-%d", f.people)
	text := fmt.Sprintf(`clients: [{client_id: %[1]s, client_secret: secret-of-%[1]s, workspace: north, grant_types: [client_credentials], scope: "catalog:read"}]`, id)
	if _, err := f.Apply(context.Background(), "client.yaml", []byte(text), false); err != nil {
		t.Fatal(err)
	}
	return id
}

// newMember makes a member of north with a personal token.
func (f *faultTrial) newMember(t *testing.T) (id, personal string) {
	t.Helper()
	f.people++
	email := fmt.Sprintf("member%d@north.example", f.people)
	p, _, err := f.Identity.PutUser(context.Background(), system(), identity.Declared{Email: email, Name: "Member"}, identity.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Identity.PutMembership(context.Background(), system(), p.ID, identity.DeclaredMembership{Workspace: "north"}, identity.Options{}); err != nil {
		t.Fatal(err)
	}
	personal = fmt.Sprintf("CFPAT-%s-%d", strings.Repeat("m", 30), f.people)
	text := fmt.Sprintf("tokens: [{kind: personal, user: %q, name: seed, secret: %s, scopes: [content_management_read]}]", email, personal)
	if _, err := f.Apply(context.Background(), "member.yaml", []byte(text), false); err != nil {
		t.Fatal(err)
	}
	return p.ID, personal
}
