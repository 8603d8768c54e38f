package store

import (
	"slices"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

// TestOwnTokensAreEverybodysOwn: of all workspaces and classes, newest first,
// without what others use to act as them, and page by page without loss.
func TestOwnTokensAreEverybodysOwn(t *testing.T) {
	was := pageStep
	defer func() { pageStep = was }()
	pageStep = step{8, 10}
	eachEngine(t, func(t *testing.T, s *Store) {
		var want []token.ID
		for n := range 40 {
			k := put(t, s, token.Class(n%2), func(k *token.Token) {
				k.Kind, k.Client, k.Person, k.Workspace = token.Personal, "", "u1", []string{"", "ws1", "ws2"}[n%3]
				switch n % 5 {
				case 3:
					k.Kind = token.Impersonated
				case 4:
					k.Person = "u2"
				}
			})
			if n%5 < 3 {
				want = append(want, k.ID)
			}
		}
		slices.Sort(want)
		slices.Reverse(want)
		var got []token.ID
		for before, more := token.ID(0), true; more; {
			page, err := s.OwnTokens(t.Context(), "u1", before, 5)
			must(t, err)
			if len(page.Tokens) > 5 {
				t.Fatalf("a page of %d", len(page.Tokens))
			}
			for _, k := range page.Tokens {
				got = append(got, k.ID)
			}
			before, more = page.Next, page.Next != 0
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v\nwant %v", got, want)
		}
		for class := range ownTokens {
			for text, args := range map[string][]any{ownTokens[class]: {"u1", 1 << 60, 0, 5}, ownEdges[class]: {"u1", 1 << 60, 9}} {
				if plan := explain(t, s, text, args); strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
					t.Errorf("%s\n%s", text, plan)
				}
			}
		}
	})
}
