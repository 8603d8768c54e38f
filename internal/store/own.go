package store

import (
	"context"
	"fmt"
	"math"

	"github.com/fichadev/ficha/internal/token"
)

const ownPersonal = ` t WHERE t.name <> '' AND t.person <> '' AND t.person = $1 AND t.id < $2`

// ownTokens read a page of what a person holds in one class, ownEdges where a
// look at it ends.
var ownTokens, ownEdges = func() (pages, edges [2]string) {
	for class, table := range tables {
		pages[class] = "SELECT " + tokenAll + " FROM " + table + ownPersonal + " AND t.kind = 'personal' AND t.id >= $3 ORDER BY t.id DESC LIMIT $4"
		edges[class] = "SELECT t.id FROM " + table + ownPersonal + " ORDER BY t.id DESC LIMIT 1 OFFSET $3"
	}
	return pages, edges
}()

// OwnTokens returns a page of the personal tokens of somebody in all workspaces,
// newest first, before an id, 0 for the first page, and the id before which the
// next page begins, 0 if this is the last. Like that of an inventory a page may
// be short and have a next one: what acts as somebody in others' hands lies
// between their own.
func (s *Store) OwnTokens(ctx context.Context, person string, before token.ID, limit int) (*token.Page, error) {
	page, reached := &token.Page{}, token.ID(0)
	for class := range tables {
		from := int64(before)
		if before == 0 {
			from = math.MaxInt64
		}
		low, err := one(ctx, s.reads, ownEdges[class], scanInt, person, from, pageStep.walked)
		if err != nil {
			return nil, fmt.Errorf("list one's own tokens: %w", err)
		}
		rows, err := all(ctx, s.reads, ownTokens[class], scanToken, person, from, low, limit+1)
		if err != nil {
			return nil, fmt.Errorf("list one's own tokens: %w", err)
		}
		page.Tokens, reached = append(page.Tokens, rows...), max(reached, token.ID(low))
	}
	cut(page, limit, reached)
	return page, nil
}
