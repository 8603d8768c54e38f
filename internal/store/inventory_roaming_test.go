package store

import (
	"fmt"
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

// TestWhatRoamsIsFoundAmongEverybodys: of a member with little it is looked up,
// of one with much it is walked to. Either way nothing of it is left out, and
// nothing of strangers comes in.
func TestWhatRoamsIsFoundAmongEverybodys(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		do(t, s, func(tx *Tx) error {
			return tx.PutMembership(t.Context(), &token.Membership{ID: "m", Person: "u1", Workspace: "ws1", Role: token.Member})
		})
		mine := 0
		roam := func(steps, own int) {
			for n := range steps {
				deed := &token.Deed{}
				for i := range 500 {
					k := newToken(token.Long)
					k.Kind, k.Workspace, k.Client, k.Name, k.Person, k.Born = token.Personal, "", "", "roams", fmt.Sprint("stranger", i%50), 1<<40
					if i < own {
						k.Person, mine = "u1", mine+1
					}
					deed.Issue = append(deed.Issue, k)
				}
				if err := s.Commit(t.Context(), deed); err != nil {
					t.Fatalf("step %d: %v", n, err)
				}
			}
		}
		check := func(few bool) {
			t.Helper()
			i := token.Inventory{Workspace: "ws1"}
			if got, err := s.few(t.Context(), &i); err != nil || got != few {
				t.Fatalf("few is %v, %v with %d tokens", got, err, mine)
			}
			got := map[token.ID]bool{}
			for more := true; more; {
				page, err := s.Inventory(t.Context(), i)
				must(t, err)
				for _, k := range page.Tokens {
					if k.Person != "u1" || got[k.ID] {
						t.Fatalf("%s has %v, twice: %v", k.Person, k.ID, got[k.ID])
					}
					got[k.ID] = true
				}
				i.Before, more = page.Next, page.Next != 0
			}
			if len(got) != mine {
				t.Errorf("few: %v: got %d tokens, want %d", few, len(got), mine)
			}
			if got := byExpiryOf(t, s, token.Inventory{Workspace: "ws1"}, 200); len(got) != mine {
				t.Errorf("few: %v: got %d tokens by expiry, want %d", few, len(got), mine)
			}
		}
		roam(3, 3)
		check(true)
		roam(9, 480)
		check(false)
	})
}
