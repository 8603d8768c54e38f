package identity

import (
	"context"

	"github.com/fichadev/ficha/internal/token"
)

// OwesSecond returns the name of a workspace whose policy demands that this
// member proves two things when they sign in, while they can do so with one;
// empty where none does. Who owes it may set a second factor up and do nothing
// else. An app whose codes are asked for satisfies it; so do passkeys where
// there is neither a password nor an account elsewhere beside them: each proves
// a thing that they have and that it is they who hold it.
func (i *Identity) OwesSecond(ctx context.Context, p *token.Person) (string, error) {
	now := i.now().UnixMilli()
	for _, m := range p.Live() {
		w, err := i.judge.Workspace(ctx, m.Workspace)
		if err != nil {
			return "", err
		}
		if w == nil || w.DisabledAt != 0 || !w.Policy.At(now).DemandsSecond(m) {
			continue
		}
		proven, err := i.provesTwo(ctx, p)
		if err != nil || proven {
			return "", err
		}
		if w.Name == "" {
			return w.ID, nil
		}
		return w.Name, nil
	}
	return "", nil
}

// passwordOpens reports whether a password alone lets a person in to a workspace:
// they are a live member, have no app whose codes are asked for, and the
// workspace's policy demands no second thing of them.
func (i *Identity) passwordOpens(ctx context.Context, p *token.Person, workspace string) (bool, error) {
	m := p.In(workspace)
	if !m.Live() {
		return false, nil
	}
	w, err := i.judge.Workspace(ctx, workspace)
	if err != nil || w == nil || w.Policy.At(i.now().UnixMilli()).DemandsSecond(m) {
		return false, err
	}
	needs, err := i.NeedsSecond(ctx, p)
	return !needs && err == nil, err
}

// provesTwo reports whether no sign-in of a person is by one thing alone.
func (i *Identity) provesTwo(ctx context.Context, p *token.Person) (bool, error) {
	if app, err := i.NeedsSecond(ctx, p); err != nil || app || p.Password != "" {
		return app, err
	}
	if keys, err := i.store.Passkeys(ctx, p.ID); err != nil || len(keys) == 0 {
		return false, err
	}
	l, err := i.UpstreamLink(ctx, p.ID)
	return l == nil && err == nil, err
}
