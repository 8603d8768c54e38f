package authority_test

import (
	"context"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

// BenchmarkSimulate tries a policy on 100,000 tokens of one workspace.
func BenchmarkSimulate(b *testing.B) {
	h := servertest.Start(b, policyHouse, nil)
	for range 200 {
		deed := &token.Deed{}
		for range 500 {
			h.Clock.Move(time.Millisecond)
			id := token.NewID(h.Clock.Now(), token.Long)
			deed.Issue = append(deed.Issue, &token.Token{
				ID: id, Credential: id, Kind: token.Service, Contract: "test", Hash: token.HashOf(id.String()), Workspace: "ws1", Client: "ci",
				Name: "deploy", Owner: "platform", Scopes: token.Scopes{"stock.read"}, Born: 1 << 40,
			})
		}
		if err := h.Store.Commit(b.Context(), deed); err != nil {
			b.Fatal(err)
		}
	}
	p := token.Policy{RequirePurpose: true, MaxTTL: map[token.Kind]int64{token.Service: 86400}, IdleExpiry: map[token.Kind]int64{token.Service: 30 * 86400}}
	for b.Loop() {
		s, err := h.Authority.Simulate(context.Background(), "ws1", p, false)
		if err != nil || s.Refused != s.Looked {
			b.Fatal(s, err)
		}
	}
}
