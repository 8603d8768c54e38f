package verifier

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

// What is being written is known until it is on disk, once, and what could not
// be written is handed out again with what came since.
func TestUsesAreKnownUntilTheyAreWritten(t *testing.T) {
	v := &Verifier{}
	use := func(secret token.ID, at int64) { v.Note(secret, token.Use{Now: at, Route: "/r"}) }
	knows := func(when string, secret token.ID, want int64) {
		t.Helper()
		if got, ok := v.Seen(secret); got.Count != want || ok != (want > 0) {
			t.Errorf("%s: %d uses of %d are known (%v), want %d", when, got.Count, secret, ok, want)
		}
	}
	full := errors.New("no room")
	use(1, 10)
	use(2, 10)
	err := v.WriteUses(t.Context(), func(_ context.Context, uses []token.Used, wrote func([]token.Used)) error {
		knows("while it is written", 1, 1)
		use(1, 20)
		knows("and used meanwhile", 1, 2)
		second := slices.IndexFunc(uses, func(u token.Used) bool { return u.Secret == 2 })
		wrote(uses[second : second+1])
		return full
	})
	if !errors.Is(err, full) {
		t.Error(err)
	}
	knows("after a fault", 1, 2)
	knows("written", 2, 0)
	use(17, 30) // of the same shard
	err = v.WriteUses(t.Context(), func(_ context.Context, uses []token.Used, wrote func([]token.Used)) error {
		first := slices.IndexFunc(uses, func(u token.Used) bool { return u.Secret == 1 })
		if one := uses[first]; len(uses) != 2 || one.Count != 2 || one.First != 10 || one.Last != 20 {
			t.Errorf("handed out again: %+v", uses)
		}
		wrote(uses)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	knows("written at last", 1, 0)
	knows("written at last", 17, 0)
}
