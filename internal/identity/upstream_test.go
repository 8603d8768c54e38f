package identity

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/upstream"
	"github.com/fichadev/ficha/internal/upstream/upstreamtest"
)

// A far is the provider that people sign in with, and a browser that goes there.
type far struct {
	*upstreamtest.Provider
	w *world
}

// withFar gives a world a provider.
func withFar(w *world) *far {
	w.t.Helper()
	p, err := upstreamtest.New(w.clock.now)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(p.Close)
	w.Identity.upstream, err = upstream.New(upstream.Config{
		Issuer: p.URL, ClientID: upstreamtest.ClientID, ClientSecret: upstreamtest.Secret, Name: "Acme ID",
	}, site+"/panel/login/upstream/callback", w.clock.now)
	if err != nil {
		w.t.Fatal(err)
	}
	return &far{p, w}
}

// is makes the browser's account there another one.
func (f *far) is(subject, email string, verified bool) *far {
	f.Claims = map[string]any{"sub": subject, "email": email, "email_verified": verified}
	return f
}

// round goes to the provider and comes back with its answer.
func (f *far) round() (kept string, answer UpstreamAnswer) {
	f.w.t.Helper()
	address, kept, err := f.w.AskUpstream(f.w.ctx, "/panel/security", false)
	if err != nil {
		f.w.t.Fatal(err)
	}
	return kept, f.answer(address)
}

// answer is what the provider sends a browser back with from an address.
func (f *far) answer(address string) UpstreamAnswer {
	f.w.t.Helper()
	req, err := http.NewRequestWithContext(f.w.ctx, http.MethodGet, address, nil)
	if err != nil {
		f.w.t.Fatal(err)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		f.w.t.Fatal(err)
	}
	defer res.Body.Close()
	back, err := url.Parse(res.Header.Get("Location"))
	if err != nil {
		f.w.t.Fatal(err)
	}
	q := back.Query()
	return UpstreamAnswer{State: q.Get("state"), Code: q.Get("code"), Issuer: q.Get("iss")}
}

func (f *far) arrive() (Arrival, error) {
	f.w.t.Helper()
	kept, answer := f.round()
	return f.w.Arrive(f.w.ctx, token.Actor{Address: "192.0.2.7"}, kept, answer)
}

// turnedAway checks that an error is a refusal for a reason.
func turnedAway(t *testing.T, err error, why token.Reason) {
	t.Helper()
	refused(t, err, token.AccessDenied)
	if r := token.AsRefusal(err); r != nil && r.Reason != why {
		t.Errorf("got %v because of %q, want %q", err, r.Reason, why)
	}
}

func TestWhoWasAddedSignsInByTheirAddressOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		f := withFar(w)
		ana := w.user("ana@acme.example", token.Member)
		bob := w.user("bob@acme.example", token.Member)
		w.news()
		a, err := f.is("sub-1", "Ana@Acme.example", true).arrive()
		if err != nil || a.Person == nil || a.Person.ID != ana.ID || a.Link != "" || a.Next != "/panel/security" {
			t.Fatalf("got %+v, %v; want Ana", a, err)
		}
		rows := w.recorded("user.linked", "user.signed_in")
		if rows[0].Actor.ID != ana.ID || rows[0].Workspace != "ws1" || rows[0].Actor.Address != "192.0.2.7" {
			t.Errorf("recorded %+v", rows[0])
		}
		want := []token.Letter{{To: ana.ID, Address: ana.Email, Kind: token.LetterAccountLinked, At: w.clock.ms.Load(), Data: map[string]string{
			"provider": "Acme ID", "account": "Ana@Acme.example", "changed_at": "1790000000000", "address": "192.0.2.7",
		}}}
		if d := cmp.Diff(want, w.letters()); d != "" {
			t.Errorf("who was linked; want -, got +:\n%s", d)
		}
		// From now on the account is Ana's, whatever address it has.
		for _, email := range []string{"bob@acme.example", "new@acme.example"} {
			if a, err = f.is("sub-1", email, false).arrive(); err != nil || a.Person.ID != ana.ID {
				t.Errorf("the linked account as %s: %+v, %v", email, a, err)
			}
		}
		w.recorded("user.signed_in", "user.signed_in")
		if l, err := w.UpstreamLink(w.ctx, bob.ID); l != nil || err != nil {
			t.Errorf("Bob was linked: %+v, %v", l, err)
		}
		// Another account that has Ana's address now is not hers.
		_, err = f.is("sub-2", "ana@acme.example", true).arrive()
		turnedAway(t, err, token.OtherAccount)
		w.recorded()
	})
}

func TestStrangersAreTurnedAway(t *testing.T) {
	w := newWorld(t, "sqlite")
	f := withFar(w)
	ana, gone := w.user("ana@acme.example", token.Member), w.user("gone@acme.example", token.Member)
	left := w.user("left@acme.example", token.Member)
	if _, err := f.is("sub-left", "left@acme.example", true).arrive(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*token.Person{gone, left} {
		if err := w.DisableUser(w.ctx, apply, p.ID, "left"); err != nil {
			t.Fatal(err)
		}
	}
	w.news()
	for name, one := range map[string]struct {
		subject, email string
		verified       bool
		want           token.Reason
	}{
		"unverified":         {"s", ana.Email, false, token.Unverified},
		"no address":         {"s", "", true, token.Unverified},
		"unknown":            {"s", "stranger@acme.example", true, token.NotAdded},
		"no address at all":  {"s", "a\x00b", true, token.NotAdded},
		"disabled":           {"s", gone.Email, true, token.Disabled},
		"disabled since":     {"sub-left", left.Email, true, token.Disabled},
		"almost the address": {"s", "ana@acme.example.evil.example", true, token.NotAdded},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := f.is(one.subject, one.email, one.verified).arrive()
			turnedAway(t, err, one.want)
			if a.Person != nil || a.Link != "" || a.Next != "/panel/security" || (a.Email != "") != (one.verified && one.email != "") {
				t.Errorf("got %+v", a)
			}
		})
	}
	w.recorded()
}

// An account here that somebody can sign in to already may be somebody's who
// only claimed the address.
func TestWhoCanSignInProvesItBeforeTheLink(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		f := withFar(w)
		guarded := map[string]*token.Person{"pass@acme.example": w.withPassword("pass@acme.example", "correct horse battery"),
			"key@acme.example": w.user("key@acme.example", token.Member), "app@acme.example": w.user("app@acme.example", token.Member)}
		w.device(guarded["key@acme.example"], "Phone")
		w.app(guarded["app@acme.example"])
		other := w.user("other@acme.example", token.Member)
		for email, p := range guarded {
			w.news()
			a, err := f.is("sub-"+email, email, true).arrive()
			if err != nil || a.Person != nil || a.Link == "" || w.LinkWaits(a.Link) != email {
				t.Fatalf("%s: %+v, %v; want a link that waits", email, a, err)
			}
			refused(t, w.LinkUpstream(w.ctx, as(other, ""), a.Link), token.AccessDenied)
			w.recorded()
			if err := w.LinkUpstream(w.ctx, as(p, ""), a.Link); err != nil {
				t.Fatal(err)
			}
			w.recorded("user.linked")
			refused(t, w.LinkUpstream(w.ctx, as(p, ""), a.Link), token.AccessDenied) // once
			if a, err := f.arrive(); err != nil || a.Person == nil || a.Person.ID != p.ID {
				t.Errorf("%s, linked: %+v, %v", email, a, err)
			}
		}
	})
}

func TestLinkWaitsTenMinutes(t *testing.T) {
	w := newWorld(t, "sqlite")
	f := withFar(w)
	p := w.withPassword("ana@acme.example", "correct horse battery")
	a, err := f.arrive()
	if err != nil {
		t.Fatal(err)
	}
	w.clock.move(11 * time.Minute)
	if w.LinkWaits(a.Link) != "" || w.LinkWaits("x") != "" || w.LinkWaits("") != "" {
		t.Error("it waits for ever")
	}
	refused(t, w.LinkUpstream(w.ctx, as(p, ""), a.Link), token.AccessDenied)
	if l, _ := w.UpstreamLink(w.ctx, p.ID); l != nil {
		t.Errorf("linked: %+v", l)
	}
}

// What a browser holds is good for one answer, in that browser, for ten minutes.
func TestAnswerIsTakenOnce(t *testing.T) {
	w := newWorld(t, "sqlite")
	f := withFar(w)
	w.user("ana@acme.example", token.Member)
	ctx, nobody := w.ctx, token.Actor{}

	kept, answer := f.round()
	var both [2]error
	var wait sync.WaitGroup
	for i := range both {
		wait.Go(func() { _, both[i] = w.Arrive(ctx, nobody, kept, answer) })
	}
	wait.Wait()
	if (both[0] == nil) == (both[1] == nil) {
		t.Errorf("of two at once: %v and %v", both[0], both[1])
	}
	_, err := w.Arrive(ctx, nobody, kept, answer)
	turnedAway(t, err, token.Expired)

	kept, answer = f.round()
	victims, _ := f.round()
	_, err = w.Arrive(ctx, nobody, victims, answer) // the attacker's answer in another browser
	refused(t, err, token.AccessDenied)
	_, err = w.Arrive(ctx, nobody, "", answer)
	turnedAway(t, err, token.Expired)
	w.clock.move(11 * time.Minute)
	_, err = w.Arrive(ctx, nobody, kept, answer)
	turnedAway(t, err, token.Expired)

	halfway, err := w.Halfway(w.user("bob@acme.example", token.Member)) // sealed for something else
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Arrive(ctx, nobody, halfway, answer)
	turnedAway(t, err, token.Expired)
}

func TestProviderIsNotAskedForEverWithoutAnEnd(t *testing.T) {
	w := newWorld(t, "sqlite")
	f := withFar(w)
	ana := w.user("ana@acme.example", token.Member)
	bring := func(address string) error {
		kept, answer := f.round()
		answer.Code = "guessed"
		_, err := w.Arrive(w.ctx, token.Actor{Address: address}, kept, answer)
		return err
	}
	for range 100 {
		refused(t, bring("192.0.2.7"), token.AccessDenied)
	}
	asked := f.Requests["/token"]
	refused(t, bring("192.0.2.7"), token.TooMany)
	if f.Requests["/token"] != asked {
		t.Error("the provider was asked once more")
	}
	refused(t, bring("198.51.100.7"), token.AccessDenied)
	w.clock.move(2 * time.Minute)
	if a, err := f.arrive(); err != nil || a.Person.ID != ana.ID {
		t.Errorf("a while later: %+v, %v", a, err)
	}
}

// That the provider is down is nobody's guess: those behind one address are not
// made to wait for it afterwards.
func TestProviderThatIsDownBlocksNobody(t *testing.T) {
	w := newWorld(t, "sqlite")
	f := withFar(w)
	kept, answer := make([]string, 110), make([]UpstreamAnswer, 110)
	for i := range kept {
		kept[i], answer[i] = f.round()
	}
	f.Close()
	for i := range kept {
		_, err := w.Arrive(w.ctx, token.Actor{Address: "192.0.2.7"}, kept[i], answer[i])
		refused(t, err, token.Unavailable)
	}
}

// unlinking is a transaction in which another node unlinks an account as soon as
// it was looked up.
type unlinking struct{ Tx }

func (tx unlinking) Link(ctx context.Context, issuer, subject string) (*token.Link, error) {
	l, err := tx.Tx.Link(ctx, issuer, subject)
	if err == nil && l != nil {
		_, err = tx.DropLinks(ctx, l.Person)
	}
	return l, err
}

func TestAccountThatIsUnlinkedAtThatMomentSignsNobodyIn(t *testing.T) {
	w := newWorld(t, "sqlite")
	f := withFar(w)
	w.user("ana@acme.example", token.Member)
	if _, err := f.is("sub-1", "ana@acme.example", true).arrive(); err != nil {
		t.Fatal(err)
	}
	w.news()
	err := w.store.Do(w.ctx, func(tx Tx) error {
		_, err := w.arrive(w.ctx, unlinking{tx}, token.Actor{}, upstream.Claims{Subject: "sub-1"})
		return err
	})
	turnedAway(t, err, token.Expired)
	w.recorded()
}

func TestSignInThatCannotBeRecordedDidNotHappen(t *testing.T) {
	w := newWorld(t, "sqlite")
	f := withFar(w)
	ana := w.user("ana@acme.example", token.Member)
	w.store.broken = true
	if a, err := f.arrive(); err == nil || a.Person != nil {
		t.Errorf("got %+v, %v", a, err)
	}
	if l, _ := w.UpstreamLink(w.ctx, ana.ID); l != nil {
		t.Errorf("linked: %+v", l)
	}
}

func TestLastWayToSignInIsKept(t *testing.T) {
	eachEngine(t, func(t *testing.T, w *world) {
		f := withFar(w)
		ana := w.user("ana@acme.example", token.Member)
		if _, err := f.arrive(); err != nil {
			t.Fatal(err)
		}
		refused(t, w.UnlinkUpstream(w.ctx, as(ana, "")), token.Conflict)
		w.device(ana, "Phone")
		keys, err := w.store.Passkeys(w.ctx, ana.ID)
		if err != nil || len(keys) != 1 {
			t.Fatal(keys, err)
		}
		w.news()
		if err := w.UnlinkUpstream(w.ctx, as(ana, "")); err != nil {
			t.Fatal(err)
		}
		w.recorded("user.unlinked")
		if err := w.UnlinkUpstream(w.ctx, as(ana, "")); err != nil { // nothing is linked
			t.Error(err)
		}
		refused(t, w.RemovePasskey(w.ctx, as(ana, ""), keys[0].ID), token.Conflict)
		a, err := f.arrive()
		if err != nil || a.Link == "" {
			t.Fatalf("unlinked, it is a stranger's again: %+v, %v", a, err)
		}
		if err := w.LinkUpstream(w.ctx, as(ana, ""), a.Link); err != nil {
			t.Fatal(err)
		}
		if err := w.RemovePasskey(w.ctx, as(ana, ""), keys[0].ID); err != nil {
			t.Errorf("beside a link the last passkey may go: %v", err)
		}
	})
}

func TestLostFactorsTakeTheLinkAlong(t *testing.T) {
	w := newWorld(t, "sqlite")
	f := withFar(w)
	ana := w.user("ana@acme.example", token.Member)
	if _, err := f.is("sub-old", ana.Email, true).arrive(); err != nil {
		t.Fatal(err)
	}
	w.news()
	if err := w.RemoveFactors(w.ctx, as(w.user("sue@acme.example", token.SuperAdmin), "ws1"), ana.ID, "another tenant"); err != nil {
		t.Fatal(err)
	}
	if rows := w.news(); !slices.ContainsFunc(rows, func(e *token.Event) bool { return e.Action == "user.unlinked" }) {
		t.Errorf("recorded %v", rows)
	}
	if a, err := f.is("sub-new", ana.Email, true).arrive(); err != nil || a.Person == nil {
		t.Errorf("the new account: %+v, %v", a, err)
	}
}

func TestNobodySignsInElsewhereWithoutAProvider(t *testing.T) {
	w := newWorld(t, "sqlite")
	_, _, err := w.AskUpstream(w.ctx, "/", false)
	refused(t, err, token.NotFound)
	_, err = w.Arrive(w.ctx, token.Actor{}, "", UpstreamAnswer{})
	refused(t, err, token.NotFound)
	if w.UpstreamName() != "" || w.LinkWaits("x") != "" {
		t.Error("there is a provider")
	}
}
