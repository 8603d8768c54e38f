package authority

import (
	"context"
	"slices"

	"github.com/fichadev/ficha/internal/token"
)

// MostPicked is how many credentials somebody picks for one deed.
const MostPicked = 50

// Picked returns what a deed on the tokens with these secrets would hit, as
// Blast does for a predicate: those of the workspace that live, each credential
// once. What is not this workspace's to end is NotFound.
func (a *Authority) Picked(ctx context.Context, workspace string, secrets []token.ID) (*Blast, error) {
	if len(secrets) == 0 || len(secrets) > MostPicked {
		return nil, token.AtField("id", "pick 1 to %d tokens", MostPicked)
	}
	b := &Blast{Tally: token.Tally{Kinds: map[token.Kind]int64{}, Owners: map[string]int64{}}}
	now := a.cfg.Now().UnixMilli()
	for _, id := range secrets {
		t, err := a.bound(ctx, id, workspace)
		if err != nil {
			return nil, err
		}
		gone := t.EndedAt != 0 || t.ExpiresAt != 0 && t.ExpiresAt <= now
		if gone || slices.ContainsFunc(b.First, func(other *token.Token) bool { return other.Credential == t.Credential }) {
			continue
		}
		b.First = append(b.First, t)
		b.Count, b.Kinds[t.Kind], b.Owners[t.Owner] = b.Count+1, b.Kinds[t.Kind]+1, b.Owners[t.Owner]+1
	}
	return b, a.tallyUses(ctx, b, now)
}

func (a *Authority) tallyUses(ctx context.Context, b *Blast, now int64) error {
	ids := make([]token.ID, len(b.First))
	for i, t := range b.First {
		ids[i] = t.ID
	}
	seen, err := a.LastUses(ctx, ids)
	if err != nil {
		return err
	}
	for _, used := range seen {
		b.Used = max(b.Used, used.Last)
		if used.Last >= now-day {
			b.Day++
		}
		if used.Last >= now-7*day {
			b.Week++
		}
	}
	return nil
}

// LastUses returns what this node and the others saw of the use of secrets, by
// their ids; the zero Seen of one that was not used.
func (a *Authority) LastUses(ctx context.Context, secrets []token.ID) (map[token.ID]token.Seen, error) {
	seen := make(map[token.ID]token.Seen, len(secrets))
	for _, id := range secrets { // first: what is written meanwhile is then in both, not in neither
		seen[id], _ = a.cfg.Judge.Seen(id)
	}
	all, err := a.cfg.Store.LastUses(ctx, secrets)
	if err != nil {
		return nil, err
	}
	for id, fresh := range seen {
		seen[id] = all[id].And(fresh)
	}
	return seen, nil
}

// ScopeUse returns what this node and the others saw of the scopes that a secret
// made use of.
func (a *Authority) ScopeUse(ctx context.Context, secret token.ID) (token.ScopeUse, error) {
	fresh, seen := a.cfg.Judge.Seen(secret) // first, as above
	use, err := a.cfg.Store.ScopeUse(ctx, secret)
	if err != nil || !seen {
		return use, err
	}
	return use.And(fresh), nil
}

// RevokePicked ends the tokens that Picked finds, one after the other, and
// returns how many it ended; those that had ended meanwhile do not count. It
// takes an administrator of the workspace. If we die between two, the rest live
// on and may be picked again.
func (a *Authority) RevokePicked(ctx context.Context, who token.Actor, workspace string, secrets []token.ID, reason string) (int, error) {
	if err := a.cfg.Store.Do(ctx, func(tx Tx) error { return mayAdministrate(ctx, tx, who, workspace, "") }); err != nil {
		return 0, err
	}
	b, err := a.Picked(ctx, workspace, secrets)
	if err != nil {
		return 0, err
	}
	ended := 0
	for _, t := range b.First {
		switch err := a.Revoke(ctx, who, t, reason); {
		case err == nil:
			ended++
		case !token.Is(err, token.Conflict):
			return ended, err
		}
	}
	return ended, nil
}
