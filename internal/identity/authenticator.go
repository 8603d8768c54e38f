package identity

import (
	"context"
	"time"

	"github.com/fichadev/ficha/internal/factor"
	"github.com/fichadev/ficha/internal/token"
)

// NeedsSecond reports whether a password alone does not sign a person in.
func (i *Identity) NeedsSecond(ctx context.Context, p *token.Person) (bool, error) {
	a, err := i.store.Authenticator(ctx, p.ID)
	return a != nil && a.ConfirmedAt != 0, err
}

// Halfway returns what the browser of somebody holds who has shown their
// password and owes a code. It is good for ten minutes.
func (i *Identity) Halfway(p *token.Person) (string, error) {
	return i.seal("sign-in halfway", sealed{Person: p.ID})
}

// SecondOf returns the person of what Halfway made, AccessDenied if it is none
// or too old.
func (i *Identity) SecondOf(ctx context.Context, halfway string) (*token.Person, error) {
	s, err := i.unseal("sign-in halfway", halfway)
	if err != nil {
		return nil, err
	}
	p, err := i.judge.Person(ctx, s.Person)
	if err == nil && (p == nil || p.DisabledAt != 0) {
		err = token.Errorf(token.AccessDenied, "this account cannot sign in")
	}
	return p, err
}

// ProveCode takes a code of the person's app, or one of their recovery codes,
// each once. A wrong one is AccessDenied; after ten in a quarter of an hour it
// is TooMany, from wherever they came: whoever asks knows the password already.
func (i *Identity) ProveCode(ctx context.Context, who token.Actor, p *token.Person, typed string) error {
	if wait, blocked := i.codes.Blocked(p.ID); blocked {
		r := token.Errorf(token.TooMany, "too many wrong codes; wait and try again, or sign in with a passkey")
		r.RetryAfter = wait
		return r
	}
	who.Kind, who.ID, who.Name = token.User, p.ID, p.Email
	ok, err := i.takeCode(ctx, who, p, typed)
	if err != nil || ok {
		return err
	}
	i.codes.Fail(p.ID)
	if _, blocked := i.codes.Blocked(p.ID); blocked {
		i.noteGuessing(ctx, attempt{who: who, account: p.Email}, p, "too many wrong codes")
	}
	return token.Errorf(token.AccessDenied, "this code is wrong or was used before; wait for the next one")
}

// takeCode reports whether it was a code that was not used before.
func (i *Identity) takeCode(ctx context.Context, who token.Actor, p *token.Person, typed string) (took bool, err error) {
	if plain := factor.PlainRecoveryCode(typed); plain != "" {
		return i.takeRecoveryCode(ctx, who, p, plain)
	}
	a, err := i.store.Authenticator(ctx, p.ID)
	if err != nil || a == nil || a.ConfirmedAt == 0 {
		return false, err
	}
	step, right, err := i.stepOf(a, typed)
	if err != nil || !right {
		return false, err
	}
	err = i.store.Do(ctx, func(tx Tx) (err error) {
		took, err = tx.UseStep(ctx, p.ID, step)
		return err
	})
	return took, err
}

func (i *Identity) takeRecoveryCode(ctx context.Context, who token.Actor, p *token.Person, plain string) (took bool, err error) {
	err = i.store.Do(ctx, func(tx Tx) (err error) {
		if took, err = tx.UseRecoveryCode(ctx, p.ID, hashOf(recoveryPurpose, plain)); err != nil || !took {
			return err
		}
		left, err := tx.RecoveryCodes(ctx, p.ID)
		if err != nil {
			return err
		}
		return record(ctx, tx, deed{who: who, workspace: home(who, p), action: "user.recovery_code_used", person: p, detail: map[string]any{"left": left}})
	})
	return took, err
}

// stepOf opens the secret of an app and compares.
func (i *Identity) stepOf(a *token.Authenticator, typed string) (step int64, right bool, err error) {
	secret, err := i.sealer.Open(authenticatorPurpose, a.Secret, []byte(a.Person))
	if err != nil {
		return 0, false, err
	}
	step, right = factor.Step(string(secret), typed, i.now())
	return step, right, nil
}

const (
	authenticatorPurpose = "authenticator"
	recoveryPurpose      = "recovery code"
)

// StartAuthenticator makes the secret of a new app for the actor. It counts for
// nothing until a code of it is shown. Conflict says that they have one.
func (i *Identity) StartAuthenticator(ctx context.Context, who token.Actor) error {
	box, err := i.sealer.Seal(authenticatorPurpose, []byte(factor.NewSecret()), []byte(who.ID))
	if err != nil {
		return err
	}
	return i.store.Do(ctx, func(tx Tx) error {
		p, err := mine(ctx, tx, who)
		if err != nil {
			return err
		}
		started, err := tx.StartAuthenticator(ctx, &token.Authenticator{Person: p.ID, Secret: box, CreatedAt: tx.Now()})
		if err == nil && !started {
			err = token.Errorf(token.Conflict, "there is an app already; remove it first")
		}
		return err
	})
}

// WaitingSecret returns the secret of an app that was not confirmed within an
// hour of its making, empty if there is none.
func (i *Identity) WaitingSecret(ctx context.Context, who token.Actor) (string, error) {
	a, err := i.waiting(ctx, who)
	if err != nil || a == nil {
		return "", err
	}
	secret, err := i.sealer.Open(authenticatorPurpose, a.Secret, []byte(a.Person))
	return string(secret), err
}

// WaitingImage returns that secret as a picture for the app to scan, under the
// names of the site and of the actor; nil if there is none.
func (i *Identity) WaitingImage(ctx context.Context, who token.Actor, site string) ([]byte, error) {
	secret, err := i.WaitingSecret(ctx, who)
	if err != nil || secret == "" {
		return nil, err
	}
	return factor.Image(secret, site, who.Name)
}

func (i *Identity) waiting(ctx context.Context, who token.Actor) (*token.Authenticator, error) {
	a, err := i.store.Authenticator(ctx, who.ID)
	if err != nil || a == nil || a.ConfirmedAt != 0 || i.now().UnixMilli()-a.CreatedAt > time.Hour.Milliseconds() {
		return nil, err
	}
	return a, nil
}

// ConfirmAuthenticator makes the actor's new app count, given a code of it, and
// returns ten recovery codes, which are shown now or never. Invalid at code says
// that it is wrong, NotFound that no app waits.
func (i *Identity) ConfirmAuthenticator(ctx context.Context, who token.Actor, typed string) ([]string, error) {
	a, err := i.waiting(ctx, who)
	if err != nil {
		return nil, err
	}
	if a == nil {
		return nil, token.Errorf(token.NotFound, "no app waits to be confirmed; begin again")
	}
	step, right, err := i.stepOf(a, typed)
	if err != nil {
		return nil, err
	}
	if !right {
		return nil, token.AtField("code", "is not what the app shows now; check the clock of the device")
	}
	return i.giveCodes(ctx, who, func(tx Tx, p *token.Person) error {
		won, err := tx.ConfirmAuthenticator(ctx, a, step)
		switch {
		case err != nil:
			return err
		case !won:
			return token.Errorf(token.Conflict, "the app was changed meanwhile; begin again")
		}
		return record(ctx, tx, deed{who: who, workspace: home(who, p), action: "user.factor_added", person: p, detail: map[string]any{"factor": "authenticator"}})
	})
}

// giveCodes does a deed on the actor's account that gives them new recovery
// codes.
func (i *Identity) giveCodes(ctx context.Context, who token.Actor, do func(Tx, *token.Person) error) ([]string, error) {
	codes := factor.NewRecoveryCodes()
	err := i.store.Do(ctx, func(tx Tx) error {
		p, err := mine(ctx, tx, who)
		if err != nil {
			return err
		}
		if err := tx.PutRecoveryCodes(ctx, p.ID, hashes(codes)); err != nil {
			return err
		}
		return do(tx, p)
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

func hashes(codes []string) []token.Hash {
	all := make([]token.Hash, len(codes))
	for i, code := range codes {
		all[i] = hashOf(recoveryPurpose, factor.PlainRecoveryCode(code))
	}
	return all
}

// RenewRecoveryCodes returns ten codes in the place of those that the actor
// had, which are worth nothing then. Conflict says that they have no app.
func (i *Identity) RenewRecoveryCodes(ctx context.Context, who token.Actor) ([]string, error) {
	a, err := i.store.Authenticator(ctx, who.ID)
	if err != nil {
		return nil, err
	}
	if a == nil || a.ConfirmedAt == 0 {
		return nil, token.Errorf(token.Conflict, "recovery codes stand in for an app; set one up first")
	}
	return i.giveCodes(ctx, who, func(tx Tx, p *token.Person) error {
		return record(ctx, tx, deed{who: who, workspace: home(who, p), action: "user.recovery_codes_made", person: p})
	})
}

// RemoveAuthenticator takes the actor's app and their recovery codes away. It
// is no refusal if there was none.
func (i *Identity) RemoveAuthenticator(ctx context.Context, who token.Actor) error {
	return i.store.Do(ctx, func(tx Tx) error {
		p, err := mine(ctx, tx, who)
		if err != nil {
			return err
		}
		had, err := tx.DropAuthenticator(ctx, p.ID)
		if err != nil || !had {
			return err
		}
		return record(ctx, tx, deed{who: who, workspace: home(who, p), action: "user.factor_removed", person: p, detail: map[string]any{"factor": "authenticator"}})
	})
}
