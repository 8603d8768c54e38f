package authority

import (
	"cmp"
	"context"
	"slices"

	"github.com/fichadev/ficha/internal/token"
)

// Needs returns who was refused because a token is, or last was, suspended,
// whoever was refused last first: on every node as far as that is written down,
// which takes seconds, and on this one up to now. Some 64 are told apart; the
// others are one without address and agent.
func (a *Authority) Needs(ctx context.Context, t *token.Token) ([]token.Seen, error) {
	if t.SuspendedAt == 0 {
		return nil, nil
	}
	fresh := a.cfg.Judge.Refused(t.ID, t.SuspendedAt)
	all, err := a.cfg.Store.Needs(ctx, t.ID, t.SuspendedAt)
	if err != nil {
		return nil, err
	}
	for _, s := range fresh {
		i := slices.IndexFunc(all, func(had token.Seen) bool { return had.Address == s.Address && had.Agent == s.Agent })
		if i < 0 {
			all = append(all, s)
			continue
		}
		all[i] = all[i].And(s)
	}
	slices.SortFunc(all, func(a, b token.Seen) int {
		return cmp.Or(cmp.Compare(b.Last, a.Last), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Agent, b.Agent))
	})
	return all, nil
}
