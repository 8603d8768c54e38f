package mail

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// officeName is what the mail server's certificate says.
const officeName = "mail.example.test"

// An office is a mail server on loopback that keeps what it takes.
type office struct {
	address string
	roots   *x509.CertPool

	mu     sync.Mutex
	taken  []parcel
	read   []parcel                      // what was taken, and what was refused after it was read
	mail   func(from string) error       // nil: everybody may send
	rcpt   func(to string) error         // nil: everybody is known
	data   func() error                  // nil: every letter is taken
	hangUp bool                          // once a letter is taken
	signed func(user, pass string) error // nil: nobody has to sign in
}

// A parcel is one letter with its envelope.
type parcel struct {
	from string
	to   []string
	text string
}

func (p parcel) message(t *testing.T) *mail.Message {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(p.text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// openOffice starts a mail server. Without secure it has no TLS; with wrapped
// it has it from the first byte, else by STARTTLS.
func openOffice(t *testing.T, secure, wrapped bool) *office {
	t.Helper()
	o := &office{}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.address = l.Addr().String()
	s := smtp.NewServer(o)
	s.Domain, s.AllowInsecureAuth, s.ErrorLog = officeName, !secure, quiet{}
	if secure {
		s.TLSConfig, o.roots = certificate(t)
	}
	if wrapped {
		l = tls.NewListener(l, s.TLSConfig)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), <-done); err != nil {
			t.Error(err)
		}
	})
	return o
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	own := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{officeName}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, own, own, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}, roots
}

// letters returns what was taken so far.
func (o *office) letters() []parcel {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]parcel(nil), o.taken...)
}

// refusedToo returns what was read so far, taken or not.
func (o *office) refusedToo() []parcel {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]parcel(nil), o.read...)
}

// set changes how the office answers.
func (o *office) set(change func(o *office)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change(o)
}

func (o *office) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &counter{office: o, conn: c.Conn()}, nil
}

// A counter serves one connection.
type counter struct {
	office *office
	conn   net.Conn
	parcel
	known bool
}

func (c *counter) Logout() error { return nil }

// Reset is also what follows the answer to a letter.
func (c *counter) Reset() {
	c.office.mu.Lock()
	defer c.office.mu.Unlock()
	if c.office.hangUp && c.text != "" {
		c.conn.Close()
	}
	c.parcel = parcel{}
}

func (c *counter) AuthMechanisms() []string { return []string{sasl.Plain} }

func (c *counter) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, pass string) error {
		c.office.mu.Lock()
		defer c.office.mu.Unlock()
		if c.office.signed == nil {
			return errors.New("nobody has to sign in here")
		}
		err := c.office.signed(user, pass)
		c.known = err == nil
		return err
	}), nil
}

func (c *counter) Mail(from string, _ *smtp.MailOptions) error {
	c.office.mu.Lock()
	defer c.office.mu.Unlock()
	if c.office.signed != nil && !c.known {
		return smtp.ErrAuthRequired
	}
	c.from = from
	if c.office.mail == nil {
		return nil
	}
	return c.office.mail(from)
}

func (c *counter) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.office.mu.Lock()
	defer c.office.mu.Unlock()
	c.to = append(c.to, to)
	if c.office.rcpt == nil {
		return nil
	}
	return c.office.rcpt(to)
}

func (c *counter) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	c.text = string(text)
	c.office.mu.Lock()
	defer c.office.mu.Unlock()
	c.office.read = append(c.office.read, c.parcel)
	if c.office.data != nil {
		if err := c.office.data(); err != nil {
			return err
		}
	}
	c.office.taken = append(c.office.taken, c.parcel)
	return nil
}
