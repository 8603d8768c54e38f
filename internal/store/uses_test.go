package store

import (
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fichadev/ficha/internal/token"
)

// unheard is for those who write uses down and forget them.
func unheard(int) {}

// usedOf lists uses as a node hands them over.
func usedOf(seen map[token.ID]token.Seen) token.Uses {
	var list []token.Used
	for _, id := range slices.Sorted(maps.Keys(seen)) {
		list = append(list, token.Used{Secret: id, Seen: seen[id]})
	}
	return token.Uses{Len: len(list), Portions: slices.Chunk(list, most)}
}

func TestUsesOfAllNodesAddUp(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		a, b := newID(token.Long), newID(token.Short)
		flush := func(uses map[token.ID]token.Seen) {
			t.Helper()
			written := 0
			if err := s.FlushUses(t.Context(), usedOf(uses), func(more int) { written += more }); err != nil {
				t.Fatal(err)
			}
			if written != len(uses) {
				t.Errorf("%d of %d uses were said to be written", written, len(uses))
			}
		}
		late := token.Seen{First: 20, Last: 30, Count: 2, Address: "192.0.2.2", Agent: "late", Route: "/late"}
		flush(map[token.ID]token.Seen{a: late, b: {First: 1, Last: 1, Count: 1}})
		flush(map[token.ID]token.Seen{a: {First: 10, Last: 25, Count: 5, Address: "192.0.2.1", Agent: "early", Route: "/early"}})

		want := map[token.ID]token.Seen{
			a: {First: 10, Last: 30, Count: 7, Address: "192.0.2.2", Agent: "late", Route: "/late"},
			b: {First: 1, Last: 1, Count: 1},
		}
		got, err := s.LastUses(t.Context(), []token.ID{a, b, newID(token.Long)})
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%v; want -, got +:\n%s", err, d)
		}
	})
}

func TestManyUsesAreWrittenInBoundedBatches(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		const many = 2*most + 3
		uses, ids := map[token.ID]token.Seen{}, make([]token.ID, many)
		for i := range ids {
			ids[i] = token.ID(i + 1)
			uses[ids[i]] = token.Seen{First: 1, Last: int64(i), Count: 1, Agent: strconv.Itoa(i)}
		}
		if err := s.FlushUses(t.Context(), usedOf(uses), unheard); err != nil {
			t.Fatal(err)
		}
		got, err := s.LastUses(t.Context(), ids)
		if err != nil || len(got) != many {
			t.Fatalf("%d uses, %v; want %d", len(got), err, many)
		}
		for i, id := range ids {
			if got[id].Agent != strconv.Itoa(i) {
				t.Fatalf("%d was used by %q", id, got[id].Agent)
			}
		}
	})
}

func TestFaultLeavesUsesForTheNextTry(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		do(t, s, func(tx *Tx) error { _, err := tx.exec(t.Context(), "ALTER TABLE uses RENAME TO hidden"); return err })
		uses := map[token.ID]token.Seen{1: {Count: 1}}
		err := s.FlushUses(t.Context(), usedOf(uses), func(more int) { t.Errorf("%d are said to be written", more) })
		if err == nil {
			t.Error("what was not written was told as done")
		}
	})
}

func TestAnswerIsWipedOnceItsTokenIsUsed(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		used, other := newToken(token.Short), newToken(token.Long)
		old := token.MakeID(time.Now().Add(-time.Hour), token.Long, 1)
		keep := func(key string, tokens ...token.ID) token.Hash {
			t.Helper()
			a := &token.Answer{Key: token.HashOf(key), Sealed: []byte("sealed"), Tokens: tokens,
				SealedUntil: time.Now().Add(time.Minute).UnixMilli(), ExpiresAt: time.Now().Add(time.Minute).UnixMilli()}
			if err := s.Commit(t.Context(), &token.Deed{Answer: a}); err != nil {
				t.Fatal(err)
			}
			return a.Key
		}
		wiped, kept := keep("wiped", other.ID, used.ID), keep("kept", other.ID)
		if err := s.FlushUses(t.Context(), usedOf(map[token.ID]token.Seen{used.ID: {Count: 1}, old: {Count: 1}}), unheard); err != nil {
			t.Fatal(err)
		}
		if a, err := s.Answer(t.Context(), wiped); err != nil || a == nil || len(a.Sealed) != 0 || len(a.Tokens) != 2 {
			t.Errorf("the used token's answer: %+v, %v; want it known, and empty", a, err)
		}
		if a, err := s.Answer(t.Context(), kept); err != nil || a == nil || string(a.Sealed) != "sealed" {
			t.Errorf("another answer went too: %+v, %v", a, err)
		}
	})
}
