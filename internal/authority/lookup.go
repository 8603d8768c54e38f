package authority

import (
	"context"
	"slices"

	"github.com/fichadev/ficha/internal/token"
)

// LookUp finds the credential behind a secret, ended ones too, if it stands in
// the inventory of a workspace; nil if it does not.
func (a *Authority) LookUp(ctx context.Context, workspace, secret string) (*token.Token, error) {
	r, err := a.cfg.Judge.Find(ctx, secret)
	switch {
	case token.Is(err, token.InvalidToken):
		return a.LookUpHash(ctx, workspace, token.HashOf(secret), token.LastFour(secret))
	case err != nil:
		return nil, err
	case !slices.Contains(token.Kinds, r.Token.Kind), r.Token.Workspace != workspace && !r.Roams(workspace):
		return nil, nil
	}
	return r.Token, nil
}

// LookUpHash finds a credential among those of a workspace with the same last
// four characters, of which there must be four; nil if it is none of them.
func (a *Authority) LookUpHash(ctx context.Context, workspace string, hash token.Hash, lastFour string) (*token.Token, error) {
	i := token.Inventory{Workspace: workspace, LastFour: lastFour}
	for len(lastFour) == 4 {
		page, err := a.cfg.Store.Inventory(ctx, i)
		if err != nil {
			return nil, err
		}
		for _, t := range page.Tokens {
			if t.Hash == hash {
				return t, nil
			}
		}
		if i.Before = page.Next; i.Before == 0 {
			break
		}
	}
	return nil, nil
}
