package identity

import (
	"context"
	"crypto/rand"
	"strconv"
	"time"

	"github.com/fichadev/ficha/internal/guess"
	"github.com/fichadev/ficha/internal/token"
)

// resetLife is how long a link to choose another password works.
const resetLife = 30 * time.Minute

// ForgotPassword has a link sent by which the person with that address may
// choose another password. It answers the same, and as quickly, whoever has the
// address and whether anybody has; TooMany says that too many were asked for
// from there.
func (i *Identity) ForgotPassword(ctx context.Context, who token.Actor, email string) error {
	if wait, blocked := i.asked.Fail("from " + guess.Source(who.Address)); blocked {
		r := token.Errorf(token.TooMany, "too many letters were asked for from here; wait and try again")
		r.RetryAfter = wait
		return r
	}
	account := CanonicalEmail(email)
	ctx = context.WithoutCancel(ctx)
	i.aside.Go(func() {
		if err := i.sendReset(ctx, who, account); err != nil {
			i.log.ErrorContext(ctx, "write a letter about a password", "error", err)
		}
	})
	return nil
}

// sendReset writes the letter. The link is made when it is sent, so that nothing
// that waits holds a secret.
func (i *Identity) sendReset(ctx context.Context, who token.Actor, account string) error {
	p, err := i.known(ctx, account)
	if err != nil || p == nil || p.DisabledAt != 0 {
		return err
	}
	if _, many := i.resets.Fail(account); many {
		return nil // nobody is to fill another's mailbox
	}
	return i.store.Do(ctx, func(tx Tx) error {
		if err := tx.Post(ctx, token.Letter{To: p.ID, Kind: token.LetterPasswordReset, Data: map[string]string{"address": who.Address}}); err != nil {
			return err
		}
		return record(ctx, tx, deed{who: who, workspace: home(who, p), action: "user.password_reset_asked", person: p})
	})
}

// MintReset makes the secret of a link for a person, for half an hour; the one
// before works no longer.
func (i *Identity) MintReset(ctx context.Context, personID string) (string, error) {
	secret := rand.Text()
	err := i.store.Do(ctx, func(tx Tx) error {
		return tx.PutReset(ctx, personID, hashOf(resetPurpose, secret), tx.Now()+resetLife.Milliseconds())
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

const resetPurpose = "password reset"

// ResetPassword gives a person the password that they chose, by the secret of
// their link, once. AccessDenied says that the link is over. Who asks ends the
// sessions of the person, and lets them sign in as always, with a code if they
// owe one.
func (i *Identity) ResetPassword(ctx context.Context, who token.Actor, secret, chosen string) (*token.Person, error) {
	over := token.Errorf(token.AccessDenied, "this link was used or is over; ask for another one")
	hash := hashOf(resetPurpose, secret)
	id, err := i.store.Reset(ctx, hash, i.now().UnixMilli())
	if err != nil {
		return nil, err
	}
	if id == "" {
		return nil, over
	}
	leave, err := i.hasher.line(guess.Source(who.Address))
	if err != nil {
		return nil, err
	}
	defer leave()
	password, err := i.hashChosen(ctx, "password", chosen)
	if err != nil {
		return nil, err
	}
	var p *token.Person
	err = i.store.Do(ctx, func(tx Tx) error {
		if p, err = lockPerson(ctx, tx, id); err != nil {
			return err
		}
		won, err := tx.UseReset(ctx, id, hash)
		switch {
		case err != nil:
			return err
		case !won || p.DisabledAt != 0:
			return over
		}
		who.Kind, who.ID, who.Name = token.User, p.ID, p.Email
		return changePassword(ctx, tx, p, password, deed{who: who, action: "user.password_reset"}, passwordChanged(p, tx.Now()))
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// passwordChanged tells a person that their password is another one now.
func passwordChanged(p *token.Person, at int64) token.Letter {
	return token.Letter{To: p.ID, Address: p.Email, Kind: token.LetterPasswordChanged, Data: map[string]string{"changed_at": strconv.FormatInt(at, 10)}}
}
