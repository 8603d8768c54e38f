package store

import (
	"context"
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
