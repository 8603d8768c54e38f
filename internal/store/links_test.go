package store

import (
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

func TestAccountElsewhereOpensOnePerson(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		add := func(l token.Link) (added bool) {
			t.Helper()
			must(t, s.Do(ctx, func(tx *Tx) (err error) {
				added, err = tx.AddLink(ctx, &l)
				return err
			}))
			return added
		}
		first := token.Link{Issuer: "https://a.example", Subject: "s1", Person: "u1", Email: "ana@a.example", LinkedAt: 5}
		if !add(first) || !add(token.Link{Issuer: "https://b.example", Subject: "s1", Person: "u1"}) {
			t.Fatal("two providers are not two links")
		}
		for _, taken := range []token.Link{
			{Issuer: first.Issuer, Subject: "s1", Person: "u2"}, // somebody else's account
			{Issuer: first.Issuer, Subject: "s2", Person: "u1"}, // a second account of one person
		} {
			if add(taken) {
				t.Errorf("%+v was added beside %+v", taken, first)
			}
		}
		must(t, s.Do(ctx, func(tx *Tx) error {
			used, err := tx.UseLink(ctx, &first)
			if gone, _ := tx.UseLink(ctx, &token.Link{Issuer: first.Issuer, Subject: first.Subject, Person: "u2"}); !used || gone {
				t.Errorf("the link of who has it: %v, of who had it: %v", used, gone)
			}
			return err
		}))
		got, err := s.LinkOf(ctx, "u1", first.Issuer)
		must(t, err)
		if got == nil || got.UsedAt == 0 {
			t.Fatalf("after its use: %+v", got)
		}
		if first.UsedAt = got.UsedAt; *got != first {
			t.Errorf("got %+v, want %+v", *got, first)
		}
		must(t, s.Do(ctx, func(tx *Tx) error {
			if l, err := tx.Link(ctx, first.Issuer, "s1"); err != nil || l == nil || l.Person != "u1" {
				t.Errorf("by its subject: %+v, %v", l, err)
			}
			had, err := tx.DropLinks(ctx, "u1")
			if again, _ := tx.DropLinks(ctx, "u1"); !had || again {
				t.Errorf("dropped %v, and again %v", had, again)
			}
			return err
		}))
		if l, err := s.LinkOf(ctx, "u1", "https://b.example"); err != nil || l != nil {
			t.Errorf("a link is left: %+v, %v", l, err)
		}
	})
}

func TestLinksAreLookedUp(t *testing.T) {
	s := open(t, "sqlite")
	for text, index := range map[string]string{
		readLinkOf: "links_person", `DELETE FROM links WHERE person = $1`: "links_person", `SELECT person FROM links WHERE issuer = $1 AND subject = $2`: "autoindex",
	} {
		if plan := explain(t, s, text, []any{"a", "b"}[:strings.Count(text, "$")]); !strings.Contains(plan, "SEARCH links USING") || !strings.Contains(plan, index) {
			t.Errorf("%s:\n%s", text, plan)
		}
	}
}
