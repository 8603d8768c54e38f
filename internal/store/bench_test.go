package store

import (
	"context"
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

// BenchmarkCommit measures one durable issue among 32 callers.
func BenchmarkCommit(b *testing.B) {
	s := open(b, "sqlite")
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := s.Commit(context.Background(), &token.Deed{Issue: []*token.Token{newToken(token.Short)}}); err != nil {
				b.Error(err)
			}
		}
	})
}
