package store

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fichadev/ficha/internal/token"
)

func letterTo(person string) token.Letter {
	return token.Letter{To: person, Kind: token.LetterMemberRemoved, Data: map[string]string{"by": "Ana"}, Workspace: "ws1"}
}

func post(t *testing.T, s *Store, letters ...token.Letter) {
	t.Helper()
	must(t, s.Do(t.Context(), func(tx *Tx) error { return tx.Post(t.Context(), letters...) }))
}

func waiting(t *testing.T, s *Store) int64 {
	t.Helper()
	n, err := one(t.Context(), s.reads, `SELECT COUNT(*) FROM letters`, scanInt)
	must(t, err)
	return n
}

func TestLetterIsPostedWithItsDeedOrNotAtAll(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		undone := errors.New("undone")
		err := s.Do(t.Context(), func(tx *Tx) error { return errors.Join(tx.Post(t.Context(), letterTo("u1")), undone) })
		if !errors.Is(err, undone) || waiting(t, s) != 0 {
			t.Errorf("%v, %d letters of a deed that was not done", err, waiting(t, s))
		}
		post(t, s, letterTo("u1"), letterTo("u2"))
		if n := waiting(t, s); n != 2 {
			t.Errorf("%d letters, want 2", n)
		}
	})
}

func TestLetterOfNoKindFailsItsDeed(t *testing.T) {
	s := open(t, "sqlite")
	for name, wrong := range map[string]token.Letter{
		"no kind":   {To: "u1", Kind: "hello"},
		"no reader": {Kind: token.LetterMemberRemoved, Data: map[string]string{"by": "Ana"}},
		"no data":   {To: "u1", Kind: token.LetterMemberRemoved},
		"more data": {To: "u1", Kind: token.LetterMemberRemoved, Data: map[string]string{"by": "Ana", "secret": "x"}},
	} {
		if err := s.Do(t.Context(), func(tx *Tx) error { return tx.Post(t.Context(), wrong) }); err == nil || waiting(t, s) != 0 {
			t.Errorf("%s: %v, %d letters; want a fault and none", name, err, waiting(t, s))
		}
	}
}

func TestWhereNoMailIsSentLettersAreOnlyCounted(t *testing.T) {
	s, counted := open(t, "sqlite"), 0
	s.cfg.NoMail = func(n int) { counted += n }
	undone := errors.New("undone")
	if err := s.Do(t.Context(), func(tx *Tx) error { return errors.Join(tx.Post(t.Context(), letterTo("u1")), undone) }); !errors.Is(err, undone) {
		t.Fatal(err)
	}
	post(t, s, letterTo("u1"), letterTo("u2"))
	if counted != 2 || waiting(t, s) != 0 {
		t.Errorf("%d counted and %d written, want 2 and none", counted, waiting(t, s))
	}
}

func claim(t *testing.T, s *Store, lease time.Duration) *token.DueLetter {
	t.Helper()
	l, err := s.ClaimLetter(t.Context(), lease)
	must(t, err)
	return l
}

func TestLetterIsClaimedByOneOfManyAndComesBackAsItWas(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		const lease = time.Minute
		want := letterTo("u1")
		want.ID, want.Address, want.At = newID(token.Long), "ana@example.com", 7
		post(t, s, want)
		var won atomic.Int64
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				l, err := s.ClaimLetter(t.Context(), lease)
				if err != nil {
					t.Error(err)
				} else if l != nil {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d have the letter, want 1", won.Load())
		}
		if c.pass(lease - time.Millisecond); claim(t, s, lease) != nil {
			t.Error("it was taken within its lease")
		}
		c.pass(time.Millisecond) // whoever had it died
		got := claim(t, s, lease)
		if d := cmp.Diff(&token.DueLetter{Letter: want, Tries: 2}, got); d != "" {
			t.Errorf("want -, got +:\n%s", d)
		}
		must(t, s.SentLetter(t.Context(), got.ID))
		if c.pass(lease); waiting(t, s) != 0 || claim(t, s, lease) != nil {
			t.Error("it is still there after it was sent")
		}
	})
}

func TestLetterThatFailedWaitsAndThenIsGivenUp(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		post(t, s, letterTo("u1"))
		first := claim(t, s, time.Minute)
		must(t, s.DelayLetter(t.Context(), first, time.Hour, "mailbox full"))
		if c.pass(time.Hour - time.Millisecond); claim(t, s, time.Minute) != nil {
			t.Error("it was tried too early")
		}
		c.pass(time.Millisecond)
		second := claim(t, s, time.Minute)
		if second == nil || second.Tries != 2 {
			t.Fatalf("the second try: %+v", second)
		}
		must(t, s.BuryLetter(t.Context(), first, "too late")) // it was only slow: another has the letter
		must(t, s.DelayLetter(t.Context(), first, 0, "too late"))
		if claim(t, s, time.Minute) != nil {
			t.Error("who no longer has it gave it back")
		}
		must(t, s.BuryLetter(t.Context(), second, "no such user"))
		c.pass(keepLetters - time.Millisecond)
		if purgeAll(t, s); waiting(t, s) != 1 {
			t.Error("what was given up went before its time")
		}
		if c.pass(time.Millisecond); claim(t, s, time.Minute) != nil {
			t.Error("what was given up is tried again")
		}
		if purgeAll(t, s); waiting(t, s) != 0 {
			t.Error("what was given up is kept for ever")
		}
	})
}
