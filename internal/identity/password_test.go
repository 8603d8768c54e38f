package identity

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

func TestOwnPasswordIsChangedWithTheOldOne(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		ana := w.withPassword("ana@example.test", "correct horse")
		tok := w.token(ana, "ws1")
		w.news()
		if err := w.SetPassword(w.ctx, as(ana, "ws1"), ana.ID, "correct horse", "battery staple"); err != nil {
			t.Fatal(err)
		}
		w.recorded("user.password_changed")
		if _, err := w.Authenticate(w.ctx, from("192.0.2.1"), ana.Email, "battery staple"); err != nil {
			t.Errorf("the new one: %v", err)
		}
		_, err := w.Authenticate(w.ctx, from("192.0.2.1"), ana.Email, "correct horse")
		refused(t, err, token.AccessDenied)
		if !w.opens(tok, "ws1") {
			t.Error("a token ended with the password")
		}
	})
}

func TestPasswordIsNotChangedWithoutRight(t *testing.T) {
	w := newWorld(t, "sqlite")
	ana, boss := w.withPassword("ana@example.test", "correct horse"), w.user("boss@example.test", token.SuperAdmin)
	w.news()
	for name, c := range map[string]struct {
		who    token.Actor
		old    string
		chosen string
		want   token.Code
		field  string
	}{
		"wrong old one": {as(ana, "ws1"), "wrong", "battery staple", token.Invalid, "old_password"},
		"short new one": {as(ana, "ws1"), "correct horse", "short", token.Invalid, "new_password"},
		"long new one":  {as(ana, "ws1"), "correct horse", strings.Repeat("a", 1025), token.Invalid, "new_password"},
		"another's":     {as(boss, "ws1"), "correct horse", "battery staple", token.Forbidden, ""},
		"the system's":  {token.Actor{Kind: token.System, ID: ana.ID}, "correct horse", "battery staple", token.Forbidden, ""},
	} {
		err := w.SetPassword(w.ctx, c.who, ana.ID, c.old, c.chosen)
		refused(t, err, c.want)
		if r := token.AsRefusal(err); c.field != "" && r != nil && (len(r.Fields) != 1 || r.Fields[0].Name != c.field) {
			t.Errorf("%s: refused at %v, want at %s", name, r.Fields, c.field)
		}
	}
	w.recorded()
	if w.person(ana.ID).Password != ana.Password {
		t.Error("the password was changed")
	}
}

func TestGuessingTheOldPasswordCountsAsSignInDoes(t *testing.T) {
	w := newWorld(t, "sqlite")
	ana := w.withPassword("ana@example.test", "correct horse")
	for range 10 {
		refused(t, w.SetPassword(w.ctx, as(ana, "ws1"), ana.ID, "wrong", "battery staple"), token.Invalid)
	}
	refused(t, w.SetPassword(w.ctx, as(ana, "ws1"), ana.ID, "correct horse", "battery staple"), token.TooMany)
}

func TestPasswordProvenBeforeItChangedIsNotWritten(t *testing.T) {
	w := newWorld(t, "sqlite")
	ana := w.withPassword("ana@example.test", "correct horse")
	if err := w.SetPassword(w.ctx, as(ana, "ws1"), ana.ID, "correct horse", "battery staple"); err != nil {
		t.Fatal(err)
	}
	refused(t, w.replacePassword(w.ctx, ana, ana.Password, deed{who: as(ana, "ws1"), action: "user.password_changed"}), token.Conflict)
}

// No row of the audit may hold a password or its hash.
func TestNoRecordCarriesAPassword(t *testing.T) {
	w := newWorld(t, "sqlite")
	ana := w.withPassword("ana@example.test", "canary-password-1")
	if err := w.SetPassword(w.ctx, as(ana, "ws1"), ana.ID, "canary-password-1", "canary-password-2"); err != nil {
		t.Fatal(err)
	}
	w.guess(10, ana.Email, "192.0.2.9")
	w.Close()
	news := w.news()
	if len(news) < 4 {
		t.Fatalf("only %d records were written", len(news))
	}
	for _, e := range news {
		if b, err := e.Canonical(); err != nil || strings.Contains(string(b), "canary") || strings.Contains(string(b), "argon2") {
			t.Errorf("%s: %s, %v", e.Action, b, err)
		}
	}
}

func TestHashesAreReadBackAndSalted(t *testing.T) {
	w := newWorld(t, "sqlite")
	one, err := w.HashPassword(w.ctx, "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	two, err := w.HashPassword(w.ctx, "correct horse")
	if err != nil || one == two || !strings.HasPrefix(one, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("got %s and %s, %v; want two salts", one, two, err)
	}
	p, ok := parsePHC(one)
	if !ok || !p.matches("correct horse") || p.matches("correct horse ") || p.weak() {
		t.Errorf("%s: read as %+v, %v", one, p, ok)
	}
	for _, password := range []string{"", strings.Repeat("a", 1025)} {
		_, err := w.HashPassword(w.ctx, password)
		refused(t, err, token.Invalid)
	}
}

// The expected line was made by the reference implementation:
// echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1 -e
const reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"

func TestHashOfTheReferenceImplementationIsUnderstood(t *testing.T) {
	p, ok := parsePHC(reference)
	if !ok || !p.matches("password") || p.matches("Password") {
		t.Errorf("read as %+v, %v", p, ok)
	}
}

func TestOddHashesAreRefusedBeforeTheyCost(t *testing.T) {
	with := func(costs string) string { return strings.Replace(reference, "m=65536,t=2,p=1", costs, 1) }
	for _, s := range []string{
		"", "$", "plain", "$$$$$", strings.Repeat("$", 100000), strings.Replace(reference, "argon2id", "argon2i", 1),
		strings.Replace(reference, "v=19", "v=16", 1), with("m=65536,t=2"), with("t=2,m=65536,p=1"), with("m=065536,t=2,p=1"), with("m=+65536,t=2,p=1"),
		with("m=4294967295,t=2,p=1"), with("m=65536,t=4294967295,p=1"), with("m=65536,t=17,p=1"), with("m=65536,t=2,p=255"), with("m=65536,t=2,p=257"),
		with("m=0,t=2,p=1"), with("m=65536,t=0,p=1"), with("m=65536,t=2,p=0"), with("m=7,t=2,p=1"), with("m=15,t=2,p=2"),
		reference + "$", reference + "\n", reference[:len(reference)-1] + "d", strings.Replace(reference, "c29tZXNhbHQ", "c29t", 1),
		reference + strings.Repeat("A", 80),
	} {
		if p, ok := parsePHC(s); ok {
			t.Errorf("%.80q is read as %+v", s, p)
		}
	}
}

// occupy takes every turn, and returns what gives them back.
func (h *hasher) occupy(t *testing.T) (giveBack func()) {
	t.Helper()
	var all []func()
	for range atOnce() {
		one, err := h.turns.take(t.Context(), "occupier")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	return func() {
		for _, one := range all {
			one()
		}
	}
}

// Whoever comes from many places waits for themselves: somebody else is next
// after one of each.
func TestSourcesTakeTurns(t *testing.T) {
	h := newHasher()
	giveBack := h.occupy(t)
	got := make(chan string, 100)
	waits := func(ctx context.Context, source string, n int) {
		go func() {
			done, err := h.turns.take(ctx, source)
			if err != nil {
				got <- "left"
				return
			}
			got <- source
			done()
		}()
		for {
			h.turns.mu.Lock()
			waiting := 0
			for _, line := range h.turns.lines {
				waiting += len(line)
			}
			h.turns.mu.Unlock()
			if waiting == n {
				return
			}
			runtime.Gosched()
		}
	}
	for n := range 30 {
		waits(t.Context(), []string{"a", "b", "c"}[n%3], n+1)
	}
	waits(t.Context(), "honest", 31)
	ctx, cancel := context.WithCancel(t.Context())
	waits(ctx, "gone", 32)
	cancel()
	if first := <-got; first != "left" {
		t.Errorf("%s had a turn while all were taken", first)
	}
	giveBack()
	place := 0
	for n := 1; n <= 31; n++ {
		if <-got == "honest" {
			place = n
		}
	}
	if place == 0 || place > 3+2*atOnce() {
		t.Errorf("the honest one was number %d of 31", place)
	}
	h.turns.mu.Lock()
	defer h.turns.mu.Unlock()
	if h.turns.free != atOnce() || len(h.turns.lines) != 0 || len(h.turns.order) != 0 {
		t.Errorf("afterwards %d are free, %v wait", h.turns.free, h.turns.order)
	}
}

func TestHashesWaitForTheirTurn(t *testing.T) {
	h := newHasher()
	h.occupy(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.hash(ctx, "correct horse")
	refused(t, err, token.Unavailable)
	_, err = h.check(ctx, "192.0.2.1", reference, "password", func() error { t.Error("asked without a turn"); return nil })
	refused(t, err, token.Unavailable)
}

func FuzzPHC(f *testing.F) {
	f.Add(reference)
	f.Add(blankPHC().String())
	f.Add("$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, s string) {
		p, ok := parsePHC(s)
		if !ok {
			return
		}
		if p.String() != s {
			t.Errorf("%q is read as %q", s, p)
		}
		if p.memory > maxMemory || p.passes > maxPasses || p.threads > maxThreads || len(p.salt) > maxPart || len(p.sum) > maxPart {
			t.Errorf("%q is out of bounds: %s", s, fmt.Sprint(p.memory, p.passes, p.threads, len(p.salt), len(p.sum)))
		}
		if p.memory <= 64 {
			p.matches("x") // must not panic
		}
	})
}
