package hostile_test

import (
	"net/url"
	"strings"
	"testing"
)

// What happens to credentials after they were issued is decided once too,
// whoever is quicker.
func TestLifecycleIsDecidedOnce(t *testing.T) { onEachEngine(t, lifecycleIsDecidedOnce) }

func lifecycleIsDecidedOnce(t *testing.T, p *program) {
	const many = 20
	admin, program := bearer("canary-pat-ana-admin-000"), bearer("mint-canary-client-secret", "X-Workspace-Id", "acme")
	minted := func(more string) answer {
		return p.call(t, "POST", "/v1/tokens", `{"name":"n","scopes":["catalog:read"]`+more+`}`, program)
	}
	race := func(what, method, path, body string, won int, want int) {
		t.Helper()
		all := together(many, func(int) answer { return p.call(t, method, path, body, admin) })
		if n := ok(t, what, all, won); n != want {
			t.Errorf("%s: %d done, want %d", what, n, want)
		}
	}
	id := minted("").json("id")
	race("rotation", "POST", "/v1/tokens/"+id+"/rotations", "{}", 201, 1)
	race("subscription", "POST", "/v1/webhooks", `{"url":"https://hooks.acme.example/","events":["key.*"]}`, 201, 1)
	race("client's rotation", "POST", "/v1/clients/fan/rotations", "{}", 201, 1)

	ended, shown := minted(""), minted("")
	all := together(many, func(i int) answer {
		if i%2 == 0 {
			return p.call(t, "POST", "/v1/leaks", `{"token":"`+shown.json("token")+`","url":"https://paste.example/1"}`, nil)
		}
		return p.call(t, "POST", "/v1/tokens/"+ended.json("id")+"/revoke", "{}", admin)
	})
	ok(t, "ending", all, 200)
	for action, made := range map[string]answer{"token.leaked": shown, "token.revoked": ended} {
		records := p.call(t, "GET", "/v1/audit?action="+action+"&target=token:"+made.json("id"), nil, admin)
		if n := strings.Count(records.body, `"`+action+`"`); n != 1 || p.verified(t, made.json("token")) != 401 {
			t.Errorf("%d records of one %s: %s", n, action, records)
		}
	}

	calendars := together(many, func(int) answer { return p.call(t, "POST", "/v1/expiry-feed", nil, admin) })
	ok(t, "calendar", calendars, 201)
	live := 0
	for _, a := range calendars {
		if p.call(t, "GET", strings.TrimPrefix(a.json("url"), p.base), nil, nil).code == 200 {
			live++
		}
	}
	if live != 1 {
		t.Errorf("%d addresses of one calendar", live)
	}
	p.places(t, admin, minted)
}

// places are as many as the policy says, and who waits for an approval hears one
// answer.
func (p *program) places(t *testing.T, admin headers, minted func(string) answer) {
	t.Helper()
	policy := func(text string) {
		t.Helper()
		if a := p.call(t, "PUT", "/v1/policy", text, admin); a.code != 200 {
			t.Fatal(a)
		}
	}
	policy(`{"max_per_owner":{"service":5}}`)
	all := together(20, func(int) answer { return minted(`,"owner":"leo@acme.example"`) })
	if n := ok(t, "place", all, 201); n != 5 {
		t.Errorf("%d tokens in five places", n)
	}
	policy(`{"approval":["service"]}`)
	for range 5 {
		waits := minted("")
		said := together(8, func(i int) answer {
			if i%2 == 0 {
				return p.call(t, "POST", "/v1/tokens/"+waits.json("id")+"/approve", nil, admin)
			}
			return p.call(t, "POST", "/v1/tokens/"+waits.json("id")+"/deny", `{"reason":"no"}`, admin)
		})
		if n := ok(t, "approval", said, 200); n != 1 {
			t.Errorf("%d answers to who waits", n)
		}
	}
	policy(`{}`)
}

// A secret that was seen to work is not given up at the same moment, and one
// that was given up does not work.
func TestRotationIsConfirmedOrCancelled(t *testing.T) { onEachEngine(t, confirmedOrCancelled) }

func confirmedOrCancelled(t *testing.T, p *program) {
	admin := bearer("canary-pat-ana-admin-000")
	for range 20 {
		made := p.call(t, "POST", "/v1/tokens", `{"name":"n","scopes":["catalog:read"]}`, bearer("mint-canary-client-secret", "X-Workspace-Id", "acme"))
		turn := p.call(t, "POST", "/v1/tokens/"+made.json("id")+"/rotations", "{}", admin)
		id := between(turn.body, `"rotation":{"id":"`, `"`)
		all := together(8, func(i int) answer {
			if i == 5 {
				return p.call(t, "POST", "/v1/rotations/"+id+"/cancel", "{}", admin)
			}
			return p.call(t, "GET", "/verify", nil, bearer(turn.json("token")))
		})
		cancelled := all[5].code == 200
		all[5] = answer{code: 1}
		if seen := ok(t, "first use", all, 200); cancelled && seen > 0 {
			t.Errorf("cancelled, and seen to work %d times", seen)
		}
		if got := p.verified(t, turn.json("token")); cancelled != (got == 401) {
			t.Errorf("cancelled: %v, and the new secret gets %d", cancelled, got)
		}
		if got := p.verified(t, made.json("token")); got != 200 {
			t.Errorf("the old secret gets %d", got)
		}
	}
}

// A request is answered once: the application hears a yes or a no, and what it
// hears is so.
func TestConsentIsOneAnswer(t *testing.T) { onEachEngine(t, consentIsOneAnswer) }

func consentIsOneAnswer(t *testing.T, p *program) {
	ana := p.signedIn(t, "ana@acme.example")
	for range 10 {
		id, _ := p.asked(t, ana, standard("spa", "catalog:read", "https://spa.example/cb"))
		told := map[string]int{}
		for _, a := range together(8, func(i int) answer {
			return p.call(t, "POST", "/panel/consent", form("request", id, "action", []string{"allow", "deny"}[i%2], "workspace", "acme"), ana)
		}) {
			to, err := url.Parse(a.header.Get("Location"))
			if err != nil || a.code >= 500 {
				t.Fatal(a, err)
			}
			if to.Query().Get("code") != "" {
				told["yes"]++
			} else if to.Query().Get("error") != "" {
				told["no"]++
			}
		}
		if told["yes"]+told["no"] != 1 {
			t.Errorf("the application hears %v", told)
		}
	}
}
