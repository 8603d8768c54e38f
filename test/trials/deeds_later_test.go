package trials

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/identity"
)

// oneID finds the ids in a list.
var oneID = regexp.MustCompile(`"id":"([0-9a-v]{13})"`)

// later are the deeds on what was issued, and those of who looks after it.
func later() []deed {
	return append(append([]deed{
		{"subscribe", func(t *testing.T, f *faultTrial) act {
			had := must(t, 200)(f.admin("GET", "/v1/webhooks", nil))
			for _, id := range oneID.FindAllStringSubmatch(had.body, -1) { // a workspace has room for fifty
				must(t, 204)(f.admin("DELETE", "/v1/webhooks/"+id[1], nil))
			}
			url := f.fresh("https://hooks.north.example/%d")
			return act{do: func() (answer, error) {
				return f.admin("POST", "/v1/webhooks", map[string]any{"url": url, "events": []string{"key.*"}})
			}}
		}},
		{"change a policy", func(t *testing.T, f *faultTrial) act {
			must(t, 200)(f.admin("PUT", "/v1/policy", map[string]any{"max_per_owner": map[string]int{"ephemeral": 999}})) // one after another
			f.people++
			policy := map[string]any{"max_per_owner": map[string]int{"ephemeral": 1000 + f.people}}
			return act{do: func() (answer, error) { return f.admin("PUT", "/v1/policy", policy) }}
		}},
		{"rules of alerts", func(t *testing.T, f *faultTrial) act {
			put := func() (answer, error) {
				rule := map[string]any{
					"name": f.fresh("rule%d"), "kind": "error_rate", "class": "external", "severity": "ticket", "over": 0.5, "window_minutes": 5, "min_requests": 10, "min_bad": 5,
				}
				return f.admin("PUT", "/v1/alerts/rules", map[string]any{"rules": []any{rule}})
			}
			must(t, 200)(put()) // others take their place
			return act{do: put}
		}},
		{"calendar", func(t *testing.T, f *faultTrial) act {
			must(t, 201)(f.admin("POST", "/v1/expiry-feed", nil)) // another takes its place
			return act{do: func() (answer, error) { return f.admin("POST", "/v1/expiry-feed", nil) }}
		}},
		{"act as a member", func(_ *testing.T, f *faultTrial) act {
			return act{do: func() (answer, error) {
				return f.ask("POST", "/v1/impersonations", map[string]any{"user": "ben@north.example", "reason": "trial"},
					"Cookie", f.ana.cookieHeader(), "Origin", f.base, "X-Workspace-Id", "north")
			}}
		}},
	}, rotations()...), takings()...)
}

// rotations replace the secret of a token, see the new one, and give it up.
func rotations() (all []deed) {
	turned := func(t *testing.T, f *faultTrial) (old, next, path string) {
		t.Helper()
		made := must(t, 201)(f.issue(nil))
		turn := must(t, 201)(f.admin("POST", "/v1/tokens/"+made.text("id")+"/rotations", map[string]any{}))
		_, id, _ := strings.Cut(turn.body, `"rotation":{"id":"`)
		return made.text("token"), turn.text("token"), "/v1/rotations/" + id[:13] + "/"
	}
	return []deed{
		{"rotate", func(t *testing.T, f *faultTrial) act {
			path := "/v1/tokens/" + must(t, 201)(f.issue(nil)).text("id") + "/rotations"
			return act{do: func() (answer, error) { return f.admin("POST", path, map[string]any{}) }}
		}},
		{"first use of a new secret", func(t *testing.T, f *faultTrial) act {
			_, next, _ := turned(t, f)
			return act{do: func() (answer, error) { return f.verify(next) }}
		}},
		{"cancel a rotation", func(t *testing.T, f *faultTrial) act {
			_, _, path := turned(t, f)
			return act{do: func() (answer, error) { return f.admin("POST", path+"cancel", map[string]any{}) }}
		}},
		{"finish a rotation", func(t *testing.T, f *faultTrial) act {
			old, next, path := turned(t, f)
			must(t, 200)(f.verify(next))
			return act{ended: old, do: func() (answer, error) { return f.admin("POST", path+"finish", map[string]any{"reason": "trial"}) }}
		}},
	}
}

// takings take something from whoever holds it.
func takings() []deed {
	return []deed{
		{"report a leak", func(t *testing.T, f *faultTrial) act {
			tok := must(t, 201)(f.issue(nil)).text("token")
			return act{ended: tok, do: func() (answer, error) { return f.ask("POST", "/v1/leaks", map[string]any{"token": tok}) }}
		}},
		{"revoke all of a client", func(t *testing.T, f *faultTrial) act {
			id := f.newClient(t)
			tok := must(t, 200)(f.own(id, "secret-of-"+id)).text("access_token")
			return act{ended: tok, do: func() (answer, error) {
				return f.admin("POST", "/v1/revocations", map[string]any{"by": map[string]string{"client": id}, "reason": "trial"})
			}}
		}},
		{"brown-out", func(t *testing.T, f *faultTrial) act {
			made := must(t, 201)(f.issue(nil))
			return act{ended: made.text("token"), do: func() (answer, error) {
				return f.admin("POST", "/v1/tokens/"+made.text("id")+"/brownout", map[string]any{"minutes": 60})
			}}
		}},
		{"approve a token", func(t *testing.T, f *faultTrial) act {
			path := "/v1/tokens/" + f.waiting(t) + "/approve"
			return act{do: func() (answer, error) { return f.admin("POST", path, nil) }}
		}},
		{"deny a token", func(t *testing.T, f *faultTrial) act {
			path := "/v1/tokens/" + f.waiting(t) + "/deny"
			return act{do: func() (answer, error) { return f.admin("POST", path, map[string]any{"reason": "trial"}) }}
		}},
		{"give tokens to another owner", func(t *testing.T, f *faultTrial) act {
			id, _ := f.newMember(t)
			must(t, 201)(f.issue(map[string]any{"owner": id}))
			return act{do: func() (answer, error) {
				return f.admin("POST", "/v1/users/"+id+"/transfer", map[string]any{"to": "ana@north.example"})
			}}
		}},
		{"invite somebody", func(_ *testing.T, f *faultTrial) act {
			guest := map[string]any{"email": f.fresh("guest%d@north.example")}
			return act{do: func() (answer, error) { return f.admin("POST", "/v1/users", guest) }}
		}},
		{"withdraw an invitation", func(t *testing.T, f *faultTrial) act {
			guest := f.fresh("guest%d@north.example")
			must(t, 201)(f.admin("POST", "/v1/users", map[string]any{"email": guest}))
			return act{do: func() (answer, error) { return f.admin("DELETE", "/v1/invitations/"+guest, nil) }}
		}},
		{"accept an invitation", func(t *testing.T, f *faultTrial) act {
			b := f.guest(t)
			return act{done: func(a answer) bool { return a.header.Get("Location") == "/panel/" }, do: func() (answer, error) {
				return b.visit("POST", "/panel/invitations", fields{"workspace": "north", "action": "accept"}.form())
			}}
		}},
		{"remove a member with what they leave", func(t *testing.T, f *faultTrial) act {
			id, personal := f.newMember(t)
			must(t, 201)(f.issue(map[string]any{"owner": id}))
			return act{ended: personal, do: func() (answer, error) {
				return f.admin("POST", "/v1/users/"+id+"/removal", map[string]any{"service_tokens": map[string]string{"move_to": "ana@north.example"}})
			}}
		}},
	}
}

// guest is the browser of somebody of another workspace who is invited to north.
func (f *faultTrial) guest(t *testing.T) *browser {
	t.Helper()
	who := identity.Declared{Email: f.fresh("guest%d@south.example"), Password: secret("CLEO_PASSWORD")}
	p, _, err := f.Identity.PutUser(t.Context(), system(), who, identity.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Identity.PutMembership(t.Context(), system(), p.ID, identity.DeclaredMembership{Workspace: "south"}, identity.Options{}); err != nil {
		t.Fatal(err)
	}
	must(t, 201)(f.admin("POST", "/v1/users", map[string]any{"email": p.Email}))
	b := f.browser()
	if err := b.signIn(p.Email, secret("CLEO_PASSWORD")); err != nil {
		t.Fatal(err)
	}
	return b
}

// admin asks as north's super admin.
func (f *faultTrial) admin(method, path string, body any) (answer, error) {
	return f.ask(method, path, body, as(secret("ANA_TOKEN"), "north")...)
}

// fresh fills a number into a text that no other has.
func (f *faultTrial) fresh(text string) string {
	f.people++
	return fmt.Sprintf(text, f.people)
}

// waiting returns a token that waits for an approval.
func (f *faultTrial) waiting(t *testing.T) string {
	t.Helper()
	must(t, 200)(f.admin("PUT", "/v1/policy", map[string]any{"approval": []string{"service"}}))
	made := must(t, 201)(f.issue(nil))
	must(t, 200)(f.admin("PUT", "/v1/policy", map[string]any{}))
	return made.text("id")
}
