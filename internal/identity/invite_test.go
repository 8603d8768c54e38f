package identity

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// invite has the actor invite an address to ws1.
func (w *world) invite(who token.Actor, email string, m DeclaredMembership) *token.Invitation {
	w.t.Helper()
	m.Workspace = "ws1"
	offer, _, err := w.Invite(w.ctx, who, Declared{Email: email}, m)
	if err != nil || offer == nil {
		w.t.Fatalf("Invite(%s) = %v, %v", email, offer, err)
	}
	return offer
}

// account returns who has an address.
func (w *world) account(email string) *token.Person {
	w.t.Helper()
	id, err := w.store.PersonByEmail(w.ctx, email)
	if err != nil || id == "" {
		w.t.Fatalf("there is no %s: %v", email, err)
	}
	return w.person(id)
}

// waits returns where a person is invited to.
func (w *world) waits(p *token.Person) (all []string) {
	w.t.Helper()
	list, err := w.Invited(w.ctx, p.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, i := range list {
		all = append(all, i.Workspace)
	}
	return all
}

// TestWhoIsInvitedChoosesAPasswordByTheLetter, once and within a week; who has
// one keeps it, and who may not invite writes to nobody.
func TestWhoIsInvitedChoosesAPasswordByTheLetter(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		boss, bo := w.user("boss@example.test", token.SuperAdmin), w.user("bo@example.test", token.Member)
		known := w.withPassword("known@example.test", "correct horse battery")
		w.letters()
		_, _, err := w.Invite(w.ctx, as(bo, "ws1"), Declared{Email: "x@example.test"}, DeclaredMembership{Workspace: "ws1"})
		refused(t, err, token.Forbidden)
		if id, err := w.store.PersonByEmail(w.ctx, "x@example.test"); err != nil || id != "" {
			t.Errorf("who may not invite enters %q, %v", id, err)
		}
		offer, wrote, err := w.Invite(w.ctx, as(boss, "ws1"), Declared{Email: "New@example.test", Name: "New"}, DeclaredMembership{Workspace: "ws1"})
		if err != nil || !wrote || offer.Role != token.Member || offer.Email != "new@example.test" {
			t.Fatalf("%+v, %v, %v", offer, wrote, err)
		}
		fresh := w.account("new@example.test")
		if fresh.In("ws1") != nil || fresh.Name != "New" {
			t.Errorf("entered as %+v", fresh)
		}
		got := w.letters()
		if len(got) != 1 || got[0].Kind != token.LetterInvitation || got[0].To != fresh.ID || got[0].Workspace != "ws1" || got[0].Data["by"] == "" {
			t.Errorf("letters %+v", got)
		}

		first, err := w.MintInvitation(w.ctx, fresh.ID)
		if err != nil || first == "" {
			t.Fatal(err)
		}
		again, err := w.MintInvitation(w.ctx, fresh.ID) // the letter was tried again
		if err != nil {
			t.Fatal(err)
		}
		who, chosen := token.Actor{Address: "192.0.2.7"}, "a password of their own"
		_, err = w.ResetPassword(w.ctx, who, first, chosen)
		refused(t, err, token.AccessDenied)
		w.clock.move(invitationLife - time.Minute)
		if _, err := w.ResetPassword(w.ctx, who, again, chosen); err != nil {
			t.Fatal(err)
		}
		_, err = w.ResetPassword(w.ctx, who, again, "another one of theirs")
		refused(t, err, token.AccessDenied)
		for _, id := range []string{fresh.ID, known.ID} {
			if link, err := w.MintInvitation(w.ctx, id); err != nil || link != "" {
				t.Errorf("who has a password gets a link: %v", err)
			}
		}
		w.invite(as(boss, "ws1"), "late@example.test", DeclaredMembership{})
		link, err := w.MintInvitation(w.ctx, w.account("late@example.test").ID)
		if err != nil {
			t.Fatal(err)
		}
		w.clock.move(invitationLife)
		_, err = w.ResetPassword(w.ctx, who, link, chosen)
		refused(t, err, token.AccessDenied)
	})
}

// TestInvitationIsAMembershipOnlyByTheWordOfItsPerson: accepted, it is what was
// offered, once; declined and withdrawn, it is nothing.
func TestInvitationIsAMembershipOnlyByTheWordOfItsPerson(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		boss, ana := w.user("boss@example.test", token.SuperAdmin), w.user("ana@example.test", "")
		w.member(ana, DeclaredMembership{Workspace: "ws2", Role: token.SuperAdmin})
		w.news()
		want := DeclaredMembership{Role: token.Admin, Scopes: token.Scopes{"a:read"}, Narrowed: true, Teams: []string{"editors"}, Spaces: []string{"blog"}, MayImpersonate: true}
		w.invite(as(boss, "ws1"), "ana@example.test", DeclaredMembership{})
		w.invite(as(boss, "ws1"), "Ana@example.test ", want) // in the place of the first
		before := w.position()
		for _, e := range w.recorded("invitation.created", "invitation.created") {
			if e.Workspace != "ws1" || e.Target != "invitation:ana@example.test" {
				t.Errorf("recorded as %+v", e)
			}
		}
		me := as(ana, "ws2")
		refused(t, w.Accept(w.ctx, me, "ws2"), token.NotFound)
		refused(t, w.Accept(w.ctx, me, "nowhere"), token.NotFound)
		refused(t, w.Accept(w.ctx, as(boss, "ws1"), "ws1"), token.NotFound)
		refused(t, w.Accept(w.ctx, apply, "ws1"), token.Forbidden)
		if w.person(ana.ID).In("ws1") != nil || w.position() != before {
			t.Error("who has not answered is a member")
		}
		if err := w.Accept(w.ctx, me, "ws1"); err != nil {
			t.Fatal(err)
		}
		m := w.person(ana.ID).In("ws1")
		if !m.Live() || m.Role != token.Admin || !m.Narrowed || m.Scopes.String() != "a:read" || len(m.Teams)+len(m.Spaces) != 2 || !m.MayImpersonate {
			t.Errorf("the membership is %+v", m)
		}
		e := w.recorded("member.added")[0]
		if e.Workspace != "ws1" || e.Actor.ID != ana.ID || e.Detail["invited_by"] != boss.Email {
			t.Errorf("recorded as %+v", e)
		}
		refused(t, w.Accept(w.ctx, me, "ws1"), token.NotFound) // twice
		refused(t, w.Decline(w.ctx, me, "ws1"), token.NotFound)
		_, _, err := w.Invite(w.ctx, as(boss, "ws1"), Declared{Email: ana.Email}, DeclaredMembership{Workspace: "ws1"})
		refused(t, err, token.Invalid)

		bo := w.user("bo@example.test", "")
		w.news()
		w.invite(as(boss, "ws1"), bo.Email, DeclaredMembership{})
		if err := w.Decline(w.ctx, as(bo, ""), "ws1"); err != nil {
			t.Fatal(err)
		}
		if e := w.recorded("invitation.created", "invitation.declined")[1]; e.Actor.ID != "" || e.Actor.Address != "" || e.Actor.Name != bo.Email {
			t.Errorf("who declined is told: %+v", e.Actor)
		}
		refused(t, w.Accept(w.ctx, as(bo, ""), "ws1"), token.NotFound)
		w.invite(as(boss, "ws1"), bo.Email, DeclaredMembership{})
		if err := w.Withdraw(w.ctx, as(boss, "ws1"), "ws1", bo.Email); err != nil {
			t.Fatal(err)
		}
		w.recorded("invitation.created", "invitation.withdrawn")
		refused(t, w.Withdraw(w.ctx, as(boss, "ws1"), "ws1", bo.Email), token.NotFound)
		refused(t, w.Accept(w.ctx, as(bo, ""), "ws1"), token.NotFound)
		if w.person(bo.ID).In("ws1") != nil {
			t.Error("who never accepted is a member")
		}
	})
}

// TestInvitationEndsWithWhatItStoodOn: its week, its workspace, and the right of
// who sent it; else somebody who was put out could come back by one that they had
// sent to themselves.
func TestInvitationEndsWithWhatItStoodOn(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		boss, eve := w.user("boss@example.test", token.SuperAdmin), w.user("eve@example.test", token.SuperAdmin)
		ana := w.user("ana@example.test", "")
		me := as(ana, "")
		w.invite(as(eve, "ws1"), ana.Email, DeclaredMembership{Role: token.SuperAdmin})
		for role, end := range map[string]func() error{
			token.Admin: func() error {
				_, err := w.PutMembership(w.ctx, as(boss, "ws1"), eve.ID, DeclaredMembership{Workspace: "ws1", Role: token.Admin}, Options{})
				return err
			},
			token.Member: func() error { return w.Remove(w.ctx, as(boss, "ws1"), eve.ID, "ws1", "gone") },
		} {
			if err := end(); err != nil {
				t.Fatal(role, err)
			}
			refused(t, w.Accept(w.ctx, me, "ws1"), token.Conflict)
		}
		if w.person(ana.ID).In("ws1") != nil {
			t.Error("they are a member by the word of somebody who was put out")
		}

		w.invite(as(boss, "ws1"), ana.Email, DeclaredMembership{})
		disabled := func(at int64) {
			t.Helper()
			w.do(func(tx Tx) error {
				ws, err := tx.Workspace(w.ctx, "ws1")
				if err != nil {
					return err
				}
				next := *ws
				next.DisabledAt = at
				return tx.PutWorkspace(w.ctx, &next)
			})
		}
		disabled(w.clock.now().UnixMilli())
		if got := w.waits(ana); got != nil {
			t.Errorf("a disabled workspace invites: %q", got)
		}
		refused(t, w.Accept(w.ctx, me, "ws1"), token.NotFound)
		disabled(0)
		w.clock.move(invitationLife - time.Millisecond)
		if got := w.waits(ana); len(got) != 1 {
			t.Errorf("there wait %q", got)
		}
		w.clock.move(time.Millisecond)
		refused(t, w.Accept(w.ctx, me, "ws1"), token.NotFound)
		refused(t, w.Decline(w.ctx, me, "ws1"), token.NotFound)
		refused(t, w.Withdraw(w.ctx, as(boss, "ws1"), "ws1", ana.Email), token.NotFound)
		if got := w.waits(ana); got != nil || w.person(ana.ID).In("ws1") != nil {
			t.Errorf("one that is over waits: %q", got)
		}
	})
}

// TestOfManyAnswersOneCounts: of some who accept, decline and withdraw at once
// one does, and the audit has that one.
func TestOfManyAnswersOneCounts(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		boss, ana := w.user("boss@example.test", token.SuperAdmin), w.user("ana@example.test", "")
		for range 5 {
			w.invite(as(boss, "ws1"), ana.Email, DeclaredMembership{})
			w.news()
			answers := []func() error{
				func() error { return w.Accept(w.ctx, as(ana, ""), "ws1") },
				func() error { return w.Decline(w.ctx, as(ana, ""), "ws1") },
				func() error { return w.Withdraw(w.ctx, as(boss, "ws1"), "ws1", ana.Email) },
			}
			var won atomic.Int32
			var all sync.WaitGroup
			for n := range 9 {
				all.Go(func() {
					switch err := answers[n%3](); {
					case err == nil:
						won.Add(1)
					case !token.Is(err, token.NotFound):
						t.Error(err)
					}
				})
			}
			all.Wait()
			news := w.news()
			if won.Load() != 1 || len(news) != 1 {
				t.Fatalf("%d answers count, and %d are recorded", won.Load(), len(news))
			}
			member := w.person(ana.ID).In("ws1").Live()
			if member != (news[0].Action == "member.added") {
				t.Errorf("after %s they are a member: %v", news[0].Action, member)
			}
			if member {
				if err := w.Remove(w.ctx, as(boss, "ws1"), ana.ID, "ws1", "again"); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// TestWhoLeftComesBackByTheirOwnWord, and with nothing that they had; what the
// server's operator declares needs none, and leaves no invitation behind.
func TestWhoLeftComesBackByTheirOwnWord(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		boss, ana := w.user("boss@example.test", token.SuperAdmin), w.user("ana@example.test", token.Member)
		tok := w.token(ana, "ws1")
		if err := w.Remove(w.ctx, as(boss, "ws1"), ana.ID, "ws1", "left"); err != nil {
			t.Fatal(err)
		}
		w.invite(as(boss, "ws1"), ana.Email, DeclaredMembership{})
		if w.person(ana.ID).In("ws1").Live() {
			t.Error("they are back without a word of theirs")
		}
		if err := w.Accept(w.ctx, as(ana, ""), "ws1"); err != nil {
			t.Fatal(err)
		}
		if !w.person(ana.ID).In("ws1").Live() || w.opens(tok, "ws1") {
			t.Error("they are not back, or their old token is")
		}
		bo := w.user("bo@example.test", "")
		w.invite(as(boss, "ws1"), bo.Email, DeclaredMembership{})
		w.member(bo, DeclaredMembership{Workspace: "ws1", Role: token.Admin})
		if got := w.waits(bo); got != nil {
			t.Errorf("a member is invited to %q", got)
		}
		refused(t, w.Accept(w.ctx, as(bo, ""), "ws1"), token.NotFound)
	})
}

// TestInvitationNeedsItsRecord: what cannot be written down did not happen.
func TestInvitationNeedsItsRecord(t *testing.T) {
	w := newWorld(t, "sqlite")
	boss, ana := w.user("boss@example.test", token.SuperAdmin), w.user("ana@example.test", "")
	in := DeclaredMembership{Workspace: "ws1"}
	w.store.broken = true
	if _, _, err := w.Invite(w.ctx, as(boss, "ws1"), Declared{Email: ana.Email}, in); err == nil || w.waits(ana) != nil {
		t.Errorf("invited without a record: %v", err)
	}
	w.store.broken = false
	w.invite(as(boss, "ws1"), ana.Email, in)
	w.store.broken = true
	for _, answer := range []func() error{
		func() error { return w.Accept(w.ctx, as(ana, ""), "ws1") }, func() error { return w.Decline(w.ctx, as(ana, ""), "ws1") },
		func() error { return w.Withdraw(w.ctx, as(boss, "ws1"), "ws1", ana.Email) },
	} {
		if err := answer(); err == nil || len(w.waits(ana)) != 1 || w.person(ana.ID).In("ws1") != nil {
			t.Errorf("answered without a record: %v", err)
		}
	}
}

// TestInvitationsLeaveWhoForgotAPasswordTheirLetters: who is invited often may
// still ask for another password, and the other way round.
func TestInvitationsLeaveWhoForgotAPasswordTheirLetters(t *testing.T) {
	w := newWorld(t, "sqlite")
	boss, ana := w.user("boss@example.test", token.SuperAdmin), w.user("ana@example.test", "")
	count := func(kind token.LetterKind) (n int) {
		w.Identity.Close()
		for _, l := range w.letters() {
			if l.Kind == kind {
				n++
			}
		}
		return n
	}
	for range 5 {
		if err := w.ForgotPassword(w.ctx, token.Actor{Address: "192.0.2.7"}, ana.Email); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(token.LetterPasswordReset); n != 3 {
		t.Errorf("%d letters about a password, want 3", n)
	}
	wrote := 0
	for range 5 {
		_, yes, err := w.Invite(w.ctx, as(boss, "ws1"), Declared{Email: ana.Email}, DeclaredMembership{Workspace: "ws1"})
		if err != nil {
			t.Fatal(err)
		}
		if yes {
			wrote++
		}
	}
	if n := count(token.LetterInvitation); n != 3 || wrote != 3 {
		t.Errorf("%d invitations, and %d told of, want 3", n, wrote)
	}
}

// TestWhoArrivesIsKnownForMinutes: what their browser holds is theirs, of no use
// elsewhere, and over with another password.
func TestWhoArrivesIsKnownForMinutes(t *testing.T) {
	w := newWorld(t, "sqlite")
	ana := w.withPassword("ana@example.test", "correct horse battery")
	kept, err := w.Arrived(ana)
	if err != nil || strings.Contains(kept, ana.ID) {
		t.Fatal(kept, err)
	}
	if p, err := w.ArrivedOf(w.ctx, kept); err != nil || p.ID != ana.ID {
		t.Errorf("%v, %v", p, err)
	}
	halfway, err := w.Halfway(ana)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.SecondOf(w.ctx, kept)
	refused(t, err, token.AccessDenied)
	for _, wrong := range []string{"", "x", halfway} {
		_, err = w.ArrivedOf(w.ctx, wrong)
		refused(t, err, token.AccessDenied)
	}
	if err := w.SetProfile(w.ctx, as(ana, "ws1"), "Another name", ""); err != nil {
		t.Fatal(err)
	}
	_, err = w.ArrivedOf(w.ctx, kept)
	refused(t, err, token.AccessDenied)
	if kept, err = w.Arrived(w.person(ana.ID)); err != nil {
		t.Fatal(err)
	}
	w.clock.move(patience)
	_, err = w.ArrivedOf(w.ctx, kept)
	refused(t, err, token.AccessDenied)
}
