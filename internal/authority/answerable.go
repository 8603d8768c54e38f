package authority

import (
	"context"
	"strings"

	"github.com/fichadev/ficha/internal/token"
)

// mostAdmins is how many administrators of a workspace get one letter.
const mostAdmins = 5

// asked keeps the administrators of workspaces that were asked for.
type asked map[string][]string

// answerable returns the users who hear of a token by mail: its owner, else whom
// it acts as or who made it, else some of its workspace's administrators. An
// access token is got anew by its program; only an owner who was named hears of
// it.
func (a *Authority) answerable(ctx context.Context, t *token.Token, before asked) ([]string, error) {
	var people []string
	if strings.HasPrefix(t.Owner, "usr_") {
		people = append(people, t.Owner)
	}
	if t.Kind != token.Access {
		people = append(people, t.Person, t.Sponsor)
	}
	for _, id := range people {
		p, err := a.cfg.Judge.Person(ctx, id)
		if err != nil {
			return nil, err
		}
		if p != nil && p.DisabledAt == 0 && (t.Workspace == "" || p.In(t.Workspace).Live()) {
			return []string{p.ID}, nil
		}
	}
	if t.Kind == token.Access || t.Workspace == "" {
		return nil, nil
	}
	if had, ok := before[t.Workspace]; ok {
		return had, nil
	}
	ids, err := a.adminsOf(ctx, t.Workspace)
	if err == nil {
		before[t.Workspace] = ids
	}
	return ids, err
}

// adminsOf returns the users who look after a workspace, the super admins first,
// some of them where they are many.
func (a *Authority) adminsOf(ctx context.Context, workspace string) ([]string, error) {
	var ids []string
	for _, role := range []string{token.SuperAdmin, token.Admin} {
		people, err := a.cfg.Store.PeopleWithRole(ctx, workspace, role, mostAdmins-len(ids))
		if err != nil {
			return nil, err
		}
		for _, p := range people {
			ids = append(ids, p.ID)
		}
	}
	return ids, nil
}

// postEach writes one letter to each of several users.
func postEach(ctx context.Context, tx Tx, to []string, l token.Letter) error {
	for _, id := range to {
		l.To = id
		if err := tx.Post(ctx, l); err != nil {
			return err
		}
	}
	return nil
}
