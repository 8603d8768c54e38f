package identity

import (
	"cmp"
	"context"
	"crypto/rand"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// invitationLife is how long the link of an invitation works.
const invitationLife = 7 * 24 * time.Hour

// Invite makes somebody a member, enters them where they are not known, and has
// a letter sent that leads to the sign-in or, who has no password, to choosing
// one. It reports whether a letter was written: somebody who was invited often of
// late gets no other. It takes what PutUser and PutMembership take, and
// refuses with Invalid, at email, who is a member already. If we die between the
// two, they are known and no member, and the next call does the rest.
func (i *Identity) Invite(ctx context.Context, who token.Actor, d Declared, m DeclaredMembership) (*token.Person, bool, error) {
	p, _, err := i.PutUser(ctx, who, d, Options{})
	if err != nil {
		return nil, false, err
	}
	if p.In(m.Workspace).Live() {
		return nil, false, token.AtField("email", "is a member already: change their role instead")
	}
	letter := &token.Letter{To: p.ID, Kind: token.LetterInvitation, Workspace: m.Workspace, Data: map[string]string{"by": who.Name}}
	if _, many := i.invites.Fail(p.Email); many {
		letter = nil
	}
	m.Role = cmp.Or(m.Role, token.Member)
	err = i.store.Do(ctx, func(tx Tx) error {
		if _, err := enrol(ctx, tx, who, p.ID, m, Options{Restore: true}, letter); err != nil {
			return err
		}
		p, err = tx.Person(ctx, p.ID)
		return err
	})
	return p, letter != nil, err
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
