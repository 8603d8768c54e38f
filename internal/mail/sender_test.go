package mail

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/store"
	"github.com/fichadev/ficha/internal/token"
)

var (
	errFull    = &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "mailbox full"}
	errUnknown = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
)

// world is a store with a person in it, a mail server, and a clock.
type world struct {
	*testing.T
	store  *store.Store
	office *office
	log    strings.Builder

	mu     sync.Mutex
	now    time.Time
	tried  map[string]int
	minted int // links that are secrets
}

func newWorld(t *testing.T, database string, o *office) *world {
	t.Helper()
	w := &world{T: t, office: o, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), tried: map[string]int{}}
	var err error
	w.store, err = store.Open(t.Context(), store.Config{Database: database, Now: w.time, Log: slog.New(slog.DiscardHandler)}, true)
	w.must(err)
	t.Cleanup(func() { w.must(w.store.Close()) })
	w.do(func(tx *store.Tx) error {
		_, err := tx.AddUser(context.Background(), &token.Person{ID: "u1", Number: 1, Email: "ana@example.com", Name: "Ana", Locale: "es-MX"})
		return err
	})
	return w
}

func onSQLite(t *testing.T, o *office) *world {
	t.Helper()
	return newWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "ficha.db"), o)
}

func (w *world) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) do(f func(tx *store.Tx) error) {
	w.Helper()
	w.must(w.store.Do(context.Background(), f))
}

func (w *world) post(letters ...token.Letter) {
	w.Helper()
	w.do(func(tx *store.Tx) error { return tx.Post(context.Background(), letters...) })
}

// count returns how often something became of a letter.
func (w *world) count(outcome string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tried[outcome]
}

// sender hands letters in at the office, under the name that its certificate
// says: what is asked to resolve it is the test.
func (w *world) sender(address string) *Sender {
	w.Helper()
	s, err := New(Config{
		Server: address, From: "Ficha <ficha@example.test>", Issuer: "https://tokens.example.com", Letters: w.store,
		Log: slog.New(slog.NewTextHandler(&w.log, nil)),
		Tried: func(outcome string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.tried[outcome]++
		},
		Link: func(_ context.Context, l token.Letter) (string, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.minted++
			return "/panel/reset/secret-of-" + l.To, nil
		},
	})
	w.must(err)
	s.roots = w.office.roots
	s.dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, w.office.address)
	}
	return s
}

func removed(to string) token.Letter {
	return token.Letter{To: to, Kind: token.LetterMemberRemoved, Data: map[string]string{"by": "Bo"}}
}

func TestLetterReachesItsReaderUnderTLSAndSignedIn(t *testing.T) {
	for name, wrapped := range map[string]bool{"smtp": false, "smtps": true} {
		t.Run(name, func(t *testing.T) {
			o := openOffice(t, true, wrapped)
			o.signed = func(user, pass string) error {
				if user != "ficha" || pass != "p@ss:word" {
					return errors.New("wrong password")
				}
				return nil
			}
			w := onSQLite(t, o)
			w.post(removed("u1"))
			w.must(w.sender(name+"://ficha:p%40ss%3Aword@"+officeName).Run(t.Context(), w.time()))
			letters := o.letters()
			if len(letters) != 1 || letters[0].from != "ficha@example.test" || !slices.Equal(letters[0].to, []string{"ana@example.com"}) {
				t.Fatalf("taken: %+v", letters)
			}
			head := letters[0].message(t).Header
			if head.Get("Auto-Submitted") != "auto-generated" || head.Get("To") != "<ana@example.com>" || head.Get("Content-Language") != "es" {
				t.Errorf("header: %v", head)
			}
			if w.must(w.sender(name+"://ficha:p%40ss%3Aword@"+officeName).Run(t.Context(), w.time())); len(o.letters()) != 1 || w.count(Sent) != 1 {
				t.Errorf("%d letters after a second run, %d counted", len(o.letters()), w.count(Sent))
			}
		})
	}
}

func TestLinkThatIsASecretIsMadeWhenTheLetterIsSent(t *testing.T) {
	o := openOffice(t, true, false)
	w := onSQLite(t, o)
	w.post(token.Letter{To: "u1", Kind: token.LetterPasswordReset, Data: map[string]string{"address": "192.0.2.7"}},
		token.Letter{To: "nobody", Kind: token.LetterPasswordReset, Data: map[string]string{"address": ""}})
	if w.minted != 0 {
		t.Error("a link is made while its letter waits")
	}
	w.must(w.sender("smtp://"+officeName).Run(t.Context(), w.time()))
	letters := o.letters()
	if len(letters) != 1 || w.minted != 1 {
		t.Fatalf("%d letters, %d links", len(letters), w.minted)
	}
	text, err := io.ReadAll(letters[0].message(t).Body)
	w.must(err)
	if !strings.Contains(strings.ReplaceAll(string(text), "=\r\n", ""), "https://tokens.example.com/panel/reset/secret-of-u1") {
		t.Errorf("the letter leads elsewhere:\n%s", text)
	}
	if strings.Contains(w.log.String(), "secret-of") {
		t.Error("the log has the link")
	}
}

func TestNothingIsSaidInTheClear(t *testing.T) {
	o := openOffice(t, false, false) // offers no STARTTLS
	w := onSQLite(t, o)
	w.post(removed("u1"))
	if err := w.sender("smtp://"+officeName).Run(t.Context(), w.time()); err == nil || len(o.letters()) != 0 || w.count(Delayed) != 1 {
		t.Errorf("%v, %d letters", err, len(o.letters()))
	}
	w.pass(time.Hour)
	other := openOffice(t, true, false)
	w.office = &office{address: other.address, roots: openOffice(t, true, false).roots} // a certificate that nobody vouches for
	if err := w.sender("smtp://"+officeName).Run(t.Context(), w.time()); err == nil || len(other.letters()) != 0 {
		t.Errorf("%v, %d letters", err, len(other.letters()))
	}
	w.pass(time.Hour)
	w.office = o
	if err := w.sender("smtp+plain://"+officeName).Run(t.Context(), w.time()); err != nil || len(o.letters()) != 1 {
		t.Errorf("where the operator says so: %v, %d letters", err, len(o.letters()))
	}
}

func TestLetterIsTriedForTwoDaysUnderOneMessageID(t *testing.T) {
	o := openOffice(t, true, false)
	o.data = func() error { return errFull }
	w := onSQLite(t, o)
	w.post(removed("u1"))
	s := w.sender("smtp://" + officeName)
	began := w.time()
	for w.count(Dead) == 0 && w.time().Sub(began) < 100*time.Hour {
		w.must(s.Run(t.Context(), w.time())) // the letter's fault, not the way's
		w.pass(time.Minute)
	}
	ids := map[string]bool{}
	for _, p := range o.refusedToo() {
		ids[p.message(t).Header.Get("Message-Id")] = true
	}
	lasted, tries := w.time().Sub(began).Round(time.Hour), len(o.refusedToo())
	if lasted != 48*time.Hour || tries != len(waits())+1 || w.count(Delayed) != len(waits()) || len(ids) != 1 {
		t.Errorf("given up after %v and %d tries, %d delayed, ids %v", lasted, tries, w.count(Delayed), ids)
	}
	o.set(func(o *office) { o.data = nil })
	w.pass(24 * time.Hour)
	if w.must(s.Run(t.Context(), w.time())); len(o.letters()) != 0 {
		t.Error("a letter that was given up was sent")
	}
}

func TestLetterThatHadToWaitArrives(t *testing.T) {
	o := openOffice(t, true, false)
	o.data = func() error { return errFull }
	w := onSQLite(t, o)
	w.post(removed("u1"))
	s := w.sender("smtp://" + officeName)
	w.must(s.Run(t.Context(), w.time()))
	o.set(func(o *office) { o.data = nil })
	w.pass(waits()[0] - time.Millisecond)
	if w.must(s.Run(t.Context(), w.time())); len(o.letters()) != 0 {
		t.Error("it was tried again at once")
	}
	w.pass(time.Millisecond)
	if w.must(s.Run(t.Context(), w.time())); len(o.letters()) != 1 || w.count(Dead) != 0 {
		t.Errorf("%d letters, counted %v", len(o.letters()), w.tried)
	}
}

func TestLetterThatIsRefusedForGoodIsGivenUpAtOnce(t *testing.T) {
	o := openOffice(t, true, false)
	o.rcpt = func(to string) error {
		if to == "ana@example.com" {
			return errUnknown
		}
		return nil
	}
	w := onSQLite(t, o)
	other := removed("")
	other.Address = "bo@example.com"
	w.do(func(tx *store.Tx) error {
		_, err := tx.AddUser(context.Background(), &token.Person{ID: "u2", Number: 2, Email: "gone@example.com", DisabledAt: 1})
		return err
	})
	w.post(removed("u1"), removed("u2"), removed("nobody"), other)
	s := w.sender("smtp://" + officeName)
	w.must(s.Run(t.Context(), w.time()))
	if len(o.letters()) != 1 || w.count(Dead) != 3 || w.count(Sent) != 1 {
		t.Errorf("%d letters, counted %v", len(o.letters()), w.tried)
	}
	if log := w.log.String(); strings.Count(log, "a letter was given up") != 3 || !strings.Contains(log, "no such user") {
		t.Errorf("log: %s", log)
	}
}

// A sender that the server refuses is the operator's to mend: no letter is lost
// by it.
func TestRefusedSenderLosesNoLetter(t *testing.T) {
	o := openOffice(t, true, false)
	o.mail = func(string) error { return errUnknown }
	w := onSQLite(t, o)
	w.post(removed("u1"))
	s := w.sender("smtp://" + officeName)
	w.must(s.Run(t.Context(), w.time()))
	o.set(func(o *office) { o.mail = nil })
	w.pass(time.Hour)
	if w.must(s.Run(t.Context(), w.time())); len(o.letters()) != 1 || w.count(Dead) != 0 {
		t.Errorf("%d letters, counted %v", len(o.letters()), w.tried)
	}
}

func TestServerThatIsAwayIsAskedOnceInARun(t *testing.T) {
	o := openOffice(t, true, false)
	w := onSQLite(t, o)
	w.post(removed("u1"), removed("u1"), removed("u1"))
	s := w.sender("smtp://" + officeName)
	there, calls := s.dial, 0
	s.dial = func(context.Context, string, string) (net.Conn, error) {
		calls++
		return nil, errors.New("connection refused")
	}
	if err := s.Run(t.Context(), w.time()); err == nil || calls != 1 || w.count(Delayed) != 1 {
		t.Errorf("%v, asked %d times", err, calls)
	}
	s.dial = there
	w.pass(time.Minute)
	if w.must(s.Run(t.Context(), w.time())); len(o.letters()) != 3 {
		t.Errorf("%d letters, want 3", len(o.letters()))
	}
}

func TestLetterOfAKilledSenderIsSentAgain(t *testing.T) {
	o := openOffice(t, true, false)
	w := onSQLite(t, o)
	w.post(removed("u1"))
	if l, err := w.store.ClaimLetter(t.Context(), lease); err != nil || l == nil { // and then its process is killed
		t.Fatal(l, err)
	}
	s := w.sender("smtp://" + officeName)
	w.pass(lease - time.Millisecond)
	if w.must(s.Run(t.Context(), w.time())); len(o.letters()) != 0 {
		t.Error("it was taken from a sender that may live")
	}
	w.pass(time.Millisecond)
	if w.must(s.Run(t.Context(), w.time())); len(o.letters()) != 1 {
		t.Errorf("%d letters, want 1", len(o.letters()))
	}
}

// Nothing that follows a server's yes makes a letter be sent again.
func TestServerThatHangsUpAfterItsYesHasTheLetter(t *testing.T) {
	o := openOffice(t, true, false)
	o.hangUp = true
	w := onSQLite(t, o)
	w.post(removed("u1"))
	s := w.sender("smtp://" + officeName)
	w.must(s.Run(t.Context(), w.time()))
	w.pass(time.Hour)
	if w.must(s.Run(t.Context(), w.time())); len(o.letters()) != 1 || w.count(Sent) != 1 {
		t.Errorf("%d letters, counted %v", len(o.letters()), w.tried)
	}
}

// A server that greets and then says nothing holds one letter for a while, and
// nobody else.
func TestServerThatStallsIsLeft(t *testing.T) {
	o := openOffice(t, true, false)
	w := onSQLite(t, o)
	w.post(removed("u1"))
	silent, far := net.Pipe()
	defer far.Close()
	s := w.sender("smtp://" + officeName)
	s.dial = func(context.Context, string, string) (net.Conn, error) { return silent, nil }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, w.time()) }()
	if _, err := far.Write([]byte("220 ")); err != nil {
		t.Fatal(err)
	}
	cancel() // the runner stops
	select {
	case err := <-ended:
		if err == nil || w.count(Delayed) != 1 {
			t.Errorf("%v, counted %v", err, w.tried)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("it waits for the server")
	}
	w.pass(waits()[0])
	if l, err := w.store.ClaimLetter(context.Background(), lease); err != nil || l == nil || l.Tries != 2 {
		t.Errorf("the letter was not given back: %+v, %v", l, err)
	}
}

func TestTwoNodesSendEachLetterOnce(t *testing.T) {
	test := func(t *testing.T, database string) {
		const many = 40
		o := openOffice(t, true, false)
		w := newWorld(t, database, o)
		for range many {
			w.post(removed("u1"))
		}
		var wg sync.WaitGroup
		for range 4 {
			s := w.sender("smtp://" + officeName)
			wg.Go(func() {
				for w.count(Sent) < many && t.Context().Err() == nil {
					if err := s.Run(t.Context(), w.time()); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		ids := map[string]bool{}
		for _, p := range o.letters() {
			ids[p.message(t).Header.Get("Message-Id")] = true
		}
		if len(o.letters()) != many || len(ids) != many {
			t.Errorf("%d letters of %d ids, want %d", len(o.letters()), len(ids), many)
		}
	}
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "ficha.db")) })
	if pgtest.Available() {
		t.Run("postgres", func(t *testing.T) { test(t, pgtest.Start(t).Database(t)) })
	}
}
