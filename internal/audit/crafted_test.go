package audit_test

import (
	"bytes"
	"context"
	"math"
	"strings"
	"testing"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// crafted is a ledger that somebody wrote, and no server.
type crafted []*token.Seal

func (c crafted) Seals(_ context.Context, _ string, after int64, _ int) ([]*token.Seal, error) {
	if after > 0 {
		return nil, nil
	}
	return c, nil
}

func (crafted) SealedEvents(context.Context, *token.Seal) ([]*token.Event, error) { return nil, nil }

func (crafted) Strays(context.Context, string) ([]*token.Event, error) { return nil, nil }

// Whoever sends an export may write what they like into it. Each seal of these
// follows all rules of the format but the one that it is there for.
func TestCraftedExportIsFaultyAndNoMore(t *testing.T) {
	for name, seal := range map[string]token.Seal{
		"of no records":       {Number: 1},
		"of less than none":   {Number: 1, Count: -1},
		"of a purged nothing": {Number: 1, First: 1, Last: 2, Count: -3},
		"of the last number":  {Number: math.MaxInt64, Count: 1},
	} {
		seal.Workspace, seal.Root = "ws1", audit.Root(nil)
		seal.Hash, _ = seal.Sum()
		var b bytes.Buffer
		if err := audit.Export(t.Context(), &b, "ws1", crafted{&seal}); err != nil {
			t.Fatal(err)
		}
		f, err := audit.ReadFile(strings.NewReader(b.String()))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, since := range []token.ID{0, 3} {
			r, err := audit.Verify(t.Context(), "ws1", f, f.Keys(), since)
			if err != nil || len(r.Faults) < 2 || r.Seals != 1 || r.Purged < 0 {
				t.Errorf("%s, purged before %d: got %+v (%v), want faults of the seal beside its signature's", name, since, r, err)
			}
		}
	}
}
