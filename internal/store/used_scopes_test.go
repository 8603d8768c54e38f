package store

import (
	"testing"

	"github.com/fichadev/ficha/internal/token"
)

func TestUsedScopesOfAllNodesAddUp(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		ctx := t.Context()
		k := life(c.now(), token.Service, oneDay, 1)
		other := life(c.now(), token.Service, oneDay, 2)
		issue(t, s, k, other)
		// A use of before the scopes of uses were kept.
		do(t, s, func(tx *Tx) error {
			_, err := tx.exec(ctx, `INSERT INTO uses (`+useColumns+`) VALUES ($1, 5, 6, 3, '', '', '')`, int64(k.ID))
			return err
		})
		same(t, "before", token.ScopeUse{First: 5, Count: 3})(s.ScopeUse(ctx, k.ID))
		same(t, "never used", token.ScopeUse{})(s.ScopeUse(ctx, other.ID))
		now := c.ms.Load()
		must(t, s.FlushUses(ctx, usedOf(map[token.ID]token.Seen{k.ID: {First: now + 20, Last: now + 30, Count: 4, Scopes: "b:x a:y", Unscoped: 1}}), unheard))
		must(t, s.FlushUses(ctx, usedOf(map[token.ID]token.Seen{
			k.ID: {First: now + 10, Last: now + 25, Count: 2, Scopes: "a:y c:z"}, other.ID: {First: now, Last: now, Count: 1, Scopes: "q:r"},
		}), unheard))
		same(t, "after", token.ScopeUse{First: 5, From: now + 10, Count: 9, Unscoped: 1, Scopes: []token.UsedScope{
			{Name: "a:y", First: now + 10, Last: now + 30}, {Name: "b:x", First: now + 20, Last: now + 30}, {Name: "c:z", First: now + 10, Last: now + 25},
		}})(s.ScopeUse(ctx, k.ID))

		c.pass(100 * oneDay)
		purgeAll(t, s)
		same(t, "purged with its token", token.ScopeUse{})(s.ScopeUse(ctx, k.ID))
	})
}
