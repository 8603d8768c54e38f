package mail

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// send hands one letter in, on a connection of its own: one that breaks takes
// no other letter with it.
func (s *Sender) send(ctx context.Context, m *gomail.Msg) error {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	client, err := s.client(ctx)
	if err != nil {
		return err
	}
	if err := client.DialWithContext(ctx); err != nil {
		return err
	}
	err = client.Send(m)
	client.Close() //nolint:errcheck // the letter is in, or the error says why not
	return err
}

// client returns a client of the mail server that has not connected yet.
func (s *Sender) client(ctx context.Context) (*gomail.Client, error) {
	secure := &tls.Config{ServerName: s.post.host, RootCAs: s.roots, MinVersion: tls.VersionTLS12}
	options := []gomail.Option{
		gomail.WithPort(s.post.port), gomail.WithTimeout(10 * time.Second), gomail.WithTLSConfig(secure), gomail.WithTLSPolicy(gomail.TLSMandatory),
		gomail.WithDialContextFunc(s.connect(ctx, secure)),
	}
	ways := []gomail.SMTPAuthType{gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin}
	switch s.post.secure {
	case wrapped:
		options = append(options, gomail.WithSSL())
	case open:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
		ways = []gomail.SMTPAuthType{gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1, gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc}
	}
	if s.post.user != "" {
		options = append(options, gomail.WithUsername(s.post.user), gomail.WithPassword(s.post.password), gomail.WithOpportunisticSMTPAuth(ways...))
	}
	c, err := gomail.NewClient(s.post.host, options...)
	if err != nil {
		return nil, fmt.Errorf("prepare to send mail: %w", err)
	}
	return c, nil
}

// connect returns a dialer whose connections end with the letter's context: the
// library keeps those that it could not greet, and asks none while it sends.
func (s *Sender) connect(ctx context.Context, secure *tls.Config) gomail.DialContextFunc {
	return func(dial context.Context, network, address string) (net.Conn, error) {
		conn, err := s.dial(dial, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { conn.Close() })
		if s.post.secure != wrapped {
			return conn, nil
		}
		inside := tls.Client(conn, secure)
		return inside, inside.HandshakeContext(dial)
	}
}
