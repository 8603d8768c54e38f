package server

import (
	"context"
	"time"

	"github.com/fichadev/ficha/internal/mail"
	"github.com/fichadev/ficha/internal/token"
)

// letters returns what counts letters by what became of them on this node.
func (s *Server) letters() func(outcome string, n int) {
	counts := s.Metrics.Counters("letters_total",
		"Letters by what became of them at a try on this node: sent, delayed, dead; unwritten where no mail server is set.", "outcome")
	return func(outcome string, n int) { counts.WithLabelValues(outcome).Add(float64(n)) }
}

// noMail returns what counts letters that are not written, nil where they are.
func (s *Server) noMail() func(int) {
	if s.Config.SMTPURL != "" {
		return nil
	}
	return func(n int) { s.letter("unwritten", n) }
}

// mail makes the sender of letters where a mail server is set.
func (s *Server) mail() (err error) {
	if s.Config.SMTPURL == "" {
		return nil
	}
	s.Mail, err = mail.New(mail.Config{
		Server: s.Config.SMTPURL, From: s.Config.MailFrom, Issuer: s.Config.Issuer, Letters: s.Store, Log: s.Config.Log,
		Tried: func(outcome string) { s.letter(outcome, 1) },
		Link: func(ctx context.Context, l token.Letter) (string, error) { // asked once the house stands
			mint := s.Identity.MintReset
			if l.Kind == token.LetterInvitation {
				mint = s.Identity.MintInvitation
			}
			secret, err := mint(ctx, l.To)
			switch {
			case err != nil:
				return "", err
			case secret != "":
				return "/panel/reset/" + secret, nil
			}
			return "/panel/invitations", nil
		},
	})
	return err
}

func (s *Server) sendLetters(ctx context.Context, now time.Time) error {
	if s.Mail == nil {
		return nil
	}
	return s.Mail.Run(ctx, now)
}
