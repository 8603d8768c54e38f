package identity

import (
	"slices"
	"sync"
	"testing"

	"github.com/fichadev/ficha/internal/store"
	"github.com/fichadev/ficha/internal/token"
)

func TestRemovedMemberLosesEveryTokenOfTheWorkspaceAndNoOther(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		boss, ana := w.user("boss@example.test", token.SuperAdmin), w.user("ana@example.test", token.Member)
		w.member(ana, DeclaredMembership{Workspace: "ws2"})
		here, there, wide := w.token(ana, "ws1"), w.token(ana, "ws2"), w.token(ana, "")
		others := w.token(boss, "ws1")
		w.news()

		if err := w.Remove(w.ctx, as(boss, "ws1"), ana.ID, "ws1", "left the company"); err != nil {
			t.Fatal(err)
		}
		e := w.recorded("member.removed")[0]
		if e.Workspace != "ws1" || e.Target != "user:"+ana.ID || e.Actor.ID != boss.ID || e.Detail["reason"] != "left the company" {
			t.Errorf("the record is %+v", e)
		}
		for _, c := range []struct {
			name      string
			token     *token.Token
			workspace string
			want      bool
		}{
			{"hers of the workspace", here, "ws1", false},
			{"hers of another", there, "ws2", true},
			{"hers of all, there", wide, "ws1", false},
			{"hers of all, elsewhere", wide, "ws2", true},
			{"another's", others, "ws1", true},
		} {
			if got := w.opens(c.token, c.workspace); got != c.want {
				t.Errorf("%s: opens = %v, want %v", c.name, got, c.want)
			}
		}
		refused(t, w.Remove(w.ctx, as(boss, "ws1"), ana.ID, "ws1", ""), token.NotFound)
	})
}

func TestSubscribersHearOfTheirMembersAlone(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		hook := token.NewID(w.clock.now(), token.Long)
		w.put(func(tx *store.Tx) error {
			return tx.PutWebhook(w.ctx, token.Webhook{ID: hook, Workspace: "ws1", URL: "https://hooks.example.test/", Events: []string{"member.*"}}, token.SealedSecret{Sealed: []byte("sealed")})
		})
		ana := w.user("ana@example.test", token.Member)
		w.member(ana, DeclaredMembership{Workspace: "ws2"})
		for _, workspace := range []string{"ws1", "ws2"} {
			if err := w.Remove(w.ctx, apply, ana.ID, workspace, ""); err != nil {
				t.Fatal(err)
			}
		}
		var heard []string
		for _, d := range w.store.outbox {
			if d.Webhook != hook {
				t.Errorf("a delivery goes to %s, want %s", d.Webhook, hook)
			}
			heard = append(heard, d.Type)
		}
		if want := []string{"member.added", "member.removed"}; !slices.Equal(heard, want) {
			t.Errorf("heard %q, want %q", heard, want)
		}
	})
}

func TestMemberWhoComesBackBringsNoTokenBackToLife(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		w.user("boss@example.test", token.SuperAdmin)
		ana := w.user("ana@example.test", token.Member)
		old, wide := w.token(ana, "ws1"), w.token(ana, "")
		if err := w.Remove(w.ctx, as(ana, "ws1"), ana.ID, "ws1", ""); err != nil {
			t.Fatalf("a member may leave: %v", err)
		}
		id := w.person(ana.ID).In("ws1").ID
		w.news()

		d := DeclaredMembership{Workspace: "ws1"}
		before := w.position()
		if out, err := w.PutMembership(w.ctx, apply, ana.ID, d, Options{}); err != nil || out != KeptEnded {
			t.Errorf("without restore: %s, %v; want kept ended", out, err)
		}
		if w.position() != before {
			t.Error("kept ended moved the position")
		}
		w.recorded()
		if out, err := w.PutMembership(w.ctx, apply, ana.ID, d, Options{Restore: true}); err != nil || out != Changed {
			t.Errorf("with restore: %s, %v; want changed", out, err)
		}
		w.recorded("member.added")
		if m := w.person(ana.ID).In("ws1"); !m.Live() || m.ID != id {
			t.Errorf("the membership is %+v, want live under its old id %s", m, id)
		}
		if w.opens(old, "ws1") || w.opens(wide, "ws1") {
			t.Error("an old token opens the workspace again")
		}
		if !w.opens(w.token(ana, "ws1"), "ws1") {
			t.Error("a new token does not open the workspace")
		}
	})
}

func TestTheLastSuperAdminStays(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		boss, second := w.user("boss@example.test", token.SuperAdmin), w.user("second@example.test", token.SuperAdmin)
		if err := w.DisableUser(w.ctx, as(boss, "ws1"), second.ID, ""); err != nil {
			t.Fatal(err)
		}
		demote := func(p *token.Person) error {
			_, err := w.PutMembership(w.ctx, apply, p.ID, DeclaredMembership{Workspace: "ws1"}, Options{})
			return err
		}
		// Who is disabled cannot act, so it is boss alone who counts.
		refused(t, w.Remove(w.ctx, as(boss, "ws1"), boss.ID, "ws1", ""), token.Conflict)
		refused(t, w.Remove(w.ctx, apply, boss.ID, "ws1", ""), token.Conflict)
		refused(t, w.DisableUser(w.ctx, apply, boss.ID, ""), token.Conflict)
		refused(t, demote(boss), token.Conflict)
		if err := w.Remove(w.ctx, as(boss, "ws1"), second.ID, "ws1", ""); err != nil {
			t.Errorf("the disabled one may be removed: %v", err)
		}
	})
}

// Each way to lose a super admin races each other one.
func TestTwoSuperAdminsCannotBothGoAtOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		ways := map[string]func(p *token.Person) error{
			"remove":  func(p *token.Person) error { return w.Remove(w.ctx, apply, p.ID, "ws1", "") },
			"disable": func(p *token.Person) error { return w.DisableUser(w.ctx, apply, p.ID, "") },
			"demote": func(p *token.Person) error {
				_, err := w.PutMembership(w.ctx, apply, p.ID, DeclaredMembership{Workspace: "ws1"}, Options{})
				return err
			},
		}
		a, b := w.user("a@example.test", token.SuperAdmin), w.user("b@example.test", token.SuperAdmin)
		again := func() {
			for _, p := range []*token.Person{a, b} {
				if w.person(p.ID).DisabledAt != 0 {
					if err := w.EnableUser(w.ctx, apply, p.ID, ""); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := w.PutMembership(w.ctx, apply, p.ID, DeclaredMembership{Workspace: "ws1", Role: token.SuperAdmin}, Options{Restore: true}); err != nil {
					t.Fatal(err)
				}
			}
		}
		for one, first := range ways {
			for other, second := range ways {
				for range 5 {
					var errs [2]error
					var wg sync.WaitGroup
					wg.Go(func() { errs[0] = first(a) })
					wg.Go(func() { errs[1] = second(b) })
					wg.Wait()
					if (errs[0] == nil) == (errs[1] == nil) || !token.Is(errs[0], token.Conflict) && !token.Is(errs[1], token.Conflict) {
						t.Fatalf("%s and %s: got %v and %v, want one done and one conflict", one, other, errs[0], errs[1])
					}
					again()
				}
			}
		}
	})
}

func TestWhoMayRemoveWhom(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.user("boss@example.test", token.SuperAdmin)
	actors := map[string]token.Actor{
		"super": as(w.user("super@example.test", token.SuperAdmin), "ws1"), "admin": as(w.user("admin@example.test", token.Admin), "ws1"),
		"member": as(w.user("member@example.test", token.Member), "ws1"), "stranger": as(w.user("stranger@example.test", ""), "ws1"),
		"client": {Kind: token.App, ID: "c1", Workspace: "ws1"}, "nobody": {}, "system": apply,
	}
	gone := w.user("gone@example.test", token.SuperAdmin)
	if err := w.DisableUser(w.ctx, apply, gone.ID, ""); err != nil {
		t.Fatal(err)
	}
	actors["disabled"] = as(gone, "ws1")
	for _, c := range []struct {
		who, role string
		want      token.Code // "": done
	}{
		{"super", token.SuperAdmin, ""}, {"super", token.Admin, ""}, {"super", token.Member, ""},
		{"admin", token.SuperAdmin, token.Forbidden}, {"admin", token.Admin, ""}, {"admin", token.Member, ""},
		{"member", token.Admin, token.Forbidden}, {"member", token.Member, token.Forbidden},
		{"stranger", token.Member, token.NotFound}, {"client", token.Member, token.NotFound}, {"nobody", token.Member, token.NotFound},
		{"disabled", token.Member, token.NotFound}, {"system", token.SuperAdmin, ""},
	} {
		p := w.user(c.who+"."+c.role+"@example.test", c.role)
		w.news()
		err := w.Remove(w.ctx, actors[c.who], p.ID, "ws1", "")
		if c.want == "" {
			if err != nil {
				t.Errorf("%s removes %s: %v", c.who, c.role, err)
			}
			continue
		}
		refused(t, err, c.want)
		w.recorded()
		if !w.person(p.ID).In("ws1").Live() {
			t.Errorf("%s was refused to remove %s, and did", c.who, c.role)
		}
	}
}

func TestUnknownMemberIsNotToldFromAnUnknownPersonOrWorkspace(t *testing.T) {
	w := newWorld(t, "sqlite")
	boss, ana := w.user("boss@example.test", token.SuperAdmin), w.user("ana@example.test", "")
	w.member(ana, DeclaredMembership{Workspace: "ws2"})
	texts := map[string]bool{}
	for _, c := range [][2]string{{"usr_unknown", "ws1"}, {ana.ID, "ws1"}, {ana.ID, "ws2"}, {ana.ID, "unknown"}} {
		err := w.Remove(w.ctx, as(boss, "ws1"), c[0], c[1], "")
		refused(t, err, token.NotFound)
		texts[err.Error()] = true
	}
	if len(texts) != 1 {
		t.Errorf("got %d sentences, want one: %v", len(texts), texts)
	}
}

func TestWhoMayAppointWhom(t *testing.T) {
	w := newWorld(t, "sqlite")
	super, admin := w.user("super@example.test", token.SuperAdmin), w.user("admin@example.test", token.Admin)
	w.user("super2@example.test", token.SuperAdmin)
	member, foreign := w.user("member@example.test", token.Member), w.user("foreign@example.test", "")
	w.member(foreign, DeclaredMembership{Workspace: "ws2", Role: token.SuperAdmin})
	for name, c := range map[string]struct {
		who, whom *token.Person
		d         DeclaredMembership
		want      token.Code
	}{
		"super appoints admin":         {super, nil, DeclaredMembership{Role: token.Admin}, ""},
		"super appoints super":         {super, nil, DeclaredMembership{Role: token.SuperAdmin}, ""},
		"super gives impersonation":    {super, nil, DeclaredMembership{MayImpersonate: true}, ""},
		"admin adds member":            {admin, nil, DeclaredMembership{}, ""},
		"admin narrows member":         {admin, member, DeclaredMembership{Narrowed: true}, ""},
		"admin appoints admin":         {admin, nil, DeclaredMembership{Role: token.Admin}, token.Forbidden},
		"admin promotes member":        {admin, member, DeclaredMembership{Role: token.SuperAdmin}, token.Forbidden},
		"admin gives impersonation":    {admin, member, DeclaredMembership{MayImpersonate: true}, token.Forbidden},
		"admin demotes super":          {admin, super, DeclaredMembership{}, token.Forbidden},
		"admin narrows super":          {admin, super, DeclaredMembership{Role: token.SuperAdmin, Narrowed: true}, token.Forbidden},
		"admin changes himself":        {admin, admin, DeclaredMembership{Role: token.Admin, Teams: []string{"editors"}}, token.Forbidden},
		"member adds":                  {member, nil, DeclaredMembership{}, token.Forbidden},
		"member promotes himself":      {member, member, DeclaredMembership{Role: token.Admin}, token.Forbidden},
		"another's super adds himself": {foreign, foreign, DeclaredMembership{Role: token.SuperAdmin}, token.NotFound},
	} {
		whom := c.whom
		if whom == nil {
			whom = w.user("new."+token.NewID(w.clock.now(), token.Long).String()+"@example.test", "")
		}
		c.d.Workspace = "ws1"
		before := w.person(whom.ID)
		w.news()
		_, err := w.PutMembership(w.ctx, as(c.who, "ws1"), whom.ID, c.d, Options{})
		if c.whom == nil {
			if c.want == "" {
				refused(t, err, token.Forbidden) // none of them makes a member of who does not want to be one
			}
			_, _, err = w.Invite(w.ctx, as(c.who, "ws1"), Declared{Email: whom.Email}, c.d)
		}
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		refused(t, err, c.want)
		w.recorded()
		if w.person(whom.ID).Version != before.Version {
			t.Errorf("%s: was refused and written", name)
		}
	}
}

func TestMembershipIsCheckedAgainstItsWorkspace(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.put(func(tx *store.Tx) error {
		return tx.PutRole(w.ctx, token.Role{Workspace: "ws1", Name: "reader", Scopes: token.Scopes{"a:read"}})
	})
	ana := w.user("ana@example.test", "")
	for name, c := range map[string]struct {
		d     DeclaredMembership
		field string // "": accepted
	}{
		"role":                {DeclaredMembership{Role: "reader"}, ""},
		"unknown role":        {DeclaredMembership{Role: "writer"}, "role"},
		"scope":               {DeclaredMembership{Narrowed: true, Scopes: token.Scopes{"a:read"}}, ""},
		"vendor's scope":      {DeclaredMembership{Narrowed: true, Scopes: token.Scopes{"openid"}}, ""},
		"scope not bought":    {DeclaredMembership{Narrowed: true, Scopes: token.Scopes{"a:read", "b:read"}}, "scopes"},
		"scopes, not narrow":  {DeclaredMembership{Scopes: token.Scopes{"b:read"}}, ""},
		"team":                {DeclaredMembership{Teams: []string{"editors"}}, ""},
		"unknown team":        {DeclaredMembership{Teams: []string{"writers"}}, "teams"},
		"space":               {DeclaredMembership{Spaces: []string{"blog", "blog"}}, ""},
		"a space called team": {DeclaredMembership{Spaces: []string{"editors"}}, "spaces"},
	} {
		c.d.Workspace = "ws1"
		_, err := w.PutMembership(w.ctx, apply, ana.ID, c.d, Options{})
		r := token.AsRefusal(err)
		switch {
		case c.field == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.field != "" && (r == nil || len(r.Fields) != 1 || r.Fields[0].Name != c.field):
			t.Errorf("%s: got %v, want a refusal at %s", name, err, c.field)
		}
	}
	m := w.person(ana.ID).In("ws1")
	if m == nil || len(m.Spaces) > 1 {
		t.Errorf("the membership is %+v, want one, with no space twice", m)
	}
	_, err := w.PutMembership(w.ctx, apply, ana.ID, DeclaredMembership{Workspace: "unknown"}, Options{})
	refused(t, err, token.NotFound)
	_, err = w.PutMembership(w.ctx, apply, "usr_unknown", DeclaredMembership{Workspace: "ws1"}, Options{})
	refused(t, err, token.NotFound)
}

func TestMembershipDeclaredTwiceIsWrittenOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		ana := w.user("ana@example.test", "")
		w.news()
		d := DeclaredMembership{Workspace: "ws1", Narrowed: true, Scopes: token.Scopes{"a:write", "a:read", "openid"}, Teams: []string{"editors"},
			MayImpersonate: true}
		w.member(ana, d)
		w.recorded("member.added")
		before := w.position()
		d.Scopes = token.Scopes{"a:read", "a:write"} // a set has no order
		if out, err := w.PutMembership(w.ctx, apply, ana.ID, d, Options{Restore: true}); err != nil || out != Unchanged {
			t.Errorf("got %s, %v; want unchanged", out, err)
		}
		w.recorded()
		if after := w.position(); after != before {
			t.Errorf("the position went from %d to %d", before, after)
		}
		d.Scopes = token.Scopes{"a:read"}
		if out, err := w.PutMembership(w.ctx, apply, ana.ID, d, Options{}); err != nil || out != Changed {
			t.Errorf("got %s, %v; want changed", out, err)
		}
		w.recorded("member.changed")
		if m := w.person(ana.ID).In("ws1"); m.Scopes.String() != "a:read" || !m.MayImpersonate || m.Version != 2 {
			t.Errorf("the membership is %+v", m)
		}
	})
}

func TestWithoutItsRecordNothingHappens(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		boss, ana := w.user("boss@example.test", token.SuperAdmin), w.user("ana@example.test", token.Member)
		tok, before := w.token(ana, "ws1"), w.position()
		w.store.broken = true
		_, _, created := w.PutUser(w.ctx, apply, Declared{Email: "new@example.test"}, Options{})
		_, _, changed := w.PutUser(w.ctx, apply, Declared{Email: "ana@example.test", Name: "Ana"}, Options{})
		_, enrolled := w.PutMembership(w.ctx, apply, ana.ID, DeclaredMembership{Workspace: "ws2"}, Options{})
		for name, err := range map[string]error{
			"create": created, "change": changed, "enrol": enrolled,
			"remove":  w.Remove(w.ctx, as(boss, "ws1"), ana.ID, "ws1", ""),
			"disable": w.DisableUser(w.ctx, as(boss, "ws1"), ana.ID, ""),
		} {
			if err == nil || token.AsRefusal(err) != nil {
				t.Errorf("%s: got %v, want a fault", name, err)
			}
		}
		if n, err := w.store.PersonByEmail(w.ctx, "new@example.test"); err != nil || n != "" {
			t.Errorf("a user was made without a record: %q, %v", n, err)
		}
		if p := w.person(ana.ID); p.Name != "" || len(p.Live()) != 1 || !w.opens(tok, "ws1") || w.position() != before {
			t.Errorf("something was changed without a record: %+v", p)
		}
	})
}
