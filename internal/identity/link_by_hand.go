package identity

import (
	"context"

	"github.com/fichadev/ficha/internal/token"
)

// handPurpose seals accounts that wait for their person to say that they are
// theirs: no sign-in links one of those.
const handPurpose = "upstream link by hand"

// AskLink begins, as AskUpstream does, to link an account at the provider to the
// actor, whatever its address.
func (i *Identity) AskLink(ctx context.Context, who token.Actor, next string) (address, kept string, err error) {
	return i.ask(ctx, question{Next: next, By: who.ID}, false)
}

// LinkAsked returns what people know the account by that waits for a person's
// word, empty if what a browser holds is no such thing, somebody else's, or too
// old.
func (i *Identity) LinkAsked(person, kept string) string {
	s, c, err := i.unsealLink(handPurpose, kept)
	if err != nil || s.Person != person {
		return ""
	}
	return account(c)
}

// LinkByHand links the account that Arrive sealed to the actor, who has seen
// which one it is and said that it is theirs: so nobody who sent them to the
// provider has an account of their own linked. AccessDenied says that it took
// too long or that somebody else asked; Conflict, that the account signs in
// somebody else, or that the actor has another one linked.
func (i *Identity) LinkByHand(ctx context.Context, who token.Actor, kept string) error {
	s, c, err := i.unsealLink(handPurpose, kept)
	if err != nil {
		return err
	}
	if s.Person != who.ID {
		return token.Errorf(token.AccessDenied, "somebody else asked to link this account; begin again").Because(token.Expired)
	}
	return i.store.Do(ctx, func(tx Tx) error {
		p, err := mine(ctx, tx, who)
		if err != nil {
			return err
		}
		taken, err := tx.Link(ctx, i.upstream.Issuer(), c.Subject)
		switch {
		case err != nil:
			return err
		case taken != nil && taken.Person == p.ID:
			return nil
		case taken != nil:
			return token.Errorf(token.Conflict, "this account at %s signs in somebody else here", i.upstream.Name()).Because(token.OtherAccount)
		}
		had, err := tx.LinkOf(ctx, p.ID, i.upstream.Issuer())
		switch {
		case err != nil:
			return err
		case had != nil:
			return token.Errorf(token.Conflict, "you have another account at %s linked; remove that link first", i.upstream.Name())
		}
		return i.link(ctx, tx, who, p, c, "by_hand")
	})
}
