package identity

import (
	"context"

	"github.com/fichadev/ficha/internal/token"
)

// A Leaving says what becomes of the service tokens that stand on the rights of
// who leaves, or are theirs to answer for. At most one of To, Until and End is
// set. With none, what stands on their rights ends, and what they merely
// answered for has an owner who left.
type Leaving struct {
	Reason string // why they leave
	To     string // a user: all of it stands on this one's rights, and is theirs to answer for
	Until  int64  // ms: the same of whoever removes, until then at the longest
	End    bool   // all of it ends
}

// Remove is Leave with nothing said of service tokens.
func (i *Identity) Remove(ctx context.Context, who token.Actor, personID, workspace, reason string) error {
	_, err := i.Leave(ctx, who, personID, workspace, Leaving{Reason: reason})
	return err
}

// Leave ends a membership and, in the same commit, every token that stands on
// it; the person stays. It takes the member, or an admin; a super admin to
// remove a super admin; an admin to say what becomes of service tokens. It
// returns how many secrets of those were dealt with. NotFound says that there is
// no such member, also to strangers; Conflict that it is the last super admin;
// Invalid, at move_to or live_until, which tokens cannot stand on those rights.
//
// More service tokens than one commit takes are dealt with in commits before the
// last one, which ends the membership. If we die between two, the person still
// is a member, and the next call goes on.
func (i *Identity) Leave(ctx context.Context, who token.Actor, personID, workspace string, l Leaving) (dealt int, err error) {
	if err := i.checkLeaving(who, personID, l); err != nil {
		return 0, err
	}
	return i.inSteps(ctx, func(tx Tx, after token.ID) (step, error) {
		f, err := leaver(ctx, tx, who, personID, workspace)
		if err != nil {
			return step{}, err
		}
		s, err := f.leaveBehind(ctx, l, after)
		if err != nil || s.more {
			return s, err
		}
		return s, f.end(ctx, l.Reason)
	})
}

func (i *Identity) checkLeaving(who token.Actor, personID string, l Leaving) error {
	said := 0
	for _, one := range []bool{l.To != "", l.Until != 0, l.End} {
		if one {
			said++
		}
	}
	switch {
	case said > 1:
		return token.AtField("service_tokens", "say one of move_to, live_until and end")
	case l.To == personID && personID != "":
		return token.AtField("move_to", "is the person who leaves; name somebody who stays")
	case l.Until != 0 && l.Until <= i.now().UnixMilli():
		return token.AtField("live_until", "must be an instant to come")
	case l.Until != 0 && (who.Kind != token.User || who.ID == personID):
		return token.AtField("live_until", "lets tokens stand on the rights of who removes: that must be a person who stays")
	}
	return checkReason(l.Reason)
}

func checkReason(reason string) error {
	if !isText(reason, maxReason) {
		return token.AtField("reason", "use at most %d bytes of text on one line", maxReason)
	}
	return nil
}

// A farewell is the removal of a member inside its transaction.
type farewell struct {
	tx     Tx
	who    token.Actor
	actor  actor
	person *token.Person
	member *token.Membership
}

// leaver locks a membership and returns its removal, if the actor may have it.
func leaver(ctx context.Context, tx Tx, who token.Actor, personID, workspace string) (*farewell, error) {
	if err := lockMembership(ctx, tx, personID, workspace); err != nil {
		return nil, noMemberFor(err)
	}
	a, err := actorOf(ctx, tx, who)
	if err != nil {
		return nil, err
	}
	p, err := tx.Person(ctx, personID)
	if err != nil {
		return nil, err
	}
	m := p.In(workspace)
	if err := a.mayRemove(m, personID, workspace); err != nil {
		return nil, err
	}
	return &farewell{tx, who, a, p, m}, keepOneSuperAdmin(ctx, tx, p, m)
}

// leaveBehind deals with a step of the service tokens that are left behind.
func (f *farewell) leaveBehind(ctx context.Context, l Leaving, after token.ID) (step, error) {
	h := handover{tx: f.tx, who: f.who, from: f.person, until: l.Until, end: l.End}
	switch {
	case l.End:
	case l.To != "":
		h.to, h.field = l.To, "move_to"
	case l.Until != 0:
		h.to, h.field = f.who.ID, "live_until"
	default:
		return step{}, nil
	}
	if f.actor.in(f.member.Workspace) < admin {
		return step{}, token.Errorf(token.Forbidden, "only an admin may say what becomes of service tokens; ask one of this workspace")
	}
	return h.take(ctx, f.member.Workspace, after)
}

// end ends the membership.
func (f *farewell) end(ctx context.Context, reason string) error {
	won, err := f.tx.EndMembership(ctx, f.member, reason)
	switch {
	case err != nil:
		return err
	case !won:
		return noMember()
	}
	if err := tellRemoved(ctx, f.tx, f.who, f.person, f.member.Workspace); err != nil {
		return err
	}
	return record(ctx, f.tx, deed{
		who: f.who, workspace: f.member.Workspace, action: "member.removed", person: f.person,
		detail: map[string]any{"role": f.member.Role, "reason": reason},
	})
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
