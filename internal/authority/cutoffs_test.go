package authority_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/store"
	"github.com/fichadev/ficha/internal/token"
)

// minted issues a token in workspace w.
func minted(t *testing.T, h *servertest.House, o authority.Order) *authority.Issued {
	t.Helper()
	if o.Kind == "" {
		o.Kind, o.Name = token.Service, "robot"
	}
	if o.Client == "" {
		o.Client = "app"
	}
	o.Contract, o.Scopes = "test", token.Scopes{"catalog:read"}
	if o.Workspace == "" {
		o.Workspace = "w"
	}
	out, err := h.Authority.Issue(t.Context(), token.Actor{Kind: token.App, ID: o.Client}, o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// stands reports whether a token opens anything.
func stands(t *testing.T, h *servertest.House, out *authority.Issued) bool {
	t.Helper()
	_, _, err := h.Verifier.Judge(t.Context(), out.Secret, token.Use{Now: h.Clock.Now().UnixMilli(), Surface: token.AtVerify})
	if err != nil && !token.Is(err, token.InvalidToken) {
		t.Fatal(err)
	}
	return err == nil
}

func TestFamilyEndsAsAWhole(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	family := func() *authority.Issued {
		return minted(t, h, authority.Order{Kind: token.Access, Refresh: true, Family: &token.Grant{
			Contract: "test", Client: "app", Workspace: "w", Scopes: token.Scopes{"catalog:read"}, CreatedAt: h.Clock.Now().UnixMilli(),
		}})
	}
	ended, other := family(), family()
	by := token.Predicate{Family: ended.Token.Grant.String()}
	b, err := h.Authority.Blast(t.Context(), apply, authority.Sweep{Workspace: "w", Act: token.Revoke, By: by})
	if err != nil || !b.Cutoff || b.Count != 2 || b.Kinds[token.Refresh] != 1 {
		t.Errorf("the dry run says %+v, %v", b, err)
	}
	if _, err := h.Authority.Sweep(t.Context(), apply, authority.Sweep{Workspace: "w", Act: token.Revoke, By: by, Reason: "leaked"}); err != nil {
		t.Fatal(err)
	}
	if stands(t, h, ended) || !stands(t, h, other) {
		t.Errorf("the family opens %v, the other %v", stands(t, h, ended), stands(t, h, other))
	}
	_, err = h.Authority.Sweep(t.Context(), apply, authority.Sweep{Workspace: "v", Act: token.Revoke, By: token.Predicate{Family: other.Token.Grant.String()}})
	if !token.Is(err, token.NotFound) {
		t.Errorf("from another workspace: %v", err)
	}
}

// TestInstalledClientIsEndedWhereItIsMeant: its home cuts it off everywhere,
// another workspace ends what it has there and nothing else.
func TestInstalledClientIsEndedWhereItIsMeant(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	home, away := minted(t, h, authority.Order{}), minted(t, h, authority.Order{Workspace: "v"})
	r, err := h.Authority.Sweep(t.Context(), apply, authority.Sweep{Workspace: "v", Act: token.Revoke, By: token.Predicate{Client: "app"}})
	if err != nil || r.Count != 1 || r.Running {
		t.Fatalf("%+v, %v", r, err)
	}
	if !stands(t, h, home) || stands(t, h, away) {
		t.Errorf("at home it opens %v, away %v", stands(t, h, home), stands(t, h, away))
	}
	away = minted(t, h, authority.Order{Workspace: "v"})
	s := authority.Sweep{Workspace: "w", Act: token.Revoke, By: token.Predicate{Client: "app"}}
	if b, err := h.Authority.Blast(t.Context(), apply, s); err != nil || !b.Beyond || !b.AtLeast || b.Count != 1 {
		t.Errorf("the dry run says %+v, %v; want that it reaches further", b, err)
	}
	if _, err := h.Authority.Sweep(t.Context(), apply, s); err != nil || stands(t, h, home) || stands(t, h, away) {
		t.Errorf("%v; at home it opens %v, away %v", err, stands(t, h, home), stands(t, h, away))
	}
}

// What somebody decides of a token after a run has read its page stands.
func TestRunLeavesWhatSomebodyElseDecidedMeanwhile(t *testing.T) {
	onEachEngine(t, policyHouse, func(t *testing.T, house *servertest.House) {
		h := &policed{house, t}
		super, at := h.as("super@example.test"), h.now()
		swept := func(row token.Token, at, until int64) (did bool) {
			err := h.Store.Do(t.Context(), func(tx *store.Tx) (err error) {
				did, err = authority.SwitchOne(t.Context(), tx, &row, at, until)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return did
		}
		row := func(id token.ID) token.Token {
			k, err := h.Store.Token(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			return *k
		}
		k := h.issue(service(nil)).Token
		active := row(k.ID)
		if !swept(active, at, at+hours(1)) || row(k.ID).SuspendedUntil != at+hours(1) {
			t.Fatalf("not suspended: %+v", row(k.ID))
		}
		suspended := row(k.ID)
		h.Clock.Move(time.Minute)
		if err := h.Authority.Suspend(t.Context(), super, k, 0, "stolen"); err != nil {
			t.Fatal(err)
		}
		if swept(active, at, at+hours(1)) || swept(suspended, 0, 0) || row(k.ID).SuspendedUntil != 0 || row(k.ID).SuspendedAt == at {
			t.Errorf("the newer suspension is gone: %+v", row(k.ID))
		}
		if !swept(row(k.ID), 0, 0) || row(k.ID).SuspendedAt != 0 {
			t.Errorf("not resumed: %+v", row(k.ID))
		}
	})
}

func TestKeyIsCutOffByAnOperatorAlone(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	signed, opaque := minted(t, h, authority.Order{Form: authority.Signed}), minted(t, h, authority.Order{})
	s := authority.Sweep{Workspace: "w", Act: token.Revoke, By: token.Predicate{Key: signed.Token.Key}, Reason: "stolen"}
	if _, err := h.Authority.Sweep(t.Context(), personAs(t, h, "super@w.test"), s); !token.Is(err, token.Forbidden) {
		t.Errorf("a super admin of one workspace: %v", err)
	}
	if _, err := h.Authority.Sweep(t.Context(), apply, s); err != nil || stands(t, h, signed) || !stands(t, h, opaque) {
		t.Errorf("%v; the signed one opens %v, the opaque one %v", err, stands(t, h, signed), stands(t, h, opaque))
	}
	s.By.Key = "nobody's"
	if _, err := h.Authority.Sweep(t.Context(), apply, s); !token.Is(err, token.NotFound) {
		t.Errorf("a key that is not there: %v", err)
	}
}

func TestWholeWorkspaceIsASuperAdminsToEnd(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	made := minted(t, h, authority.Order{})
	s := authority.Sweep{Workspace: "w", Act: token.Revoke, By: token.Predicate{Workspace: "w"}}
	for _, email := range []string{"admin@w.test", "member@w.test", "super@v.test"} {
		if _, err := h.Authority.Sweep(t.Context(), personAs(t, h, email), s); err == nil || !stands(t, h, made) {
			t.Errorf("%s ended it: %v", email, err)
		}
	}
	if _, err := h.Authority.Sweep(t.Context(), personAs(t, h, "super@w.test"), s); err != nil || stands(t, h, made) {
		t.Errorf("%v", err)
	}
}

// TestRunThatIsBrokenOffIsWorkedOffOnce, whoever finds it and however many do.
func TestRunThatIsBrokenOffIsWorkedOffOnce(t *testing.T) {
	hurry := false
	var mu sync.Mutex
	h := servertest.Start(t, twoTenants, func(c *server.Config) {
		now := c.Now
		late := time.Duration(0)
		c.Now = func() time.Time { // once it is in a hurry, each look at the clock costs a second
			mu.Lock()
			defer mu.Unlock()
			if hurry {
				late += time.Second
			}
			return now().Add(late)
		}
	})
	const tokens = 650
	all := make([]*authority.Issued, tokens)
	for n := range all {
		all[n] = minted(t, h, authority.Order{Name: fmt.Sprint("robot ", n), Kind: token.Service})
	}
	mu.Lock()
	hurry = true
	mu.Unlock()
	r, err := h.Authority.Sweep(t.Context(), apply, authority.Sweep{Workspace: "w", Act: token.Revoke, By: token.Predicate{Kind: token.Service}, Reason: "all"})
	if err != nil || !r.Running || r.Count == tokens {
		t.Fatalf("%+v, %v; want a run that is not finished", r, err)
	}
	mu.Lock()
	hurry = false
	mu.Unlock()
	var nodes sync.WaitGroup
	for range 3 {
		nodes.Go(func() {
			if err := h.Authority.WorkOff(t.Context(), h.Clock.Now()); err != nil {
				t.Error(err)
			}
		})
	}
	nodes.Wait()
	if err := h.Authority.WorkOff(t.Context(), h.Clock.Now()); err != nil {
		t.Error(err)
	}
	left, err := h.Store.RunningRevocations(t.Context(), 10)
	done, _ := h.Store.Revocation(t.Context(), "w", r.ID)
	if err != nil || len(left) != 0 || done.Running || done.Count != tokens || done.FinishedAt == 0 || done.Position <= r.Position {
		t.Errorf("%d left, %v; it is %+v", len(left), err, done)
	}
	for _, out := range all {
		if stands(t, h, out) {
			t.Fatalf("%v still opens", out.Token.ID)
		}
	}
}
