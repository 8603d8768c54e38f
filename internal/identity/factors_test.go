package identity

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/factor"
	"github.com/fichadev/ficha/internal/factor/factortest"
	"github.com/fichadev/ficha/internal/token"
)

// app sets an app up for a person and returns its secret and their codes.
func (w *world) app(p *token.Person) (secret string, codes []string) {
	w.t.Helper()
	who := as(p, "")
	if err := w.StartAuthenticator(w.ctx, who); err != nil {
		w.t.Fatal(err)
	}
	secret, err := w.WaitingSecret(w.ctx, who)
	if err != nil || secret == "" {
		w.t.Fatal(secret, err)
	}
	if codes, err = w.ConfirmAuthenticator(w.ctx, who, w.code(secret, 0)); err != nil || len(codes) != 10 {
		w.t.Fatal(codes, err)
	}
	return secret, codes
}

// code is what an app shows some steps from now.
func (w *world) code(secret string, steps int64) string {
	w.t.Helper()
	code, err := factor.Code(secret, w.clock.now().Unix()/30+steps)
	if err != nil {
		w.t.Fatal(err)
	}
	return code
}

func TestAppCountsOnlyOnceACodeOfItWasShown(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		ana := w.user("ana@acme.example", token.Member)
		w.news()
		if err := w.StartAuthenticator(w.ctx, as(ana, "")); err != nil {
			t.Fatal(err)
		}
		if needs, err := w.NeedsSecond(w.ctx, ana); needs || err != nil {
			t.Errorf("asked for a code of an app that may not work: %v", err)
		}
		_, err := w.ConfirmAuthenticator(w.ctx, as(ana, ""), "000000")
		refused(t, err, token.Invalid)
		w.clock.move(61 * time.Minute)
		_, err = w.ConfirmAuthenticator(w.ctx, as(ana, ""), "000000")
		refused(t, err, token.NotFound)
		w.app(ana)
		w.recorded("user.factor_added")
		if needs, _ := w.NeedsSecond(w.ctx, ana); !needs {
			t.Error("no code is asked for")
		}
		refused(t, w.StartAuthenticator(w.ctx, as(ana, "")), token.Conflict)
		refused(t, w.StartAuthenticator(w.ctx, token.Actor{Kind: token.App, ID: ana.ID}), token.Forbidden)
		if err := w.RemoveAuthenticator(w.ctx, as(ana, "")); err != nil {
			t.Fatal(err)
		}
		if f, err := w.Factors(w.ctx, ana); err != nil || f.Authenticator || f.RecoveryCodes != 0 {
			t.Errorf("left: %+v, %v", f, err)
		}
		w.recorded("user.factor_removed")
	})
}

func TestEachCodeSignsInOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		ana := w.user("ana@acme.example", token.Member)
		secret, codes := w.app(ana)
		who := token.Actor{Address: "192.0.2.7"}
		refused(t, w.ProveCode(w.ctx, who, ana, w.code(secret, 0)), token.AccessDenied) // confirmed the app
		w.clock.move(time.Minute)
		if took := race(func() error { return w.ProveCode(w.ctx, who, ana, w.code(secret, 0)) }); took != 1 {
			t.Errorf("a code is taken %d times", took)
		}
		refused(t, w.ProveCode(w.ctx, who, ana, w.code(secret, -1)), token.AccessDenied) // an older one than was used
		w.news()
		if took := race(func() error { return w.ProveCode(w.ctx, who, ana, strings.ToUpper(codes[3])) }); took != 1 {
			t.Errorf("a recovery code is taken %d times", took)
		}
		if e := w.recorded("user.recovery_code_used"); len(e) == 1 && e[0].Detail["left"] != int64(9) {
			t.Errorf("the audit says %v", e[0].Detail)
		}
	})
}

// race runs f in several goroutines and counts those that it let through.
func race(f func() error) int64 {
	var won atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if f() == nil {
				won.Add(1)
			}
		})
	}
	all.Wait()
	return won.Load()
}

func TestGuessingCodesEndsAfterTen(t *testing.T) {
	w := newWorld(t, "sqlite")
	ana := w.user("ana@acme.example", token.Member)
	secret, _ := w.app(ana)
	w.news()
	for i := range 10 { // from everywhere
		refused(t, w.ProveCode(w.ctx, token.Actor{Address: "192.0.2." + string(rune('1'+i))}, ana, "000000"), token.AccessDenied)
	}
	w.clock.move(time.Minute)
	refused(t, w.ProveCode(w.ctx, token.Actor{}, ana, w.code(secret, 0)), token.TooMany)
	w.Identity.Close()
	w.recorded("user.sign_in")
	w.clock.move(15 * time.Minute)
	if err := w.ProveCode(w.ctx, token.Actor{}, ana, w.code(secret, 0)); err != nil {
		t.Error(err)
	}
}

func TestNewRecoveryCodesEndTheOldOnes(t *testing.T) {
	w := newWorld(t, "sqlite")
	ana := w.user("ana@acme.example", token.Member)
	_, err := w.RenewRecoveryCodes(w.ctx, as(ana, ""))
	refused(t, err, token.Conflict)
	_, old := w.app(ana)
	codes, err := w.RenewRecoveryCodes(w.ctx, as(ana, ""))
	if err != nil || slices.Equal(codes, old) {
		t.Fatal(codes, err)
	}
	refused(t, w.ProveCode(w.ctx, token.Actor{}, ana, old[0]), token.AccessDenied)
	if err := w.ProveCode(w.ctx, token.Actor{}, ana, codes[0]); err != nil {
		t.Error(err)
	}
}

func TestHalfwayIsForOnePersonAndTenMinutes(t *testing.T) {
	w := newWorld(t, "sqlite")
	ana := w.user("ana@acme.example", token.Member)
	halfway, err := w.Halfway(ana)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := w.SecondOf(w.ctx, halfway); err != nil || p.ID != ana.ID {
		t.Errorf("%v, %v", p, err)
	}
	ceremony, err := w.AskPasskey()
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"", "garbage", halfway[:len(halfway)-2], ceremony.Kept} {
		_, err := w.SecondOf(w.ctx, other)
		refused(t, err, token.AccessDenied)
	}
	w.clock.move(10 * time.Minute)
	_, err = w.SecondOf(w.ctx, halfway)
	refused(t, err, token.AccessDenied)
}

// device makes a passkey of a person on a device.
func (w *world) device(p *token.Person, name string) *factortest.Device {
	w.t.Helper()
	d := &factortest.Device{Origin: site}
	c, err := w.NewPasskey(w.ctx, as(p, ""))
	if err != nil {
		w.t.Fatal(err)
	}
	answer, err := d.Create([]byte(c.Options))
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.AddPasskey(w.ctx, as(p, ""), name, c.Kept, string(answer)); err != nil {
		w.t.Fatal(err)
	}
	return d
}

// shows has a device answer a question and returns whom it signs in.
func (w *world) shows(d *factortest.Device) (kept, answer string, p *token.Person, err error) {
	w.t.Helper()
	c, err := w.AskPasskey()
	if err != nil {
		w.t.Fatal(err)
	}
	said, err := d.Get([]byte(c.Options))
	if err != nil {
		w.t.Fatal(err)
	}
	p, err = w.AuthenticatePasskey(w.ctx, c.Kept, string(said))
	return c.Kept, string(said), p, err
}

func TestPasskeySignsItsPersonInOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		ana, ben := w.withPassword("ana@acme.example", "correct horse battery"), w.user("ben@acme.example", token.Member)
		w.news()
		phone, laptop, other := w.device(ana, "Phone"), w.device(ana, "Laptop"), w.device(ben, "Phone")
		w.recorded("user.factor_added", "user.factor_added", "user.factor_added")
		for d, want := range map[*factortest.Device]string{phone: ana.ID, laptop: ana.ID, other: ben.ID} {
			kept, answer, p, err := w.shows(d)
			if err != nil || p.ID != want {
				t.Fatalf("%v, %v", p, err)
			}
			_, err = w.AuthenticatePasskey(w.ctx, kept, answer)
			refused(t, err, token.AccessDenied)
		}
		f, err := w.Factors(w.ctx, ana)
		if err != nil || len(f.Passkeys) != 2 || f.Passkeys[0].UsedAt == 0 || f.Passkeys[0].Name == f.Passkeys[1].Name {
			t.Fatalf("%+v, %v", f, err)
		}
		refused(t, w.RemovePasskey(w.ctx, as(ben, ""), f.Passkeys[0].ID), token.Conflict) // his own is his only way in
		refused(t, w.RemovePasskey(w.ctx, as(ana, ""), []byte("other")), token.NotFound)
		for _, k := range f.Passkeys {
			if err := w.RemovePasskey(w.ctx, as(ana, ""), k.ID); err != nil {
				t.Error(err)
			}
		}
		_, _, _, err = w.shows(phone)
		refused(t, err, token.AccessDenied)
	})
}

func TestPasskeyIsAddedByWhomItWasAskedOf(t *testing.T) {
	w := newWorld(t, "sqlite")
	ana, ben := w.user("ana@acme.example", token.Member), w.user("ben@acme.example", token.Member)
	c, err := w.NewPasskey(w.ctx, as(ana, ""))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := (&factortest.Device{Origin: site}).Create([]byte(c.Options))
	if err != nil {
		t.Fatal(err)
	}
	refused(t, w.AddPasskey(w.ctx, as(ben, ""), "Phone", c.Kept, string(answer)), token.AccessDenied)
	refused(t, w.AddPasskey(w.ctx, as(ana, ""), "", c.Kept, string(answer)), token.Invalid)
	refused(t, w.AddPasskey(w.ctx, as(ana, ""), "Phone", c.Kept, "{}"), token.Invalid)
	away, err := (&factortest.Device{Origin: "https://evil.example"}).Create([]byte(c.Options))
	if err != nil {
		t.Fatal(err)
	}
	refused(t, w.AddPasskey(w.ctx, as(ana, ""), "Phone", c.Kept, string(away)), token.Invalid)
	w.clock.move(11 * time.Minute)
	refused(t, w.AddPasskey(w.ctx, as(ana, ""), "Phone", c.Kept, string(answer)), token.AccessDenied)
}

func TestDisabledPersonSignsInByNothing(t *testing.T) {
	w := newWorld(t, "sqlite")
	ana := w.withPassword("ana@acme.example", "correct horse battery")
	phone := w.device(ana, "Phone")
	halfway, err := w.Halfway(ana)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.DisableUser(w.ctx, apply, ana.ID, "gone"); err != nil {
		t.Fatal(err)
	}
	_, _, _, err = w.shows(phone)
	refused(t, err, token.AccessDenied)
	_, err = w.SecondOf(w.ctx, halfway)
	refused(t, err, token.AccessDenied)
	refused(t, w.SetProfile(w.ctx, as(ana, ""), "Ana", "de"), token.NotFound)
}

func TestProfileIsChangedByItsPersonAlone(t *testing.T) {
	w := newWorld(t, "sqlite")
	ana := w.user("ana@acme.example", token.Member)
	w.news()
	for range 2 { // the second time nothing differs
		if err := w.SetProfile(w.ctx, as(ana, ""), "Ana Admin", "pt-BR"); err != nil {
			t.Fatal(err)
		}
	}
	w.recorded("user.changed")
	if p := w.person(ana.ID); p.Name != "Ana Admin" || p.Locale != "pt-BR" || p.Email != ana.Email {
		t.Errorf("%+v", p)
	}
	refused(t, w.SetProfile(w.ctx, as(ana, ""), "a\nb", ""), token.Invalid)
	refused(t, w.SetProfile(w.ctx, token.Actor{Kind: token.App, ID: ana.ID}, "x", ""), token.Forbidden)
}

func TestLostFactorsAreTakenAwayByWhoGovernsThePerson(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		boss, admin := w.user("boss@acme.example", token.SuperAdmin), w.user("admin@acme.example", token.Admin)
		ana := w.withPassword("ana@acme.example", "correct horse battery")
		w.app(ana)
		phone := w.device(ana, "Phone")
		w.news()
		refused(t, w.RemoveFactors(w.ctx, as(admin, "ws1"), ana.ID, "lost phone"), token.Forbidden)
		refused(t, w.RemoveFactors(w.ctx, as(ana, "ws1"), boss.ID, "lost phone"), token.NotFound)
		w.member(ana, DeclaredMembership{Workspace: "ws2"})
		w.news()
		refused(t, w.RemoveFactors(w.ctx, as(boss, "ws1"), ana.ID, "lost phone"), token.Forbidden) // no super admin in ws2
		w.member(boss, DeclaredMembership{Workspace: "ws2", Role: token.SuperAdmin})
		w.news()
		for range 2 {
			if err := w.RemoveFactors(w.ctx, as(boss, "ws1"), ana.ID, "lost phone"); err != nil {
				t.Fatal(err)
			}
		}
		w.recorded("user.factor_removed")
		if f, err := w.Factors(w.ctx, ana); err != nil || f.Authenticator || f.RecoveryCodes != 0 || len(f.Passkeys) != 0 || !f.Password {
			t.Errorf("left: %+v, %v", f, err)
		}
		_, _, _, err := w.shows(phone)
		refused(t, err, token.AccessDenied)
	})
}
