package store

import (
	"context"
	"slices"

	"github.com/fichadev/ficha/internal/token"
)

// What opens every workspace of its person has no workspace to be found by. That
// of few members is read by the members, whole; that of many lies close enough
// among everybody's to be walked.
const (
	fewMembers = 2000
	fewRoaming = 4096
)

const membersUpTo = `SELECT COUNT(*) FROM (SELECT 1 FROM memberships WHERE workspace = $1 AND removed_at = 0 LIMIT $2) AS counted`

var roamingUpTo = [2]string{
	token.Short: roamingIn(token.Short), token.Long: roamingIn(token.Long),
}

// roamingIn keeps the order in which SQLite joins: by the members.
func roamingIn(class token.Class) string {
	return `SELECT COUNT(*) FROM (SELECT 1 FROM memberships m CROSS JOIN ` + tables[class] + ` t
		WHERE m.workspace = $1 AND m.removed_at = 0 AND t.name <> '' AND t.person <> '' AND t.workspace = '' AND t.person = m.person LIMIT $2) AS counted`
}

// few reports whether the members of a workspace, and what they hold that roams,
// are few.
func (s *Store) few(ctx context.Context, i *token.Inventory) (bool, error) {
	if i.Bound || !i.Asks(token.Personal) {
		return true, nil
	}
	if n, err := one(ctx, s.reads, membersUpTo, scanInt, i.Workspace, fewMembers+1); err != nil || n > fewMembers {
		return false, err
	}
	var sum int64
	for _, text := range slices.Backward(roamingUpTo[:]) {
		n, err := one(ctx, s.reads, text, scanInt, i.Workspace, fewRoaming+1)
		if sum += n; err != nil || sum > fewRoaming {
			return false, err
		}
	}
	return true, nil
}
