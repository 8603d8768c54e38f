package identity

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/upstream"
)

// linking is the memory of accounts elsewhere by which people sign in.
type linking interface {
	LinkOf(ctx context.Context, person, issuer string) (*token.Link, error)
}

// linkTx is what one deed changes of it.
type linkTx interface {
	linking
	Link(ctx context.Context, issuer, subject string) (*token.Link, error)
	AddLink(ctx context.Context, l *token.Link) (bool, error)
	UseLink(ctx context.Context, l *token.Link) (bool, error)
	DropLinks(ctx context.Context, person string) (bool, error)
}

// link has an account open a person from now on, and writes them so.
func (i *Identity) link(ctx context.Context, tx Tx, who token.Actor, p *token.Person, c upstream.Claims, how string) error {
	l := &token.Link{Issuer: i.upstream.Issuer(), Subject: c.Subject, Person: p.ID, Email: account(c), LinkedAt: tx.Now(), UsedAt: tx.Now()}
	added, err := tx.AddLink(ctx, l)
	if err != nil {
		return err
	}
	if !added { // of two at once the other was quicker
		return otherAccount(i.upstream.Name())
	}
	if err := tx.Post(ctx, token.Letter{To: p.ID, Address: p.Email, Kind: token.LetterAccountLinked, Data: map[string]string{
		"provider": i.upstream.Name(), "account": l.Email, "changed_at": strconv.FormatInt(l.LinkedAt, 10), "address": who.Address,
	}}); err != nil {
		return err
	}
	who.Kind, who.ID, who.Name = token.User, p.ID, p.Email
	return record(ctx, tx, deed{who: who, workspace: home(who, p), action: "user.linked", person: p, detail: map[string]any{
		"how": how, "issuer": l.Issuer, "subject": l.Subject, "email": l.Email,
	}})
}

const linkPurpose = "upstream link"

func (i *Identity) sealLink(purpose, person string, c upstream.Claims) (string, error) {
	value, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	return i.seal(purpose, sealed{Person: person, Value: value})
}

// LinkWaits returns the address of the account that waits to be linked, empty
// if what a browser holds is no such thing or too old.
func (i *Identity) LinkWaits(kept string) string {
	_, c, err := i.unsealLink(linkPurpose, kept)
	if err != nil {
		return ""
	}
	return account(c)
}

// account is what people know an account at the provider by: the address that
// the provider vouches for, else its name there. An address that anybody may have
// written into their account would pass for that of whoever is to say that the
// account is theirs.
func account(c upstream.Claims) string {
	if c.Verified && c.Email != "" {
		return c.Email
	}
	return c.Subject
}

func (i *Identity) unsealLink(purpose, kept string) (s sealed, c upstream.Claims, err error) {
	if i.upstream == nil {
		return s, c, noUpstream()
	}
	if s, err = i.unseal(purpose, kept); err != nil {
		return s, c, err
	}
	if json.Unmarshal(s.Value, &c) != nil {
		err = errors.New("what was sealed as a link is none")
	}
	return s, c, err
}

// LinkUpstream links the account that Arrive sealed to the person who has
// signed in as always since. AccessDenied says that this is another person, that
// it took too long, or that one of the two has a link already.
func (i *Identity) LinkUpstream(ctx context.Context, who token.Actor, kept string) error {
	s, c, err := i.unsealLink(linkPurpose, kept)
	if err != nil {
		return err
	}
	if s.Person != who.ID {
		return token.Errorf(token.AccessDenied, "this account was to be linked to another person; sign in as that person")
	}
	return i.store.Do(ctx, func(tx Tx) error {
		p, err := mine(ctx, tx, who)
		if err != nil {
			return err
		}
		return i.link(ctx, tx, who, p, c, "sign_in")
	})
}

// UpstreamLink returns the account at the provider by which a person signs in,
// nil if there is none.
func (i *Identity) UpstreamLink(ctx context.Context, person string) (*token.Link, error) {
	if i.upstream == nil {
		return nil, nil
	}
	return i.store.LinkOf(ctx, person, i.upstream.Issuer())
}

// UnlinkUpstream has no account elsewhere open the actor's own any more. It is
// no refusal if none did; Conflict says that nothing else would sign them in.
func (i *Identity) UnlinkUpstream(ctx context.Context, who token.Actor) error {
	return i.store.Do(ctx, func(tx Tx) error {
		p, err := mine(ctx, tx, who)
		if err != nil {
			return err
		}
		keys, err := tx.Passkeys(ctx, p.ID)
		if err != nil {
			return err
		}
		if p.Password == "" && len(keys) == 0 {
			return onlyWay()
		}
		return unlink(ctx, tx, who, p, nil)
	})
}

func onlyWay() error {
	return token.Errorf(token.Conflict, "this is the only way that you have to sign in; choose a password first")
}

// unlink takes the links of a person who is locked away.
func unlink(ctx context.Context, tx Tx, who token.Actor, p *token.Person, detail map[string]any) error {
	had, err := tx.DropLinks(ctx, p.ID)
	if err != nil || !had {
		return err
	}
	return record(ctx, tx, deed{who: who, workspace: home(who, p), action: "user.unlinked", person: p, detail: detail})
}
