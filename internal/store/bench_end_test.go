package store

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/token"
)

// BenchmarkEnd measures one durable ending with its audit row among 32 callers.
func BenchmarkEnd(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchEnd(b, open(b, "sqlite")) })
	if pgtest.Available() {
		b.Run("postgres", func(b *testing.B) { benchEnd(b, open(b, pgtest.New(b).Database(b))) })
	}
}

func benchEnd(b *testing.B, s *Store) {
	ctx := context.Background()
	if err := s.EnsurePartitions(ctx, time.Now(), 7); err != nil {
		b.Fatal(err)
	}
	ids := make([]token.ID, b.N)
	for done := 0; done < b.N; {
		deed := &token.Deed{}
		for range min(10_000, b.N-done) {
			t := newToken(token.Short)
			ids[done], done = t.ID, done+1
			deed.Issue = append(deed.Issue, t)
		}
		if err := s.Commit(ctx, deed); err != nil {
			b.Fatal(err)
		}
	}
	var next atomic.Int64
	b.SetParallelism(16)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			id := ids[next.Add(1)-1]
			if err := s.Commit(ctx, &token.Deed{
				End:    []token.Ending{{ID: id, At: 5, Reason: "revoked", By: "c1"}},
				Events: []*token.Event{newEvent("ws1", "token:"+id.String())},
			}); err != nil {
				b.Error(err)
			}
		}
	})
}

func newEvent(workspace, target string) *token.Event {
	return &token.Event{
		ID: newID(token.Short), At: time.Now().UnixMilli(), Workspace: workspace, Action: "token.revoked", Target: target, TargetName: "backend", Outcome: "done",
		Actor:  token.Actor{Kind: token.App, ID: "backend", Name: "Backend", Address: "192.0.2.7", Agent: "bench", Request: "0123456789abcdef"},
		Detail: map[string]any{"reason": "revoked", "kind": "access"},
	}
}
