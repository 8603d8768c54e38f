package identity

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fichadev/ficha/internal/guess"
	"github.com/fichadev/ficha/internal/token"
)

// CanonicalEmail returns the one spelling by which an account is known: without
// space around it and in lower case. The name and the domain are otherwise left
// as they are; an internationalised domain is not turned into its ASCII form.
func CanonicalEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// Authenticate returns the person with that address and password. An unknown
// account, a wrong password, a disabled person and one without a password are
// one AccessDenied at one cost; TooMany says when to try again, to who guessed too
// often or whose address has too many in line, Unavailable that ctx ended in the
// wait for a turn. A person without any membership may sign in
// and opens nothing. The row of a success belongs to the session or token that
// is made of it.
func (i *Identity) Authenticate(ctx context.Context, who token.Actor, email, password string) (*token.Person, error) {
	return i.authenticate(ctx, who, email, password, func(*token.Person) (bool, error) { return true, nil })
}

// AuthenticateMember is Authenticate for who signs in to one workspace by a
// password and nothing else. Of a person who is no live member of it, or of whom
// more than a password is asked, and of everybody where the workspace is unknown
// or empty, the password is not even compared: that is a failure like any other,
// in what is said, counted and spent, so that nobody learns without being let in
// whether a password is right.
func (i *Identity) AuthenticateMember(ctx context.Context, who token.Actor, email, password, workspace string) (*token.Person, error) {
	return i.authenticate(ctx, who, email, password, func(p *token.Person) (bool, error) { return i.passwordOpens(ctx, p, workspace) })
}

func (i *Identity) authenticate(ctx context.Context, who token.Actor, email, password string, admits func(*token.Person) (bool, error)) (*token.Person, error) {
	a := i.attempt(who, email)
	if err := i.slowDown(ctx, a); err != nil {
		return nil, err
	}
	p, err := i.known(ctx, a.account)
	if err != nil {
		return nil, err
	}
	if p != nil {
		switch admitted, err := admits(p); {
		case err != nil:
			return nil, err
		case !admitted:
			p = nil
		}
	}
	if err := i.prove(ctx, a, p, password); err != nil {
		return nil, err
	}
	i.renew(ctx, who, p, password)
	return p, nil
}

// An attempt is one try of a password for an account from an address.
type attempt struct {
	who     token.Actor
	account string
	pair    string
}

func (i *Identity) attempt(who token.Actor, email string) attempt {
	account := CanonicalEmail(email)
	return attempt{who: who, account: account, pair: account + "\x00" + guess.Source(who.Address)}
}

// allowed refuses a pair of account and address that guessed too often.
func (i *Identity) allowed(a attempt) error {
	wait, blocked := i.pairs.Blocked(a.pair)
	if !blocked {
		return nil
	}
	seconds := (wait + time.Second - 1) / time.Second
	r := token.Errorf(token.TooMany, "too many wrong passwords; wait %d seconds and try again", seconds)
	r.RetryAfter = wait
	return r
}

// slowDown makes tries wait for an account that is guessed at from many
// addresses. It refuses nobody for that, or its owner could be locked out.
func (i *Identity) slowDown(ctx context.Context, a attempt) error {
	if err := i.allowed(a); err != nil {
		return err
	}
	if _, many := i.accounts.Blocked(a.account); !many {
		return nil
	}
	select {
	case <-i.after(i.delay):
		return nil
	case <-ctx.Done():
		return &token.Refusal{Code: token.Unavailable, Text: "this account is slowed down; try again", RetryAfter: i.delay}
	}
}

// known returns the person of an account who may sign in by password, or nil.
func (i *Identity) known(ctx context.Context, account string) (*token.Person, error) {
	if !isAccount(account) {
		return nil, nil
	}
	id, err := i.store.PersonByEmail(ctx, account)
	if err != nil || id == "" {
		return nil, err
	}
	return i.judge.Person(ctx, id)
}

// isAccount reports whether somebody could be known by that address: what could
// not be stored need not be looked for.
func isAccount(account string) bool {
	return len(account) <= maxEmail && utf8.ValidString(account) && !strings.ContainsRune(account, 0)
}

// prove checks a password; a wrong one is counted and refused.
func (i *Identity) prove(ctx context.Context, a attempt, p *token.Person, password string) error {
	stored := ""
	if p != nil && p.DisabledAt == 0 {
		stored = p.Password
	}
	source := guess.Source(a.who.Address)
	leave, err := i.hasher.line(source)
	if err != nil {
		return err
	}
	defer leave()
	ok, err := i.hasher.check(ctx, source, stored, password, func() error { return i.allowed(a) })
	if err != nil || ok {
		return err
	}
	i.pairs.Fail(a.pair)
	i.accounts.Fail(a.account)
	if _, blocked := i.pairs.Blocked(a.pair); blocked && p != nil {
		i.noteGuessing(ctx, a, p, "too many wrong passwords")
	}
	return token.Errorf(token.AccessDenied, "the e-mail address or the password is wrong")
}

// noteGuessing writes that somebody guesses at a person, at most once in an
// hour: a guesser must not be able to fill the audit. It writes aside, since
// the time it takes would tell a known account from an unknown one.
func (i *Identity) noteGuessing(ctx context.Context, a attempt, p *token.Person, why string) {
	if _, already := i.noted.Fail(a.account); already {
		return
	}
	ctx = context.WithoutCancel(ctx)
	i.aside.Go(func() {
		err := i.store.Do(ctx, func(tx Tx) error {
			return record(ctx, tx, deed{who: a.who, workspace: home(a.who, p), action: "user.sign_in", person: p, outcome: token.Refused,
				detail: map[string]any{"reason": why}})
		})
		if err != nil {
			i.log.ErrorContext(ctx, "write that somebody guesses a password", "user", p.ID, "error", err)
		}
	})
}

// renew hashes a password anew where its hash costs less than today's. If it
// cannot, the next sign-in tries again.
func (i *Identity) renew(ctx context.Context, who token.Actor, p *token.Person, password string) {
	if old, ok := parsePHC(p.Password); !ok || !old.weak() {
		return
	}
	hash, err := i.hasher.hash(ctx, password)
	if err == nil {
		who.Kind, who.ID, who.Name = token.User, p.ID, p.Email
		err = i.replacePassword(ctx, p, hash, deed{who: who, action: "user.changed", detail: map[string]any{"fields": []string{"password_cost"}}})
	}
	if err != nil {
		i.log.DebugContext(ctx, "renew a password's hash", "user", p.ID, "error", err)
	}
}
