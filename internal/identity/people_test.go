package identity

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

func TestUserDeclaredTwiceIsWrittenOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		d := Declared{Email: " Ana@Example.test ", Name: "Ana", Number: 501, Locale: "es", Password: "correct horse"}
		p, out, err := w.PutUser(w.ctx, apply, d, Options{})
		if err != nil || out != Created {
			t.Fatalf("got %s, %v; want created", out, err)
		}
		if p.Email != "ana@example.test" || p.Name != "Ana" || p.Number != 501 || p.Locale != "es" || !strings.HasPrefix(p.ID, "usr_") {
			t.Errorf("made %+v", p)
		}
		w.recorded("user.created")
		before := w.position()
		d.Email = "ANA@example.test"
		again, out, err := w.PutUser(w.ctx, apply, d, Options{Restore: true})
		if err != nil || out != Unchanged || again.ID != p.ID {
			t.Errorf("got %+v, %s, %v; want the same, unchanged", again, out, err)
		}
		w.recorded()
		if after := w.position(); after != before {
			t.Errorf("the position went from %d to %d", before, after)
		}
		p, out, err = w.PutUser(w.ctx, apply, Declared{Email: d.Email, Name: "Ana Lima"}, Options{})
		if err != nil || out != Changed || p.Name != "Ana Lima" || p.Number != 501 || p.Locale != "es" || p.Version != w.person(p.ID).Version {
			t.Errorf("got %+v, %s, %v; want another name and nothing else", p, out, err)
		}
		w.recorded("user.changed")
	})
}

func TestDeclaredPasswordIsUsedOnlyWhereThereIsNone(t *testing.T) {
	w := newWorld(t, "sqlite")
	ana := w.user("ana@example.test", token.Member)
	w.news()
	put := func(password string, want Outcome) {
		t.Helper()
		if _, out, err := w.PutUser(w.ctx, apply, Declared{Email: ana.Email, Password: password}, Options{}); err != nil || out != want {
			t.Errorf("%s: got %s, %v; want %s", password, out, err, want)
		}
	}
	put("the first one", Changed)
	put("the second one", Unchanged)
	w.recorded("user.changed")
	if _, err := w.Authenticate(w.ctx, token.Actor{}, ana.Email, "the first one"); err != nil {
		t.Errorf("the first password: %v", err)
	}
	_, err := w.Authenticate(w.ctx, token.Actor{}, ana.Email, "the second one")
	refused(t, err, token.AccessDenied)
}

func TestNumbersAreUniqueAndAssigned(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		ana, bo := w.user("ana@example.test", ""), w.user("bo@example.test", "")
		if ana.Number == 0 || ana.Number == bo.Number {
			t.Errorf("assigned %d and %d, want two numbers", ana.Number, bo.Number)
		}
		for _, email := range []string{"new@example.test", bo.Email} {
			_, _, err := w.PutUser(w.ctx, apply, Declared{Email: email, Number: ana.Number}, Options{})
			refused(t, err, token.Invalid)
			if r := token.AsRefusal(err); r != nil && (len(r.Fields) != 1 || r.Fields[0].Name != "number") {
				t.Errorf("%s: refused at %v, want at number", email, r.Fields)
			}
		}
	})
}

func TestManyMakersOfOneUserMakeOne(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		const makers = 12
		var wg sync.WaitGroup
		var mu sync.Mutex
		outcomes, ids, numbers := map[Outcome]int{}, map[string]bool{}, map[int64]bool{}
		for i := range makers {
			for _, email := range []string{"one@example.test", "own" + strconv.Itoa(i) + "@example.test"} {
				wg.Go(func() {
					p, out, err := w.PutUser(w.ctx, apply, Declared{Email: email}, Options{})
					if err != nil {
						if r := token.AsRefusal(err); r == nil || r.Code != token.Unavailable {
							t.Errorf("%s: %v", email, err)
						}
						return
					}
					mu.Lock()
					defer mu.Unlock()
					if email == "one@example.test" {
						outcomes[out]++
						ids[p.ID] = true
					}
					if out == Created {
						if numbers[p.Number] {
							t.Errorf("number %d was given twice", p.Number)
						}
						numbers[p.Number] = true
					}
				})
			}
		}
		wg.Wait()
		if outcomes[Created] != 1 || len(ids) != 1 {
			t.Errorf("outcomes %v of %d users, want one created", outcomes, len(ids))
		}
	})
}

func TestDeclarationsAreChecked(t *testing.T) {
	w := newWorld(t, "sqlite")
	for name, c := range map[string]struct {
		d     Declared
		field string
	}{
		"no address":        {Declared{}, "email"},
		"no domain":         {Declared{Email: "ana"}, "email"},
		"a name before":     {Declared{Email: "Ana <ana@example.test>"}, "email"},
		"a line break":      {Declared{Email: "ana@example.test\nbcc:x@example.test"}, "email"},
		"long":              {Declared{Email: strings.Repeat("a", 250) + "@example.test"}, "email"},
		"name with NUL":     {Declared{Email: "ana@example.test", Name: "a\x00"}, "name"},
		"name not UTF-8":    {Declared{Email: "ana@example.test", Name: "a\xff"}, "name"},
		"long name":         {Declared{Email: "ana@example.test", Name: strings.Repeat("a", 201)}, "name"},
		"number below zero": {Declared{Email: "ana@example.test", Number: -1}, "number"},
		"locale":            {Declared{Email: "ana@example.test", Locale: strings.Repeat("a", 36)}, "locale"},
		"long password":     {Declared{Email: "ana@example.test", Password: strings.Repeat("a", 1025)}, "password"},
	} {
		_, _, err := w.PutUser(w.ctx, apply, c.d, Options{})
		if r := token.AsRefusal(err); r == nil || len(r.Fields) != 1 || r.Fields[0].Name != c.field {
			t.Errorf("%s: got %v, want a refusal at %s", name, err, c.field)
		}
	}
}

func TestDisabledUserIsKeptUnlessRestoredAndNoTokenRevives(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		boss, ana := w.user("boss@example.test", token.SuperAdmin), w.user("ana@example.test", token.Member)
		tok := w.token(ana, "ws1")
		w.news()
		if err := w.DisableUser(w.ctx, as(boss, "ws1"), ana.ID, "stolen laptop"); err != nil {
			t.Fatal(err)
		}
		if e := w.recorded("user.disabled")[0]; e.Workspace != "ws1" || e.Detail["reason"] != "stolen laptop" {
			t.Errorf("the record is %+v", e)
		}
		refused(t, w.DisableUser(w.ctx, as(boss, "ws1"), ana.ID, ""), token.Conflict)
		if w.opens(tok, "ws1") {
			t.Error("a token of a disabled person opens")
		}
		before := w.person(ana.ID).Version
		if _, out, err := w.PutUser(w.ctx, apply, Declared{Email: ana.Email, Name: "Ana"}, Options{}); err != nil || out != KeptEnded {
			t.Errorf("got %s, %v; want kept ended", out, err)
		}
		if p := w.person(ana.ID); p.Name != "" || p.Version != before {
			t.Errorf("kept ended changed %+v", p)
		}
		if err := w.EnableUser(w.ctx, as(boss, "ws1"), ana.ID, "found"); err != nil {
			t.Fatal(err)
		}
		refused(t, w.EnableUser(w.ctx, as(boss, "ws1"), ana.ID, ""), token.Conflict)
		if w.opens(tok, "ws1") {
			t.Error("enabling brought a token back to life")
		}
		if !w.opens(w.token(ana, "ws1"), "ws1") {
			t.Error("a new token of an enabled person does not open")
		}
		if err := w.DisableUser(w.ctx, apply, ana.ID, ""); err != nil {
			t.Fatal(err)
		}
		w.news()
		if p, out, err := w.PutUser(w.ctx, apply, Declared{Email: ana.Email}, Options{Restore: true}); err != nil || out != Changed || p.DisabledAt != 0 {
			t.Errorf("got %+v, %s, %v; want restored", p, out, err)
		}
		w.recorded("user.enabled")
		if w.opens(tok, "ws1") {
			t.Error("restoring brought a token back to life")
		}
	})
}

func TestNoWorkspaceReachesIntoAnother(t *testing.T) {
	w := newWorld(t, "sqlite")
	boss, admin := w.user("boss@example.test", token.SuperAdmin), w.user("admin@example.test", token.Admin)
	shared, foreign, own := w.user("shared@example.test", token.Member), w.user("foreign@example.test", ""), w.user("own@example.test", token.Member)
	w.member(shared, DeclaredMembership{Workspace: "ws2"})
	w.member(foreign, DeclaredMembership{Workspace: "ws2"})
	gone := w.user("gone@example.test", "")
	for _, c := range []struct {
		who, whom *token.Person
		want      token.Code
	}{
		{boss, shared, token.Forbidden}, {boss, foreign, token.NotFound}, {boss, gone, token.NotFound},
		{admin, own, token.Forbidden}, {own, own, token.NotFound}, {boss, own, ""},
	} {
		w.news()
		err := w.DisableUser(w.ctx, as(c.who, "ws1"), c.whom.ID, "")
		if c.want == "" {
			if err != nil {
				t.Errorf("%s disables %s: %v", c.who.Email, c.whom.Email, err)
			}
			continue
		}
		refused(t, err, c.want)
		w.recorded()
		// Inviting them by address is fine; it rewrites nothing of theirs.
		d := Declared{Email: c.whom.Email, Name: "Mallory", Number: 666, Password: "let me in please"}
		p, out, err := w.PutUser(w.ctx, as(c.who, "ws1"), d, Options{Restore: true})
		if err != nil || out != Unchanged || p.ID != c.whom.ID || p.Name != "" || p.Password != "" {
			t.Errorf("%s declares %s: %+v, %s, %v; want unchanged", c.who.Email, c.whom.Email, p, out, err)
		}
		w.recorded()
	}
}

func TestOnlyAdminsMakeUsers(t *testing.T) {
	w := newWorld(t, "sqlite")
	admin, member := w.user("admin@example.test", token.Admin), w.user("member@example.test", token.Member)
	d := Declared{Email: "new@example.test"}
	for _, who := range []token.Actor{as(member, "ws1"), as(admin, "ws2"), as(admin, ""), {}, {Kind: token.App, ID: "c1", Workspace: "ws1"}} {
		_, _, err := w.PutUser(w.ctx, who, d, Options{})
		refused(t, err, token.Forbidden)
	}
	w.news()
	if _, out, err := w.PutUser(w.ctx, as(admin, "ws1"), d, Options{}); err != nil || out != Created {
		t.Errorf("got %s, %v; want created", out, err)
	}
	if e := w.recorded("user.created")[0]; e.Workspace != "ws1" || e.Actor.ID != admin.ID {
		t.Errorf("the record is %+v", e)
	}
}

// A change that read before another one wrote must not write back what it read.
func TestNoChangeOverwritesAnother(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		for i := range 20 {
			p := w.user("p"+strconv.Itoa(i)+"@example.test", token.Member)
			var wg sync.WaitGroup
			wg.Go(func() {
				if err := w.DisableUser(w.ctx, apply, p.ID, ""); err != nil {
					t.Error(err)
				}
			})
			wg.Go(func() {
				if _, _, err := w.PutUser(w.ctx, apply, Declared{Email: p.Email, Name: "New"}, Options{}); err != nil {
					t.Error(err)
				}
			})
			wg.Go(func() {
				if err := w.Remove(w.ctx, apply, p.ID, "ws1", ""); err != nil {
					t.Error(err)
				}
			})
			wg.Go(func() {
				if _, err := w.PutMembership(w.ctx, apply, p.ID, DeclaredMembership{Workspace: "ws1", Teams: []string{"editors"}}, Options{}); err != nil {
					t.Error(err)
				}
			})
			wg.Wait()
			if got := w.person(p.ID); got.DisabledAt == 0 || got.In("ws1").Live() {
				t.Fatalf("round %d: %+v, want disabled and removed", i, got)
			}
		}
	})
}
