package trials

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A step is one request of somebody, made of what the earlier ones gave. That
// is kept by who asks, so that a run alone and a run in company mean the same.
type step func(w web, mine *purse) (answer, error)

// A purse is what one workspace holds.
type purse struct {
	client, secret, workspace, admin string
	tokens, ids                      []string
}

func north() *purse {
	return &purse{client: "backend", secret: secret("BACKEND_SECRET"), workspace: "north", admin: secret("ANA_TOKEN")}
}

func south() *purse {
	return &purse{client: "harbour", secret: secret("HARBOUR_SECRET"), workspace: "south", admin: secret("CLEO_TOKEN")}
}

// take keeps what an answer gave.
func (p *purse) take(a answer) {
	if tok := a.text("access_token") + a.text("token"); tok != "" {
		p.tokens = append(p.tokens, tok)
	}
	if id := a.text("id"); id != "" && a.status == 201 {
		p.ids = append(p.ids, id)
	}
}

// pick returns one of a list, or a text that is none of them.
func pick(list []string, n int) string {
	if len(list) == 0 {
		return "06hj51-none"
	}
	return list[n%len(list)]
}

// steps are what a workspace may ask, each with a number to choose by.
func steps() map[string]func(n int) step {
	admin := func(method, path string) func(n int) step {
		return func(int) step {
			return func(w web, p *purse) (answer, error) { return w.ask(method, path, nil, as(p.admin, p.workspace)...) }
		}
	}
	return map[string]func(n int) step{
		"own": func(int) step { return func(w web, p *purse) (answer, error) { return w.own(p.client, p.secret) } },
		"wrong secret": func(int) step {
			return func(w web, p *purse) (answer, error) { return w.own(p.client, "not the secret") }
		},
		"service": func(n int) step {
			return func(w web, p *purse) (answer, error) {
				body := map[string]any{"name": fmt.Sprint("n", n), "scopes": []string{"catalog:read"}, "ttl": 60 + n}
				return w.ask("POST", "/v1/tokens", body, as(p.secret, p.workspace)...)
			}
		},
		"too wide": func(int) step {
			return func(w web, p *purse) (answer, error) {
				return w.ask("POST", "/v1/tokens", map[string]any{"name": "n", "scopes": []string{"users:read"}}, as(p.secret, p.workspace)...)
			}
		},
		"verify": func(n int) step {
			return func(w web, p *purse) (answer, error) { return w.verify(pick(p.tokens, n)) }
		},
		"introspect": func(n int) step {
			return func(w web, p *purse) (answer, error) {
				return w.ask("POST", "/oauth2/introspect", fields{"token": pick(p.tokens, n)}.form(), basic(p.client, p.secret)...)
			}
		},
		"revoke": func(n int) step {
			return func(w web, p *purse) (answer, error) { return w.revoke(p.client, p.secret, pick(p.tokens, n)) }
		},
		"get": func(n int) step {
			return func(w web, p *purse) (answer, error) {
				return w.ask("GET", "/v1/tokens/"+pick(p.ids, n), nil, as(p.secret, p.workspace)...)
			}
		},
		"suspend": func(n int) step {
			return func(w web, p *purse) (answer, error) {
				return w.ask("POST", "/v1/tokens/"+pick(p.ids, n)+"/suspend", map[string]any{"reason": "r"}, as(p.admin, p.workspace)...)
			}
		},
		"disable": func(int) step {
			return func(w web, p *purse) (answer, error) {
				return w.ask("POST", "/v1/clients/"+p.client+"/disable", map[string]any{}, as(p.admin, p.workspace)...)
			}
		},
		"enable": func(int) step {
			return func(w web, p *purse) (answer, error) {
				return w.ask("POST", "/v1/clients/"+p.client+"/enable", map[string]any{}, as(p.admin, p.workspace)...)
			}
		},
		"foreign": func(int) step {
			return func(w web, p *purse) (answer, error) {
				other := map[string]string{"north": "south", "south": "north"}[p.workspace]
				return w.ask("GET", "/v1/tokens", nil, as(p.admin, other)...)
			}
		},
		"remove": func(int) step {
			return func(w web, p *purse) (answer, error) {
				return w.ask("DELETE", "/v1/users/ben@north.example", nil, as(p.admin, p.workspace)...)
			}
		},
		"subscribe": func(n int) step {
			return func(w web, p *purse) (answer, error) {
				body := map[string]any{"url": fmt.Sprintf("https://hooks.%s.example/%d", p.workspace, n), "events": []string{"key.*"}}
				return w.ask("POST", "/v1/webhooks", body, as(p.admin, p.workspace)...)
			}
		},
		"rotate": func(n int) step {
			return func(w web, p *purse) (answer, error) {
				return w.ask("POST", "/v1/tokens/"+pick(p.ids, n)+"/rotations", map[string]any{}, as(p.admin, p.workspace)...)
			}
		},
		"look up": func(n int) step {
			return func(w web, p *purse) (answer, error) {
				return w.ask("POST", "/v1/tokens/lookup", map[string]any{"token": pick(p.tokens, n)}, as(p.admin, p.workspace)...)
			}
		},
		"revoke all": func(int) step {
			return func(w web, p *purse) (answer, error) {
				return w.ask("POST", "/v1/revocations", map[string]any{"by": map[string]string{"client": p.client}, "reason": "r"}, as(p.admin, p.workspace)...)
			}
		},
		"policy": func(n int) step {
			return func(w web, p *purse) (answer, error) {
				return w.ask("PUT", "/v1/policy", map[string]any{"max_ttl": map[string]int{"service": 3600 * (n + 1)}}, as(p.admin, p.workspace)...)
			}
		},
		"attention":   admin("GET", "/v1/tokens/attention"),
		"report":      admin("GET", "/v1/reports/tokens"),
		"rotations":   admin("GET", "/v1/rotations"),
		"revocations": admin("GET", "/v1/revocations"),
		"webhooks":    admin("GET", "/v1/webhooks"),
		"acting":      admin("GET", "/v1/impersonations"),
		"alerts":      admin("GET", "/v1/alerts"),

		"tokens":  admin("GET", "/v1/tokens?limit=200"),
		"clients": admin("GET", "/v1/clients"),
		"users":   admin("GET", "/v1/users"),
		"audit":   admin("GET", "/v1/audit?limit=200"),
	}
}

// A move is one step of a program, and whose it is.
type move struct {
	name   string
	n      int
	theirs bool          // south's
	wait   time.Duration // before it; north's alone, so that time is the same
}

func drawProgram(t *rapid.T) []move {
	names := rapid.SampledFrom(sortedNames(steps()))
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) move {
		m := move{name: names.Draw(t, "step"), n: rapid.IntRange(0, 9).Draw(t, "n"), theirs: rapid.Bool().Draw(t, "south")}
		if !m.theirs {
			m.wait = rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, time.Minute, time.Hour}).Draw(t, "wait")
		}
		return m
	}), 4, 40).Draw(t, "program")
}

// TestOneTenantDoesNotFeelAnother runs the same program of one workspace alone
// and among another one's requests: its answers are the same.
func TestOneTenantDoesNotFeelAnother(t *testing.T) {
	from := template(t)
	rapid.Check(t, func(rt *rapid.T) {
		moves := drawProgram(rt)
		alone, among := play(t, from, moves, false), play(t, from, moves, true)
		for i := range alone {
			if alone[i] != among[i] {
				rt.Fatalf("answer %d to north is\n%s\nalone, and among south's requests\n%s", i, alone[i], among[i])
			}
		}
	})
}

// play returns what north is told, with what differs from run to run replaced.
func play(t *testing.T, from *house, moves []move, company bool) (told []string) {
	t.Helper()
	w := newWorld(t, from)
	defer func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}()
	ours, theirs := north(), south()
	names := &aliases{known: map[string]string{}}
	for _, m := range moves {
		if m.theirs && !company {
			continue
		}
		w.clock.Move(m.wait)
		mine := ours
		if m.theirs {
			mine = theirs
		}
		a, err := steps()[m.name](m.n)(w.web, mine)
		if err != nil {
			t.Fatal(err)
		}
		mine.take(a)
		if !m.theirs {
			told = append(told, fmt.Sprintf("%s: %d %s %s", m.name, a.status, names.in(header(a)), names.in(a.body)))
		}
	}
	return told
}

// header is what a caller sees of an answer beside the body.
func header(a answer) string {
	var lines []string
	for _, name := range sortedNames(a.header) {
		if name != "Content-Length" { // ids and secrets differ in length by nothing, signatures by a byte
			lines = append(lines, name+"="+strings.Join(a.header[name], ","))
		}
	}
	return strings.Join(lines, " ")
}

// aliases give the same name to the same random text, by order of appearance.
type aliases struct{ known map[string]string }

// random is what nobody can foresee: secrets, ids, request ids, the last four
// characters of a secret; and the position of a revocation, which counts the
// endings of the whole server so that it can be compared with its nodes'.
var random = regexp.MustCompile(`fch_[a-z]+_[A-Za-z0-9]+|wh(?:pk|sec)_[A-Za-z0-9+/=]+|eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+|` +
	`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-z]{13}\b|"last_four":"[^"]*"|"position":\d+`)

func (n *aliases) in(text string) string {
	return random.ReplaceAllStringFunc(text, func(s string) string {
		if _, ok := n.known[s]; !ok {
			n.known[s] = fmt.Sprintf("<%d>", len(n.known))
		}
		return n.known[s]
	})
}
