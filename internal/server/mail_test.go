package server_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/store"
	"github.com/fichadev/ficha/internal/token"
)

// An inbox is a mail server that tells what it takes.
type inbox chan string

func (i inbox) NewSession(*smtp.Conn) (smtp.Session, error) { return i, nil }
func (i inbox) Reset()                                      {}
func (i inbox) Logout() error                               { return nil }
func (i inbox) Mail(string, *smtp.MailOptions) error        { return nil }
func (i inbox) Rcpt(string, *smtp.RcptOptions) error        { return nil }

func (i inbox) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	i <- string(text)
	return err
}

func postLetter(t *testing.T, h *servertest.House) {
	t.Helper()
	err := h.Store.Do(t.Context(), func(tx *store.Tx) error {
		return tx.Post(t.Context(), token.Letter{Address: "ana@example.com", Kind: token.LetterMemberRemoved, Data: map[string]string{"by": "Bo"}})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func metrics(h *servertest.House) string { return string(h.Request("GET", "/metrics", nil).Body) }

func TestLetterOfADeedIsSentByTheServer(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	taken := make(inbox, 1)
	mail := smtp.NewServer(taken)
	done := make(chan error, 1)
	go func() { done <- mail.Serve(l) }()
	defer func() {
		if err := errors.Join(mail.Close(), <-done); err != nil {
			t.Error(err)
		}
	}()
	h := servertest.Start(t, "", func(c *server.Config) {
		c.SMTPURL, c.MailFrom = "smtp://"+l.Addr().String(), "ficha@example.com"
	})
	postLetter(t, h)
	h.Start(t.Context())
	letter := <-taken
	link := h.URL + "/panel/"
	if !strings.Contains(strings.ReplaceAll(letter, "=\r\n", ""), link) {
		t.Errorf("the letter does not lead to %s:\n%s", link, letter)
	}
	if a := h.Request("GET", "/panel/", nil); a.Status >= 400 {
		t.Errorf("its link is answered %d", a.Status)
	}
}

func TestWithoutMailServerLettersAreCountedAndNotKept(t *testing.T) {
	h := servertest.Start(t, "", nil)
	postLetter(t, h)
	if !strings.Contains(metrics(h), `ficha_letters_total{outcome="unwritten"} 1`) {
		t.Error("a letter that was not written was not counted")
	}
	if l, err := h.Store.ClaimLetter(t.Context(), 1); l != nil || err != nil {
		t.Errorf("%v, %v; want no letter", l, err)
	}
}

func TestWrongMailServerIsToldAtStart(t *testing.T) {
	for _, address := range []string{"mail.example.com", "smtp://u:hunter2@mail.example.com?from=nobody"} {
		_, err := server.New(context.Background(), server.Config{
			DataDir: t.TempDir(), Issuer: "http://127.0.0.1", Now: servertest.NewClock().Now, Log: slog.New(slog.DiscardHandler), SMTPURL: address,
		})
		if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "mail") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
