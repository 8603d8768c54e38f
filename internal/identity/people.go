package identity

import (
	"context"
	"net/mail"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fichadev/ficha/internal/token"
)

// An Outcome says what became of a declaration.
type Outcome string

// The outcomes.
const (
	Created   Outcome = "created"
	Changed   Outcome = "changed"
	Unchanged Outcome = "unchanged"
	KeptEnded Outcome = "kept ended" // people ended it; only Options.Restore brings it back
)

// Options say how far a declaration goes.
type Options struct {
	Restore bool // what people ended comes back; no token does
}

// Declared is a user as somebody wants it. The address names the user; every
// other field that is empty leaves what is there.
type Declared struct {
	Email    string
	Name     string
	Number   int64  // HubSpot's user_id; assigned to a new user when 0
	Password string // used only while the user has none
	Locale   string
}

// The longest texts in bytes. An address is bounded by RFC 5321, 4.5.3.1.
const (
	maxEmail  = 254
	maxName   = 200
	maxLocale = 35
	maxReason = 500
)

// checked returns the declaration with its canonical address.
func (d Declared) checked() (Declared, error) {
	d.Email = CanonicalEmail(d.Email)
	a, err := mail.ParseAddress(d.Email)
	switch {
	case err != nil || a.Address != d.Email || len(d.Email) > maxEmail || !isText(d.Email, maxEmail):
		return d, token.AtField("email", "is not an e-mail address; write it as ana@example.com")
	case !isText(d.Name, maxName):
		return d, token.AtField("name", "use at most %d bytes of text on one line", maxName)
	case !isText(d.Locale, maxLocale):
		return d, token.AtField("locale", "use a language tag such as en or pt-BR")
	case d.Number < 0:
		return d, token.AtField("number", "use a number above 0, or none to have one assigned")
	}
	return d, nil
}

// isText reports whether s can be stored and shown on one line.
func isText(s string, most int) bool {
	if len(s) > most || !utf8.ValidString(s) {
		return false
	}
	for _, c := range s {
		if unicode.IsControl(c) {
			return false
		}
	}
	return true
}

// PutUser makes the user that is declared, or changes what differs, and returns
// them as they are after it. Unchanged wrote nothing. A disabled user is
// KeptEnded unless restored. A user whom the actor does not govern is left as
// they are and Unchanged, so that nobody of another workspace is rewritten; making one takes an admin of the actor's workspace.
func (i *Identity) PutUser(ctx context.Context, who token.Actor, d Declared, o Options) (*token.Person, Outcome, error) {
	d, err := d.checked()
	if err != nil {
		return nil, "", err
	}
	hash, err := i.firstPassword(ctx, d)
	if err != nil {
		return nil, "", err
	}
	var p *token.Person
	var out Outcome
	err = i.store.Do(ctx, func(tx Tx) (err error) {
		a, err := actorOf(ctx, tx, who)
		if err != nil {
			return err
		}
		p, out, err = declare(ctx, tx, a, wanted{Declared: d, Options: o, hash: hash})
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return p, out, nil
}

// firstPassword hashes the declared password if it will be used.
func (i *Identity) firstPassword(ctx context.Context, d Declared) (string, error) {
	if d.Password == "" {
		return "", nil
	}
	id, err := i.store.PersonByEmail(ctx, d.Email)
	if err != nil {
		return "", err
	}
	if id != "" {
		if p, err := i.store.Person(ctx, id); err != nil || p != nil && p.Password != "" {
			return "", err
		}
	}
	return i.HashPassword(ctx, d.Password)
}

// wanted is a checked declaration, ready to be made so.
type wanted struct {
	Declared
	Options
	hash   string // of the password; empty where it is not used
	unseen bool   // the actor's workspace is not to learn that somebody was entered
}

func declare(ctx context.Context, tx Tx, a actor, w wanted) (*token.Person, Outcome, error) {
	// Another node may take the address or the number between our look and our
	// insert; the next look finds it.
	for range 4 {
		id, err := tx.PersonByEmail(ctx, w.Email)
		if err != nil {
			return nil, "", err
		}
		if id != "" {
			return change(ctx, tx, a, id, w)
		}
		if p, err := add(ctx, tx, a, w); err != nil || p != nil {
			return p, Created, err
		}
	}
	return nil, "", &token.Refusal{Code: token.Unavailable, Text: "others make users at this moment; try again", RetryAfter: time.Second}
}

// add makes a user; nil if somebody was quicker with the address or number.
func add(ctx context.Context, tx Tx, a actor, w wanted) (*token.Person, error) {
	if a.in(a.who.Workspace) < admin {
		return nil, token.Errorf(token.Forbidden, "only an admin may add people; ask one of this workspace")
	}
	number, err := numberFor(ctx, tx, w.Number, "")
	if token.Is(err, token.Invalid) {
		// Who has the number may be this very user, entered since we looked.
		if id, err := tx.PersonByEmail(ctx, w.Email); err != nil || id != "" {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	now := tx.Now()
	p := &token.Person{
		ID: "usr_" + token.NewID(time.UnixMilli(now), token.Long).String(), Number: number, Email: w.Email, Name: w.Name, Password: w.hash,
		Locale: w.Locale, Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	if won, err := tx.AddUser(ctx, p); err != nil || !won {
		return nil, err
	}
	workspace := a.who.Workspace
	if w.unseen {
		workspace = ""
	}
	return p, record(ctx, tx, deed{who: a.who, workspace: workspace, action: "user.created", person: p, detail: map[string]any{"number": number}})
}

// numberFor returns the number that is wanted unless somebody else has it, or
// a free one.
func numberFor(ctx context.Context, tx Tx, wanted int64, person string) (int64, error) {
	if wanted == 0 {
		return tx.NextNumber(ctx, "users")
	}
	id, err := tx.UserNumbered(ctx, wanted)
	if err != nil {
		return 0, err
	}
	if id != "" && id != person {
		return 0, token.AtField("number", "%d is another user's; choose another, or none to have one assigned", wanted)
	}
	return wanted, nil
}

// change brings a user to what is declared. It looks before it locks, so that
// what is as declared is not written at all.
func change(ctx context.Context, tx Tx, a actor, id string, w wanted) (*token.Person, Outcome, error) {
	p, err := tx.Person(ctx, id)
	if err != nil {
		return nil, "", err
	}
	if next, _, out := w.over(p, a); next == nil {
		return p, out, nil
	}
	if p, err = lockPerson(ctx, tx, id); err != nil {
		return nil, "", err
	}
	next, fields, out := w.over(p, a)
	if next == nil {
		return p, out, nil
	}
	if next.Number, err = numberFor(ctx, tx, next.Number, id); err != nil {
		return nil, "", err
	}
	next.UpdatedAt, next.Version = tx.Now(), p.Version+1
	if err := tx.PutUser(ctx, next); err != nil {
		return nil, "", err
	}
	action := "user.changed"
	if p.DisabledAt != 0 {
		action = "user.enabled"
	}
	return next, Changed, record(ctx, tx, deed{who: a.who, workspace: home(a.who, p), action: action, person: next, detail: map[string]any{"fields": fields}})
}

// lockPerson returns a person as they are now and stay until the end.
func lockPerson(ctx context.Context, tx Tx, id string) (*token.Person, error) {
	switch there, err := tx.LockUser(ctx, id); {
	case err != nil:
		return nil, err
	case !there:
		return nil, noPerson()
	}
	return tx.Person(ctx, id)
}

// over returns the person with the declaration over it and the names of what
// differs; nil, and why, if nothing is to be written.
func (w wanted) over(p *token.Person, a actor) (*token.Person, []string, Outcome) {
	if p.DisabledAt != 0 && !w.Restore {
		return nil, nil, KeptEnded
	}
	if !a.governs(p) {
		return nil, nil, Unchanged
	}
	next, fields := *p, []string(nil)
	set := func(differs bool, field string) bool {
		if differs {
			fields = append(fields, field)
		}
		return differs
	}
	if set(w.Name != "" && w.Name != p.Name, "name") {
		next.Name = w.Name
	}
	if set(w.Number != 0 && w.Number != p.Number, "number") {
		next.Number = w.Number
	}
	if set(w.Locale != "" && w.Locale != p.Locale, "locale") {
		next.Locale = w.Locale
	}
	if set(w.hash != "" && p.Password == "", "password") {
		next.Password = w.hash
	}
	if set(p.DisabledAt != 0, "disabled_at") {
		next.DisabledAt = 0
	}
	if fields == nil {
		return nil, nil, Unchanged
	}
	return &next, fields, Changed
}
