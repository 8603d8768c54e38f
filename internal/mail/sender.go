package mail

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/fichadev/ficha/internal/token"
)

// Letters is the memory of the letters that wait, and of those whom they are
// for. What is missing is nil.
type Letters interface {
	// ClaimLetter gives the caller one letter that is due, for a lease.
	ClaimLetter(ctx context.Context, lease time.Duration) (*token.DueLetter, error)
	// SentLetter forgets one that was sent.
	SentLetter(ctx context.Context, id token.ID) error
	// DelayLetter lets one wait for its next try.
	DelayLetter(ctx context.Context, l *token.DueLetter, wait time.Duration, fault string) error
	// BuryLetter gives one up.
	BuryLetter(ctx context.Context, l *token.DueLetter, fault string) error

	Person(ctx context.Context, id string) (*token.Person, error)
	Workspace(ctx context.Context, id string) (*token.Workspace, error)
}

// What became of a letter at one try.
const (
	Sent    = "sent"
	Delayed = "delayed"
	Dead    = "dead"
)

// Config says what a Sender works with. All fields but From and Link are
// required.
type Config struct {
	Server  string // smtp://user:password@host:587?from=…, smtps://… or smtp+plain://…
	From    string // whom letters are from; empty: as Server says
	Issuer  string // the public base URL: every link begins with it
	Letters Letters
	Log     *slog.Logger
	Tried   func(outcome string) // is told what became of a letter

	// Link makes the path that a letter leads to whose link is a secret: now,
	// since what waits holds none. A letter that is tried again has another one.
	Link func(ctx context.Context, l token.Letter) (path string, err error)
}

// A Sender sends letters. It is safe for use by many at once.
type Sender struct {
	cfg    Config
	post   post
	writer *writer
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
	roots  *x509.CertPool // nil: the system's
}

// New returns a sender, or says what is wrong with the addresses. It does not
// ask the mail server, which may be away.
func New(cfg Config) (*Sender, error) {
	p, err := parsePost(cfg.Server, cfg.From, cfg.Issuer)
	if err != nil {
		return nil, err
	}
	w, err := newWriter(p.from, cfg.Issuer)
	return &Sender{cfg: cfg, post: p, writer: w, dial: (&net.Dialer{}).DialContext}, err
}

const (
	longest = time.Minute     // one letter's sending
	lease   = 2 * time.Minute // nobody else tries a letter meanwhile
)

// waits lists how long a letter waits after each try: two days in all.
func waits() []time.Duration {
	const minute, hour = time.Minute, time.Hour
	return []time.Duration{minute, 5 * minute, 15 * minute, hour, 3 * hour, 8 * hour, 12 * hour, 24 * hour}
}

// Run sends the letters that are due, one after another. It ends at the first
// fault, so that a mail server that is away is not asked once for each letter.
// Whoever is killed between the sending of a letter and forgetting it has it
// sent again, under the same Message-ID.
func (s *Sender) Run(ctx context.Context, _ time.Time) error {
	for ctx.Err() == nil {
		l, err := s.cfg.Letters.ClaimLetter(ctx, lease)
		if err != nil || l == nil {
			return err
		}
		if err := s.try(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// try sends a letter and settles what becomes of it. It returns a fault of the
// database or of the way to the mail server, not of the letter.
func (s *Sender) try(ctx context.Context, l *token.DueLetter) error {
	to, err := s.reader(ctx, l)
	if err != nil {
		return err
	}
	if l.Kind.Linked() && to.address != "" {
		if to.link, err = s.cfg.Link(ctx, l.Letter); err != nil {
			return err
		}
	}
	m, err := s.writer.compose(l.Letter, to)
	if err != nil {
		return s.bury(ctx, l, err) // it will be no better next time
	}
	err = s.send(ctx, m)
	ctx = context.WithoutCancel(ctx) // what happened is written down even if the run was broken off
	switch {
	case err == nil || m.IsDelivered(): // what followed it makes no difference
		s.cfg.Tried(Sent)
		return s.cfg.Letters.SentLetter(ctx, l.ID)
	case refused(err) || l.Tries > len(waits()):
		return s.bury(ctx, l, err)
	}
	s.cfg.Tried(Delayed)
	if late := s.cfg.Letters.DelayLetter(ctx, l, waits()[l.Tries-1], short(err)); late != nil {
		return late
	}
	if replied(err) {
		s.cfg.Log.InfoContext(ctx, "a letter waits", slog.String("letter", l.ID.String()), slog.String("kind", string(l.Kind)), slog.Any("error", err))
		return nil
	}
	return fmt.Errorf("reach the mail server: %w", err)
}

// bury gives a letter up and says so.
func (s *Sender) bury(ctx context.Context, l *token.DueLetter, why error) error {
	s.cfg.Tried(Dead)
	s.cfg.Log.WarnContext(ctx, "a letter was given up", slog.String("letter", l.ID.String()), slog.String("kind", string(l.Kind)), slog.Any("error", why))
	return s.cfg.Letters.BuryLetter(ctx, l, short(why))
}

// reader looks up whom a letter is for, as they are now. Who is gone or disabled
// has no address.
func (s *Sender) reader(ctx context.Context, l *token.DueLetter) (to reader, err error) {
	to.address = l.Address
	if l.To != "" {
		p, err := s.cfg.Letters.Person(ctx, l.To)
		if err != nil {
			return to, err
		}
		if p == nil || p.DisabledAt != 0 {
			return reader{}, nil // there is no address to send it to
		}
		to.name, to.locale, to.address = p.Name, p.Locale, cmp.Or(l.Address, p.Email)
	}
	if l.Workspace == "" {
		return to, nil
	}
	w, err := s.cfg.Letters.Workspace(ctx, l.Workspace)
	if w != nil {
		to.workspace = w.Name
	}
	return to, err
}

// refused reports whether the mail server said no to this letter for good. A
// refused sender is none of the letter's fault: the operator can mend it.
func refused(err error) bool {
	var sent *gomail.SendError
	return errors.As(err, &sent) && sent.ErrorCode() >= 500 && sent.Reason != gomail.ErrSMTPMailFrom
}

// replied reports whether the mail server answered about this letter.
func replied(err error) bool {
	var sent *gomail.SendError
	return errors.As(err, &sent) && sent.ErrorCode() != 0
}

// short is a fault as it is kept beside its letter.
func short(err error) string {
	text := []rune(err.Error())
	return string(text[:min(len(text), 300)])
}
