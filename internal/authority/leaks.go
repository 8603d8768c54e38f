package authority

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/guess"
	"github.com/fichadev/ficha/internal/scan"
	"github.com/fichadev/ficha/internal/token"
)

// leaks is what is read of secrets that were found.
type leaks interface {
	Holders(ctx context.Context, hash token.Hash) ([]string, error)
	Leaks(ctx context.Context, what token.Rotating, credential string) ([]token.Leak, error)
	MarkedSubscription(ctx context.Context, mark string) (*token.Subscription, error)
	UnmarkedWebhooks(ctx context.Context, after token.ID, limit int) ([]token.Receiver, error)
	WorkspaceLeaks(ctx context.Context, q token.LeakQuery) ([]token.Leak, error)
	UseRecords(ctx context.Context, q token.UseQuery) ([]token.UseRecord, error)
}

// leakTx is what a report of one writes.
type leakTx interface {
	AddLeak(ctx context.Context, l *token.Leak) (bool, error)
}

// A Sighting is a secret that somebody found where it should not be.
type Sighting struct {
	Secret string
	Source string // who found it; up to 60 characters
	URL    string // where; only what is no secret of it is kept, and nothing of one over 2048 characters
	At     int64  // ms; since when it is there, 0: not told
	End    bool   // end it, whatever the policy of its workspace says
}

// mostReports is how many secrets one address may report in reportWindow.
const (
	mostReports  = 300
	reportWindow = time.Minute
)

// AdmitReports refuses with TooMany an address that has reported more secrets in
// a minute than anybody finds. It counts them all: were those that are none of
// ours counted alone, the refusal would tell which are.
func (a *Authority) AdmitReports(who token.Actor, secrets int) error {
	for range secrets {
		if wait, blocked := a.reports.Fail(guess.Source(who.Address)); blocked {
			return &token.Refusal{Code: token.TooMany, Text: "too many reports from this address", RetryAfter: wait}
		}
	}
	return nil
}

// settle is when reports are answered at the earliest, whatever came of them:
// after the deeds would be done, so that the time tells nobody whether there were
// any.
const settle = 100 * time.Millisecond

// HearReports takes reports from anybody, and says the same, after at least settle,
// whether there are such secrets or not. It refuses as AdmitReports does, and
// with Invalid a report that is none.
func (a *Authority) HearReports(ctx context.Context, who token.Actor, list []Sighting) error {
	answer := time.NewTimer(settle)
	defer answer.Stop()
	if err := a.AdmitReports(who, len(list)); err != nil {
		return err
	}
	for _, s := range list {
		if _, err := a.TellLeak(ctx, who, s); err != nil {
			return err
		}
	}
	select {
	case <-answer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TellLeak does what follows when a secret was found: it ends the whole
// credential, unless the workspace only wants to know; puts it on record; and
// writes to who answers for it and to administrators. It reports whether the
// secret is or was of this server, which only who proved to be a finder of many
// secrets may hear. One report is taken once.
func (a *Authority) TellLeak(ctx context.Context, who token.Actor, s Sighting) (bool, error) {
	if err := s.check(a.cfg.Now()); err != nil {
		return false, err
	}
	x, err := a.exposed(ctx, s.Secret)
	if err != nil || x == nil {
		return false, err
	}
	who.Kind, who.ID, who.Name = token.System, "leak", s.Source
	to, err := a.toldOf(ctx, x)
	if err != nil {
		return true, err
	}
	after, err := a.aftermath(ctx, x, s.At)
	if err != nil {
		return true, err
	}
	return true, a.cfg.Store.Do(ctx, func(tx Tx) error { return a.takeLeak(ctx, tx, who, &s, x, to, after) })
}

// takeLeak is one commit: the place, the ending, the records and the letters.
func (a *Authority) takeLeak(ctx context.Context, tx Tx, who token.Actor, s *Sighting, x *exposure, to []string, after *Aftermath) error {
	ended := false
	if s.End || x.workspace == nil || x.workspace.Policy.At(tx.Now()).EndsLeaked() {
		var err error
		if ended, err = a.endExposed(ctx, tx, who, x); err != nil {
			return err
		}
	}
	l := &token.Leak{
		Secret: x.secret.ID, Place: x.place(s), What: x.what, Workspace: x.home(), Credential: x.target.ID,
		Source: s.Source, URL: s.URL, LeakedAt: s.At, ReportedAt: tx.Now(), Ended: ended,
	}
	fresh, err := tx.AddLeak(ctx, l)
	if err != nil || !fresh && !ended {
		return err
	}
	if err := record(ctx, tx, x.workspace, noteLeak(who, l, x, after)); err != nil || x.over {
		return err
	}
	return postEach(ctx, tx, to, letterOfLeak(l, x))
}

// letterOfLeak tells of a secret that was alive when it was found.
func letterOfLeak(l *token.Leak, x *exposure) token.Letter {
	if x.what == token.RotatesWebhookSecret {
		return token.Letter{Kind: token.LetterWebhookLeaked, Workspace: l.Workspace, Data: map[string]string{"host": x.host, "webhook": x.target.ID, "source": l.Source}}
	}
	return token.Letter{Kind: token.LetterTokenLeaked, Workspace: l.Workspace, Data: map[string]string{
		"token": x.target.ID, "name": x.target.Name, "last_four": x.secret.LastFour, "source": l.Source,
	}}
}

// place names where a secret was found.
func (x *exposure) place(s *Sighting) token.Hash {
	place := token.HashOf(s.Source + "\x00" + s.URL)
	if x.what == token.RotatesWebhookSecret {
		place = token.PlaceOf(x.secret.Hash, place)
	}
	return place
}

func noteLeak(who token.Actor, l *token.Leak, x *exposure, after *Aftermath) *token.Event {
	detail := map[string]any{
		"kind": x.kind, "last_four": x.secret.LastFour, "secret": l.Secret.String(), "source": l.Source, "url": l.URL, "leaked_at": l.LeakedAt,
		"ended": l.Ended, "last_used_at": after.Last.Last, "last_address": after.Last.Address, "new_addresses": after.New,
	}
	if l.LeakedAt != 0 {
		detail["used_since"] = after.Used
	}
	return audit.Note(time.UnixMilli(l.ReportedAt), who, l.Workspace, "token.leaked", x.target, detail)
}

// check refuses a sighting that cannot be kept, and takes out of its address
// what may be a secret itself: a query, a name and password, tokens in the path.
func (s *Sighting) check(now time.Time) error {
	switch {
	case s.Secret == "" || len(s.Secret) > 8192:
		return token.AtField("token", "is required, and has at most 8192 characters")
	case s.At < 0 || s.At > now.Add(time.Hour).UnixMilli():
		return token.AtField("leaked_at", "must be an instant that has passed")
	}
	if err := CheckText("source", s.Source, 60); err != nil {
		return err
	}
	if CheckText("url", s.URL, 2048) != nil {
		s.URL = "" // a secret is not left alive for the sake of its address
	}
	s.Source, s.URL = withoutSecrets(s.Source, s.Secret), placeOf(s.URL, s.Secret)
	return nil
}

// placeOf returns what may be kept of an address.
func placeOf(text, secret string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	kept := url.URL{Scheme: u.Scheme, Host: u.Host, Path: withoutSecrets(u.Path, secret)}
	if lines := u.Fragment; strings.HasPrefix(lines, "L") && strings.Trim(lines, "L-0123456789") == "" {
		kept.Fragment = lines // of a file, as forges name them
	}
	if u.Opaque != "" || kept.Host == "" {
		return withoutSecrets(kept.Path, secret)
	}
	return withoutSecrets(kept.String(), secret)
}

func withoutSecrets(text, secret string) string {
	return scan.Mask(strings.ReplaceAll(text, secret, "…"+token.LastFour(secret)))
}
