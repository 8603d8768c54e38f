package identity

import (
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

const chosen = "another long password"

func TestResetLinkWorksOnceForHalfAnHour(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		ana := w.withPassword("ana@acme.example", "correct horse battery")
		w.news()
		older, err := w.MintReset(w.ctx, ana.ID)
		if err != nil {
			t.Fatal(err)
		}
		link, err := w.MintReset(w.ctx, ana.ID)
		if err != nil {
			t.Fatal(err)
		}
		who := token.Actor{Address: "192.0.2.7"}
		for _, wrong := range []string{older, "", "guess"} {
			_, err := w.ResetPassword(w.ctx, who, wrong, chosen)
			refused(t, err, token.AccessDenied)
		}
		_, err = w.ResetPassword(w.ctx, who, link, "short") // and the link still works
		refused(t, err, token.Invalid)
		took := race(func() error { _, err := w.ResetPassword(w.ctx, who, link, chosen); return err })
		if took != 1 {
			t.Errorf("a link works %d times", took)
		}
		w.recorded("user.password_reset")
		if _, err := w.Authenticate(w.ctx, who, ana.Email, chosen); err != nil {
			t.Error(err)
		}
		_, err = w.Authenticate(w.ctx, who, ana.Email, "correct horse battery")
		refused(t, err, token.AccessDenied)
		late, err := w.MintReset(w.ctx, ana.ID)
		if err != nil {
			t.Fatal(err)
		}
		w.clock.move(30 * time.Minute)
		_, err = w.ResetPassword(w.ctx, who, late, chosen)
		refused(t, err, token.AccessDenied)
	})
}

func TestWhoForgotAPasswordHearsTheSameWhoeverTheyAre(t *testing.T) {
	w := newWorld(t, "sqlite")
	ana := w.withPassword("ana@acme.example", "correct horse battery")
	gone := w.withPassword("gone@acme.example", "correct horse battery")
	if err := w.DisableUser(w.ctx, apply, gone.ID, "gone"); err != nil {
		t.Fatal(err)
	}
	w.letters()
	w.news()
	for _, email := range []string{" Ana@acme.example", "gone@acme.example", "nobody@acme.example", "", "x\x00y"} {
		if err := w.ForgotPassword(w.ctx, token.Actor{Address: "192.0.2.7"}, email); err != nil {
			t.Errorf("%q: %v", email, err)
		}
	}
	w.Identity.Close()
	got := w.letters()
	if len(got) != 1 || got[0].To != ana.ID || got[0].Kind != token.LetterPasswordReset {
		t.Errorf("letters %+v", got)
	}
	w.recorded("user.password_reset_asked")
}

func TestNobodyFillsAMailbox(t *testing.T) {
	w := newWorld(t, "sqlite")
	ana := w.withPassword("ana@acme.example", "correct horse battery")
	w.letters()
	for i := range 20 {
		if err := w.ForgotPassword(w.ctx, token.Actor{Address: "192.0.2.7"}, ana.Email); err != nil {
			t.Fatal(i, err)
		}
	}
	refused(t, w.ForgotPassword(w.ctx, token.Actor{Address: "192.0.2.7"}, "nobody@acme.example"), token.TooMany)
	w.Identity.Close()
	if n := len(w.letters()); n != 3 {
		t.Errorf("%d letters, want 3", n)
	}
}
