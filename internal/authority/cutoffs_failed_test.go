package authority_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/store"
	"github.com/fichadev/ficha/internal/token"
)

// runOver enters a run on the service tokens of a family that is not there.
func runOver(t *testing.T, h *servertest.House, family token.ID, act token.Act) token.ID {
	t.Helper()
	return runOf(t, h, token.Revocation{Act: act, Predicate: token.Predicate{Kind: token.Service, Family: family.String()}})
}

// runOf enters a run of that act, predicate and end.
func runOf(t *testing.T, h *servertest.House, r token.Revocation) token.ID {
	t.Helper()
	now := h.Clock.Now()
	r.ID, r.Workspace, r.Reason, r.Actor = token.NewID(now, token.Long), "w", "all of them", apply
	r.Running, r.Reached = true, token.FirstID(now.Add(time.Millisecond))
	if err := h.Store.Do(t.Context(), func(tx *store.Tx) error { return tx.PutRevocation(t.Context(), &r) }); err != nil {
		t.Fatal(err)
	}
	h.Clock.Move(time.Second)
	return r.ID
}

func stateOf(t *testing.T, h *servertest.House, id token.ID) *token.Revocation {
	t.Helper()
	r, err := h.Store.Revocation(t.Context(), "w", id)
	if err != nil || r == nil {
		t.Fatal(r, err)
	}
	return r
}

// giveUp lets time pass until a run is given up, and returns how often it was
// tried and for how long.
func giveUp(t *testing.T, h *servertest.House, id token.ID) (tries int, took time.Duration) {
	t.Helper()
	for began := h.Clock.Now(); took < time.Hour; took = h.Clock.Now().Sub(began) {
		if h.Authority.WorkOff(t.Context(), h.Clock.Now()) != nil {
			tries++
		}
		if stateOf(t, h, id).Failed {
			return tries, took
		}
		h.Clock.Move(time.Second)
	}
	t.Fatal("it was never given up")
	return 0, 0
}

// familyMember enters a service token of a family, or another secret of one.
func familyMember(t *testing.T, h *servertest.House, family token.ID, change func(*token.Token)) *token.Token {
	t.Helper()
	h.Clock.Move(time.Second)
	id := token.NewID(h.Clock.Now(), token.Long)
	k := &token.Token{
		ID: id, Credential: id, Kind: token.Service, Contract: "v1", Hash: token.HashOf(id.String()), LastFour: "abcd", Name: "robot", Workspace: "w", Client: "app",
		Grant: family, Born: positionOf(t, h), IssuedAt: id.Time().UnixMilli(), ExpiresAt: h.Clock.Now().Add(720 * time.Hour).UnixMilli(),
	}
	if change != nil {
		change(k)
	}
	if err := h.Store.Commit(t.Context(), &token.Deed{Issue: []*token.Token{k}}); err != nil {
		t.Fatal(err)
	}
	return k
}

// turned rotates a service token of a family at once.
func turned(t *testing.T, h *servertest.House, old *token.Token) *token.Token {
	t.Helper()
	next := familyMember(t, h, old.Grant, func(k *token.Token) { k.Credential, k.Replaces = old.Credential, old.ID })
	if err := h.Store.Commit(t.Context(), &token.Deed{End: []token.Ending{{ID: old.ID, At: h.Clock.Now().UnixMilli(), Reason: "rotated"}}}); err != nil {
		t.Fatal(err)
	}
	return next
}

// mend enters the family whose absence keeps a run from going on.
func mend(t *testing.T, h *servertest.House, family token.ID) {
	t.Helper()
	err := h.Store.Do(t.Context(), func(tx *store.Tx) error {
		return tx.InsertGrant(t.Context(), &token.Grant{ID: family, Contract: "v1", Client: "app", Workspace: "w"})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestRunThatCannotGoOnLetsRotationsGo: it is given up after ten tries within
// minutes, says why, and is on record once.
func TestRunThatCannotGoOnLetsRotationsGo(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	other := minted(t, h, authority.Order{Name: "another", Kind: token.Service})
	rotate := func() error {
		_, _, err := h.Authority.Rotate(t.Context(), apply, authority.Turn{Token: other.Token, Grace: time.Hour})
		return err
	}
	id := runOver(t, h, token.NewID(h.Clock.Now(), token.Long), token.Revoke)
	if err := rotate(); !token.Is(err, token.Conflict) {
		t.Errorf("beside a run: %v", err)
	}
	tries, took := giveUp(t, h, id)
	if tries != 10 || took < 5*time.Minute || took > 10*time.Minute {
		t.Errorf("given up after %d tries and %v", tries, took)
	}
	r := stateOf(t, h, id)
	if r.Running || r.State() != "failed" || !strings.Contains(r.Fault, "no such family") || r.FinishedAt == 0 {
		t.Errorf("it is %+v", r)
	}
	if err := rotate(); err != nil {
		t.Errorf("after it was given up: %v", err)
	}
	if err := h.Authority.WorkOff(t.Context(), h.Clock.Now()); err != nil {
		t.Errorf("it is still worked off: %v", err)
	}
	events, err := h.Store.Events(t.Context(), token.Trail{Workspace: "w", Target: "revocation:" + id.String(), Limit: 10})
	if err != nil || len(events) != 1 || events[0].Action != "revocation.failed" || events[0].Detail["fault"] != r.Fault {
		t.Errorf("on record %+v, %v", events, err)
	}
}

// TestRunThatIsTriedAgainDoesTheRestOnce: not what it had done before, not what
// came since it began, but what was rotated while it lay still.
func TestRunThatIsTriedAgainDoesTheRestOnce(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	family := token.NewID(h.Clock.Now(), token.Long)
	rest := familyMember(t, h, family, nil)
	before := familyMember(t, h, family, nil)
	id := runOver(t, h, family, token.Suspend)
	after := familyMember(t, h, family, nil)
	if _, err := h.Authority.RetryRevocation(t.Context(), apply, "w", id); err != nil || stateOf(t, h, id).Failures != 0 {
		t.Errorf("what runs is left alone: %v", err)
	}
	// It has done the newer one, which somebody resumed, and is stuck at the other.
	err := h.Store.Do(t.Context(), func(tx *store.Tx) error {
		was := stateOf(t, h, id)
		next := *was
		next.Reached, next.Count = before.ID, 1
		_, err := tx.AdvanceRevocation(t.Context(), &next, was.Reached)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	giveUp(t, h, id)
	newer := turned(t, h, rest)
	mend(t, h, family)
	for range 2 {
		r, err := h.Authority.RetryRevocation(t.Context(), apply, "w", id)
		if err != nil || r.State() != "done" || r.Count != 2 {
			t.Errorf("%+v, %v; want it done, and two in all", r, err)
		}
	}
	for _, one := range []struct {
		what      string
		id        token.ID
		suspended bool
	}{{"done before", before.ID, false}, {"minted since", after.ID, false}, {"rotated meanwhile", newer.ID, true}} {
		k, err := h.Store.Token(t.Context(), one.id)
		if err != nil || (k.SuspendedAt != 0) != one.suspended {
			t.Errorf("%s: suspended at %d, %v", one.what, k.SuspendedAt, err)
		}
	}
	if _, err := h.Authority.RetryRevocation(t.Context(), apply, "x", id); !token.Is(err, token.NotFound) {
		t.Errorf("from another workspace: %v", err)
	}
}

// TestNoAgeLetsASecretEscapeThatWasRotatedMeanwhile: a run that is tried again
// judges by the secret whose place it took, or by the first where it was rotated
// more than once.
func TestNoAgeLetsASecretEscapeThatWasRotatedMeanwhile(t *testing.T) {
	for _, one := range []struct {
		what string
		by   token.Predicate
		used bool // also hits what is in use
	}{{"issued before", token.Predicate{IssuedBefore: 1}, true}, {"idle", token.Predicate{IdleDays: 1}, false}} {
		t.Run(one.what, func(t *testing.T) {
			h := servertest.Start(t, twoTenants, nil)
			family := token.NewID(h.Clock.Now(), token.Long)
			leaked, twice, used := familyMember(t, h, family, nil), familyMember(t, h, family, nil), familyMember(t, h, family, nil)
			h.Clock.Move(25 * time.Hour)
			if one.by.IssuedBefore != 0 {
				one.by.IssuedBefore = h.Clock.Now().UnixMilli()
			}
			if err := h.Store.FlushUses(t.Context(), usedOnce(used.ID, h.Clock.Now().UnixMilli()), func(int) {}); err != nil {
				t.Fatal(err)
			}
			late := familyMember(t, h, family, nil)
			one.by.Family, one.by.Kind = family.String(), token.Service
			id := runOf(t, h, token.Revocation{Act: token.Revoke, Predicate: one.by})
			giveUp(t, h, id)
			leaked, twice, used, late = turned(t, h, leaked), turned(t, h, turned(t, h, twice)), turned(t, h, used), turned(t, h, late)
			mend(t, h, family)
			if r, err := h.Authority.RetryRevocation(t.Context(), apply, "w", id); err != nil || r.State() != "done" {
				t.Errorf("%+v, %v", r, err)
			}
			for _, is := range []struct {
				what string
				of   *token.Token
				hit  bool
			}{{"that was meant", leaked, true}, {"rotated twice", twice, true}, {"in use", used, one.used}, {"too young", late, false}} {
				k, err := h.Store.Token(t.Context(), is.of.ID)
				if err != nil || (k.EndedAt != 0) != is.hit {
					t.Errorf("one %s ended at %d, %v", is.what, k.EndedAt, err)
				}
			}
		})
	}
}

// TestSuspensionThatIsOverIsDone: tried again after its end it suspends nothing,
// and says of no token that it did.
func TestSuspensionThatIsOverIsDone(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	family := token.NewID(h.Clock.Now(), token.Long)
	member := familyMember(t, h, family, nil)
	id := runOf(t, h, token.Revocation{
		Act: token.Suspend, Predicate: token.Predicate{Kind: token.Service, Family: family.String()}, Until: h.Clock.Now().Add(time.Hour).UnixMilli(),
	})
	giveUp(t, h, id)
	mend(t, h, family)
	h.Clock.Move(time.Hour)
	if r, err := h.Authority.RetryRevocation(t.Context(), apply, "w", id); err != nil || r.State() != "done" || r.Count != 0 {
		t.Errorf("%+v, %v; want it done, with nothing to do", r, err)
	}
	events, err := h.Store.Events(t.Context(), token.Trail{Workspace: "w", Target: "token:" + member.Credential.String(), Limit: 10})
	if k, err := h.Store.Token(t.Context(), member.ID); err != nil || k.SuspendedAt != 0 {
		t.Errorf("suspended at %d, %v", k.SuspendedAt, err)
	}
	if err != nil || len(events) != 0 {
		t.Errorf("on record %+v, %v", events, err)
	}
}
