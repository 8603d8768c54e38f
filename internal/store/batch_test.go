package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

// Statements come in few sizes and are filled up with a row again: whatever the
// number of rows, each is written once, and one of two racers has each.
func TestBatchesOfAnySizeWriteEachRowOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		for n := 1; n <= 40; n++ {
			made, ended := &token.Deed{}, &token.Deed{}
			for i := range n {
				row := newToken(token.Class(i % 2))
				made.Issue = append(made.Issue, row)
				ended.End = append(ended.End, token.Ending{ID: row.ID, At: 5, Reason: "revoked", By: "x"})
				ended.Events = append(ended.Events, newEvent("w", "token.revoked"))
			}
			must(t, s.Commit(ctx, made))
			must(t, s.Commit(ctx, ended))
			for _, row := range made.Issue {
				if got, err := s.Token(ctx, row.ID); err != nil || got == nil || got.EndedAt != 5 {
					t.Fatalf("of %d: %+v, %v", n, got, err)
				}
			}
			if r := token.AsRefusal(s.Commit(ctx, &token.Deed{End: ended.End})); r == nil || r.Reason != token.Lost {
				t.Errorf("%d ended twice: %v", n, r)
			}
			changes, err := s.Changes(ctx, int64(n+1), 100)
			must(t, err)
			if len(changes) != n {
				t.Errorf("%d changes of %d endings", len(changes), n)
			}
		}
		written, err := one(ctx, s.reads, "SELECT COUNT(*) FROM events", scanInt)
		must(t, err)
		if written != 40*41/2 {
			t.Errorf("%d records of %d endings", written, 40*41/2)
		}
	})
}

// A batch that writes whatever it is to write asks for no row back: how many
// they were is enough. One in which somebody was first writes nothing until it
// has asked which.
func TestBatchOnlyCountsWhatItWritesWhileNobodyIsFirst(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		for n := 2; n <= 40; n++ {
			var made, ended, again []*pending
			for i := range n {
				row := newToken(token.Class(i % 2))
				answer := &token.Answer{Key: token.HashOf(row.ID.String()), Tokens: []token.ID{row.ID}, Sealed: []byte{1}, MadeAt: 1, ExpiresAt: 2}
				end := []token.Ending{{ID: row.ID, At: 5, Reason: "revoked", By: "x"}}
				made = append(made, &pending{deed: &token.Deed{Issue: []*token.Token{row}, Answer: answer}})
				ended = append(ended, &pending{deed: &token.Deed{End: end, Events: []*token.Event{newEvent("w", "token.revoked")}}})
				again = append(again, &pending{deed: &token.Deed{End: end, Events: []*token.Event{newEvent("w", "token.revoked")}}})
			}
			must(t, s.transact(ctx, made, true))
			must(t, s.transact(ctx, ended[:1], true))
			if err := s.transact(ctx, ended, true); !errors.Is(err, errFewer) {
				t.Fatalf("of %d one has ended: %v", n, err)
			}
			if left, err := s.Token(ctx, made[1].deed.Issue[0].ID); err != nil || left.EndedAt != 0 {
				t.Fatalf("a batch that asks again has ended %+v, %v", left, err)
			}
			must(t, s.batch(ctx, again))
			if n == 2 && s.doubts != doubted {
				t.Errorf("%d batches are to ask at once", s.doubts)
			}
			for i, p := range again {
				if r := token.AsRefusal(p.out); (r == nil) != (i != 0) || r != nil && r.Reason != token.Lost {
					t.Errorf("member %d of %d: %v", i, n, p.out)
				}
			}
		}
	})
}

// Batches that touch the same rows lock them in one order.
func TestRowsOfACommitAreInOrder(t *testing.T) {
	var ids []token.ID
	for range 100 {
		ids = append(ids, newID(token.Long))
	}
	slices.SortFunc(ids, func(a, b token.ID) int { return cmp.Compare(a&0xff, b&0xff) })
	same := func(id token.ID) token.ID { return id }
	args := inOrder(ids, same, &rowsText{types: []string{"BIGINT"}}, func(args []any, id token.ID) []any { return append(args, int64(id)) })
	slices.Sort(ids)
	for i, id := range ids {
		if args[i] != int64(id) {
			t.Fatalf("row %d of %d is %v, want %d", i, len(args), args[i], id)
		}
	}
}

// A deed that chose one id twice is made again with others, alone or not.
func TestDeedThatNamesAnIDTwiceClashes(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		for others := range 3 {
			row, twice := newToken(token.Short), newToken(token.Short)
			twice.ID = row.ID
			batch := []*pending{{deed: &token.Deed{Issue: []*token.Token{row, twice}}}}
			for range others {
				batch = append(batch, &pending{deed: &token.Deed{Issue: []*token.Token{newToken(token.Short)}}})
			}
			for _, p := range batch {
				p.done = make(chan error, 1)
			}
			s.commit(context.Background(), batch)
			for i, p := range batch {
				err := <-p.done
				if r := token.AsRefusal(err); (err == nil) != (i > 0) || i == 0 && (r == nil || r.Reason != token.Clash) {
					t.Errorf("member %d of %d: %v", i, len(batch), err)
				}
			}
		}
	})
}
