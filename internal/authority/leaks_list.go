package authority

import (
	"context"
	"slices"

	"github.com/fichadev/ficha/internal/token"
)

// A Find is a leak with what is known of its credential, as long as that is
// there, and of its secret's uses.
type Find struct {
	token.Leak
	Kind     string
	Name     string
	LastFour string
	Owner    string
	Last     token.Seen // the last use of the secret, whenever
	Used     bool       // it was used since others may have had it
}

// Finds returns a page of where the secrets of a workspace were found. Those of
// a personal token that opens several workspaces are told with that token alone.
func (a *Authority) Finds(ctx context.Context, q token.LeakQuery) ([]Find, error) {
	leaks, err := a.cfg.Store.WorkspaceLeaks(ctx, q)
	if err != nil {
		return nil, err
	}
	secrets := make([]token.ID, len(leaks))
	for i, l := range leaks {
		secrets[i] = l.Secret
	}
	seen, err := a.LastUses(ctx, secrets)
	if err != nil {
		return nil, err
	}
	finds := make([]Find, len(leaks))
	for i, l := range leaks {
		last := seen[l.Secret]
		finds[i] = Find{Leak: l, Kind: string(l.What), Last: last, Used: last.Count > 0 && last.Last >= l.Since()}
		if err := a.nameFind(ctx, &finds[i]); err != nil {
			return nil, err
		}
	}
	return finds, nil
}

// nameFind says what people know the credential by.
func (a *Authority) nameFind(ctx context.Context, f *Find) error {
	switch f.What {
	case token.RotatesToken:
		r, err := a.cfg.Judge.Record(ctx, f.Secret)
		if err != nil || r == nil {
			return err
		}
		f.Kind, f.Name, f.LastFour, f.Owner = string(r.Token.Kind), r.Token.Name, r.Token.LastFour, r.Token.Owner
	case token.RotatesClientSecret:
		c, err := a.cfg.Judge.Client(ctx, f.Credential)
		if err != nil || c == nil {
			return err
		}
		f.Name = c.Name
		if i := slices.IndexFunc(c.Secrets, func(s token.Secret) bool { return s.ID == f.Secret }); i >= 0 {
			f.LastFour = c.Secrets[i].LastFour
		}
	}
	return nil
}
