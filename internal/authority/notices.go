package authority

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

const (
	// noticeStep is how many secrets one commit passes, and mostGiven of how many
	// it tells.
	noticeStep = 500
	mostGiven  = 100
	// settles is how long what was minted may need to be seen by everybody. A
	// notice waits for it, so that no watch passes a secret before that is there.
	settles = time.Minute
)

// expiryActor is who tells: nobody did anything but the clock.
func expiryActor() token.Actor { return token.Actor{Kind: token.System, ID: "expiry"} }

// errPassed says that another node has moved the watch on.
var errPassed = errors.New("another node passed these secrets")

// TellExpiries gives every notice that is due: an event of token.expiring or
// token.expired where somebody listens, and a letter for the last one that is
// due, so that after a pause each event comes late and only one letter does.
// told hears how many secrets each step told of. What a run has no time for is
// left to the next; any number of nodes may run it, and each notice is given
// once, in one commit with the place that the watch has reached: if we die
// between two steps, the next run goes on there.
func (a *Authority) TellExpiries(ctx context.Context, told func(n token.Notice, secrets int)) error {
	watches, err := a.watches(ctx)
	if err != nil {
		return err
	}
	for len(watches) > 0 && ctx.Err() == nil {
		var busy []token.Watch // a step of each in turn, so that none waits for another's many
		for _, w := range watches {
			next, more, err := a.expiryStep(ctx, w, told)
			if err != nil {
				return err
			}
			if more {
				busy = append(busy, next)
			}
		}
		watches = busy
	}
	return nil
}

// watches returns every watch where it stands. One that never moved begins now:
// what a database that is new to notices has missed before is not made up for.
func (a *Authority) watches(ctx context.Context) ([]token.Watch, error) {
	had, err := a.cfg.Store.Watches(ctx)
	if err != nil {
		return nil, err
	}
	type name struct {
		clients bool
		notice  token.Notice
	}
	known := map[name]token.Watch{}
	for _, w := range had {
		known[name{w.Clients, w.Notice}] = w
	}
	var all []token.Watch
	for _, n := range append(token.Ahead(), token.NoticeExpired) {
		for _, clients := range []bool{false, true} {
			w, ok := known[name{clients, n}]
			if !ok {
				w = token.Watch{Clients: clients, Notice: n, Expires: a.cfg.Now().UnixMilli()}
				if err := a.moveWatch(ctx, w, w, nil); err != nil {
					return nil, err
				}
			}
			all = append(all, w)
		}
	}
	return all, nil
}

// moveWatch moves a watch on and does what belongs to it in the same commit. It
// does neither if another node has moved it.
func (a *Authority) moveWatch(ctx context.Context, was, is token.Watch, and func(Tx) error) error {
	err := a.cfg.Store.Do(ctx, func(tx Tx) error {
		moved, err := tx.MoveWatch(ctx, was, is)
		switch {
		case err != nil:
			return err
		case !moved:
			return errPassed
		case and == nil:
			return nil
		}
		return and(tx)
	})
	if errors.Is(err, errPassed) {
		return nil
	}
	return err
}

// expiryStep passes the next secrets of a watch; it reports where the watch then
// stands, and whether more may be due.
func (a *Authority) expiryStep(ctx context.Context, w token.Watch, told func(token.Notice, int)) (token.Watch, bool, error) {
	now := a.cfg.Now()
	until := now.Add(-settles).UnixMilli() - w.Notice.At(0)
	page, err := a.cfg.Store.Expiring(ctx, w, until, noticeStep)
	if err != nil || len(page) == 0 {
		return w, false, err
	}
	list, passed, err := a.announcements(ctx, w.Notice, page, now.UnixMilli())
	if err != nil {
		return w, false, err
	}
	next := w
	next.Expires, next.Secret = page[passed-1].ExpiresAt, page[passed-1].ID
	given := 0
	err = a.moveWatch(ctx, w, next, func(tx Tx) (err error) {
		given, err = announce(ctx, tx, w.Notice, list)
		return err
	})
	if err == nil && given > 0 {
		told(w.Notice, given)
	}
	return next, passed < len(page) || passed == noticeStep, err
}

// An announcement is one notice of one secret, ready to be given.
type announcement struct {
	token     *token.Token
	workspace *token.Workspace // nil where the token opens all of its person's
	to        []string         // users who get a letter
	seen      token.Seen       // the use that is told of, if one is
}

// announcements returns those of a page of which the notice is to be given, each
// with who hears of it, and how many of the page that passes.
func (a *Authority) announcements(ctx context.Context, n token.Notice, page []*token.Token, now int64) (list []announcement, passed int, err error) {
	before := asked{}
	for _, t := range page {
		if len(list) == mostGiven {
			break
		}
		passed++
		if !t.Gives(n) {
			continue
		}
		stands, err := a.stands(ctx, t)
		if err != nil {
			return nil, 0, err
		}
		if !stands {
			continue
		}
		one := announcement{token: t}
		if one.workspace, err = a.cfg.Judge.Workspace(ctx, t.Workspace); err != nil {
			return nil, 0, err
		}
		if last, _ := t.Latest(now); last == n {
			if one.to, err = a.answerable(ctx, t, before); err != nil {
				return nil, 0, err
			}
		}
		list = append(list, one)
	}
	return list, passed, nil
}

// stands reports whether nothing but the clock ends the secret: it has not ended
// or been replaced, and all that it stands on is there. To wait, or to be
// suspended, is passing.
func (a *Authority) stands(ctx context.Context, t *token.Token) (bool, error) {
	if t.EndedAt != 0 || t.RetiresAt != 0 {
		return false, nil
	}
	if t.Kind == token.ClientSecret {
		return true, nil // it ends with its client, as the store has it
	}
	forever := *t
	forever.ExpiresAt, forever.SuspendedAt, forever.Approval = 0, 0, ""
	err := a.cfg.Judge.Standing(ctx, &forever)
	if token.Is(err, token.InvalidToken) {
		return false, nil
	}
	return err == nil, err
}

// announce gives a notice of each secret of which it was not given before, and
// returns of how many. Coming expiries and first uses are no deeds: their row in
// the list of notices is the record. That something expired, or was shown after
// it had, is for the audit.
func announce(ctx context.Context, tx Tx, n token.Notice, list []announcement) (int, error) {
	secrets := make([]token.ID, len(list))
	for i := range list {
		secrets[i] = list[i].token.ID
	}
	fresh, err := tx.Notice(ctx, n, secrets)
	if err != nil {
		return 0, err
	}
	var events []*token.Event
	var outbox []token.Delivery
	var letters []token.Letter
	for _, one := range list {
		if !fresh[one.token.ID] {
			continue
		}
		e := one.event(n, time.UnixMilli(tx.Now()))
		if n == token.NoticeExpired || n == token.NoticeUsedAfter {
			events = append(events, e)
		}
		out, err := audit.Deliveries(one.workspace, e)
		if err != nil {
			return 0, err
		}
		outbox = append(outbox, out...)
		letters = append(letters, one.letters(n)...)
	}
	if err := tx.Records(ctx, events, outbox); err != nil {
		return 0, err
	}
	return len(fresh), tx.Post(ctx, letters...)
}

// event is what subscribers hear.
func (one *announcement) event(n token.Notice, at time.Time) *token.Event {
	t := one.token
	detail := map[string]any{"kind": t.Kind, "last_four": t.LastFour, "expires_at": t.ExpiresAt}
	for name, value := range map[string]string{"client": t.Client, "person": t.Person, "purpose": t.Purpose, "owner": t.Owner} {
		if value != "" {
			detail[name] = value
		}
	}
	if t.ID != t.Credential {
		detail["secret"] = t.ID.String()
	}
	note := func(action string) *token.Event {
		return audit.Note(at, expiryActor(), t.Workspace, action, targetOf(t), detail)
	}
	switch n {
	case token.NoticeExpired:
		return note("token.expired")
	case token.NoticeUsedFirst, token.NoticeUsedAfter:
		detail["used_at"], detail["address"], detail["agent"] = one.seen.First, one.seen.Address, one.seen.Agent
		if n == token.NoticeUsedFirst {
			return note("token.used_first")
		}
		return note("token.used_after_expiry")
	}
	detail["threshold_days"] = int64(n)
	return note("token.expiring")
}

func (one *announcement) letters(n token.Notice) (list []token.Letter) {
	t := one.token
	for _, id := range one.to {
		l := token.Letter{To: id, Kind: token.LetterTokenExpiring, Workspace: t.Workspace, Data: map[string]string{
			"token": t.Credential.String(), "name": t.Name, "last_four": t.LastFour, "expires_at": strconv.FormatInt(t.ExpiresAt, 10),
		}}
		switch n {
		case token.NoticeExpired:
			l.Kind = token.LetterTokenExpired
		case token.NoticeUsedAfter:
			l.Kind = token.LetterUsedAfterExpiry
			l.Data["used_at"], l.Data["address"] = strconv.FormatInt(one.seen.First, 10), one.seen.Address
		}
		list = append(list, l)
	}
	return list
}
