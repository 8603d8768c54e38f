package identity

import (
	"context"
	"encoding/json"

	"github.com/fichadev/ficha/internal/guess"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/upstream"
)

// An UpstreamAnswer is what a browser brings back from the provider.
type UpstreamAnswer = upstream.Answer

// UpstreamName returns what people call the provider that they may sign in
// with, empty where there is none.
func (i *Identity) UpstreamName() string { return i.upstream.Name() }

func noUpstream() error {
	return token.Errorf(token.NotFound, "nobody signs in with another provider here; use your password")
}

// question is what a browser holds while its person is at the provider.
type question struct {
	upstream.Question
	Next string `json:"next"`
	By   string `json:"by,omitempty"` // the person who would link an account there by hand; empty: somebody signs in
}

const askPurpose = "upstream sign-in"

// AskUpstream begins a sign-in at the provider: where the browser goes, and what
// it holds until it comes back, for ten minutes. next comes back with it. With
// anew, the person must show anew there who they are. Unavailable says that the
// provider cannot be reached.
func (i *Identity) AskUpstream(ctx context.Context, next string, anew bool) (address, kept string, err error) {
	return i.ask(ctx, question{Next: next}, anew)
}

// ask sends a browser to the provider with a question.
func (i *Identity) ask(ctx context.Context, q question, anew bool) (address, kept string, err error) {
	if i.upstream == nil {
		return "", "", noUpstream()
	}
	address, q.Question, err = i.upstream.Ask(ctx, anew)
	if err != nil {
		i.tellWhy(ctx, err)
		return "", "", err
	}
	value, err := json.Marshal(q)
	if err != nil {
		return "", "", err
	}
	kept, err = i.seal(askPurpose, sealed{Value: value})
	return address, kept, err
}

// An Arrival is somebody who came back from the provider.
type Arrival struct {
	Next   string        // as AskUpstream was given it; known of a refusal too, if at all
	Email  string        // that the provider vouches for; known of a refusal too, if at all
	Person *token.Person // whom it signs in, but for the code that they may owe; nil: Link
	Link   string        // for LinkUpstream, once the person has signed in as always
	ByHand bool          // AskLink began it: Link is for LinkByHand; known of a refusal too, if at all
}

// Arrive takes a browser's answer, once, and decides whom it signs in. An
// account at the provider opens the person that it is linked to and nobody
// else, whatever its address. One that is not linked is taken for the person
// with the address that the provider vouches for: at once if nobody can have
// signed in as that person before; of everybody else their own sign-in is asked
// for, since an account here may be somebody's who only claimed the address, and
// the address may have passed to somebody new.
//
// AccessDenied says why not: with the reasons Expired (too late, twice, or
// another browser), NotAnew, Unverified, NotAdded, Disabled, or OtherAccount.
// TooMany is for whoever brings a hundred wrong answers a minute. Where AskLink
// began, nobody is signed in.
func (i *Identity) Arrive(ctx context.Context, who token.Actor, kept string, answer UpstreamAnswer) (a Arrival, err error) {
	if i.upstream == nil {
		return a, noUpstream()
	}
	q, err := i.take(ctx, kept)
	if a.Next, a.ByHand = q.Next, q.By != ""; err != nil {
		return a, err
	}
	claims, err := i.check(ctx, guess.Source(who.Address), q, answer)
	if err != nil {
		return a, err
	}
	if a.ByHand {
		a.Link, err = i.sealLink(handPurpose, q.By, claims)
		return a, err
	}
	if claims.Verified {
		a.Email = claims.Email
	}
	var found arrived
	err = i.store.Do(ctx, func(tx Tx) (err error) {
		found, err = i.arrive(ctx, tx, who, claims)
		return err
	})
	switch {
	case err != nil:
		return a, err
	case found.proves:
		a.Link, err = i.sealLink(linkPurpose, found.person.ID, claims)
		return a, err
	}
	a.Person = found.person
	return a, nil
}

// check asks the provider about an answer, unless too many wrong ones came from
// there.
func (i *Identity) check(ctx context.Context, from string, q question, answer UpstreamAnswer) (upstream.Claims, error) {
	if wait, blocked := i.answers.Blocked(from); blocked {
		r := token.Errorf(token.TooMany, "too many wrong answers came from here; wait and try again")
		r.RetryAfter = wait
		return upstream.Claims{}, r
	}
	claims, err := i.upstream.Check(ctx, q.Question, answer)
	if token.Is(err, token.AccessDenied) { // that the provider is down is nobody's guess
		i.answers.Fail(from)
	}
	if err != nil {
		i.tellWhy(ctx, err)
	}
	return claims, err
}

// tellWhy logs what is behind a refusal of the provider's room: the person at the
// page can do nothing about it.
func (i *Identity) tellWhy(ctx context.Context, err error) {
	if r := token.AsRefusal(err); r != nil && r.Cause != nil {
		i.log.WarnContext(ctx, "a sign-in with another provider failed", "why", r.Cause)
	}
}

// take returns the question that a browser holds, once, before anything is sent:
// whoever comes second has nothing to send.
func (i *Identity) take(ctx context.Context, kept string) (q question, err error) {
	s, err := i.unseal(askPurpose, kept)
	if err != nil {
		return q, err
	}
	if err := json.Unmarshal(s.Value, &q); err != nil {
		return q, err
	}
	return q, i.store.Do(ctx, func(tx Tx) error {
		first, err := tx.UseChallenge(ctx, hashOf(askPurpose, kept), s.Expires)
		if err == nil && !first {
			err = token.Errorf(token.AccessDenied, "this answer was brought before; begin again").Because(token.Expired)
		}
		return err
	})
}

// arrived is whom an account at the provider stands for.
type arrived struct {
	person *token.Person
	proves bool // they have to show first that they are that person
}

// arrive decides whom an account signs in, and records it.
func (i *Identity) arrive(ctx context.Context, tx Tx, who token.Actor, c upstream.Claims) (arrived, error) {
	l, err := tx.Link(ctx, i.upstream.Issuer(), c.Subject)
	if err != nil {
		return arrived{}, err
	}
	if l == nil {
		return i.arriveFirst(ctx, tx, who, c)
	}
	p, err := lockAllowed(ctx, tx, l.Person)
	if err != nil {
		return arrived{}, err
	}
	used, err := tx.UseLink(ctx, l)
	if err != nil {
		return arrived{}, err
	}
	if !used {
		return arrived{}, token.Errorf(token.AccessDenied, "this account was unlinked at this moment; begin again").Because(token.Expired)
	}
	return arrived{person: p}, i.recordArrival(ctx, tx, who, p)
}

// arriveFirst decides about an account that no person is linked to.
func (i *Identity) arriveFirst(ctx context.Context, tx Tx, who token.Actor, c upstream.Claims) (arrived, error) {
	if !c.Verified {
		return arrived{}, token.Errorf(token.AccessDenied,
			"%s does not vouch for your e-mail address; confirm it there, or sign in with your password", i.upstream.Name()).Because(token.Unverified)
	}
	p, err := lockAddressed(ctx, tx, c.Email)
	if err != nil {
		return arrived{}, err
	}
	had, err := tx.LinkOf(ctx, p.ID, i.upstream.Issuer())
	if err != nil {
		return arrived{}, err
	}
	if had != nil {
		return arrived{}, otherAccount(i.upstream.Name())
	}
	open, err := opens(ctx, tx, p)
	if err != nil || open {
		return arrived{person: p, proves: true}, err
	}
	if err := i.link(ctx, tx, who, p, c, "address"); err != nil {
		return arrived{}, err
	}
	return arrived{person: p}, i.recordArrival(ctx, tx, who, p)
}

// lockAddressed locks the person with an address, who may sign in.
func lockAddressed(ctx context.Context, tx Tx, email string) (*token.Person, error) {
	id, account := "", CanonicalEmail(email)
	if isAccount(account) {
		var err error
		if id, err = tx.PersonByEmail(ctx, account); err != nil {
			return nil, err
		}
	}
	if id == "" {
		return nil, token.Errorf(token.AccessDenied, "nobody here has your address; an admin of your workspace can add you under Members").Because(token.NotAdded)
	}
	return lockAllowed(ctx, tx, id)
}

// lockAllowed locks a person who may sign in.
func lockAllowed(ctx context.Context, tx Tx, id string) (*token.Person, error) {
	p, err := lockPerson(ctx, tx, id)
	if err == nil && p.DisabledAt != 0 {
		err = token.Errorf(token.AccessDenied, "this account may not sign in; ask an admin of your workspace").Because(token.Disabled)
	}
	return p, err
}

// opens reports whether a person has a way to sign in that is their own.
func opens(ctx context.Context, tx Tx, p *token.Person) (bool, error) {
	if p.Password != "" {
		return true, nil
	}
	if keys, err := tx.Passkeys(ctx, p.ID); err != nil || len(keys) > 0 {
		return true, err
	}
	a, err := tx.Authenticator(ctx, p.ID)
	return a != nil && a.ConfirmedAt != 0, err
}

func otherAccount(name string) error {
	return token.Errorf(token.AccessDenied,
		"the person with your address signs in with another account at %s; sign in with your password and remove it, or ask a super admin", name).Because(token.OtherAccount)
}

// recordArrival records that the provider has shown who somebody is. It is the
// word for a password; a code is asked for after it.
func (i *Identity) recordArrival(ctx context.Context, tx Tx, who token.Actor, p *token.Person) error {
	who.Kind, who.ID, who.Name = token.User, p.ID, p.Email
	return record(ctx, tx, deed{who: who, workspace: home(who, p), action: "user.signed_in", person: p, detail: map[string]any{
		"how": "upstream", "issuer": i.upstream.Issuer(),
	}})
}
