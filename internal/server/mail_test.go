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

	"github.com/fichadev/ficha/internal/identity"
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

// office starts a mail server for the length of a test, and returns its address.
func office(t *testing.T, taken inbox) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mail := smtp.NewServer(taken)
	done := make(chan error, 1)
	go func() { done <- mail.Serve(l) }()
	t.Cleanup(func() {
		if err := errors.Join(mail.Close(), <-done); err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

func TestLetterOfADeedIsSentByTheServer(t *testing.T) {
	taken := make(inbox, 1)
	address := office(t, taken)
	h := servertest.Start(t, "", func(c *server.Config) { c.SMTPURL, c.MailFrom = "smtp://"+address, "ficha@example.com" })
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

// TestInvitationLeadsToWhereItIsAccepted, and who has no password to choosing one.
func TestInvitationLeadsToWhereItIsAccepted(t *testing.T) {
	taken := make(inbox, 2)
	address := office(t, taken)
	h := servertest.Start(t, `
workspaces: [{id: ws1, name: Acme}]
users: [{email: known@example.com, password: "correct horse battery"}]
`, func(c *server.Config) { c.SMTPURL, c.MailFrom = "smtp://"+address, "ficha@example.com" })
	for _, email := range []string{"known@example.com", "new@example.com"} {
		boss := token.Actor{Kind: token.System, ID: "test", Name: "boss@example.com"}
		if _, _, err := h.Identity.Invite(t.Context(), boss, identity.Declared{Email: email}, identity.DeclaredMembership{Workspace: "ws1"}); err != nil {
			t.Fatal(err)
		}
	}
	h.Start(t.Context())
	for range 2 {
		letter, link := strings.ReplaceAll(<-taken, "=\r\n", ""), h.URL+"/panel/invitations"
		if strings.Contains(letter, "new@example.com") {
			link = h.URL + "/panel/reset/"
		}
		if !strings.Contains(letter, link) || !strings.Contains(letter, "boss@example.com invites you to Acme") {
			t.Errorf("the letter does not lead to %s:\n%s", link, letter)
		}
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
