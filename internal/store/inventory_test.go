package store

import (
	"context"
	"fmt"
	"maps"
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
	page, err := s.Inventory(t.Context(), i)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	var got, ids []token.ID
	for _, k := range page.Tokens {
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
			k.Kind, k.Name, k.Client, k.Person, k.LastFour, k.ExpiresAt = token.Personal, "laptop", "", "u1", "WXYZ", hour*2
		})
		gone := put(t, s, token.Long, func(k *token.Token) { k.Kind, k.Name, k.ExpiresAt = token.Service, "old_robot", 5 })
		routine := put(t, s, token.Short, func(k *token.Token) { k.Name, k.Scopes, k.Contract = "", token.Scopes{"x:y"}, "oauth2" })
		elsewhere := put(t, s, token.Long, func(k *token.Token) { k.Workspace = "ws2" })
		put(t, s, token.Short, func(k *token.Token) { k.Kind, k.Name = token.AuthCode, "" })
		put(t, s, token.Long, func(k *token.Token) { k.Kind, k.Name = token.Session, "" })
		used := func(k *token.Token, at int64) {
			must(t, s.FlushUses(t.Context(), usedOf(map[token.ID]token.Seen{k.ID: {First: at, Last: at, Count: 1}}), unheard))
		}
		used(build, 1000)
		used(brief, 5000)
		ws := func(change func(*token.Inventory)) token.Inventory {
			i := token.Inventory{Workspace: "ws1"}
			change(&i)
			return i
		}

		listedAs(t, s, "all", token.Inventory{Workspace: "ws1"}, routine, gone, mine, brief, build)
		listedAs(t, s, "person", ws(func(i *token.Inventory) { i.Person = "u1" }), mine)
		listedAs(t, s, "kind", ws(func(i *token.Inventory) { i.Kinds = []token.Kind{token.Service} }), gone, build)
		listedAs(t, s, "kinds", ws(func(i *token.Inventory) { i.Kinds = []token.Kind{token.Ephemeral, token.Personal} }), brief, mine)
		listedAs(t, s, "routine", ws(func(i *token.Inventory) { i.Kinds = []token.Kind{token.Access} }), routine)
		listedAs(t, s, "client", ws(func(i *token.Inventory) { i.Client = "ci" }), build)
		listedAs(t, s, "owner", ws(func(i *token.Inventory) { i.Owner = "platform" }), build)
		listedAs(t, s, "contract", ws(func(i *token.Inventory) { i.Contract = "oauth2" }), routine)
		listedAs(t, s, "scope", ws(func(i *token.Inventory) { i.Scope = "x:y" }), routine)
		listedAs(t, s, "part of a scope", ws(func(i *token.Inventory) { i.Scope = "x:" }))
		listedAs(t, s, "active", ws(func(i *token.Inventory) { i.Status = "active" }), routine, mine, brief, build)
		listedAs(t, s, "expired", ws(func(i *token.Inventory) { i.Status = "expired" }), gone)
		listedAs(t, s, "expires before", ws(func(i *token.Inventory) { i.ExpiresBefore = hour + 1 }), gone, brief)
		listedAs(t, s, "expires from", ws(func(i *token.Inventory) { i.ExpiresFrom = 6 }), routine, mine, brief)
		listedAs(t, s, "created before", ws(func(i *token.Inventory) { i.CreatedBefore = build.ID.Time().UnixMilli() }))
		listedAs(t, s, "created from", ws(func(i *token.Inventory) { i.CreatedFrom = build.ID.Time().UnixMilli() }), routine, gone, mine, brief, build)
		listedAs(t, s, "used from", ws(func(i *token.Inventory) { i.UsedFrom = 1001 }), brief)
		listedAs(t, s, "used before", ws(func(i *token.Inventory) { i.UsedBefore = 5000 }), build)
		listedAs(t, s, "never used", ws(func(i *token.Inventory) { i.Unused = true }), routine, gone, mine)
		listedAs(t, s, "idle", ws(func(i *token.Inventory) { i.IdleSince = hour }), routine, gone, mine, brief, build)
		listedAs(t, s, "idle since long ago", ws(func(i *token.Inventory) { i.IdleSince = 5000 }))
		listedAs(t, s, "name", ws(func(i *token.Inventory) { i.Search = "ROBOT" }), gone, build)
		listedAs(t, s, "percent", ws(func(i *token.Inventory) { i.Search = "0% r" }), build)
		listedAs(t, s, "underscore", ws(func(i *token.Inventory) { i.Search = "d_r" }), gone)
		listedAs(t, s, "id", ws(func(i *token.Inventory) { i.Search = brief.ID.String() }), brief)
		listedAs(t, s, "id of a routine one", ws(func(i *token.Inventory) { i.Search = routine.ID.String() }), routine)
		listedAs(t, s, "another's id", ws(func(i *token.Inventory) { i.Search = elsewhere.ID.String() }))
		listedAs(t, s, "four letters", ws(func(i *token.Inventory) { i.Search = "WXYZ" }), mine)
		listedAs(t, s, "last four", ws(func(i *token.Inventory) { i.LastFour = "WXYZ" }), mine)
		listedAs(t, s, "last four in another case", ws(func(i *token.Inventory) { i.LastFour = "wxyz" }))
		listedAs(t, s, "all filters", ws(func(i *token.Inventory) { i.LastFour, i.Person, i.Kinds = "WXYZ", "u1", []token.Kind{token.Service} }))
		listedAs(t, s, "SQL", ws(func(i *token.Inventory) { i.Search, i.Owner = "' OR 1=1 --", "' OR '1'='1" }))
		if _, err := s.Inventory(t.Context(), token.Inventory{}); err == nil {
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
			k := put(t, s, token.Class(n%2), func(k *token.Token) { k.Name = []string{"named", "", ""}[n%3] })
			want = append(want, k.ID)
		}
		slices.Sort(want)
		slices.Reverse(want)
		var got []token.ID
		i := token.Inventory{Workspace: "ws1", Limit: 5}
		for {
			page, err := s.Inventory(t.Context(), i)
			if err != nil || len(page.Tokens) > 5 {
				t.Fatalf("%v, %v", page, err)
			}
			for _, k := range page.Tokens {
				got = append(got, k.ID)
			}
			if i.Before = page.Next; i.Before == 0 {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v\nwant %v", got, want)
		}
	})
}

// TestInventoryReadsIndexesAlone: a page costs the same among a million tokens.
func TestInventoryReadsIndexesAlone(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		fillInventory(t, s)
		a, err := s.asking(t.Context(), token.Inventory{Workspace: "ws1", Search: "x", LastFour: "abcd", Status: token.StatusLive, Scope: "a:b", UsedFrom: 1})
		must(t, err)
		for _, w := range walks {
			texts := map[string][]any{w.page: a.of(1<<60, 50), w.tally: a.of(1<<60, 1, 2), w.attention: a.of(1<<60, 1, 2, 3)}
			if w.edge != "" {
				texts[w.edge] = []any{"ws1", a.before, int64(0), 100}
			}
			for text, args := range texts {
				plan := explain(t, s, text, args)
				if strings.Contains(plan, "SCAN") || strings.Contains(plan, "Seq Scan on tokens") {
					t.Errorf("%s\n%s", text, plan)
				}
				if w.by == viaFour && !strings.Contains(plan, "last_four") && !s.engine.shared() {
					t.Errorf("the last four are not looked up:\n%s", plan)
				}
				if w.by == viaPerson && !strings.Contains(plan, "_roaming") && !s.engine.shared() {
					t.Errorf("what roams is not looked up by its person:\n%s", plan)
				}
			}
		}
	})
}

// fillInventory puts so much into the tables that a planner sees more than
// their first page.
func fillInventory(t *testing.T, s *Store) {
	t.Helper()
	for range 4 {
		deed := &token.Deed{}
		for n := range 500 {
			one, two := newToken(token.Short), newToken(token.Long)
			one.Workspace, two.Workspace = fmt.Sprint("ws", n), fmt.Sprint("ws", n)
			if n%2 == 0 {
				two.Name, two.Person = "named", fmt.Sprint("u", n)
			}
			deed.Issue = append(deed.Issue, one, two)
		}
		must(t, s.Commit(t.Context(), deed))
	}
}

// TestRoutineTokensAreLookedForWithinBounds: a page of everything says how far
// it looked, and a page of them alone goes on there.
func TestRoutineTokensAreLookedForWithinBounds(t *testing.T) {
	was := pageStep
	defer func() { pageStep = was }()
	pageStep = step{4, 10}
	eachEngine(t, func(t *testing.T, s *Store) {
		old := put(t, s, token.Short, func(k *token.Token) { k.Name = "" })
		keep := put(t, s, token.Long, func(k *token.Token) { k.Kind = token.Service })
		deed := &token.Deed{}
		for range 30 {
			k := newToken(token.Short)
			k.Workspace = "ws2"
			deed.Issue = append(deed.Issue, k)
		}
		must(t, s.Commit(t.Context(), deed))
		page, err := s.Inventory(t.Context(), token.Inventory{Workspace: "ws1"})
		if err != nil || len(page.Tokens) != 1 || page.Tokens[0].ID != keep.ID || page.Next != 0 || page.Looked <= old.ID {
			t.Fatalf("got %+v, %v; want the named one alone, and how far was looked", page, err)
		}
		for name, i := range map[string]token.Inventory{
			"alone": {Workspace: "ws1", Kinds: []token.Kind{token.Access}}, "thorough": {Workspace: "ws1", Kinds: token.Kinds, Thorough: true},
		} {
			var got []token.ID
			pages := 0
			for more := true; more; pages++ {
				page, err := s.Inventory(t.Context(), i)
				must(t, err)
				for _, k := range page.Tokens {
					got = append(got, k.ID)
				}
				i.Before, more = page.Next, page.Next != 0
			}
			if !slices.Contains(got, old.ID) || pages < 3 || slices.Contains(got, keep.ID) != (name == "thorough") {
				t.Errorf("%s: got %v in %d pages", name, got, pages)
			}
		}
	})
}

// TestPersonalTokensStandWhereTheirPersonIsAMember: those that open every
// workspace of theirs too, as long as they do.
func TestPersonalTokensStandWhereTheirPersonIsAMember(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		join := func(person, workspace string) *token.Membership {
			m := &token.Membership{ID: person + workspace, Person: person, Workspace: workspace, Role: token.Member}
			do(t, s, func(tx *Tx) error { return tx.PutMembership(t.Context(), m) })
			return m
		}
		roams := put(t, s, token.Long, func(k *token.Token) {
			k.Kind, k.Workspace, k.Client, k.Person, k.LastFour = token.Personal, "", "", "u1", "Roam"
		})
		put(t, s, token.Long, func(k *token.Token) { k.Kind, k.Workspace, k.Client, k.Person = token.Personal, "", "", "u2" })
		listedAs(t, s, "a stranger's", token.Inventory{Workspace: "ws1"})
		join("u1", "ws1")
		join("u2", "ws2")
		listedAs(t, s, "a member's", token.Inventory{Workspace: "ws1"}, roams)
		listedAs(t, s, "by last four", token.Inventory{Workspace: "ws1", LastFour: "Roam"}, roams)
		listedAs(t, s, "elsewhere by last four", token.Inventory{Workspace: "ws2", LastFour: "Roam"})
		listedAs(t, s, "bound ones", token.Inventory{Workspace: "ws1", Bound: true})
		do(t, s, func(tx *Tx) error {
			tx.Cut(token.Cutoff{Support: token.Support{Kind: token.OnMembership, ID: token.MembershipID("u1", "ws1")}})
			return nil
		})
		listedAs(t, s, "after their tokens were cut off", token.Inventory{Workspace: "ws1"})
	})
}

// TestSecretsThatAreNoTokensStandBesideThem, each under its own kind.
func TestSecretsThatAreNoTokensStandBesideThem(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx, secret, hook := t.Context(), newID(token.Long), newID(token.Long)
		do(t, s, func(tx *Tx) error {
			_, err := tx.AddClient(ctx, &token.Client{ID: "web", Workspace: "ws1", Name: "Web shop"})
			must(t, err)
			must(t, tx.PutSecret(ctx, "web", token.Secret{ID: secret, Hash: token.HashOf("x"), LastFour: "Sec1"}))
			hash := token.HashOf("y")
			_, err = tx.exec(ctx, `INSERT INTO client_tokens (hash, workspace, last_four, created_at, id) VALUES ($1, 'ws1', 'Cli1', 1, $2)`, hash[:], int64(newID(token.Long)))
			must(t, err)
			return tx.PutWebhook(ctx, token.Webhook{ID: hook, Workspace: "ws1", URL: "https://a.example/"}, token.SealedSecret{Sealed: []byte("sealed")})
		})
		page, err := s.Inventory(ctx, token.Inventory{Workspace: "ws1"})
		must(t, err)
		got := map[token.Kind]string{}
		for _, k := range page.Tokens {
			got[k.Kind] = k.LastFour + k.Client + k.Name
		}
		want := map[token.Kind]string{token.ClientSecret: "Sec1webWeb shop", token.KindClientToken: "Cli1", token.KindWebhookSecret: ""}
		if !maps.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		page, err = s.Inventory(ctx, token.Inventory{Workspace: "ws1", LastFour: "Sec1", Kinds: []token.Kind{token.ClientSecret}})
		if err != nil || len(page.Tokens) != 1 || page.Tokens[0].ID != secret {
			t.Errorf("by last four: %v, %v", page.Tokens, err)
		}
		page, err = s.Inventory(ctx, token.Inventory{Workspace: "ws1", Search: "Web"})
		if err != nil || len(page.Tokens) != 1 || page.Tokens[0].ID != secret {
			t.Errorf("by a name, which not all of them have: %v, %v", page.Tokens, err)
		}
		if page, err = s.Inventory(ctx, token.Inventory{Workspace: "ws2"}); err != nil || len(page.Tokens) != 0 {
			t.Errorf("another workspace sees %v, %v", page.Tokens, err)
		}
	})
}

func TestTallyCountsWhatAPageShows(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		now := time.Now().UnixMilli()
		a := put(t, s, token.Long, func(k *token.Token) { k.Kind, k.Owner = token.Service, "platform" })
		b := put(t, s, token.Long, func(k *token.Token) { k.Kind, k.Owner = token.Service, "platform" })
		put(t, s, token.Short, func(k *token.Token) { k.Name = "" })
		put(t, s, token.Long, func(k *token.Token) { k.Workspace = "ws2" })
		must(t, s.FlushUses(t.Context(), usedOf(map[token.ID]token.Seen{
			a.ID: {First: 1, Last: now - time.Hour.Milliseconds(), Count: 1}, b.ID: {First: 1, Last: now - 48*time.Hour.Milliseconds(), Count: 1},
		}), unheard))
		sum, err := s.Tally(t.Context(), token.Inventory{Workspace: "ws1", Status: token.StatusLive})
		must(t, err)
		if sum.Count != 3 || sum.AtLeast || sum.Day != 1 || sum.Week != 2 || sum.Used != now-time.Hour.Milliseconds() ||
			sum.Kinds[token.Service] != 2 || sum.Kinds[token.Access] != 1 || sum.Owners["platform"] != 2 || sum.Owners[""] != 1 {
			t.Errorf("got %+v", sum)
		}
	})
}

func TestAttentionCountsEachNeedAlone(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		now, day := time.Now(), 24*time.Hour
		old := func(change func(*token.Token)) *token.Token {
			return put(t, s, token.Long, func(k *token.Token) {
				k.ID = token.NewID(now.Add(-100*day), token.Long)
				k.Credential, k.Kind, k.Owner, k.Purpose, k.ExpiresAt = k.ID, token.Service, "platform", "builds", now.Add(200*day).UnixMilli()
				change(k)
			})
		}
		use := func(k *token.Token, ago time.Duration) {
			at := now.Add(-ago).UnixMilli()
			must(t, s.FlushUses(t.Context(), usedOf(map[token.ID]token.Seen{k.ID: {First: at, Last: at, Count: 1}}), unheard))
		}
		old(func(*token.Token) {})
		use(old(func(k *token.Token) { k.ExpiresAt = now.Add(29 * day).UnixMilli() }), day)
		use(old(func(*token.Token) {}), 91*day)
		use(old(func(k *token.Token) { k.Owner = "" }), day)
		use(old(func(k *token.Token) { k.Purpose = "" }), day)
		use(old(func(k *token.Token) { k.Scopes = token.Scopes{"x:y", token.AdminRead} }), day)
		use(old(func(k *token.Token) { k.Scopes = strings.Split("a b c d e f g h i j k", " ") }), day)
		old(func(k *token.Token) { k.ExpiresAt = 5 })
		old(func(k *token.Token) { k.Workspace = "ws2" })
		got, err := s.Attention(t.Context(), "ws1")
		if want := (token.Attention{Count: 7, Expiring: 1, NeverUsed: 1, Idle: 1, NoOwner: 1, NoPurpose: 1, Broad: 2}); err != nil || *got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
		page, err := s.Inventory(t.Context(), token.Inventory{Workspace: "ws1", Owner: token.UnownedOnly, Status: token.StatusLive})
		if err != nil || len(page.Tokens) != 1 || page.Tokens[0].Owner != "" {
			t.Errorf("what nobody answers for: %v, %v", page, err)
		}
	})
}
