package identity

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// DeclaredMembership is a membership as somebody wants it, whole: what is empty
// takes away.
type DeclaredMembership struct {
	Workspace      string
	Role           string       // empty: member
	Scopes         token.Scopes // meaningless unless Narrowed; the vendors' scopes are never narrowed and ignored
	Narrowed       bool
	Teams          []string
	Spaces         []string
	MayImpersonate bool
}

// PutMembership makes a person a member as declared, or changes what differs.
// Unchanged wrote nothing; a removed member is KeptEnded unless restored, and
// then no token of theirs comes back to life. It takes an admin of the
// workspace, and a super admin to appoint admins, to give the right to
// impersonate, to change a super admin or the actor's own membership; whoever is
// no member becomes one by the server's own word alone, or by theirs (Invite).
// The last super admin stays one (Conflict).
func (i *Identity) PutMembership(ctx context.Context, who token.Actor, personID string, d DeclaredMembership, o Options) (Outcome, error) {
	d.Role = cmp.Or(d.Role, token.Member)
	var out Outcome
	err := i.store.Do(ctx, func(tx Tx) (err error) {
		out, err = enrol(ctx, tx, who, personID, d, o)
		return err
	})
	if err != nil {
		return "", err
	}
	return out, nil
}

// enrol looks before it locks, so that what is as declared is not written.
func enrol(ctx context.Context, tx Tx, who token.Actor, personID string, d DeclaredMembership, o Options) (Outcome, error) {
	e, err := d.plan(ctx, tx, who, personID, o)
	if err != nil || e.next == nil {
		return e.outcome, err
	}
	if err := lockMembership(ctx, tx, personID, d.Workspace); err != nil {
		return "", err
	}
	if e, err = d.plan(ctx, tx, who, personID, o); err != nil || e.next == nil {
		return e.outcome, err
	}
	if who.Kind != token.System && !e.old.Live() {
		return "", token.Errorf(token.Forbidden, "nobody becomes a member without their own word: invite them")
	}
	if e.next.Role != token.SuperAdmin {
		if err := keepOneSuperAdmin(ctx, tx, e.person, e.old); err != nil {
			return "", err
		}
	}
	return e.outcome, e.write(ctx, tx, who)
}

// write makes it so. Who is a member waits for no invitation.
func (e enrolment) write(ctx context.Context, tx Tx, who token.Actor) error {
	if err := tx.PutMembership(ctx, e.next); err != nil {
		return err
	}
	if _, err := tx.TakeInvitation(ctx, e.next.Workspace, e.person.ID); err != nil {
		return err
	}
	if err := e.endActing(ctx, tx, who); err != nil {
		return err
	}
	return record(ctx, tx, e.deed(who))
}

// endActing ends the tokens by which somebody acts as others when they lose the
// right to: given it again, they ask again. What a step does not reach opens
// nothing either while they lack the right.
func (e enrolment) endActing(ctx context.Context, tx Tx, who token.Actor) error {
	if !e.old.Live() || !e.old.MayImpersonate || e.next.MayImpersonate {
		return nil
	}
	w, err := tx.Workspace(ctx, e.next.Workspace)
	if err != nil {
		return err
	}
	all, err := tx.ActingBy(ctx, w.ID, e.person.ID, mostHanded)
	if err != nil {
		return err
	}
	for _, t := range all {
		if err := endToken(ctx, tx, who, w, t, "right withdrawn"); err != nil {
			return err
		}
	}
	return nil
}

// lockMembership makes changes of a membership, and of who administrates its
// workspace, wait for each other.
func lockMembership(ctx context.Context, tx Tx, person, workspace string) error {
	if _, err := lockPerson(ctx, tx, person); err != nil {
		return err
	}
	there, err := tx.LockWorkspace(ctx, workspace)
	if err == nil && !there {
		return noWorkspace()
	}
	return err
}

// An enrolment is what a declaration comes to.
type enrolment struct {
	person    *token.Person
	old       *token.Membership // nil: never a member
	next      *token.Membership // nil: nothing is to be written
	outcome   Outcome
	invitedBy string // whose invitation the person accepted; empty: nobody's
}

// detail is what a record says of the membership that is to be.
func (e enrolment) detail() map[string]any {
	detail := map[string]any{"role": e.next.Role, "may_impersonate": e.next.MayImpersonate, "teams": e.next.Teams, "spaces": e.next.Spaces}
	if e.next.Narrowed {
		detail["scopes"] = e.next.Scopes.String()
	}
	return detail
}

func (e enrolment) deed(who token.Actor) deed {
	action, detail := "member.added", e.detail()
	if e.old.Live() {
		action, detail["former_role"] = "member.changed", e.old.Role
	}
	if e.invitedBy != "" {
		detail["invited_by"] = e.invitedBy
	}
	return deed{who: who, workspace: e.next.Workspace, action: action, person: e.person, detail: detail}
}

// plan says what a declaration comes to, or why the actor may not have it.
func (d DeclaredMembership) plan(ctx context.Context, tx Tx, who token.Actor, personID string, o Options) (enrolment, error) {
	a, err := actorOf(ctx, tx, who)
	if err != nil {
		return enrolment{}, err
	}
	if err := a.mayEnrol(d.Workspace); err != nil {
		return enrolment{}, err
	}
	w, err := tx.Workspace(ctx, d.Workspace)
	if err != nil {
		return enrolment{}, err
	}
	if w == nil {
		return enrolment{}, noWorkspace()
	}
	p, err := tx.Person(ctx, personID)
	if err != nil {
		return enrolment{}, err
	}
	if p == nil {
		return enrolment{}, noPerson()
	}
	return d.compare(a, w, p, tx.Now(), o)
}

func (d DeclaredMembership) compare(a actor, w *token.Workspace, p *token.Person, now int64, o Options) (enrolment, error) {
	e := enrolment{person: p, old: p.In(w.ID)}
	if e.old != nil && !e.old.Live() && !o.Restore {
		e.outcome = KeptEnded
		return e, nil
	}
	next, err := d.membership(w)
	if err != nil {
		return e, err
	}
	switch {
	case e.old == nil:
		e.outcome = Created
		next.ID, next.Version, next.CreatedAt = "mem_"+token.NewID(time.UnixMilli(now), token.Long).String(), 1, now
	case e.old.Live() && same(e.old, &next):
		e.outcome = Unchanged
		return e, nil
	default:
		e.outcome = Changed
		next.ID, next.Version, next.CreatedAt = e.old.ID, e.old.Version+1, e.old.CreatedAt
	}
	next.Person, next.UpdatedAt = p.ID, now
	e.next = &next
	return e, a.mayAppoint(e.old, e.next)
}

// membership checks a declaration against its workspace.
func (d DeclaredMembership) membership(w *token.Workspace) (token.Membership, error) {
	m := token.Membership{
		Workspace: w.ID, Role: d.Role, Narrowed: d.Narrowed, Teams: sorted(d.Teams), Spaces: sorted(d.Spaces), MayImpersonate: d.MayImpersonate,
	}
	if rankOfRole(d.Role) == plain && d.Role != token.Member && !slices.ContainsFunc(w.Roles, func(r token.Role) bool { return r.Name == d.Role }) {
		return m, token.AtField("role", "%q is no role of this workspace; use member, admin, super_admin or one of its own", d.Role)
	}
	if d.Narrowed {
		m.Scopes = token.Scopes(sorted(d.Scopes.Filter(func(s string) bool { return !token.IsVendor(s) })))
		if missing := m.Scopes.Filter(func(s string) bool { return !w.Has(s) }); missing != nil {
			return m, token.AtField("scopes", "the workspace does not have %s; give it to the workspace first", missing)
		}
		if _, err := token.MakeScopes(m.Scopes); err != nil {
			return m, err
		}
	}
	if err := among("teams", m.Teams, w.Teams); err != nil {
		return m, err
	}
	return m, among("spaces", m.Spaces, w.Spaces)
}

// among refuses names that the workspace does not have.
func among(field string, names []string, groups []token.Group) error {
	for _, name := range names {
		if !slices.ContainsFunc(groups, func(g token.Group) bool { return g.ID == name }) {
			return token.AtField(field, "the workspace has no %q; add it to the workspace first", name)
		}
	}
	return nil
}

func sorted(names []string) []string {
	s := slices.Clone(names)
	slices.Sort(s)
	return slices.Compact(s)
}

// same reports whether two memberships give the same.
func same(a, b *token.Membership) bool {
	return a.Role == b.Role && a.Narrowed == b.Narrowed && a.MayImpersonate == b.MayImpersonate && (!a.Narrowed || slices.Equal(a.Scopes, b.Scopes)) &&
		slices.Equal(a.Teams, b.Teams) && slices.Equal(a.Spaces, b.Spaces)
}
