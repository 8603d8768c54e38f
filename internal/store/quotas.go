package store

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/fichadev/ficha/internal/token"
)

// takePlace holds the row of an owner until the commit, so that of two who race
// for the last place the second counts what the first has taken.
const takePlace = `INSERT INTO quotas (workspace, owner, kind, taken) VALUES ($1, $2, $3, 1)
	ON CONFLICT (workspace, owner, kind) DO UPDATE SET taken = quotas.taken + 1`

// owned walks no further than the quota: two secrets of one credential stand
// beside each other while it rotates, and are one.
var owned = [2]string{token.Short: ownedIn("tokens_short"), token.Long: ownedIn("tokens_long")}

func ownedIn(table string) string {
	return `SELECT COUNT(*) FROM (SELECT DISTINCT credential FROM ` + table + ` WHERE workspace = $1 AND owner = $2 AND owner <> '' AND kind = $3
		AND ended_at = 0 AND expires_at >= $4 AND expires_at <= $5 LIMIT $6) AS o`
}

// takePlaces refuses the deeds whose tokens find no place left among those of
// their owner. Deeds of one owner are never in one batch.
func (tx *Tx) takePlaces(ctx context.Context, batch []*pending) error {
	type place struct {
		token.Quota
		of *pending
	}
	var places []place
	for _, p := range batch {
		for _, q := range p.deed.Quotas {
			places = append(places, place{q, p})
		}
	}
	slices.SortFunc(places, func(a, b place) int { // nodes lock in one order
		return cmp.Or(cmp.Compare(a.Workspace, b.Workspace), cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.Kind, b.Kind))
	})
	for _, p := range places {
		free, err := tx.TakePlace(ctx, p.Quota)
		if err != nil {
			return err
		}
		if !free {
			p.of.out = p.Full()
		}
	}
	return nil
}

// TakePlace reports whether an owner has a place left for one more token, and
// holds that until the commit.
func (tx *Tx) TakePlace(ctx context.Context, q token.Quota) (bool, error) {
	left, err := tx.PlacesLeft(ctx, q)
	return left > 0, err
}

// PlacesLeft returns how many more tokens an owner may have, and lets nobody
// else take of those until the commit.
func (tx *Tx) PlacesLeft(ctx context.Context, q token.Quota) (int64, error) {
	if _, err := tx.exec(ctx, takePlace, q.Workspace, q.Owner, string(q.Kind)); err != nil {
		return 0, err
	}
	n, err := tx.owned(ctx, q)
	return q.Most - n, err
}

// owned counts the live tokens of an owner, up to the quota. A personal token
// without a workspace of its own counts in each.
func (tx *Tx) owned(ctx context.Context, q token.Quota) (int64, error) {
	workspaces := []string{q.Workspace}
	if q.Kind == token.Personal {
		workspaces = append(workspaces, "")
	}
	total := int64(0)
	for _, w := range workspaces {
		for _, span := range []struct {
			class    token.Class
			from, to int64
		}{{token.Short, tx.now + 1, math.MaxInt64}, {token.Long, 0, 0}, {token.Long, tx.now + 1, math.MaxInt64}} {
			n, err := one(ctx, tx, owned[span.class], scanInt, w, q.Owner, string(q.Kind), span.from, span.to, q.Most)
			if err != nil {
				return 0, err
			}
			total += n
		}
	}
	return min(total, q.Most), nil
}
