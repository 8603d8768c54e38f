package authority

import (
	"context"

	"github.com/fichadev/ficha/internal/token"
)

// TellLateUses tells once of each token, and each secret of a client, that was
// shown after it had expired, by whom and whence: somebody has not heard that it
// would, or kept a copy. (Client tokens of the Chronos contract never expire.) uses
// are refused uses by secret; those that are dealt with are taken out of it, so
// that after a fault the caller may try again with the rest. What nobody is told of
// when it expires is passed over.
func (a *Authority) TellLateUses(ctx context.Context, uses map[token.ID]token.Seen) error {
	for id, seen := range uses {
		if err := a.tellUse(ctx, token.NoticeUsedAfter, id, seen); err != nil {
			return err
		}
		delete(uses, id)
	}
	return nil
}

// TellFirstUses tells of each token that people or programs hold under a name
// and that was used for the first time, where somebody listens. It is called
// before the uses are written down: what those know of is not told of again.
func (a *Authority) TellFirstUses(ctx context.Context, uses token.Uses) error {
	for some := range uses.Portions {
		if err := a.tellFirstOf(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

func (a *Authority) tellFirstOf(ctx context.Context, some []token.Used) error {
	var fresh []token.Used
	var ids []token.ID
	for _, u := range some {
		if u.Secret.Class() == token.Short {
			continue
		}
		r, err := a.cfg.Judge.Record(ctx, u.Secret)
		if err != nil {
			return err
		}
		if r != nil && governed(r.Token.Kind) && r.Token.ID == r.Token.Credential && r.Workspace != nil && len(r.Workspace.Webhooks) > 0 {
			fresh, ids = append(fresh, u), append(ids, u.Secret)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	known, err := a.cfg.Store.LastUses(ctx, ids)
	if err != nil {
		return err
	}
	for _, u := range fresh {
		if _, used := known[u.Secret]; used {
			continue
		}
		if err := a.tellUse(ctx, token.NoticeUsedFirst, u.Secret, u.Seen); err != nil {
			return err
		}
	}
	return nil
}

// tellUse gives one notice of a use, unless it was given.
func (a *Authority) tellUse(ctx context.Context, n token.Notice, id token.ID, seen token.Seen) error {
	one, err := a.usedOf(ctx, n, id)
	if err != nil || one == nil {
		return err
	}
	one.seen = seen
	if n == token.NoticeUsedAfter {
		if stands, err := a.stands(ctx, one.token); err != nil || !stands || !one.token.Noticed() {
			return err
		}
		if one.to, err = a.answerable(ctx, one.token, asked{}); err != nil {
			return err
		}
	}
	if told, err := a.cfg.Store.Noticed(ctx, id, n); err != nil || told {
		return err
	}
	return a.cfg.Store.Do(ctx, func(tx Tx) error {
		_, err := announce(ctx, tx, n, []announcement{*one})
		return err
	})
}

// usedOf returns what is told of a use of a secret: of a token or, after its
// expiry, of a client. It is nil if there is neither.
func (a *Authority) usedOf(ctx context.Context, n token.Notice, id token.ID) (*announcement, error) {
	r, err := a.cfg.Judge.Record(ctx, id)
	if err != nil {
		return nil, err
	}
	if r != nil {
		return &announcement{token: r.Token, workspace: r.Workspace}, nil
	}
	if n != token.NoticeUsedAfter {
		return nil, nil
	}
	t, err := a.cfg.Store.ExpiringSecret(ctx, id)
	if err != nil || t == nil {
		return nil, err
	}
	w, err := a.cfg.Judge.Workspace(ctx, t.Workspace)
	return &announcement{token: t, workspace: w}, err
}
