package identity

import (
	"cmp"
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

// invitationLife is how long an invitation waits, and the link in its letter
// works.
const invitationLife = 7 * 24 * time.Hour

// mostInvitations is how many invitations a person is shown.
const mostInvitations = 50

// inviting is the memory of memberships that wait for their person's word.
type inviting interface {
	InvitationsOf(ctx context.Context, person string, limit int) ([]*token.Invitation, error)
}

// inviteTx is what one deed changes of it.
type inviteTx interface {
	PutInvitation(ctx context.Context, i *token.Invitation) error
	TakeInvitation(ctx context.Context, workspace, person string) (*token.Invitation, error)
}

// Invite offers somebody a membership, in the place of an older offer, and has a
// letter sent that leads to where they accept it or, who has no password, to
// choosing one. It makes nobody a member: an account is its person's, and so is
// the word that lets another workspace judge, see and lock it. Whether there was
// an account already is told neither by what it returns nor by the audit of the
// workspace. It reports whether a letter was written: somebody who was invited
// often of late gets no other. It takes what PutMembership takes, and refuses
// with Invalid, at email, who is a member already.
func (i *Identity) Invite(ctx context.Context, who token.Actor, d Declared, m DeclaredMembership) (*token.Invitation, bool, error) {
	d, err := d.checked()
	if err != nil {
		return nil, false, err
	}
	m.Role = cmp.Or(m.Role, token.Member)
	writes := sync.OnceValue(func() bool { // a transaction may run more than once
		_, many := i.invites.Fail(d.Email)
		return !many
	})
	var offer *token.Invitation
	err = i.store.Do(ctx, func(tx Tx) (err error) {
		offer, err = invite(ctx, tx, who, d, m, writes)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return offer, writes(), nil
}

// invite writes the offer, its record and its letter. An actor who may not
// invite is refused before anybody is looked for or entered.
func invite(ctx context.Context, tx Tx, who token.Actor, d Declared, m DeclaredMembership, writes func() bool) (*token.Invitation, error) {
	a, err := actorOf(ctx, tx, who)
	if err != nil {
		return nil, err
	}
	if err := a.mayEnrol(m.Workspace); err != nil {
		return nil, err
	}
	id, err := entered(ctx, tx, a, d)
	if err != nil {
		return nil, err
	}
	if err := lockMembership(ctx, tx, id, m.Workspace); err != nil {
		return nil, err
	}
	p, err := tx.Person(ctx, id)
	if err != nil {
		return nil, err
	}
	if p.In(m.Workspace).Live() {
		return nil, token.AtField("email", "is a member already: change their role instead")
	}
	e, err := m.plan(ctx, tx, who, id, Options{Restore: true})
	if err != nil {
		return nil, err
	}
	offer := e.offer(who, tx.Now())
	if err := tx.PutInvitation(ctx, offer); err != nil {
		return nil, err
	}
	if writes() {
		letter := token.Letter{To: id, Kind: token.LetterInvitation, Workspace: m.Workspace, Data: map[string]string{"by": who.Name}}
		if err := tx.Post(ctx, letter); err != nil {
			return nil, err
		}
	}
	detail := e.detail()
	detail["expires_at"] = offer.ExpiresAt
	return offer, recordOffer(ctx, tx, who, "invitation.created", offer, detail)
}

// entered returns the id of the person with that address, who is new if there
// is none. That is the server's to know: its audit alone says so.
func entered(ctx context.Context, tx Tx, a actor, d Declared) (string, error) {
	id, err := tx.PersonByEmail(ctx, d.Email)
	if err != nil || id != "" {
		return id, err
	}
	p, _, err := declare(ctx, tx, a, wanted{Declared: d, unseen: true})
	if err != nil {
		return "", err
	}
	return p.ID, nil
}

// offer is the enrolment as it waits for the person's word.
func (e enrolment) offer(who token.Actor, now int64) *token.Invitation {
	n := e.next
	return &token.Invitation{
		Workspace: n.Workspace, Person: e.person.ID, Email: e.person.Email, Role: n.Role, Scopes: n.Scopes, Narrowed: n.Narrowed, Teams: n.Teams, Spaces: n.Spaces,
		MayImpersonate: n.MayImpersonate, ByKind: who.Kind, By: who.ID, ByName: who.Name, CreatedAt: now, ExpiresAt: now + invitationLife.Milliseconds(),
	}
}

// recordOffer records a deed on an offer in the audit of its workspace, by the
// address that was invited: who has an account elsewhere has no id there.
func recordOffer(ctx context.Context, tx Tx, who token.Actor, action string, offer *token.Invitation, detail map[string]any) error {
	return recordOn(ctx, tx, deed{who: who, workspace: offer.Workspace, action: action, detail: detail}, audit.Target{Kind: "invitation", ID: offer.Email, Name: offer.Email})
}

// Invited returns what waits for a person's word, the first to end first. What a
// disabled workspace offers is not among it.
func (i *Identity) Invited(ctx context.Context, person string) ([]*token.Invitation, error) {
	all, err := i.store.InvitationsOf(ctx, person, mostInvitations)
	if err != nil {
		return nil, err
	}
	var open []*token.Invitation
	for _, offer := range all {
		w, err := i.judge.Workspace(ctx, offer.Workspace)
		if err != nil {
			return nil, err
		}
		if w != nil && w.DisabledAt == 0 {
			open = append(open, offer)
		}
	}
	return open, nil
}

// Accept makes the actor a member of a workspace that invited them. NotFound says
// that no invitation waits there, or not any more; Conflict, that who invited may
// no longer do so, or that what was offered is no longer there.
func (i *Identity) Accept(ctx context.Context, who token.Actor, workspace string) error {
	return i.store.Do(ctx, func(tx Tx) error {
		offer, err := answered(ctx, tx, who, workspace)
		if err != nil {
			return err
		}
		inviter := token.Actor{Kind: offer.ByKind, ID: offer.By, Name: offer.ByName, Workspace: workspace}
		e, err := offered(offer).plan(ctx, tx, inviter, who.ID, Options{Restore: true})
		if err != nil || e.old.Live() {
			return staleFor(err)
		}
		e.invitedBy = offer.ByName
		who.Workspace = workspace
		return e.write(ctx, tx, who)
	})
}

// staleFor says of what the inviter may not offer any more that the invitation no
// longer stands. What is no matter of theirs, as a database that does not answer,
// stays what it is.
func staleFor(err error) error {
	if r := token.AsRefusal(err); r != nil {
		switch r.Code {
		case token.NotFound, token.Forbidden, token.Invalid, token.InvalidScope:
			return token.Errorf(token.Conflict, "this invitation no longer stands: who sent it may not any more, or the workspace has changed; ask for another one")
		}
	}
	return err
}

// offered declares what an invitation offers.
func offered(i *token.Invitation) DeclaredMembership {
	return DeclaredMembership{
		Workspace: i.Workspace, Role: i.Role, Scopes: i.Scopes, Narrowed: i.Narrowed, Teams: i.Teams, Spaces: i.Spaces, MayImpersonate: i.MayImpersonate,
	}
}

// Decline ends an invitation of the actor's. The workspace hears that it was
// declined, and nothing of whoever did beside the address that it had invited.
// NotFound is that of Accept.
func (i *Identity) Decline(ctx context.Context, who token.Actor, workspace string) error {
	return i.store.Do(ctx, func(tx Tx) error {
		offer, err := answered(ctx, tx, who, workspace)
		if err != nil {
			return err
		}
		as := token.Actor{Kind: token.User, Name: offer.Email, Request: who.Request}
		return recordOffer(ctx, tx, as, "invitation.declined", offer, map[string]any{"role": offer.Role})
	})
}

// answered takes the invitation that its person answers, if it still waits.
func answered(ctx context.Context, tx Tx, who token.Actor, workspace string) (*token.Invitation, error) {
	if _, err := mine(ctx, tx, who); err != nil {
		return nil, err
	}
	if _, err := tx.LockWorkspace(ctx, workspace); err != nil {
		return nil, err
	}
	w, err := tx.Workspace(ctx, workspace)
	if err != nil {
		return nil, err
	}
	if w == nil || w.DisabledAt != 0 {
		return nil, noInvitation()
	}
	return waiting(ctx, tx, workspace, who.ID)
}

// waiting takes an invitation that is not over.
func waiting(ctx context.Context, tx Tx, workspace, person string) (*token.Invitation, error) {
	offer, err := tx.TakeInvitation(ctx, workspace, person)
	if err == nil && (offer == nil || offer.ExpiresAt <= tx.Now()) {
		err = noInvitation()
	}
	return offer, err
}

func noInvitation() error {
	return token.Errorf(token.NotFound, "there is no such invitation; it may be over, or was answered or withdrawn already")
}

// Withdraw ends the invitation of an address to a workspace. It takes an admin
// there; NotFound says that none waits, whoever has the address.
func (i *Identity) Withdraw(ctx context.Context, who token.Actor, workspace, email string) error {
	email = CanonicalEmail(email)
	if !isAccount(email) {
		return noInvitation()
	}
	return i.store.Do(ctx, func(tx Tx) error {
		a, err := actorOf(ctx, tx, who)
		if err != nil {
			return err
		}
		if err := a.mayEnrol(workspace); err != nil {
			return err
		}
		id, err := tx.PersonByEmail(ctx, email)
		if err != nil {
			return err
		}
		offer, err := waiting(ctx, tx, workspace, id)
		if err != nil {
			return err
		}
		return recordOffer(ctx, tx, who, "invitation.withdrawn", offer, map[string]any{"role": offer.Role})
	})
}

// MintInvitation makes the secret of a link by which somebody without a password
// chooses one, for seven days; the one before works no longer. It is empty for
// who has a password: an invitation changes none.
func (i *Identity) MintInvitation(ctx context.Context, personID string) (secret string, err error) {
	err = i.store.Do(ctx, func(tx Tx) error {
		p, err := tx.Person(ctx, personID)
		if err != nil || p == nil || p.Password != "" || p.DisabledAt != 0 {
			secret = ""
			return err
		}
		secret = rand.Text()
		return tx.PutReset(ctx, personID, hashOf(resetPurpose, secret), tx.Now()+invitationLife.Milliseconds())
	})
	return secret, err
}
