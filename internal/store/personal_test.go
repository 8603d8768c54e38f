package store

import (
	"slices"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// everything asks for all personal tokens of a person.
func everything(person string) token.PersonalQuery {
	return token.PersonalQuery{Person: person, Created: token.Always(), Expires: token.Always(), Used: token.Always(), Revoked: token.Always(), Limit: 100}
}

// ask fails the test unless a question is answered with these tokens, newest
// first, and their number.
func ask(t *testing.T, s *Store, what string, q token.PersonalQuery, want ...*token.Token) {
	t.Helper()
	page, total, err := s.PersonalTokens(t.Context(), q)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	var got, ids []token.ID
	for _, p := range page {
		got = append(got, p.ID)
	}
	for _, k := range want {
		ids = append(ids, k.ID)
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	if !slices.Equal(got, ids) || total != int64(len(ids)) {
		t.Errorf("%s: got %v of %d, want %v", what, got, total, ids)
	}
}

// mine makes a personal token of u1.
func mine(change func(*token.Token)) func(*token.Token) {
	return func(k *token.Token) {
		k.Kind, k.Workspace, k.Client, k.Person, k.ExpiresAt = token.Personal, "", "", "u1", 0
		if change != nil {
			change(k)
		}
	}
}

func TestPersonalTokensAreFoundByEverySpan(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx, now := t.Context(), time.Now()
		ms := func(d time.Duration) int64 { return now.Add(d).UnixMilli() }
		forever := put(t, s, token.Long, mine(func(k *token.Token) { k.Name, k.LastFour = "100% laptop", "WXYZ" }))
		brief := put(t, s, token.Short, mine(func(k *token.Token) { k.ExpiresAt, k.Workspace = ms(time.Hour), "ws2" }))
		old := put(t, s, token.Long, mine(func(k *token.Token) {
			k.ID = token.FirstID(now.Add(-48*time.Hour)) + 1<<21
			k.Credential, k.Hash, k.ExpiresAt = k.ID, token.HashOf("old"), ms(-time.Hour)
		}))
		gone := put(t, s, token.Long, mine(nil))
		end := token.Ending{ID: gone.ID, At: ms(time.Minute), Reason: "revoked", By: "user:u1"}
		if err := s.Commit(ctx, &token.Deed{End: []token.Ending{end}}); err != nil {
			t.Fatal(err)
		}
		if err := s.FlushUses(ctx, usedOf(map[token.ID]token.Seen{brief.ID: {First: 5, Last: ms(0), Count: 1}}), unheard); err != nil {
			t.Fatal(err)
		}
		put(t, s, token.Long, mine(func(k *token.Token) { k.Person = "u2" }))
		put(t, s, token.Long, mine(func(k *token.Token) { k.Kind = token.Service }))
		put(t, s, token.Long, mine(func(k *token.Token) { k.Name = "" }))

		with := func(change func(*token.PersonalQuery)) token.PersonalQuery {
			q := everything("u1")
			change(&q)
			return q
		}
		after := token.Span{From: ms(0), To: token.Never}
		before := token.Span{From: 1, To: ms(0)}
		ask(t, s, "all", everything("u1"), forever, brief, old, gone)
		ask(t, s, "of another", everything("u3"))
		ask(t, s, "bound to a workspace", with(func(q *token.PersonalQuery) { q.Workspace = "ws2" }), brief)
		ask(t, s, "one", with(func(q *token.PersonalQuery) { q.ID = brief.ID }), brief)
		ask(t, s, "part of the name", with(func(q *token.PersonalQuery) { q.Search = "% LAP" }), forever)
		ask(t, s, "last four", with(func(q *token.PersonalQuery) { q.Search = "WXYZ" }), forever)
		ask(t, s, "expires later: what never does, too", with(func(q *token.PersonalQuery) { q.Expires = after }), forever, brief, gone)
		ask(t, s, "expired", with(func(q *token.PersonalQuery) { q.Expires = before }), old)
		ask(t, s, "never expires", with(func(q *token.PersonalQuery) { q.Expires = token.Span{From: token.Never, To: token.Never} }), forever, gone)
		ask(t, s, "created yesterday", with(func(q *token.PersonalQuery) { q.Created = token.Span{To: ms(-24 * time.Hour)} }), old)
		ask(t, s, "created since", with(func(q *token.PersonalQuery) { q.Created.From = ms(-24 * time.Hour) }), forever, brief, gone)
		ask(t, s, "created after the last id", with(func(q *token.PersonalQuery) { q.Created.From = 1 << 50 }))
		ask(t, s, "used", with(func(q *token.PersonalQuery) { q.Used = before }), brief)
		ask(t, s, "never used", with(func(q *token.PersonalQuery) { q.Used = token.Span{} }), forever, old, gone)
		ask(t, s, "revoked", with(func(q *token.PersonalQuery) { q.Revoked = after }), gone)
		ask(t, s, "not revoked", with(func(q *token.PersonalQuery) { q.Revoked = token.Span{} }), forever, brief, old)

		page, total, err := s.PersonalTokens(ctx, with(func(q *token.PersonalQuery) { q.Skip, q.Limit = 1, 2 }))
		if err != nil || total != 4 || len(page) != 2 || page[0].ID != brief.ID && page[0].ID != forever.ID {
			t.Errorf("second page: got %v of %d, %v; want two of four", page, total, err)
		}
		one, _, err := s.PersonalTokens(ctx, with(func(q *token.PersonalQuery) { q.ID = gone.ID }))
		if err != nil || len(one) != 1 || one[0].RevokedAt != end.At || one[0].Name != "named" || one[0].LastFour != "abcd" || len(one[0].Scopes) != 2 {
			t.Errorf("got %+v, %v; want what was put, revoked at %d", one, err, end.At)
		}
	})
}

func TestWorkspaceSeesThePersonalTokensThatItsLiveMembersOpenItWith(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		join := func(person, workspace string) {
			err := s.Do(ctx, func(tx *Tx) error {
				m := &token.Membership{ID: person + workspace, Person: person, Workspace: workspace, Role: token.Member}
				return tx.PutMembership(ctx, m)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		leave := func(person, workspace string) {
			err := s.Do(ctx, func(tx *Tx) error {
				_, err := tx.EndMembership(ctx, &token.Membership{Person: person, Workspace: workspace}, "")
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		join("u1", "ws1")
		join("u1", "ws2")
		join("u2", "ws2")
		q := everything("")
		q.Workspace = "ws1"
		born := func(k *token.Token) {
			p, err := s.Position(ctx)
			if err != nil {
				t.Fatal(err)
			}
			k.Born = p.Position
		}
		open := put(t, s, token.Long, mine(born))
		bound := put(t, s, token.Long, mine(func(k *token.Token) { born(k); k.Workspace = "ws1" }))
		put(t, s, token.Long, mine(func(k *token.Token) { born(k); k.Workspace = "ws2" }))
		put(t, s, token.Long, mine(func(k *token.Token) { born(k); k.Person = "u2" }))
		ask(t, s, "of the members", q, open, bound)

		leave("u1", "ws1")
		ask(t, s, "after the member left", q)
		members, total, err := s.MembersPage(ctx, "ws1", 0, 10)
		if err != nil || len(members) != 0 || total != 0 {
			t.Errorf("members of ws1: got %v of %d, %v; want none", members, total, err)
		}
		own, _, err := s.PersonalTokens(ctx, everything("u1"))
		if err != nil || len(own) != 3 || own[2].RevokedAt != 0 || own[1].RevokedAt == 0 || own[0].RevokedAt != 0 {
			t.Errorf("own tokens: got %+v, %v; want only the one bound to ws1 revoked", own, err)
		}

		join("u1", "ws1")
		young := put(t, s, token.Long, mine(born))
		ask(t, s, "after the member came back", q, young)
		members, total, err = s.MembersPage(ctx, "ws2", 1, 10)
		if err != nil || len(members) != 1 || members[0].Person != "u2" || total != 2 {
			t.Errorf("second member of ws2: got %v of %d, %v", members, total, err)
		}
	})
}
