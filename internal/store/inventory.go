package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// The lists of a workspace and of a person each walk an index of named tokens,
// newest first. Everything else narrows what is walked; a filter that is not
// asked for is an empty parameter, so that there are four texts in all.
const (
	ofWorkspace = `name <> '' AND workspace = $1 AND (CAST($2 AS TEXT) = '' OR person = $2)`
	ofPerson    = `name <> '' AND person <> '' AND person = $2 AND (CAST($1 AS TEXT) = '' OR workspace = $1)`

	listed = ` AND id < $3 AND id >= $4
		AND (CAST($5 AS TEXT) = '' OR $5 LIKE '% ' || kind || ' %')
		AND (CAST($6 AS TEXT) = '' OR client = $6)
		AND (CAST($7 AS TEXT) = '' OR owner = $7)
		AND (CAST($8 AS TEXT) = '' OR $8 = CASE
			WHEN ended_at <> 0 THEN 'revoked'
			WHEN expires_at <> 0 AND expires_at <= $9 THEN 'expired'
			WHEN suspended_at <> 0 AND (suspended_until = 0 OR suspended_until > $9) THEN 'suspended'
			ELSE 'active' END)
		AND (CAST($10 AS BIGINT) = 0 OR expires_at >= $10)
		AND (CAST($11 AS BIGINT) = 0 OR (expires_at <> 0 AND expires_at < $11))
		AND (CAST($12 AS TEXT) = '' OR LOWER(name) LIKE LOWER($12) ESCAPE '!' OR last_four = $13 OR id = $14 OR credential = $14)
		ORDER BY id DESC LIMIT $15`
)

// listTokens holds the texts by class and by whether a person is asked about.
var listTokens = [2][2]string{
	token.Short: {"SELECT " + tokenAll + " FROM tokens_short WHERE " + ofWorkspace + listed, "SELECT " + tokenAll + " FROM tokens_short WHERE " + ofPerson + listed},
	token.Long:  {"SELECT " + tokenAll + " FROM tokens_long WHERE " + ofWorkspace + listed, "SELECT " + tokenAll + " FROM tokens_long WHERE " + ofPerson + listed},
}

// Tokens returns a page of the tokens that people gave a name, newest first.
// Each secret is a row: two of one credential appear while it rotates.
func (s *Store) Tokens(ctx context.Context, i token.Inventory) ([]*token.Token, error) {
	if i.Workspace == "" && i.Person == "" {
		return nil, errors.New("list tokens: of no workspace and no person")
	}
	limit := i.Limit
	if limit <= 0 || limit > token.MostListed {
		limit = token.MostListed
	}
	by := 0
	if i.Person != "" {
		by = 1
	}
	var page []*token.Token
	for _, class := range []token.Class{token.Short, token.Long} {
		rows, err := all(ctx, s.reads, listTokens[class][by], scanToken, listArgs(i, s.now(), limit)...)
		if err != nil {
			return nil, fmt.Errorf("list tokens: %w", err)
		}
		page = append(page, rows...)
	}
	slices.SortFunc(page, func(a, b *token.Token) int { return cmp.Compare(b.ID, a.ID) })
	return page[:min(limit, len(page))], nil
}

func listArgs(i token.Inventory, now int64, limit int) []any {
	before, from := int64(math.MaxInt64), int64(0)
	if i.Before != 0 {
		before = int64(i.Before)
	}
	if i.CreatedBefore != 0 {
		before = min(before, int64(token.FirstID(time.UnixMilli(i.CreatedBefore))))
	}
	if i.CreatedFrom != 0 {
		from = int64(token.FirstID(time.UnixMilli(i.CreatedFrom)))
	}
	kinds := ""
	for _, k := range i.Kinds {
		kinds += " " + string(k)
	}
	if kinds != "" {
		kinds += " "
	}
	id, _ := token.ParseID(i.Search)
	return []any{
		i.Workspace, i.Person, before, from, kinds, i.Client, i.Owner, i.Status, now, i.ExpiresFrom, i.ExpiresBefore,
		containing(i.Search), i.Search, int64(id), limit,
	}
}

// containing returns the pattern of a text with that part, "" for no part.
func containing(part string) string {
	if part == "" {
		return ""
	}
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(part) + "%"
}
