package store

import (
	"context"
	"testing"
	"time"

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

// BenchmarkToken measures one look-up of a row, as the judge makes it for a
// token that it does not hold: with a deadline.
func BenchmarkToken(b *testing.B) {
	s := open(b, "sqlite")
	deed := &token.Deed{}
	for range 20_000 {
		deed.Issue = append(deed.Issue, newToken(token.Short))
	}
	if err := s.Commit(context.Background(), deed); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if t, err := s.Token(ctx, deed.Issue[n*7919%len(deed.Issue)].ID); err != nil || t == nil {
			b.Fatal(t, err)
		}
	}
}
