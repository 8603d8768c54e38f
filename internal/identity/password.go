package identity

import (
	"context"

	"github.com/fichadev/ficha/internal/token"
)

// SetPassword changes the actor's own password, given the old one: guesses at
// it count as those at sign-in do. The new one has 12 to 1024 bytes. Tokens and
// sessions live on; who asks ends the other sessions of the person.
func (i *Identity) SetPassword(ctx context.Context, who token.Actor, personID, old, chosen string) error {
	if who.Kind != token.User || who.ID != personID {
		return token.Errorf(token.Forbidden, "a password is changed by its owner alone; sign in as that person")
	}
	p, err := i.store.Person(ctx, personID)
	if err != nil {
		return err
	}
	if p == nil {
		return noPerson()
	}
	a := i.attempt(who, p.Email)
	if err := i.slowDown(ctx, a); err != nil {
		return err
	}
	if err := i.prove(ctx, a, p, old); token.Is(err, token.AccessDenied) {
		return token.AtField("old_password", "is wrong; type the password you sign in with")
	} else if err != nil {
		return err
	}
	hash, err := i.hashChosen(ctx, "new_password", chosen)
	if err != nil {
		return err
	}
	return i.replacePassword(ctx, p, hash, deed{who: who, action: "user.password_changed"}, passwordChanged(p, i.now().UnixMilli()))
}

// replacePassword writes a hash in the place of the one that was proven. If
// that is no longer the person's, or the person was disabled, somebody else was
// quicker: Conflict.
func (i *Identity) replacePassword(ctx context.Context, proven *token.Person, hash string, d deed, letters ...token.Letter) error {
	return i.store.Do(ctx, func(tx Tx) error {
		p, err := lockPerson(ctx, tx, proven.ID)
		if err != nil {
			return err
		}
		if p.Password != proven.Password || p.DisabledAt != 0 {
			return token.Errorf(token.Conflict, "the password was changed meanwhile; sign in again")
		}
		return changePassword(ctx, tx, p, hash, d, letters...)
	})
}

// changePassword writes the hash of a person who is locked, the letters and the
// record.
func changePassword(ctx context.Context, tx Tx, p *token.Person, hash string, d deed, letters ...token.Letter) error {
	next := *p
	next.Password, next.UpdatedAt, next.Version = hash, tx.Now(), p.Version+1
	if err := tx.PutUser(ctx, &next); err != nil {
		return err
	}
	if err := tx.Post(ctx, letters...); err != nil {
		return err
	}
	d.person, d.workspace = &next, home(d.who, p)
	return record(ctx, tx, d)
}
