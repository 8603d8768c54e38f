package authority

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// mostGrants bounds each list that Given reads.
const mostGrants = 500

// Given is what one application was given in one workspace by one person, as
// those see it who may take it back. A person who went through the same consent
// several times gave it once, in several families.
type Given struct {
	Families  []*token.Grant // newest first, at least one
	Client    *token.Client
	Workspace *token.Workspace
	Person    *token.Person // who gave it
	Left      bool          // they are no longer a member; an install outlives that
}

// Scopes returns what the application holds by any of the families.
func (g *Given) Scopes() (all token.Scopes) {
	for _, f := range g.Families {
		all = all.Union(f.Scopes)
	}
	return all
}

// Given returns what a person may take back, newest first: what they gave
// themselves, and what is installed where they are a super admin.
func (a *Authority) Given(ctx context.Context, p *token.Person) ([]Given, error) {
	families, err := a.endable(ctx, p)
	if err != nil {
		return nil, err
	}
	var given []Given
	place := map[[3]string]int{}
	for _, f := range families {
		key := [3]string{f.Client, f.Workspace, f.Person}
		if at, seen := place[key]; seen {
			given[at].Families = append(given[at].Families, f)
			continue
		}
		one, err := a.given(ctx, f)
		if err != nil {
			return nil, err
		}
		if one.Client != nil && one.Workspace != nil {
			place[key] = len(given)
			given = append(given, one)
		}
	}
	return given, nil
}

// endable returns the live families that a person may end, newest first.
func (a *Authority) endable(ctx context.Context, p *token.Person) ([]*token.Grant, error) {
	found, err := a.cfg.Store.Grants(ctx, "", p.ID, 0, mostGrants)
	if err != nil {
		return nil, err
	}
	for _, m := range p.Live() {
		if m.Role != token.SuperAdmin {
			continue
		}
		there, err := a.cfg.Store.Grants(ctx, m.Workspace, "", 0, mostGrants)
		if err != nil {
			return nil, err
		}
		found = append(found, there...)
	}
	slices.SortFunc(found, func(x, y *token.Grant) int { return cmp.Compare(y.ID, x.ID) })
	found = slices.CompactFunc(found, func(x, y *token.Grant) bool { return x.ID == y.ID })
	return slices.DeleteFunc(found, func(g *token.Grant) bool { return !mayEnd(p, g) }), nil
}

// mayEnd reports whether a person may take back what a family holds: who gave
// it, while they are a member, and for an install the super admins of its
// workspace.
func mayEnd(p *token.Person, g *token.Grant) bool {
	m := p.In(g.Workspace)
	return m.Live() && g.Client != "" && (g.Person == p.ID || g.Installed && m.Role == token.SuperAdmin)
}

// given reads what a family is about.
func (a *Authority) given(ctx context.Context, f *token.Grant) (one Given, err error) {
	one.Families = []*token.Grant{f}
	if one.Client, err = a.cfg.Judge.Client(ctx, f.Client); err != nil {
		return one, err
	}
	if one.Workspace, err = a.cfg.Judge.Workspace(ctx, f.Workspace); err != nil {
		return one, err
	}
	if one.Person, err = a.cfg.Judge.Person(ctx, f.Person); err != nil {
		return one, err
	}
	one.Left = one.Person == nil || !one.Person.In(f.Workspace).Live()
	return one, nil
}

// TakeBack ends what was given by the family of that id and the others of the
// same application, workspace and person. What the person may not end, and what
// has ended, is NotFound.
func (a *Authority) TakeBack(ctx context.Context, who token.Actor, p *token.Person, id token.ID) error {
	all, err := a.endable(ctx, p)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(g *token.Grant) bool { return g.ID == id })
	if i < 0 {
		return token.Errorf(token.NotFound, "there is no such access, or it is not yours to end")
	}
	for _, g := range all {
		if g.Client != all[i].Client || g.Workspace != all[i].Workspace || g.Person != all[i].Person {
			continue
		}
		if err := a.EndGrant(ctx, who, g, "taken back"); err != nil {
			return err
		}
	}
	return nil
}

// Offer returns what a yes to a choice always gives, and what the person may
// tick beside it.
func (q *Asked) Offer(ch *Choice) (required, optional token.Scopes) {
	required = q.granted(ch, nil)
	return required, required.Missing(q.granted(ch, q.Request.Scopes.Union(ch.Optional)))
}

// Terms returns how long an access token lives that a yes to a choice gives,
// and whether it can be renewed without asking again.
func (q *Asked) Terms(ch *Choice) (life time.Duration, renewable bool, err error) {
	life, err = ttl(&Order{Kind: token.Access}, supports{client: q.Client}, &ch.Workspace.Policy)
	return life, q.Request.Installed || refreshable(q.Client, q.Request.Scopes), err
}
