package identity

import (
	"slices"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// TestWhoIsInvitedChoosesAPasswordByTheLetter, once and within a week; who has
// one keeps it, and who may not invite writes to nobody.
func TestWhoIsInvitedChoosesAPasswordByTheLetter(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		boss, bo := w.user("boss@example.test", token.SuperAdmin), w.user("bo@example.test", token.Member)
		known := w.withPassword("known@example.test", "correct horse battery")
		w.letters()
		in := DeclaredMembership{Workspace: "ws1"}
		_, _, err := w.Invite(w.ctx, as(bo, "ws1"), Declared{Email: "x@example.test"}, in)
		refused(t, err, token.Forbidden)
		fresh, invited, err := w.Invite(w.ctx, as(boss, "ws1"), Declared{Email: "New@example.test", Name: "New"}, in)
		if err != nil || !invited || !fresh.In("ws1").Live() || fresh.In("ws1").Role != token.Member {
			t.Fatalf("%+v, %v, %v", fresh, invited, err)
		}
		_, _, err = w.Invite(w.ctx, as(boss, "ws1"), Declared{Email: "new@example.test"}, in)
		refused(t, err, token.Invalid)
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
		late, _, err := w.Invite(w.ctx, as(boss, "ws1"), Declared{Email: "late@example.test"}, in)
		if err != nil {
			t.Fatal(err)
		}
		link, err := w.MintInvitation(w.ctx, late.ID)
		if err != nil {
			t.Fatal(err)
		}
		w.clock.move(invitationLife)
		_, err = w.ResetPassword(w.ctx, who, link, chosen)
		refused(t, err, token.AccessDenied)
		if kinds := w.letters(); slices.ContainsFunc(kinds, func(l token.Letter) bool { return l.To == "" }) {
			t.Errorf("letters %+v", kinds)
		}
	})
}

// TestInvitationsLeaveWhoForgotAPasswordTheirLetters: who is invited often may
// still ask for another password, and the other way round.
func TestInvitationsLeaveWhoForgotAPasswordTheirLetters(t *testing.T) {
	w := newWorld(t, "sqlite")
	boss, ana := w.user("boss@example.test", token.SuperAdmin), w.withPassword("ana@example.test", "correct horse battery")
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
	for range 5 {
		if err := w.Remove(w.ctx, as(boss, "ws1"), ana.ID, "ws1", "again"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.Invite(w.ctx, as(boss, "ws1"), Declared{Email: ana.Email}, DeclaredMembership{Workspace: "ws1"}); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(token.LetterInvitation); n != 3 {
		t.Errorf("%d invitations, want 3", n)
	}
}
