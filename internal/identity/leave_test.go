package identity

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fichadev/ficha/internal/store"
	"github.com/fichadev/ficha/internal/token"
)

// robot enters a service token of ws1 that somebody made and answers for.
func (w *world) robot(p *token.Person, change func(*token.Token)) *token.Token {
	w.t.Helper()
	id := token.NewID(w.clock.now(), token.Long)
	tok := &token.Token{ID: id, Credential: id, Kind: token.Service, Contract: "test", Hash: token.HashOf(id.String()), LastFour: "abcd",
		Name: "robot", Sponsor: p.ID, Owner: p.ID, Workspace: "ws1", Born: w.position(), IssuedAt: id.Time().UnixMilli(),
		Scopes: token.Scopes{"a:read"}, ExpiresAt: w.clock.now().Add(720 * time.Hour).UnixMilli()}
	if change != nil {
		change(tok)
	}
	if err := w.store.Commit(w.ctx, &token.Deed{Issue: []*token.Token{tok}}); err != nil {
		w.t.Fatal(err)
	}
	return tok
}

// lives reports whether the judge lets a robot open ws1 now.
func (w *world) lives(id token.ID) bool {
	w.t.Helper()
	tok := w.row(id)
	ws, err := w.store.Workspace(w.ctx, "ws1")
	if err != nil {
		w.t.Fatal(err)
	}
	r := &token.Record{Token: tok, Workspace: ws, Client: &token.Client{ID: tok.Client}}
	if tok.Sponsor != "" {
		r.Sponsor = w.person(tok.Sponsor)
	}
	_, err = token.MayUse(r, token.Use{Now: w.clock.now().UnixMilli(), Surface: token.AtAPI})
	return err == nil
}

func (w *world) row(id token.ID) *token.Token {
	w.t.Helper()
	tok, err := w.store.Token(w.ctx, id)
	if err != nil || tok == nil {
		w.t.Fatalf("token %v: %v, %v", id, tok, err)
	}
	return tok
}

// held is a robot of a client that somebody merely answers for.
func held(t *token.Token) { t.Sponsor, t.Client = "", "c1" }

func TestServiceTokensOfWhoLeavesEndUnlessSomebodySaysOtherwise(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		boss, ana := w.user("boss@example.test", token.SuperAdmin), w.user("ana@example.test", token.Member)
		made, owned := w.robot(ana, nil), w.robot(ana, held)
		if err := w.Remove(w.ctx, as(boss, "ws1"), ana.ID, "ws1", ""); err != nil {
			t.Fatal(err)
		}
		if w.lives(made.ID) || !w.lives(owned.ID) {
			t.Errorf("what stood on her opens %v, a client's %v; want no, yes", w.lives(made.ID), w.lives(owned.ID))
		}
		if is := w.row(owned.ID); is.Owner != ana.ID {
			t.Errorf("a client's went to %q by itself", is.Owner)
		}
	})
}

func TestServiceTokensMoveInTheCommitOfTheRemoval(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		boss, ana, bo := w.user("boss@example.test", token.SuperAdmin), w.user("ana@example.test", token.Member), w.user("bo@example.test", token.Member)
		made, owned, others := w.robot(ana, nil), w.robot(ana, held), w.robot(boss, nil)
		w.news()
		n, err := w.Leave(w.ctx, as(boss, "ws1"), ana.ID, "ws1", Leaving{To: bo.ID})
		if err != nil || n != 2 {
			t.Fatalf("%d moved, %v; want 2", n, err)
		}
		is, client := w.row(made.ID), w.row(owned.ID)
		if !w.lives(made.ID) || is.Sponsor != bo.ID || is.Owner != bo.ID || is.ExpiresAt != made.ExpiresAt || is.Final() {
			t.Errorf("what stood on her is %+v, opens %v", is, w.lives(made.ID))
		}
		if client.Owner != bo.ID || client.Sponsor != "" || w.row(others.ID).Owner != boss.ID {
			t.Errorf("a client's is %+v", client)
		}
		news := w.recorded("token.changed", "token.changed", "member.removed")
		want := map[string]any{"owner": bo.ID, "former_owner": ana.ID, "stands_on": bo.ID, "stood_on": ana.ID}
		if i := slices.IndexFunc(news, func(e *token.Event) bool { return e.Target == "token:"+made.ID.String() }); cmp.Diff(want, news[i].Detail) != "" {
			t.Errorf("on record is %v, want %v", news[i].Detail, want)
		}
		if err := w.Remove(w.ctx, as(boss, "ws1"), bo.ID, "ws1", ""); err != nil || w.lives(made.ID) {
			t.Errorf("%v; once its new one has left it opens %v", err, w.lives(made.ID))
		}
	})
}

// TestKeptTokensEndAtTheirInstantAtTheLatest: they stand on who removed, get no
// later end than they had, and no other secret.
func TestKeptTokensEndAtTheirInstantAtTheLatest(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		boss, ana := w.user("boss@example.test", token.SuperAdmin), w.user("ana@example.test", token.Member)
		until := w.clock.now().Add(48 * time.Hour).UnixMilli()
		long, short, never := w.robot(ana, nil), w.robot(ana, func(k *token.Token) { k.ExpiresAt = until - 1000 }), w.robot(ana, func(k *token.Token) { k.ExpiresAt = 0 })
		if n, err := w.Leave(w.ctx, as(boss, "ws1"), ana.ID, "ws1", Leaving{Until: until}); err != nil || n != 3 {
			t.Fatalf("%d kept, %v; want 3", n, err)
		}
		for _, c := range []struct {
			id  token.ID
			end int64
		}{{long.ID, until}, {short.ID, until - 1000}, {never.ID, until}} {
			if is := w.row(c.id); is.Sponsor != boss.ID || is.ExpiresAt != c.end || !is.Final() || !w.lives(c.id) {
				t.Errorf("it is %+v, opens %v; want its end at %d", is, w.lives(c.id), c.end)
			}
		}
		w.clock.move(48 * time.Hour)
		if w.lives(long.ID) || w.lives(never.ID) {
			t.Error("a kept token outlives its instant")
		}
	})
}

func TestAllThatIsLeftBehindEndsWhereThatIsSaid(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		boss, ana := w.user("boss@example.test", token.SuperAdmin), w.user("ana@example.test", token.Member)
		made, owned := w.robot(ana, nil), w.robot(ana, held)
		w.news()
		if n, err := w.Leave(w.ctx, as(boss, "ws1"), ana.ID, "ws1", Leaving{End: true}); err != nil || n != 2 {
			t.Fatalf("%d ended, %v; want 2", n, err)
		}
		w.recorded("token.revoked", "token.revoked", "member.removed")
		if w.row(made.ID).EndedAt == 0 || w.row(owned.ID).EndedAt == 0 {
			t.Error("one has not ended")
		}
	})
}

// TestHandoverNeverWidens: what the other one may not hold, what the leaver had
// lost, what opens more by a higher role, and what a cutoff ended.
func TestHandoverNeverWidens(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		boss, ana := w.user("boss@example.test", token.SuperAdmin), w.user("ana@example.test", token.Member)
		narrow := w.user("narrow@example.test", "")
		w.member(narrow, DeclaredMembership{Workspace: "ws1", Narrowed: true, Scopes: token.Scopes{"a:read"}})
		try := func(l Leaving, name string, change func(*token.Token)) {
			t.Helper()
			k := w.robot(ana, func(k *token.Token) { k.Name = name; change(k) })
			_, err := w.Leave(w.ctx, as(boss, "ws1"), ana.ID, "ws1", l)
			refused(t, err, token.Invalid)
			if r := token.AsRefusal(err); r == nil || !strings.Contains(fmt.Sprint(r.Fields), name) || !strings.Contains(fmt.Sprint(r.Fields), k.ID.String()) {
				t.Errorf("%s: the refusal names no token: %v", name, err)
			}
			if !w.person(ana.ID).In("ws1").Live() || w.row(k.ID).Sponsor != ana.ID {
				t.Errorf("%s: something was done", name)
			}
			w.put(func(tx *store.Tx) error {
				_, err := tx.End(w.ctx, token.Ending{ID: k.ID, At: 1, Reason: "revoked"})
				return err
			})
		}
		writes := func(k *token.Token) { k.Scopes = token.Scopes{"a:read", "a:write"} }
		try(Leaving{To: narrow.ID}, "writer", writes)
		try(Leaving{To: boss.ID}, "guest", func(k *token.Token) { k.Scopes = token.Scopes{token.ManageContent} })
		try(Leaving{Until: w.clock.now().Add(time.Hour).UnixMilli()}, "guest", func(k *token.Token) { k.Scopes = token.Scopes{token.ManageContent} })
		if _, err := w.PutMembership(w.ctx, apply, ana.ID, DeclaredMembership{Workspace: "ws1", Narrowed: true, Scopes: token.Scopes{"a:read"}}, Options{}); err != nil {
			t.Fatal(err)
		}
		try(Leaving{To: boss.ID}, "dormant", writes)

		dead := w.robot(ana, nil)
		w.put(func(tx *store.Tx) error {
			tx.Cut(token.Cutoff{Support: token.Support{Kind: token.OnMembership, ID: token.MembershipID(ana.ID, "ws1")}, Reason: "leaked"})
			return nil
		})
		alive := w.robot(ana, nil)
		if n, err := w.Leave(w.ctx, as(boss, "ws1"), ana.ID, "ws1", Leaving{To: boss.ID}); err != nil || n != 1 {
			t.Fatalf("%d moved, %v; want 1", n, err)
		}
		if w.lives(dead.ID) || !w.lives(alive.ID) {
			t.Errorf("what was cut off opens %v, what was made since %v", w.lives(dead.ID), w.lives(alive.ID))
		}
	})
}

func TestWhoMaySayWhatBecomesOfServiceTokens(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		boss, ana, bo := w.user("boss@example.test", token.SuperAdmin), w.user("ana@example.test", token.Member), w.user("bo@example.test", token.Member)
		far := w.user("far@example.test", "")
		w.member(far, DeclaredMembership{Workspace: "ws2", Role: token.SuperAdmin})
		w.robot(ana, nil)
		leave := func(who *token.Person, l Leaving) error {
			_, err := w.Leave(w.ctx, as(who, "ws1"), ana.ID, "ws1", l)
			return err
		}
		later := w.clock.now().Add(time.Hour).UnixMilli()
		refused(t, leave(ana, Leaving{To: bo.ID}), token.Forbidden)
		refused(t, leave(bo, Leaving{To: bo.ID}), token.Forbidden)
		refused(t, leave(far, Leaving{To: bo.ID}), token.NotFound)
		refused(t, leave(boss, Leaving{To: far.ID}), token.Invalid)
		refused(t, leave(boss, Leaving{To: ana.ID}), token.Invalid)
		refused(t, leave(boss, Leaving{To: bo.ID, End: true}), token.Invalid)
		refused(t, leave(boss, Leaving{Until: later - 7_200_000}), token.Invalid)
		_, err := w.Leave(w.ctx, apply, ana.ID, "ws1", Leaving{Until: later})
		refused(t, err, token.Invalid)
		_, err = w.Transfer(w.ctx, as(bo, "ws1"), ana.ID, "ws1", bo.ID)
		refused(t, err, token.Forbidden)
		_, err = w.Transfer(w.ctx, as(far, "ws2"), ana.ID, "ws1", bo.ID)
		refused(t, err, token.NotFound)
		_, err = w.Transfer(w.ctx, as(boss, "ws1"), far.ID, "ws1", bo.ID)
		refused(t, err, token.NotFound)
		if n, err := w.Transfer(w.ctx, as(boss, "ws1"), ana.ID, "ws1", bo.ID); err != nil || n != 1 {
			t.Errorf("%d moved, %v; want 1", n, err)
		}
	})
}

// TestNewOwnerIsToldOfWhatCameToThem, unless they took it themselves.
func TestNewOwnerIsToldOfWhatCameToThem(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		boss, ana, bo := w.user("boss@example.test", token.SuperAdmin), w.user("ana@example.test", token.Member), w.user("bo@example.test", token.Member)
		for range 12 {
			w.clock.move(time.Millisecond)
			w.robot(ana, nil)
		}
		w.letters()
		if _, err := w.Leave(w.ctx, as(boss, "ws1"), ana.ID, "ws1", Leaving{To: bo.ID}); err != nil {
			t.Fatal(err)
		}
		got := slices.DeleteFunc(w.letters(), func(l token.Letter) bool { return l.Kind != token.LetterTokensReceived })
		if len(got) != 1 || got[0].To != bo.ID || got[0].Workspace != "ws1" || got[0].Data["from"] != ana.Email || got[0].Data["more"] != "2" ||
			strings.Count(got[0].Data["tokens"], "\n") != 9 || !strings.Contains(got[0].Data["tokens"], "(…") {
			t.Errorf("letters %+v", got)
		}
		if _, err := w.Leave(w.ctx, as(boss, "ws1"), bo.ID, "ws1", Leaving{To: boss.ID}); err != nil {
			t.Fatal(err)
		}
		for _, l := range w.letters() {
			if l.Kind == token.LetterTokensReceived {
				t.Errorf("who took them is told: %+v", l)
			}
		}
	})
}

// TestManyTokensMoveInSteps, and what a leaver merely answered for can move
// after they have left.
func TestManyTokensMoveInSteps(t *testing.T) {
	w := newWorld(t, "sqlite")
	boss, ana := w.user("boss@example.test", token.SuperAdmin), w.user("ana@example.test", token.Member)
	const many = 2*mostHanded + 1
	for range many {
		w.clock.move(time.Millisecond)
		w.robot(ana, nil)
	}
	owned := w.robot(ana, held)
	if n, err := w.Leave(w.ctx, as(boss, "ws1"), ana.ID, "ws1", Leaving{To: boss.ID}); err != nil || n != many+1 {
		t.Fatalf("%d moved, %v; want %d", n, err, many+1)
	}
	left, err := w.store.LeftBehind(w.ctx, "ws1", ana.ID, 0, 10)
	if err != nil || len(left) != 0 || w.person(ana.ID).In("ws1").Live() {
		t.Errorf("%d are left, %v", len(left), err)
	}
	bo := w.user("bo@example.test", token.Member)
	late := w.robot(bo, held)
	if err := w.Remove(w.ctx, as(boss, "ws1"), bo.ID, "ws1", ""); err != nil {
		t.Fatal(err)
	}
	if n, err := w.Transfer(w.ctx, as(boss, "ws1"), bo.ID, "ws1", boss.ID); err != nil || n != 1 || w.row(late.ID).Owner != boss.ID || !w.lives(owned.ID) {
		t.Errorf("%d moved, %v", n, err)
	}
}

// limited lets nobody answer for more live service tokens in ws1.
func (w *world) limited(most int64) {
	w.t.Helper()
	ws, err := w.store.Workspace(w.ctx, "ws1")
	if err != nil {
		w.t.Fatal(err)
	}
	ws.Policy.MaxPerOwner = map[token.Kind]int64{token.Service: most}
	w.workspace(ws)
}

// TestNobodyInheritsMoreThanTheyMayHave: then nothing moves, nobody is removed,
// and what is theirs already, or a second secret of one, takes no place.
func TestNobodyInheritsMoreThanTheyMayHave(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		boss, ana, bo := w.user("boss@example.test", token.SuperAdmin), w.user("ana@example.test", token.Member), w.user("bo@example.test", token.Member)
		w.limited(3)
		w.robot(bo, nil)
		first := w.robot(ana, nil)
		w.robot(ana, func(k *token.Token) { k.Credential, k.Replaces = first.ID, first.ID })
		w.robot(ana, func(k *token.Token) { k.Owner = bo.ID })
		w.robot(ana, held)
		left := func() int {
			t.Helper()
			found, err := w.store.LeftBehind(w.ctx, "ws1", ana.ID, 0, 10)
			if err != nil {
				t.Fatal(err)
			}
			return len(found)
		}
		_, err := w.Transfer(w.ctx, as(boss, "ws1"), ana.ID, "ws1", bo.ID)
		refused(t, err, token.Invalid)
		if !strings.Contains(err.Error(), "may answer for 3 service tokens and has room for 1") {
			t.Errorf("it says %v", err)
		}
		_, err = w.Leave(w.ctx, as(boss, "ws1"), ana.ID, "ws1", Leaving{To: bo.ID})
		refused(t, err, token.Invalid)
		if n := left(); n != 4 || !w.person(ana.ID).In("ws1").Live() {
			t.Errorf("%d are left where nothing was to move", n)
		}
		w.limited(4)
		if n, err := w.Leave(w.ctx, as(boss, "ws1"), ana.ID, "ws1", Leaving{To: bo.ID}); err != nil || n != 4 || left() != 0 {
			t.Errorf("%d moved, %v; want 4", n, err)
		}
	})
}

// TestPlacesAreFoundBeforeTheFirstOfManySteps, so that nothing is half done.
func TestPlacesAreFoundBeforeTheFirstOfManySteps(t *testing.T) {
	w := newWorld(t, "sqlite")
	boss, ana := w.user("boss@example.test", token.SuperAdmin), w.user("ana@example.test", token.Member)
	for range mostHanded + 1 {
		w.clock.move(time.Millisecond)
		w.robot(ana, nil)
	}
	w.limited(mostHanded)
	_, err := w.Transfer(w.ctx, as(boss, "ws1"), ana.ID, "ws1", boss.ID)
	refused(t, err, token.Invalid)
	if found, err := w.store.LeftBehind(w.ctx, "ws1", ana.ID, 0, 2*mostHanded); err != nil || len(found) != mostHanded+1 {
		t.Errorf("%d stayed, %v; want all %d", len(found), err, mostHanded+1)
	}
}

// TestNothingSurvivesARemovalThatRacesAnIssue: what a leaver's rights make at the
// same moment opens nothing, whichever was first, or stands on who took it over.
func TestNothingSurvivesARemovalThatRacesAnIssue(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		boss := w.user("boss@example.test", token.SuperAdmin)
		for round := range 6 {
			ana := w.user(fmt.Sprintf("ana%d@example.test", round), token.Member)
			made := make([]*token.Token, 12)
			var racers sync.WaitGroup
			born := w.position()
			for i := range made {
				id := token.NewID(w.clock.now(), token.Long)
				made[i] = &token.Token{ID: id, Credential: id, Kind: token.Service, Contract: "test", Hash: token.HashOf(id.String()), LastFour: "abcd",
					Name: "robot", Sponsor: ana.ID, Owner: ana.ID, Workspace: "ws1", Born: born, Scopes: token.Scopes{"a:read"}}
				racers.Go(func() {
					err := w.store.Commit(w.ctx, &token.Deed{Issue: []*token.Token{made[i]}})
					if err != nil && token.AsRefusal(err) == nil {
						t.Error(err)
					}
				})
			}
			racers.Go(func() {
				l := Leaving{}
				if round%2 == 1 {
					l.To = boss.ID
				}
				if _, err := w.Leave(w.ctx, as(boss, "ws1"), ana.ID, "ws1", l); err != nil {
					t.Error(err)
				}
			})
			racers.Wait()
			for _, k := range made {
				is, err := w.store.Token(w.ctx, k.ID)
				if err != nil {
					t.Fatal(err)
				}
				if is != nil && w.lives(k.ID) && is.Sponsor != boss.ID {
					t.Errorf("round %d: a token opens on the rights of somebody who left", round)
				}
			}
		}
	})
}
