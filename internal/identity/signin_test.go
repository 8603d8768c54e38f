package identity

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

func from(address string) token.Actor { return token.Actor{Address: address} }

func TestSignInByAddressInAnyCase(t *testing.T) {
	w := newWorld(t, "sqlite")
	ana := w.withPassword("ana@example.test", "correct horse")
	for _, email := range []string{"ana@example.test", " ANA@Example.TEST\t"} {
		p, err := w.Authenticate(w.ctx, from("192.0.2.1"), email, "correct horse")
		if err != nil || p.ID != ana.ID {
			t.Errorf("%q: got %v, %v; want ana", email, p, err)
		}
	}
}

func TestWhoCannotSignInHearsOneAnswer(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.withPassword("ana@example.test", "correct horse")
	w.user("none@example.test", token.Member)
	off := w.withPassword("off@example.test", "correct horse")
	if err := w.DisableUser(w.ctx, apply, off.ID, ""); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("a", maxPassword)
	w.withPassword("long@example.test", long)
	answers := map[string]bool{}
	for _, c := range [][2]string{
		{"ana@example.test", "wrong"}, {"ana@example.test", ""}, {"ana@example.test", "Correct horse"}, {"unknown@example.test", "correct horse"},
		{"none@example.test", ""}, {"off@example.test", "correct horse"}, {"", ""}, {"a\x00b@example.test", "x"}, {"\xff", "x"},
		{strings.Repeat("a", 10000), "x"}, {"long@example.test", long + "b"},
	} {
		p, err := w.Authenticate(w.ctx, from("192.0.2.1"), c[0], c[1])
		if p != nil {
			t.Errorf("%.40q: signed in", c)
		}
		refused(t, err, token.AccessDenied)
		answers[fmt.Sprintf("%#v", token.AsRefusal(err))] = true
	}
	if len(answers) != 1 {
		t.Errorf("got %d answers, want one: %v", len(answers), answers)
	}
	if _, err := w.Authenticate(w.ctx, from("192.0.2.1"), "long@example.test", long); err != nil {
		t.Errorf("the longest password: %v", err)
	}
}

// The cost is the hash's, so it is enough that each refusal computed one.
func TestUnknownAccountCostsWhatAKnownOneDoes(t *testing.T) {
	h := newHasher()
	p, ok := parsePHC(h.nobodys.String())
	fresh := blankPHC()
	if !ok || p.memory != fresh.memory || p.passes != fresh.passes || p.threads != fresh.threads || len(p.sum) != sumLen {
		t.Errorf("nobody's hash is %s, want one like %s", h.nobodys, fresh)
	}
	for _, password := range []string{"", "x", string(h.nobodys.sum)} {
		if ok, err := h.check(t.Context(), "192.0.2.1", "", password, func() error { return nil }); ok || err != nil {
			t.Errorf("%q matches a missing hash: %v, %v", password, ok, err)
		}
	}
}

func TestPersonWithoutWorkspaceSignsInAndOpensNothing(t *testing.T) {
	w := newWorld(t, "sqlite")
	ana := w.withPassword("ana@example.test", "correct horse")
	if err := w.Remove(w.ctx, as(ana, "ws1"), ana.ID, "ws1", ""); err != nil {
		t.Fatal(err)
	}
	p, err := w.Authenticate(w.ctx, from("192.0.2.1"), ana.Email, "correct horse")
	if err != nil || len(p.Live()) != 0 {
		t.Errorf("got %+v, %v; want ana without membership", p, err)
	}
	if w.opens(w.token(ana, ""), "ws1") {
		t.Error("a token of hers opens the workspace")
	}
}

// Whoever is no live member of the workspace is refused like a wrong password,
// and counted like one, or the tries that are never counted would tell that the
// password is right.
func TestSignInToAWorkspaceTellsNothingOfThePasswordToOthers(t *testing.T) {
	w := newWorld(t, "sqlite")
	ana := w.withPassword("ana@example.test", "correct horse")
	sign := func(workspace string) error {
		_, err := w.AuthenticateMember(w.ctx, from("192.0.2.1"), ana.Email, "correct horse", workspace)
		return err
	}
	if err := sign("ws1"); err != nil {
		t.Errorf("a member: %v", err)
	}
	for range 5 {
		refused(t, sign(""), token.AccessDenied)
		refused(t, sign("nowhere"), token.AccessDenied)
	}
	refused(t, sign("ws1"), token.TooMany)
	w.clock.move(2 * time.Minute)
	if err := w.Remove(w.ctx, as(ana, "ws1"), ana.ID, "ws1", ""); err != nil {
		t.Fatal(err)
	}
	refused(t, sign("ws1"), token.AccessDenied)
}

// guess tries a wrong password a number of times and counts the answers.
func (w *world) guess(times int, email, address string) map[token.Code]int {
	w.t.Helper()
	got := map[token.Code]int{}
	for range times {
		_, err := w.Authenticate(w.ctx, from(address), email, "wrong")
		r := token.AsRefusal(err)
		if r == nil {
			w.t.Fatalf("a wrong password is answered %v", err)
		}
		got[r.Code]++
	}
	return got
}

func TestGuesserIsRefusedAndTheOwnerElsewhereIsNot(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.withPassword("ana@example.test", "correct horse")
	for _, email := range []string{"ana@example.test", "unknown@example.test"} {
		if got := w.guess(12, email, "192.0.2.1"); got[token.AccessDenied] != 10 || got[token.TooMany] != 2 {
			t.Errorf("%s: got %v, want 10 wrong and 2 too many", email, got)
		}
	}
	w.clock.move(20 * time.Second)
	_, err := w.Authenticate(w.ctx, from("192.0.2.1"), " ANA@example.test", "correct horse")
	refused(t, err, token.TooMany)
	if r := token.AsRefusal(err); r != nil && (r.RetryAfter != 40*time.Second || !strings.Contains(r.Text, "40 seconds")) {
		t.Errorf("got %v after %v, want after 40 s", r, r.RetryAfter)
	}
	if _, err := w.Authenticate(w.ctx, from("192.0.2.2"), "ana@example.test", "correct horse"); err != nil {
		t.Errorf("the owner at another address: %v", err)
	}
	w.clock.move(40 * time.Second)
	if _, err := w.Authenticate(w.ctx, from("192.0.2.1"), "ana@example.test", "correct horse"); err != nil {
		t.Errorf("after a minute: %v", err)
	}
}

func TestSuccessCountsNothing(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.withPassword("ana@example.test", "correct horse")
	w.guess(9, "ana@example.test", "192.0.2.1")
	for range 3 {
		if _, err := w.Authenticate(w.ctx, from("192.0.2.1"), "ana@example.test", "correct horse"); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.guess(2, "ana@example.test", "192.0.2.1"); got[token.AccessDenied] != 1 || got[token.TooMany] != 1 {
		t.Errorf("got %v, want the tenth wrong and then too many: a success neither counts nor clears", got)
	}
}

func TestGuessesAtOnceGetNoMoreThanTheLimit(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.withPassword("ana@example.test", "correct horse")
	var mu sync.Mutex
	got := map[token.Code]int{}
	var wg sync.WaitGroup
	for range 60 {
		wg.Go(func() {
			_, err := w.Authenticate(w.ctx, from("192.0.2.1"), "ana@example.test", "wrong")
			mu.Lock()
			defer mu.Unlock()
			got[token.AsRefusal(err).Code]++
		})
	}
	wg.Wait()
	// Those whose hash is computed at the same moment do not see each other.
	if most := 10 + atOnce() - 1; got[token.AccessDenied] > most {
		t.Errorf("%d guesses were answered, want at most %d", got[token.AccessDenied], most)
	}
}

// Trying a password on many accounts is counted by none of them. It must not
// fill the line for those who come from elsewhere.
func TestOneAddressDoesNotFillTheLine(t *testing.T) {
	w := newWorld(t, "sqlite")
	ana := w.withPassword("ana@example.test", "correct horse")
	giveBack := w.hasher.occupy(t) // nobody's turn comes
	var line sync.WaitGroup
	got := make(chan error, 3*mostInLine)
	for n := range cap(got) {
		line.Go(func() {
			_, err := w.Authenticate(w.ctx, from(fmt.Sprintf("2001:db8::%d", n+1)), fmt.Sprintf("p%d@example.test", n), "wrong")
			got <- err
		})
	}
	for range cap(got) - mostInLine { // one /64 is one source
		refused(t, <-got, token.TooMany)
	}
	leave, err := w.hasher.line("192.0.2.1")
	if err != nil {
		t.Fatalf("another source: %v", err)
	}
	leave()
	giveBack()
	line.Wait()
	close(got)
	for err := range got {
		refused(t, err, token.AccessDenied)
	}
	if p, err := w.Authenticate(w.ctx, from("2001:db8::1"), "ana@example.test", "correct horse"); err != nil || p.ID != ana.ID || len(w.hasher.waiting) != 0 {
		t.Errorf("afterwards: %v, %v, and %d sources in line", p, err, len(w.hasher.waiting))
	}
}

func TestAccountGuessedAtFromEverywhereIsSlowedNotLocked(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.withPassword("ana@example.test", "correct horse")
	for i := range 100 {
		w.guess(1, "ana@example.test", fmt.Sprintf("192.0.2.%d", i))
	}
	if n := len(w.slept); n != 0 {
		t.Errorf("%d tries were slowed before the limit", n)
	}
	if _, err := w.Authenticate(w.ctx, from("198.51.100.1"), "ana@example.test", "correct horse"); err != nil {
		t.Errorf("the owner: %v", err)
	}
	if n := len(w.slept); n != 1 {
		t.Errorf("%d tries were slowed, want the owner's", n)
	}
	if _, err := w.Authenticate(w.ctx, from("198.51.100.1"), "unknown@example.test", "x"); err == nil || len(w.slept) != 1 {
		t.Errorf("another account was slowed too: %v", err)
	}
}

func TestSlowedTryEndsWithItsCallerAndHoldsNoTurn(t *testing.T) {
	w := newWorld(t, "sqlite")
	ctx, cancel := context.WithCancel(w.ctx)
	w.after = func(time.Duration) <-chan time.Time {
		if n := atOnce() - w.hasher.turns.free; n != 0 {
			t.Errorf("%d turns are held in the wait", n)
		}
		cancel()
		return nil
	}
	for range 100 {
		w.accounts.Fail("ana@example.test")
	}
	_, err := w.Authenticate(ctx, from("192.0.2.1"), "ana@example.test", "x")
	refused(t, err, token.Unavailable)
}

func TestGuessingIsWrittenOnceAnHour(t *testing.T) {
	w := newWorld(t, "sqlite")
	ana := w.withPassword("ana@example.test", "correct horse")
	w.news()
	for i := range 5 {
		w.guess(12, "ana@example.test", fmt.Sprintf("192.0.2.%d", i))
		w.guess(12, "unknown@example.test", fmt.Sprintf("192.0.2.%d", i))
	}
	w.Close()
	e := w.recorded("user.sign_in")[0]
	if e.Outcome != token.Refused || e.Target != "user:"+ana.ID || e.Workspace != "ws1" || e.Actor.Address != "192.0.2.0" || e.Actor.Kind != token.Nobody {
		t.Errorf("the record is %+v", e)
	}
	w.clock.move(time.Hour)
	w.guess(12, "ana@example.test", "192.0.2.1")
	w.Close()
	w.recorded("user.sign_in")
}

func TestFaultIsNoWrongPassword(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.withPassword("ana@example.test", "correct horse")
	w.judge = lostJudge{}
	if _, err := w.Authenticate(w.ctx, from("192.0.2.1"), "ana@example.test", "correct horse"); err == nil || token.AsRefusal(err) != nil {
		t.Errorf("got %v, want a fault", err)
	}
}

type lostJudge struct{}

func (lostJudge) Workspace(context.Context, string) (*token.Workspace, error) { return nil, errBroken }

func (lostJudge) Person(context.Context, string) (*token.Person, error) { return nil, errBroken }

func TestCheapHashIsRenewedAtSignIn(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		ana := w.withPassword("ana@example.test", "correct horse")
		cheap := phc{memory: 64, passes: 1, threads: 1, salt: []byte("saltsalt")}
		cheap.sum = cheap.of("correct horse", 32)
		w.do(func(tx Tx) error {
			p := *ana
			p.Password = cheap.String()
			return tx.PutUser(w.ctx, &p)
		})
		w.news()
		for range 2 {
			if _, err := w.Authenticate(w.ctx, from("192.0.2.1"), ana.Email, "correct horse"); err != nil {
				t.Fatal(err)
			}
		}
		w.recorded("user.changed") // once
		if p, ok := parsePHC(w.person(ana.ID).Password); !ok || p.weak() {
			t.Errorf("the hash is still %+v", p)
		}
	})
}
