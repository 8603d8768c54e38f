package store

import (
	"context"
	"fmt"

	"github.com/fichadev/ficha/internal/token"
)

// describeRows are the texts for the first secret of a credential and for its
// others, by class.
var describeRows = [...]string{
	describeText(token.Short, "id = $1"), describeText(token.Short, "credential = $1 AND credential <> id"),
	describeText(token.Long, "id = $1"), describeText(token.Long, "credential = $1 AND credential <> id"),
}

func describeText(class token.Class, which string) string {
	return `UPDATE ` + tables[class] + ` SET name = COALESCE(CAST($2 AS TEXT), name), purpose = COALESCE(CAST($3 AS TEXT), purpose),
		owner = COALESCE(CAST($4 AS TEXT), owner) WHERE ` + which + ` AND ended_at = 0 RETURNING id`
}

// DescribeToken changes what people say about a credential; what is nil stays as
// it is. It reports whether a secret of it has not ended.
func (tx *Tx) DescribeToken(ctx context.Context, credential token.ID, d token.Description) (bool, error) {
	described := false
	for _, text := range describeRows {
		rows, err := all(ctx, tx, text, scanInt, int64(credential), d.Name, d.Purpose, d.Owner)
		if err != nil {
			return false, fmt.Errorf("describe a token: %w", err)
		}
		for _, id := range rows {
			described = true
			tx.Changed(tokenChange(token.ID(id)))
		}
	}
	return described, nil
}
