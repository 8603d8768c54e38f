package panel_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

// mailed lets letters be written; nobody fetches them from this address.
func mailed(c *server.Config) { c.SMTPURL, c.MailFrom = "smtp://127.0.0.1:1", "ficha@acme.example" }

// letter returns the next letter that waits, nil if none does.
func (b *browser) letter() *token.DueLetter {
	b.t.Helper()
	l, err := b.h.Store.ClaimLetter(b.t.Context(), time.Minute)
	if err != nil {
		b.t.Fatal(err)
	}
	return l
}

func TestWhoMayNotInstallAsksThoseWhoMay(t *testing.T) {
	b := newBrowser(t, newHouse(t, mailed))
	b.accept = "en"
	b.signIn("lim@acme.example")
	page := b.open(b.ask(install())).says(403, "You cannot install", "Send them the request", "Ana Admin")
	form := page.form("/panel/consent/request")
	form.post().says(200, "Your request was sent")
	told := map[string]bool{}
	for l := b.letter(); l != nil; l = b.letter() {
		told[l.To] = true
		if l.Kind != token.LetterInstallRequest || l.Workspace != "ws1" || !strings.HasPrefix(l.Data["app"], "Contacts") || l.Data["by"] != "lim@acme.example" {
			t.Errorf("got %+v", l)
		}
	}
	if len(told) != 2 || !told[b.person("ana@acme.example").ID] {
		t.Errorf("letters went to %v", told)
	}
	form.post().says(403, "This request is over")
	if b.letter() != nil {
		t.Error("one request writes twice")
	}
	b.signIn("ana@acme.example")
	b.open("/panel/w/ws1/audit?action=app.*").says(200, "lim@acme.example asked for the app Contacts")
}

func TestLettersThatAskForAppsAreBounded(t *testing.T) {
	b := newBrowser(t, newHouse(t, mailed))
	b.accept = "en"
	b.signIn("lim@acme.example")
	sent := 0
	for range 8 {
		if s := b.open(b.ask(install())).form("/panel/consent/request").post(); s.status == 200 {
			sent++
		} else {
			s.says(429, "That was too often", "Wait a while")
		}
	}
	if sent != 5 {
		t.Errorf("%d requests were sent on, want 5", sent)
	}
}

func TestWhoOwesASecondFactorSendsNoRequestOn(t *testing.T) {
	b := newBrowser(t, newHouse(t, mailed))
	b.accept = "en"
	b.signIn("lim@acme.example")
	form := b.open(b.ask(install())).form("/panel/consent/request")
	if _, err := b.h.Authority.PutPolicy(t.Context(), token.Actor{Kind: token.System, ID: "apply"}, "ws1", token.Policy{SecondFactor: token.SecondForAll}, ""); err != nil {
		t.Fatal(err)
	}
	form.post().says(200, "asks for a second factor")
	if b.letter() != nil {
		t.Error("a letter was written")
	}
}

func TestOneRequestOfAnotherSessionIsNotSentOn(t *testing.T) {
	b := newBrowser(t, newHouse(t, mailed))
	b.accept = "en"
	b.signIn("lim@acme.example")
	form := b.open(b.ask(install())).form("/panel/consent/request")
	b.signIn("two@acme.example")
	form.post().says(403, "This request is over")
	b.open(b.ask(install())).says(200, "asks for access") // a super admin has nobody to ask
	if b.letter() != nil {
		t.Error("a letter was written")
	}
}

func TestWithoutMailThePageBeginsTheLetterItself(t *testing.T) {
	b := newBrowser(t, newHouse(t, nil))
	b.accept = "en"
	b.signIn("lim@acme.example")
	if s := b.open(b.ask(install())).says(403, "You cannot install"); strings.Contains(s.html, "/panel/consent/request") || !strings.Contains(s.html, "mailto:") {
		t.Errorf("the page offers a letter that nobody sends:\n%s", s.text)
	}
}

// Whom an application takes is its own to say: that a super admin has to be asked
// is not said where any admin would do, and nobody is asked for what nobody there
// can give.
func TestThoseWhoAreAskedAreThoseWhoMay(t *testing.T) {
	h := servertest.Start(t, strings.NewReplacer(
		"installable_by: super_admin", "installable_by: admin",
		"users:\n", "users:\n  - {email: adam@acme.example, name: Adam Able, memberships: [{workspace: ws1, role: admin}]}\n",
	).Replace(world), mailed)
	b := newBrowser(t, h)
	b.accept = "en"
	b.signIn("lim@acme.example")
	page := b.open(b.ask(install())).says(403, "An admin of Acme has to", "Adam Able", "Ana Admin")
	if strings.Contains(page.text, "super admin") {
		t.Error("it says that a super admin has to be asked")
	}
	page.form("/panel/consent/request").post().says(200, "Your request was sent")
	told := map[string]bool{}
	for l := b.letter(); l != nil; l = b.letter() {
		told[l.To] = true
	}
	if !told[b.person("adam@acme.example").ID] || !told[b.person("ana@acme.example").ID] {
		t.Errorf("letters went to %v", told)
	}

	more := install()
	more.Scopes = token.Scopes{"oauth", "automation"} // the workspace does not have it
	b.signIn("ana@acme.example")
	page = b.open(b.ask(more)).says(403, "Your workspace cannot use this app")
	if strings.Contains(page.text, "admin of") {
		t.Error("it says whom to ask, of whom none may")
	}
}
