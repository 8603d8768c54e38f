package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// put inserts a token as a deed does; change may alter it first.
func put(t testing.TB, s *Store, class token.Class, change func(*token.Token)) *token.Token {
	t.Helper()
	k := newToken(class)
	k.Name = "named"
	change(k)
	if err := s.Commit(context.Background(), &token.Deed{Issue: []*token.Token{k}}); err != nil {
		t.Fatal(err)
	}
	return k
}

// listedAs fails the test unless a question is answered with these tokens,
// newest first.
func listedAs(t *testing.T, s *Store, what string, i token.Inventory, want ...*token.Token) {
	t.Helper()
	page, err := s.Tokens(t.Context(), i)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	var got, ids []token.ID
	for _, k := range page {
		got = append(got, k.ID)
	}
	for _, k := range want {
		ids = append(ids, k.ID)
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	if !slices.Equal(got, ids) {
		t.Errorf("%s: got %v, want %v", what, got, ids)
	}
}

func TestInventoryFilters(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		hour := time.Now().Add(time.Hour).UnixMilli()
		build := put(t, s, token.Long, func(k *token.Token) {
			k.Kind, k.Name, k.Client, k.Owner, k.ExpiresAt = token.Service, "Build 100% robot", "ci", "platform", 0
		})
		brief := put(t, s, token.Short, func(k *token.Token) { k.Kind, k.Name, k.ExpiresAt = token.Ephemeral, "brief", hour })
		mine := put(t, s, token.Long, func(k *token.Token) {
			k.Kind, k.Name, k.Workspace, k.Client, k.Person, k.LastFour, k.ExpiresAt = token.Personal, "laptop", "", "", "u1", "WXYZ", hour*2
		})
		gone := put(t, s, token.Long, func(k *token.Token) { k.Kind, k.Name, k.ExpiresAt = token.Service, "old_robot", 5 })
		put(t, s, token.Long, func(k *token.Token) { k.Name = "" })
		put(t, s, token.Long, func(k *token.Token) { k.Workspace = "ws2" })
		ws := func(change func(*token.Inventory)) token.Inventory {
			i := token.Inventory{Workspace: "ws1"}
			change(&i)
			return i
		}

		listedAs(t, s, "all", token.Inventory{Workspace: "ws1"}, gone, brief, build)
		listedAs(t, s, "person", token.Inventory{Person: "u1"}, mine)
		listedAs(t, s, "person elsewhere", token.Inventory{Person: "u1", Workspace: "ws1"})
		listedAs(t, s, "kind", ws(func(i *token.Inventory) { i.Kinds = []token.Kind{token.Service} }), gone, build)
		listedAs(t, s, "kinds", ws(func(i *token.Inventory) { i.Kinds = []token.Kind{token.Ephemeral, token.Personal} }), brief)
		listedAs(t, s, "client", ws(func(i *token.Inventory) { i.Client = "ci" }), build)
		listedAs(t, s, "owner", ws(func(i *token.Inventory) { i.Owner = "platform" }), build)
		listedAs(t, s, "active", ws(func(i *token.Inventory) { i.Status = "active" }), brief, build)
		listedAs(t, s, "expired", ws(func(i *token.Inventory) { i.Status = "expired" }), gone)
		listedAs(t, s, "expires before", ws(func(i *token.Inventory) { i.ExpiresBefore = hour + 1 }), gone, brief)
		listedAs(t, s, "expires from", ws(func(i *token.Inventory) { i.ExpiresFrom = 6 }), brief)
		listedAs(t, s, "created before", ws(func(i *token.Inventory) { i.CreatedBefore = build.ID.Time().UnixMilli() }))
		listedAs(t, s, "created from", ws(func(i *token.Inventory) { i.CreatedFrom = build.ID.Time().UnixMilli() }), gone, brief, build)
		listedAs(t, s, "name", ws(func(i *token.Inventory) { i.Search = "ROBOT" }), gone, build)
		listedAs(t, s, "percent", ws(func(i *token.Inventory) { i.Search = "0% r" }), build)
		listedAs(t, s, "underscore", ws(func(i *token.Inventory) { i.Search = "d_r" }), gone)
		listedAs(t, s, "id", ws(func(i *token.Inventory) { i.Search = brief.ID.String() }), brief)
		listedAs(t, s, "another's id", ws(func(i *token.Inventory) { i.Search = mine.ID.String() }))
		listedAs(t, s, "last four", token.Inventory{Person: "u1", Search: "WXYZ"}, mine)
		listedAs(t, s, "last four in another case", token.Inventory{Person: "u1", Search: "wxyz"})
		listedAs(t, s, "SQL", ws(func(i *token.Inventory) { i.Search, i.Owner = "' OR 1=1 --", "' OR '1'='1" }))
		if _, err := s.Tokens(t.Context(), token.Inventory{}); err == nil {
			t.Error("the tokens of everybody were listed")
		}
	})
}

func TestInventoryStatusFollowsTheToken(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		k := put(t, s, token.Long, func(k *token.Token) { k.ExpiresAt = 0 })
		is := func(want string) {
			t.Helper()
			row, err := s.Token(t.Context(), k.ID)
			if err != nil || row.Status(time.Now().UnixMilli()) != want {
				t.Fatalf("the token is %q, %v; want %s", row.Status(time.Now().UnixMilli()), err, want)
			}
			for _, status := range []string{"active", "expired", "suspended", "revoked"} {
				if status == want {
					listedAs(t, s, status, token.Inventory{Workspace: "ws1", Status: status}, k)
				} else {
					listedAs(t, s, status, token.Inventory{Workspace: "ws1", Status: status})
				}
			}
		}
		suspend := func(until int64) {
			do(t, s, func(tx *Tx) error { _, err := tx.Suspend(t.Context(), k.ID, 5, until); return err })
		}
		is("active")
		suspend(0)
		is("suspended")
		suspend(6) // that is over
		is("active")
		suspend(time.Now().Add(time.Hour).UnixMilli())
		is("suspended")
		do(t, s, func(tx *Tx) error {
			_, err := tx.End(t.Context(), token.Ending{ID: k.ID, At: 5, Reason: "revoked"})
			return err
		})
		is("revoked")
	})
}

func TestInventoryPagesMeetWithoutGapOrRepetition(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		var want []token.ID
		for n := range 23 {
			k := put(t, s, token.Class(n%2), func(*token.Token) {})
			want = append(want, k.ID)
		}
		slices.Sort(want)
		slices.Reverse(want)
		var got []token.ID
		i := token.Inventory{Workspace: "ws1", Limit: 5}
		for {
			page, err := s.Tokens(t.Context(), i)
			if err != nil || len(page) > 5 {
				t.Fatalf("%d tokens, %v", len(page), err)
			}
			if len(page) == 0 {
				break
			}
			for _, k := range page {
				got = append(got, k.ID)
			}
			i.Before = got[len(got)-1]
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v\nwant %v", got, want)
		}
	})
}

// TestInventoryWalksItsIndex: a page costs the same among a million tokens.
func TestInventoryWalksItsIndex(t *testing.T) {
	s := open(t, "sqlite")
	for class, by := range listTokens {
		for i, index := range []string{tables[class] + "_workspace (workspace=? AND id>? AND id<?)", tables[class] + "_person (person=? AND id>? AND id<?)"} {
			plan, err := all(t.Context(), s.reads, "EXPLAIN QUERY PLAN "+by[i], func(r *sql.Rows) (detail string, err error) {
				var n [3]int
				err = r.Scan(&n[0], &n[1], &n[2], &detail)
				return detail, err
			}, listArgs(token.Inventory{Workspace: "ws1", Person: "u1", Search: "x"}, 1, 50)...)
			text := strings.Join(plan, "; ")
			if err != nil || !strings.Contains(text, index) || strings.Contains(text, "TEMP B-TREE") || strings.Contains(text, "SCAN") {
				t.Errorf("the plan is %q, %v; want a search of %s", text, err, index)
			}
		}
	}
}
