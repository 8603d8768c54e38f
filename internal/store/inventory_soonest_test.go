package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// byExpiryOf walks an inventory by expiry, some at a time.
func byExpiryOf(t *testing.T, s *Store, i token.Inventory, limit int) (names []string) {
	t.Helper()
	i.Soonest, i.Limit = true, limit
	for more := true; more; {
		page, err := s.Inventory(t.Context(), i)
		must(t, err)
		if len(page.Tokens) > limit {
			t.Fatalf("a page of %d", len(page.Tokens))
		}
		for _, k := range page.Tokens {
			names = append(names, k.Name)
		}
		i.After, more = page.Then, page.Then != token.ExpiryPlace{}
	}
	return names
}

// TestSoonestExpiryComesFirst, and what never expires last, oldest first; what is
// over, routine or another's does not come.
func TestSoonestExpiryComesFirst(t *testing.T) {
	was := pageStep
	defer func() { pageStep = was }()
	for _, pageStep = range []step{was, {2, 3}} {
		eachEngine(t, func(t *testing.T, s *Store) {
			in := func(d time.Duration) int64 { return time.Now().Add(d).UnixMilli() }
			add := func(class token.Class, name string, expires int64, change func(*token.Token)) {
				put(t, s, class, func(k *token.Token) {
					k.Kind, k.Name, k.ExpiresAt = token.Service, name, expires
					change(k)
				})
			}
			roams := func(k *token.Token) { k.Kind, k.Workspace, k.Client, k.Person = token.Personal, "", "", "u1" }
			same := func(*token.Token) {}
			add(token.Long, "never", 0, same)
			add(token.Long, "in a year", in(365*24*time.Hour), func(k *token.Token) { k.Owner = "platform" })
			add(token.Long, "never either", 0, func(k *token.Token) { k.Owner = "platform" })
			add(token.Short, "in an hour", in(time.Hour), same)
			add(token.Long, "in a day", in(24*time.Hour), same)
			add(token.Long, "roams for a week", in(7*24*time.Hour), roams)
			add(token.Long, "roams for ever", 0, roams)
			add(token.Long, "over", in(-time.Hour), same)
			add(token.Long, "elsewhere", in(time.Hour), func(k *token.Token) { k.Workspace = "ws2" })
			add(token.Long, "a stranger's", in(time.Hour), func(k *token.Token) { roams(k); k.Person = "u2" })
			add(token.Short, "", in(time.Hour), func(k *token.Token) { k.Kind = token.Access })
			do(t, s, func(tx *Tx) error {
				return tx.PutMembership(t.Context(), &token.Membership{ID: "m", Person: "u1", Workspace: "ws1", Role: token.Member})
			})
			want := []string{"in an hour", "in a day", "roams for a week", "in a year", "never", "never either", "roams for ever"}
			for _, limit := range []int{1, 2, 3, 50} {
				if got := byExpiryOf(t, s, token.Inventory{Workspace: "ws1"}, limit); !slices.Equal(got, want) {
					t.Errorf("%d at a time, in steps of %v: got %q, want %q", limit, pageStep, got, want)
				}
			}
			if got := byExpiryOf(t, s, token.Inventory{Workspace: "ws1", Owner: "platform"}, 1); !slices.Equal(got, []string{"in a year", "never either"}) {
				t.Errorf("with a filter: got %q", got)
			}
		})
	}
}

// TestSoonestExpiryIsWalkedTo: no page by expiry reads or sorts more than what
// one of its sources is known to hold little of.
func TestSoonestExpiryIsWalkedTo(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		fillInventory(t, s)
		a, err := s.asking(t.Context(), token.Inventory{Workspace: "ws1", Status: token.StatusLive})
		must(t, err)
		for _, w := range walks {
			if w.routine {
				continue
			}
			for _, o := range []ordered{w.dated, w.lasting} {
				texts := map[string][]any{o.page: a.of(0, 50, int64(0), int64(5))}
				if o.edge != "" {
					texts[o.edge] = []any{"ws1", int64(0), int64(5), 100}
				}
				for text, args := range texts {
					plan := explain(t, s, text, args)
					sorts := o.edge != "" && !strings.Contains(text, "_secrets") && !strings.Contains(text, "client_tokens") && !strings.Contains(text, "webhooks") &&
						strings.Contains(plan, "TEMP B-TREE")
					if strings.Contains(plan, "SCAN") || strings.Contains(plan, "Seq Scan on tokens") || sorts && !s.engine.shared() {
						t.Errorf("%s\n%s", text, plan)
					}
				}
			}
		}
	})
}

func TestExpiryPlacesAreReadAsWritten(t *testing.T) {
	id := newID(token.Long)
	for _, p := range []token.ExpiryPlace{{At: 5, ID: id}, {ID: id}} {
		if got, ok := token.ParseExpiryPlace(p.String()); !ok || got != p {
			t.Errorf("%v is read as %v, %v", p, got, ok)
		}
	}
	for _, text := range []string{"", "-", "5-", "x-" + id.String(), fmt.Sprintf("-1-%v", id), "5-" + id.String() + "x"} {
		if got, ok := token.ParseExpiryPlace(text); ok {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}
