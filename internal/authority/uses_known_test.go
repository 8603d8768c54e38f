package authority

import (
	"context"
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

// A ledger of uses that are written right after somebody has read it, and the
// judge that knows of them until then.
type ledger struct {
	Store
	Judge
	known map[token.ID]token.Seen
}

func (l *ledger) Seen(id token.ID) (token.Seen, bool) {
	one, ok := l.known[id]
	return one, ok
}

func (l *ledger) LastUses(context.Context, []token.ID) (map[token.ID]token.Seen, error) {
	l.known = nil
	return nil, nil
}

func (l *ledger) ScopeUse(context.Context, token.ID) (token.ScopeUse, error) {
	l.known = nil
	return token.ScopeUse{}, nil
}

// A use that is written while somebody asks for it is told.
func TestUseThatIsBeingWrittenIsTold(t *testing.T) {
	fresh := func() *Authority {
		l := &ledger{known: map[token.ID]token.Seen{7: {First: 100, Last: 100, Count: 1, Scopes: "a:x"}}}
		return &Authority{cfg: Config{Store: l, Judge: l}}
	}
	if seen, err := fresh().LastUses(t.Context(), []token.ID{7}); err != nil || seen[7].Last != 100 {
		t.Errorf("last used: %+v, %v", seen[7], err)
	}
	if use, err := fresh().ScopeUse(t.Context(), 7); err != nil || use.Count != 1 {
		t.Errorf("scopes: %+v, %v", use, err)
	}
}
