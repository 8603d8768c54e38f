package e2e

import (
	"errors"
	"io"
	"mime/quotedprintable"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// A mailbox is a mail server that keeps what it takes.
type mailbox struct {
	address string
	letters chan string
}

func newMailbox(t *testing.T) *mailbox {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mailbox{address: l.Addr().String(), letters: make(chan string, 10)}
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return envelope{m}, nil }))
	s.Domain = "mail.example.test"
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), <-done); err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Error(err)
		}
	})
	return m
}

// link waits for a letter and returns the secret link in it.
func (m *mailbox) link(t *testing.T) string {
	t.Helper()
	select {
	case letter := <-m.letters:
		_, body, _ := strings.Cut(letter, "\r\n\r\n")
		text, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(body)))
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(`http\S+/panel/reset/[A-Z2-7]+`).FindString(string(text))
		if found == "" {
			t.Fatalf("no link in\n%s", letter)
		}
		return found
	case <-time.After(patience):
		t.Fatal("no letter came")
	}
	return ""
}

// envelope takes one letter.
type envelope struct{ box *mailbox }

func (envelope) Mail(string, *smtp.MailOptions) error { return nil }
func (envelope) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (envelope) Reset()                               {}
func (envelope) Logout() error                        { return nil }

func (e envelope) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	e.box.letters <- string(text)
	return err
}
