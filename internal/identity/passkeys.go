package identity

import (
	"context"
	"encoding/json"

	"github.com/fichadev/ficha/internal/factor"
	"github.com/fichadev/ficha/internal/token"
)

// mostPasskeys is how many a person may have.
const mostPasskeys = 20

// A Ceremony is a question that a page puts to a browser about passkeys. Kept
// comes back with the answer, as it is.
type Ceremony struct {
	Options string // JSON
	Kept    string
}

// PasskeysPossible reports whether browsers have passkeys for this server's
// address.
func (i *Identity) PasskeysPossible() bool { return i.passkeys.Possible() }

// AskPasskey asks a browser whose person is not known yet to sign in. The
// answer is taken within ten minutes, once.
func (i *Identity) AskPasskey() (Ceremony, error) {
	c, err := i.passkeys.Ask()
	if err != nil {
		return Ceremony{}, err
	}
	return i.ceremony("passkey sign-in", "", c)
}

func (i *Identity) ceremony(purpose, person string, c factor.Ceremony) (Ceremony, error) {
	kept, err := i.seal(purpose, sealed{Person: person, Value: json.RawMessage(c.Kept)})
	return Ceremony{Options: string(c.Options), Kept: kept}, err
}

// AuthenticatePasskey returns the person whose passkey answered AskPasskey. A
// device asks for its own PIN, finger or face, so that nothing else is needed.
// Whatever is wrong with an answer is one AccessDenied.
func (i *Identity) AuthenticatePasskey(ctx context.Context, kept, answer string) (*token.Person, error) {
	wrong := token.Errorf(token.AccessDenied, "this passkey does not sign anybody in here")
	s, err := i.unseal("passkey sign-in", kept)
	if err != nil {
		return nil, err
	}
	var k *token.Passkey
	var fault error
	_, credential, err := i.passkeys.Check(s.Value, []byte(answer), func(id []byte) (factor.Owner, error) {
		if k, fault = i.store.Passkey(ctx, id); fault != nil || k == nil {
			return factor.Owner{}, wrong
		}
		return factor.Owner{ID: k.Person, Credentials: [][]byte{k.Credential}}, nil
	})
	if fault != nil {
		return nil, fault
	}
	if err != nil {
		i.log.DebugContext(ctx, "a passkey was refused", "error", err)
		return nil, wrong
	}
	p, err := i.judge.Person(ctx, k.Person)
	if err != nil {
		return nil, err
	}
	if p == nil || p.DisabledAt != 0 {
		return nil, wrong
	}
	return p, i.usePasskey(ctx, k, credential, s, kept)
}

// usePasskey takes the answer, and keeps what the use changed.
func (i *Identity) usePasskey(ctx context.Context, k *token.Passkey, credential []byte, s sealed, kept string) error {
	return i.store.Do(ctx, func(tx Tx) error {
		first, err := tx.UseChallenge(ctx, hashOf("challenge", kept), s.Expires)
		if err != nil {
			return err
		}
		next := *k
		next.Credential, next.UsedAt = credential, tx.Now()
		there, err := tx.UsePasskey(ctx, &next)
		if err == nil && (!first || !there) {
			err = token.Errorf(token.AccessDenied, "this answer was given before; begin again")
		}
		return err
	})
}

// NewPasskey asks the actor's browser for a new passkey.
func (i *Identity) NewPasskey(ctx context.Context, who token.Actor) (Ceremony, error) {
	o, err := i.owner(ctx, who)
	if err != nil {
		return Ceremony{}, err
	}
	c, err := i.passkeys.Register(o)
	if err != nil {
		return Ceremony{}, err
	}
	return i.ceremony("new passkey", who.ID, c)
}

func (i *Identity) owner(ctx context.Context, who token.Actor) (o factor.Owner, err error) {
	p, err := i.judge.Person(ctx, who.ID)
	if err != nil {
		return o, err
	}
	if p == nil || who.Kind != token.User {
		return o, noPerson()
	}
	keys, err := i.store.Passkeys(ctx, p.ID)
	o = factor.Owner{ID: p.ID, Email: p.Email, Name: p.Name}
	for _, k := range keys {
		o.Credentials = append(o.Credentials, k.Credential)
	}
	return o, err
}

// AddPasskey takes the answer to NewPasskey, under a name of the person's. A
// field that is wrong is name or credential; Conflict says that they have
// twenty, or that the passkey is somebody's already.
func (i *Identity) AddPasskey(ctx context.Context, who token.Actor, name, kept, answer string) error {
	if name == "" || !isText(name, maxName) {
		return token.AtField("name", "use 1 to %d bytes of text on one line", maxName)
	}
	s, err := i.unseal("new passkey", kept)
	if err != nil {
		return err
	}
	o, err := i.owner(ctx, who)
	if err != nil {
		return err
	}
	if s.Person != who.ID {
		return token.Errorf(token.AccessDenied, "this question was put to somebody else")
	}
	id, credential, err := i.passkeys.Registered(o, s.Value, []byte(answer))
	if err != nil {
		i.log.DebugContext(ctx, "a new passkey was refused", "error", err)
		return token.AtField("credential", "is not what this browser was asked for; try again")
	}
	return i.store.Do(ctx, func(tx Tx) error {
		p, err := mine(ctx, tx, who)
		if err != nil {
			return err
		}
		if have, err := tx.Passkeys(ctx, p.ID); err != nil {
			return err
		} else if len(have) >= mostPasskeys {
			return token.Errorf(token.Conflict, "there are %d passkeys already; remove one first", mostPasskeys)
		}
		won, err := tx.AddPasskey(ctx, &token.Passkey{ID: id, Person: p.ID, Name: name, Credential: credential, CreatedAt: tx.Now()})
		switch {
		case err != nil:
			return err
		case !won:
			return token.Errorf(token.Conflict, "this passkey is known already")
		}
		return record(ctx, tx, deed{who: who, workspace: home(who, p), action: "user.factor_added", person: p, detail: map[string]any{"factor": "passkey", "name": name}})
	})
}

// RemovePasskey takes a passkey of the actor's away. NotFound says that there is
// none; Conflict that nothing else would sign them in.
func (i *Identity) RemovePasskey(ctx context.Context, who token.Actor, id []byte) error {
	return i.store.Do(ctx, func(tx Tx) error {
		p, err := mine(ctx, tx, who)
		if err != nil {
			return err
		}
		have, err := tx.Passkeys(ctx, p.ID)
		if err != nil {
			return err
		}
		if p.Password == "" && len(have) == 1 {
			if l, err := tx.LinkOf(ctx, p.ID, i.upstream.Issuer()); err != nil {
				return err
			} else if l == nil {
				return onlyWay()
			}
		}
		had, err := tx.DropPasskey(ctx, p.ID, id)
		switch {
		case err != nil:
			return err
		case !had:
			return token.Errorf(token.NotFound, "there is no such passkey")
		}
		return record(ctx, tx, deed{who: who, workspace: home(who, p), action: "user.factor_removed", person: p, detail: map[string]any{"factor": "passkey"}})
	})
}
