package store

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fichadev/ficha/internal/token"
)

func newKey(id, alg, state string) token.SigningKey {
	return token.SigningKey{ID: id, Alg: alg, State: state, Private: []byte("sealed " + id), Public: []byte("der"), CreatedAt: 1}
}

// keysHeard counts the changes of keys in the table.
func keysHeard(t *testing.T, s *Store) int {
	t.Helper()
	changes, err := s.Changes(t.Context(), 1, 1000)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, c := range changes {
		if c.What == token.ChangedKeys {
			n++
		}
	}
	return n
}

func TestAnAlgorithmHasOneActiveKey(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		for _, step := range []struct {
			key  token.SigningKey
			want bool
		}{
			{newKey("a", "ES256", "active"), true},
			{newKey("a", "ES256", "next"), false},   // the id exists
			{newKey("b", "ES256", "active"), false}, // another is active
			{newKey("b", "EdDSA", "active"), true},
			{newKey("c", "ES256", "next"), true},
			{newKey("d", "ES256", "next"), false},
		} {
			if got, err := s.AddKey(t.Context(), step.key); err != nil || got != step.want {
				t.Errorf("AddKey(%v) = %v, %v; want %v", step.key, got, err, step.want)
			}
		}
		if _, err := s.SetKeyState(t.Context(), "c", "next", "active", 5); err == nil {
			t.Error("a second active key of an algorithm was let in")
		}
		if n := keysHeard(t, s); n != 3 {
			t.Errorf("%d changes of keys, want 3: what changed nothing is not told", n)
		}
	})
}

func TestKeyIsMovedByOneOfTwoNodes(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		if _, err := s.AddKey(t.Context(), newKey("a", "ES256", "next")); err != nil {
			t.Fatal(err)
		}
		for i, step := range []struct {
			from, to string
			at       int64
		}{{"next", "active", 10}, {"active", "retiring", 20}, {"retiring", "ended", 30}} {
			var won [4]bool
			var errs [4]error
			var wg sync.WaitGroup
			for node := range won {
				wg.Go(func() { won[node], errs[node] = s.SetKeyState(t.Context(), "a", step.from, step.to, step.at) })
			}
			wg.Wait()
			winners := 0
			for node := range won {
				if won[node] {
					winners++
				}
				if errs[node] != nil {
					t.Error(errs[node])
				}
			}
			if winners != 1 {
				t.Errorf("step %d: %d winners, want 1", i, winners)
			}
		}
		want := newKey("a", "ES256", "ended")
		want.ActiveAt, want.RetireAt, want.EndedAt = 10, 20, 30
		got, err := s.Keys(t.Context())
		if err != nil || !cmp.Equal(got, []token.SigningKey{want}) {
			t.Errorf("Keys = %#v, %v; want %#v", got, err, want)
		}
	})
}

func TestCutoffsOfKeysAreReadWhole(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		err := s.Do(t.Context(), func(tx *Tx) error {
			tx.Cut(token.Cutoff{Support: token.Support{Kind: token.OnKey, ID: "a"}, IssuedBefore: 7, Reason: "stolen"})
			tx.Cut(token.Cutoff{Support: token.Support{Kind: token.OnClient, ID: "a"}, Reason: "gone"})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		cuts, err := s.KeyCutoffs(t.Context())
		if err != nil || len(cuts) != 1 {
			t.Fatalf("KeyCutoffs = %+v, %v; want one", cuts, err)
		}
		c := cuts[0]
		if c.Support.ID != "a" || c.Reason != "stolen" || c.IssuedBefore != 7 || !cuts.Hit(c.Position-1, 6) || cuts.Hit(c.Position, 6) {
			t.Errorf("got %+v", c)
		}
	})
}
