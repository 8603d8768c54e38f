package hostile_test

import (
	"net/url"
	"sync"
	"testing"
)

// together sends the same request many times at once.
func together(n int, send func(i int) answer) []answer {
	all := make([]answer, n)
	var ready, done sync.WaitGroup
	ready.Add(1)
	for i := range n {
		done.Go(func() {
			ready.Wait()
			all[i] = send(i)
		})
	}
	ready.Done()
	done.Wait()
	return all
}

// ok counts the answers with a code, and reports every fault.
func ok(t *testing.T, what string, all []answer, code int) (n int) {
	t.Helper()
	for _, a := range all {
		if a.code == code {
			n++
		}
		if a.code >= 500 || a.code == 0 {
			t.Errorf("%s: %s", what, a)
		}
	}
	return n
}

func TestRacesAreWonOnce(t *testing.T) { onEachEngine(t, racesAreWonOnce) }

func racesAreWonOnce(t *testing.T, p *program) {
	ana := p.signedIn(t, "ana@acme.example")
	const web, spa, many = "https://web.example/cb", "https://spa.example/cb", 20

	id, _ := p.asked(t, ana, standard("web", "catalog:read", web))
	answers := together(many, func(int) answer {
		return p.call(t, "POST", "/panel/consent", form("request", id, "action", "allow", "workspace", "acme"), ana)
	})
	if n := ok(t, "consent", answers, 303); n != 1 {
		t.Errorf("%d consents of one request", n)
	}

	code := p.allowed(t, ana, standard("web", "catalog:read", web), "acme")
	answers = together(many, func(int) answer {
		return p.redeemed(t, "/oauth2/token", "web", "web-canary-client-secret", web, code, "code_verifier", proof)
	})
	if n := ok(t, "code", answers, 200); n > 1 {
		t.Errorf("%d tokens for one code", n)
	}
	for _, a := range answers {
		if a.code == 200 && p.verified(t, a.json("access_token")) != 401 {
			t.Error("a code was used twice, and what it gave lives")
		}
	}

	code = p.allowed(t, ana, standard("spa", "catalog:read", spa), "acme")
	first := p.redeemed(t, "/oauth2/token", "spa", "", spa, code, "code_verifier", proof)
	successors := map[string]bool{}
	for _, a := range together(many, func(int) answer {
		return p.asClient(t, "/oauth2/token", "spa", "", form("grant_type", "refresh_token", "refresh_token", first.json("refresh_token")))
	}) {
		if a.code == 200 {
			successors[a.json("refresh_token")] = true
		}
	}
	if len(successors) != 1 {
		t.Errorf("%d successors of one refresh token", len(successors))
	}

	made := p.call(t, "POST", "/v1/tokens", `{"name":"five","type":"ephemeral","scopes":["catalog:read"],"max_uses":5}`, bearer("mint-canary-client-secret", "X-Workspace-Id", "acme"))
	answers = together(many, func(int) answer { return p.call(t, "GET", "/verify", nil, bearer(made.json("token"))) })
	if n := ok(t, "max_uses", answers, 200); n != 5 {
		t.Errorf("%d uses of a token for five", n)
	}

	secrets := map[string]bool{}
	answers = together(many, func(int) answer {
		return p.call(t, "POST", "/v1/tokens", `{"name":"once","scopes":["catalog:read"]}`,
			bearer("mint-canary-client-secret", "X-Workspace-Id", "acme", "Idempotency-Key", "one"))
	})
	ok(t, "Idempotency-Key", answers, 201)
	for _, a := range answers {
		secrets[a.json("token")] = true
	}
	if len(secrets) != 1 {
		t.Errorf("%d tokens for one Idempotency-Key", len(secrets))
	}

	answers = together(many, func(int) answer {
		return p.call(t, "POST", "/v1/clients/fan/secrets", "{}", bearer("canary-pat-ana-admin-000"))
	})
	if n := ok(t, "secrets", answers, 201); n > 4 {
		t.Errorf("%d secrets more, want five in all", n)
	}
}

// Who is removed while their tokens are made and refreshed is left with none.
func TestRemovalWinsEveryRace(t *testing.T) { onEachEngine(t, removalWins) }

func removalWins(t *testing.T, p *program) {
	maxine := p.signedIn(t, "max@acme.example")
	const spa = "https://spa.example/cb"
	code := p.allowed(t, maxine, standard("spa", "catalog:read", spa), "acme")
	later := p.allowed(t, maxine, standard("spa", "catalog:read", spa), "acme")
	refresh := p.redeemed(t, "/oauth2/token", "spa", "", spa, code, "code_verifier", proof).json("refresh_token")
	waits, _ := p.asked(t, maxine, standard("spa", "catalog:read", spa))
	login := `{"email":"max@acme.example","password":"canary-password-max:acme-canary-client-token"}`
	all := together(16, func(i int) answer {
		switch i {
		case 7:
			return p.call(t, "DELETE", "/v1/users/max@acme.example", nil, bearer("canary-pat-ana-admin-000"))
		case 3, 4, 5, 6:
			return p.call(t, "POST", "/token/generate", login, nil)
		case 8, 9, 10:
			return p.call(t, "POST", "/users/me/access_tokens", `{"name":"late","scopes":["content_management_manage"]}`, bearer("CFPAT-canary-pat-max-content"))
		}
		a := p.asClient(t, "/oauth2/token", "spa", "", form("grant_type", "refresh_token", "refresh_token", refresh))
		if next := a.json("refresh_token"); next != "" {
			return p.asClient(t, "/oauth2/token", "spa", "", form("grant_type", "refresh_token", "refresh_token", next))
		}
		return a
	})
	ok(t, "the race", all, 200)
	if all[7].code != 204 {
		t.Fatalf("the removal: %s", all[7])
	}
	for i, a := range all {
		for _, name := range []string{"access_token", "token"} {
			if secret := a.json(name); secret != "" && p.verified(t, secret) != 401 {
				t.Errorf("%d: a %s outlived the membership", i, name)
			}
		}
		if next := a.json("refresh_token"); next != "" {
			if a := p.asClient(t, "/oauth2/token", "spa", "", form("grant_type", "refresh_token", "refresh_token", next)); a.code != 400 {
				t.Errorf("%d: refreshed afterwards: %s", i, a)
			}
		}
	}
	if a := p.redeemed(t, "/oauth2/token", "spa", "", spa, later, "code_verifier", proof); a.code != 400 {
		t.Errorf("a code that waited: %s", a)
	}
	if a := p.call(t, "POST", "/panel/consent", url.Values{"request": {waits}, "action": {"allow"}, "workspace": {"acme"}}, maxine); a.header.Get("Location") != "" {
		t.Errorf("a request that waited: %s", a)
	}
	if a := p.call(t, "POST", "/token/generate", login, nil); a.code != 401 {
		t.Errorf("a login afterwards: %s", a)
	}
}
