package store

import (
	"errors"
	"testing"

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
