package identity

import (
	"context"

	"github.com/fichadev/ficha/internal/token"
)

// A rank orders what actors may do to the people of a workspace.
type rank int

const (
	stranger rank = iota
	plain         // a member, whatever the role may hold
	admin
	superAdmin
	system // the server itself: a resources file, the set-up
)

// rankOf returns the rank that a membership gives while it lives.
func rankOf(m *token.Membership) rank {
	switch {
	case !m.Live():
		return stranger
	case m.Role == token.SuperAdmin:
		return superAdmin
	case m.Role == token.Admin:
		return admin
	}
	return plain
}

// rankOfRole returns the rank that a role would give.
func rankOfRole(role string) rank { return rankOf(&token.Membership{Role: role}) }

// An actor is who acts, with the memberships of this moment: a token that was
// issued to a super admin says nothing about today.
type actor struct {
	who    token.Actor
	person *token.Person // nil unless a user who may still act
}

func actorOf(ctx context.Context, tx Tx, who token.Actor) (actor, error) {
	if who.Kind != token.User {
		return actor{who: who}, nil
	}
	p, err := tx.Person(ctx, who.ID)
	if err != nil || p == nil || p.DisabledAt != 0 {
		return actor{who: who}, err
	}
	return actor{who, p}, nil
}

func (a actor) in(workspace string) rank {
	switch {
	case a.who.Kind == token.System:
		return system
	case a.person != nil:
		return rankOf(a.person.In(workspace))
	}
	return stranger
}

// governs reports whether the actor decides about a person as a whole: a super
// admin wherever the person is a member, so that no workspace reaches into
// another one.
func (a actor) governs(p *token.Person) bool {
	if a.who.Kind == token.System {
		return true
	}
	live := p.Live()
	for _, m := range live {
		if a.in(m.Workspace) < superAdmin {
			return false
		}
	}
	return len(live) > 0
}

// mayGovern refuses an actor who does not govern a person: as if there were
// none where they share no workspace that the actor administrates.
func (a actor) mayGovern(p *token.Person) error {
	if a.governs(p) {
		return nil
	}
	for _, m := range p.Live() {
		if a.in(m.Workspace) >= admin {
			return token.Errorf(token.Forbidden,
				"this person is also a member where you are not super admin; remove them from your workspace instead, or ask for an operator").Because(token.NeedsSuperAdmin)
		}
	}
	return noPerson()
}

func noPerson() error {
	return token.Errorf(token.NotFound, "there is no such person here; check the address or the id")
}

func noMember() error {
	return token.Errorf(token.NotFound, "there is no such member in this workspace; the person may have been removed already")
}

func noWorkspace() error {
	return token.Errorf(token.NotFound, "there is no such workspace, or you are not a member of it")
}

// mayEnrol refuses an actor who does not administrate a workspace.
func (a actor) mayEnrol(workspace string) error {
	switch r := a.in(workspace); {
	case r >= admin:
		return nil
	case r == stranger:
		return noWorkspace()
	}
	return token.Errorf(token.Forbidden, "only an admin may change members; ask one of this workspace")
}

// mayAppoint refuses an admin what only a super admin may do to a membership.
func (a actor) mayAppoint(old, next *token.Membership) error {
	if a.in(next.Workspace) >= superAdmin {
		return nil
	}
	had, gets := rankOf(old), rankOf(next)
	var why string
	switch {
	case next.Person == a.who.ID:
		why = "change your own membership"
	case had == superAdmin:
		why = "change a super admin"
	case gets >= admin && gets != had:
		why = "appoint admins"
	case next.MayImpersonate && (!old.Live() || !old.MayImpersonate):
		why = "give the right to impersonate"
	default:
		return nil
	}
	return token.Errorf(token.Forbidden, "only a super admin may %s; ask one of this workspace", why).Because(token.NeedsSuperAdmin)
}
