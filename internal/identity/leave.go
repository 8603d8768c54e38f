package identity

import (
	"context"

	"github.com/fichadev/ficha/internal/token"
)

// Remove ends a membership and, in the same commit, every token that stands on
// it; the person stays. It takes the member, or an admin; a super admin to
// remove a super admin. NotFound says that there is no such member, also to
// strangers; Conflict that it is the last super admin.
func (i *Identity) Remove(ctx context.Context, who token.Actor, personID, workspace, reason string) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	return i.store.Do(ctx, func(tx Tx) error { return remove(ctx, tx, who, personID, workspace, reason) })
}

func checkReason(reason string) error {
	if !isText(reason, maxReason) {
		return token.AtField("reason", "use at most %d bytes of text on one line", maxReason)
	}
	return nil
}

func remove(ctx context.Context, tx Tx, who token.Actor, personID, workspace, reason string) error {
	if err := lockMembership(ctx, tx, personID, workspace); err != nil {
		return noMemberFor(err)
	}
	a, err := actorOf(ctx, tx, who)
	if err != nil {
		return err
	}
	p, err := tx.Person(ctx, personID)
	if err != nil {
		return err
	}
	m := p.In(workspace)
	if err := a.mayRemove(m, personID, workspace); err != nil {
		return err
	}
	if err := keepOneSuperAdmin(ctx, tx, p, m); err != nil {
		return err
	}
	won, err := tx.EndMembership(ctx, m, reason)
	switch {
	case err != nil:
		return err
	case !won:
		return noMember()
	}
	if err := tellRemoved(ctx, tx, who, p, workspace); err != nil {
		return err
	}
	return record(ctx, tx, deed{who: who, workspace: workspace, action: "member.removed", person: p, detail: map[string]any{"role": m.Role, "reason": reason}})
}

// tellRemoved writes to who was removed by somebody else.
func tellRemoved(ctx context.Context, tx Tx, who token.Actor, p *token.Person, workspace string) error {
	if who.ID == p.ID {
		return nil
	}
	return tx.Post(ctx, token.Letter{To: p.ID, Kind: token.LetterMemberRemoved, Workspace: workspace, Data: map[string]string{"by": who.Name}})
}

// noMemberFor says of an unknown person or workspace what is said of an unknown
// member.
func noMemberFor(err error) error {
	if token.Is(err, token.NotFound) {
		return noMember()
	}
	return err
}

// mayRemove refuses to end a membership that is not there, and tells no
// stranger whether it is.
func (a actor) mayRemove(m *token.Membership, personID, workspace string) error {
	r := a.in(workspace)
	switch self := a.person != nil && a.who.ID == personID; {
	case r == stranger || !m.Live():
		return noMember()
	case self:
		return nil
	case r < admin:
		return token.Errorf(token.Forbidden, "only an admin may remove others; ask one of this workspace")
	case rankOf(m) > r:
		return token.Errorf(token.Forbidden, "only a super admin may remove a super admin; ask one of this workspace").Because(token.NeedsSuperAdmin)
	}
	return nil
}

// keepOneSuperAdmin refuses what would leave a workspace without a super admin
// who can act. The workspace must be locked: two who count at once would each
// see the other.
func keepOneSuperAdmin(ctx context.Context, tx Tx, p *token.Person, m *token.Membership) error {
	if rankOf(m) != superAdmin || p.DisabledAt != 0 {
		return nil
	}
	n, err := tx.LiveWithRole(ctx, m.Workspace, token.SuperAdmin)
	if err != nil || n > 1 {
		return err
	}
	return token.Errorf(token.Conflict, "%s is the last super admin of workspace %s; appoint another one first", p.Email, m.Workspace)
}

// DisableUser ends every token and session of a person, everywhere, and lets
// them sign in no more. It takes a super admin of every workspace that the
// person is a member of. Conflict says that the person is disabled already, or
// the last super admin somewhere.
func (i *Identity) DisableUser(ctx context.Context, who token.Actor, personID, reason string) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	return i.store.Do(ctx, func(tx Tx) error {
		p, err := governed(ctx, tx, who, personID)
		if err != nil {
			return err
		}
		if p.DisabledAt != 0 {
			return token.Errorf(token.Conflict, "%s is disabled already", p.Email)
		}
		for _, m := range p.Live() {
			if err := keepOneSuperAdmin(ctx, tx, p, m); err != nil {
				return err
			}
		}
		tx.Cut(token.Cutoff{Support: token.Support{Kind: token.OnPerson, ID: p.ID}, Reason: reason})
		return setDisabled(ctx, tx, who, p, tx.Now(), deed{action: "user.disabled", detail: map[string]any{"reason": reason}})
	})
}

// EnableUser lets a disabled person sign in again, in the workspaces where they
// still are a member. No token comes back to life. It takes whom DisableUser
// takes; Conflict says that the person is not disabled.
func (i *Identity) EnableUser(ctx context.Context, who token.Actor, personID, reason string) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	return i.store.Do(ctx, func(tx Tx) error {
		p, err := governed(ctx, tx, who, personID)
		if err != nil {
			return err
		}
		if p.DisabledAt == 0 {
			return token.Errorf(token.Conflict, "%s is not disabled", p.Email)
		}
		return setDisabled(ctx, tx, who, p, 0, deed{action: "user.enabled", detail: map[string]any{"reason": reason}})
	})
}

// governed locks a person and the workspaces they live in, and returns them if
// the actor governs them.
func governed(ctx context.Context, tx Tx, who token.Actor, personID string) (*token.Person, error) {
	p, err := lockPerson(ctx, tx, personID)
	if err != nil {
		return nil, err
	}
	for _, m := range p.Live() { // in the order of the workspaces' ids
		if _, err := tx.LockWorkspace(ctx, m.Workspace); err != nil {
			return nil, err
		}
	}
	a, err := actorOf(ctx, tx, who)
	if err != nil {
		return nil, err
	}
	return p, a.mayGovern(p)
}

func setDisabled(ctx context.Context, tx Tx, who token.Actor, p *token.Person, at int64, d deed) error {
	next := *p
	next.DisabledAt, next.UpdatedAt, next.Version = at, tx.Now(), p.Version+1
	if err := tx.PutUser(ctx, &next); err != nil {
		return err
	}
	d.who, d.workspace, d.person = who, home(who, p), &next
	return record(ctx, tx, d)
}
