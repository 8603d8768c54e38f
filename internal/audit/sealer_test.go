package audit_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/keys"
	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/store"
	"github.com/fichadev/ficha/internal/token"
)

var start = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// A house is a store, its keys and a sealer, with a clock that tests move.
type house struct {
	*store.Store
	keeper *keys.Keeper
	sealer *audit.Sealer
	trust  audit.Trust
	ms     atomic.Int64
	last   atomic.Uint32
	behind string // where the database is, for who goes past the store
}

func (h *house) now() time.Time { return time.UnixMilli(h.ms.Load()).UTC() }

func (h *house) pass(d time.Duration) { h.ms.Add(d.Milliseconds()) }

func eachHouse(t *testing.T, test func(*testing.T, *house)) {
	run := func(t *testing.T, database string) {
		h := &house{behind: database}
		h.ms.Store(start.UnixMilli())
		var err error
		h.Store, err = store.Open(t.Context(), store.Config{Database: database, Now: h.now, Log: slog.New(slog.DiscardHandler)}, true)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := h.Close(); err != nil {
				t.Error(err)
			}
		})
		h.equip(t)
		test(t, h)
	}
	t.Run("sqlite", func(t *testing.T) { run(t, "sqlite:"+filepath.Join(t.TempDir(), "ficha.db")) })
	if pgtest.Available() {
		t.Run("postgres", func(t *testing.T) { run(t, pgtest.Start(t).Database(t)) })
	}
}

// equip gives the house its keys and its sealer.
func (h *house) equip(t *testing.T) {
	t.Helper()
	master, err := keys.LoadMaster(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	k := &keys.Keeper{Store: h.Store, Master: master, Ring: keys.NewRing(master), Now: h.now, Life: 24 * time.Hour}
	if err := k.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.keeper = k
	h.signWith(t, keys.ES256)
}

// signWith has the sealer sign with an algorithm, and trusts what keys there are.
func (h *house) signWith(t *testing.T, alg string) {
	t.Helper()
	if err := h.keeper.EnsureAlg(t.Context(), alg); err != nil {
		t.Fatal(err)
	}
	h.sealer = &audit.Sealer{Seals: h.Store, Signer: func() (audit.Signer, error) { return h.keeper.Ring.Signer(alg) }}
	rows, err := h.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if h.trust, err = audit.TrustIn(rows); err != nil {
		t.Fatal(err)
	}
}

// note records a deed of a workspace at an instant.
func (h *house) note(t *testing.T, workspace, action string, at time.Time) token.ID {
	t.Helper()
	e := audit.Note(at, token.Actor{Kind: token.User, ID: "u1", Agent: "curl <8>"}, workspace, action, audit.Target{Kind: "token", ID: "t1", Name: "ci & co"},
		map[string]any{"policy": token.Policy{MaxTTL: map[token.Kind]int64{token.Service: 1 << 60}, RequirePurpose: true}, "scopes": token.Scopes{"a:b"}})
	e.ID = token.MakeID(at, token.Long, h.last.Add(1))
	if err := h.Commit(t.Context(), &token.Deed{Events: []*token.Event{e}}); err != nil {
		t.Fatal(err)
	}
	return e.ID
}

func (h *house) seal(t *testing.T) {
	t.Helper()
	if err := h.sealer.Run(t.Context(), h.now()); err != nil {
		t.Fatal(err)
	}
}

func (h *house) verify(t *testing.T, workspace string) *audit.Report {
	t.Helper()
	r, err := audit.Verify(t.Context(), workspace, h, h.trust, token.FirstID(h.now().Add(-400*24*time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sound fails the test unless the ledger is whole, with so many seals and records.
func (h *house) sound(t *testing.T, workspace string, seals, records int64) *audit.Report {
	t.Helper()
	r := h.verify(t, workspace)
	if r.Seals != seals || r.Records != records || len(r.Faults) > 0 {
		t.Errorf("%q: %d seals of %d records, faults %v; want %d of %d and none", workspace, r.Seals, r.Records, r.Faults, seals, records)
	}
	return r
}

func TestRecordsAreSealedAfterTheirDelay(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		for range 3 {
			h.note(t, "ws1", "token.issued", h.now())
		}
		h.note(t, "ws2", "member.removed", h.now())
		h.note(t, "", "key.made", h.now())
		h.seal(t)
		h.sound(t, "ws1", 0, 0) // not yet
		h.pass(audit.SealDelay)
		h.seal(t)
		h.sound(t, "ws1", 0, 0) // at the very millisecond: not yet
		h.pass(time.Millisecond)
		h.seal(t)
		h.sound(t, "ws1", 1, 3)
		h.sound(t, "ws2", 1, 1)
		h.sound(t, "", 1, 1)

		h.note(t, "ws1", "token.revoked", h.now())
		h.note(t, "ws1", "token.issued", h.now())
		h.pass(time.Minute)
		h.seal(t)
		r := h.sound(t, "ws1", 2, 5)
		if got := fmt.Sprint(r.Last.Totals); got != "map[token.issued:4 token.revoked:1]" {
			t.Errorf("totals: %s", got)
		}
		h.seal(t)
		h.sound(t, "ws1", 2, 5) // nothing new, nothing sealed
	})
}

func TestStragglerGetsALateSeal(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		h.note(t, "ws1", "token.issued", h.now())
		h.pass(time.Second)
		h.note(t, "ws1", "token.issued", h.now())
		h.pass(time.Minute)
		h.seal(t)
		h.note(t, "ws1", "token.revoked", start.Add(500*time.Millisecond)) // its commit took long
		h.note(t, "ws1", "token.issued", start.Add(10*time.Second))
		h.seal(t)
		r := h.sound(t, "ws1", 3, 4)
		if r.Late != 1 {
			t.Errorf("%d late seals, want 1", r.Late)
		}
		seals, err := h.Seals(t.Context(), "ws1", 0, 10)
		if err != nil || !seals[1].Late || seals[1].Count != 1 || seals[2].Late {
			t.Errorf("the second is not the late one: %v", err)
		}
	})
}

func TestManyRecordsMakeSeveralSeals(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		const many = 5000
		var events []*token.Event
		for range many {
			e := audit.Note(h.now(), token.Actor{Kind: token.System}, "ws1", "token.issued", audit.Target{}, nil)
			e.ID = token.MakeID(h.now(), token.Long, h.last.Add(1))
			events = append(events, e)
		}
		if err := h.Commit(t.Context(), &token.Deed{Events: events}); err != nil {
			t.Fatal(err)
		}
		h.pass(time.Minute)
		h.seal(t)
		h.sound(t, "ws1", 2, many)
	})
}

func TestNodesThatSealAtOnceMakeOneChain(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		for round := range 5 {
			for range 7 {
				h.note(t, "ws1", "token.issued", h.now())
			}
			h.pass(time.Minute)
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					if err := h.sealer.Run(t.Context(), h.now()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			h.seal(t)
			if r := h.verify(t, "ws1"); r.Records != int64(7*(round+1)) || len(r.Faults) > 0 {
				t.Fatalf("round %d: %d records, %v", round, r.Records, r.Faults)
			}
		}
	})
}

func TestSealThatCannotBeSignedClaimsNothing(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		h.note(t, "ws1", "token.issued", h.now())
		h.pass(time.Minute)
		broken := &audit.Sealer{Seals: h.Store, Signer: func() (audit.Signer, error) { return mute{}, nil }}
		if err := broken.Run(t.Context(), h.now()); !errors.Is(err, errMute) {
			t.Errorf("err = %v, want the signer's", err)
		}
		h.sound(t, "ws1", 0, 0)
		h.seal(t)
		h.sound(t, "ws1", 1, 1)
	})
}

var errMute = errors.New("no voice")

type mute struct{}

func (mute) Key() string                                   { return "mute" }
func (mute) SignAs(string, []byte, []byte) ([]byte, error) { return nil, errMute }

// altered is a ledger that somebody has changed on the way to its reader.
type altered struct {
	*house
	seals  func([]*token.Seal) []*token.Seal
	events func(*token.Seal, []*token.Event) []*token.Event
}

func (a altered) Seals(ctx context.Context, workspace string, after int64, limit int) ([]*token.Seal, error) {
	list, err := a.house.Seals(ctx, workspace, 0, limit)
	if a.seals != nil {
		list = a.seals(list)
	}
	var rest []*token.Seal
	for _, v := range list {
		if v.Number > after {
			rest = append(rest, v)
		}
	}
	return rest, err
}

func (a altered) SealedEvents(ctx context.Context, of *token.Seal) ([]*token.Event, error) {
	list, err := a.house.SealedEvents(ctx, of)
	if a.events != nil {
		list = a.events(of, list)
	}
	return list, err
}

func TestEveryTamperingIsSeen(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		for range 3 {
			for range 3 {
				h.note(t, "ws1", "token.issued", h.now())
			}
			h.pass(time.Minute)
			h.seal(t)
		}
		h.sound(t, "ws1", 3, 9)
		one := func(f func(*token.Seal)) func([]*token.Seal) []*token.Seal {
			return func(list []*token.Seal) []*token.Seal {
				f(list[1])
				return list
			}
		}
		again := func(v *token.Seal) { v.Hash, _ = v.Sum() } // as one who knows the format would
		in := func(f func([]*token.Event) []*token.Event) func(*token.Seal, []*token.Event) []*token.Event {
			return func(v *token.Seal, list []*token.Event) []*token.Event {
				if v.Number == 2 {
					return f(list)
				}
				return list
			}
		}
		for name, a := range map[string]altered{
			"record changed":       {events: in(func(l []*token.Event) []*token.Event { l[1].Actor.ID = "u2"; return l })},
			"detail changed":       {events: in(func(l []*token.Event) []*token.Event { l[0].Detail["scopes"] = nil; return l })},
			"record taken away":    {events: in(func(l []*token.Event) []*token.Event { return l[1:] })},
			"all taken away":       {events: in(func([]*token.Event) []*token.Event { return nil })},
			"record put in":        {events: in(func(l []*token.Event) []*token.Event { return append(l, l[0]) })},
			"records swapped":      {events: in(func(l []*token.Event) []*token.Event { l[0], l[1] = l[1], l[0]; return l })},
			"seal taken away":      {seals: func(l []*token.Seal) []*token.Seal { return append(l[:1:1], l[2]) }},
			"first taken away":     {seals: func(l []*token.Seal) []*token.Seal { return l[1:] }},
			"instant changed":      {seals: one(func(v *token.Seal) { v.At++ })},
			"changed and hashed":   {seals: one(func(v *token.Seal) { v.At++; again(v) })},
			"totals and hashed":    {seals: one(func(v *token.Seal) { v.Totals["x"]++; again(v) })},
			"signature of another": {seals: func(l []*token.Seal) []*token.Seal { l[1].Signature = l[0].Signature; return l }},
			"signature gone":       {seals: one(func(v *token.Seal) { v.Signature = nil })},
			"key unknown":          {seals: one(func(v *token.Seal) { v.Key = "stranger" })},
		} {
			a.house = h
			r, err := audit.Verify(t.Context(), "ws1", a, h.trust, 0)
			if err != nil || len(r.Faults) == 0 {
				t.Errorf("%s: nobody saw it (%v)", name, err)
			}
			for _, f := range r.Faults {
				if f.Seal < 1 || f.Text == "" {
					t.Errorf("%s: fault %+v", name, f)
				}
			}
		}
		h.sound(t, "ws1", 3, 9)
	})
}

func TestTokenCannotPassForASeal(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		h.note(t, "ws1", "token.issued", h.now())
		h.pass(time.Minute)
		sign := h.sealer.Signer
		h.sealer.Signer = func() (audit.Signer, error) {
			s, err := sign()
			return asToken{s}, err
		}
		h.seal(t)
		if r := h.verify(t, "ws1"); len(r.Faults) != 1 || !strings.Contains(r.Faults[0].Text, "signature") {
			t.Errorf("faults: %v", r.Faults)
		}
	})
}

// TestSealIsCheckedByTheKindOfItsKey: a key of another kind, or another key of
// the same kind, under the name of the one that signed does not do.
func TestSealIsCheckedByTheKindOfItsKey(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		algs := []string{keys.ES256, keys.EdDSA, keys.RS256}
		for _, alg := range algs {
			h.signWith(t, alg)
			h.note(t, alg, "token.issued", h.now())
			h.pass(audit.SealDelay + time.Second)
			h.seal(t)
			h.sound(t, alg, 1, 1)
		}
		right := h.trust
		for _, alg := range algs {
			for _, other := range algs {
				h.trust = strangers(t, h, right, other)
				if r := h.verify(t, alg); len(r.Faults) != 1 || !strings.Contains(r.Faults[0].Text, "signature") {
					t.Errorf("a seal by %s, checked with a stranger's %s: %v, want one fault", alg, other, r.Faults)
				}
			}
		}
	})
}

// strangers gives every name that is trusted to one new key of an algorithm.
func strangers(t *testing.T, h *house, names audit.Trust, alg string) audit.Trust {
	t.Helper()
	row, err := keys.Generate(h.keeper.Master, alg, h.now())
	if err != nil {
		t.Fatal(err)
	}
	made, err := audit.TrustIn([]token.SigningKey{row})
	if err != nil {
		t.Fatal(err)
	}
	all := audit.Trust{}
	for name := range names {
		all[name] = made[row.ID]
	}
	return all
}

// asToken signs everything as an access token.
type asToken struct{ audit.Signer }

func (a asToken) SignAs(_ string, dst, payload []byte) ([]byte, error) {
	return a.Signer.SignAs(keys.AccessTokenType, dst, payload)
}

func TestProofLeadsFromRecordToSeal(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		var ids []token.ID
		for range 6 {
			ids = append(ids, h.note(t, "ws1", "token.issued", h.now()))
		}
		h.pass(time.Minute)
		h.seal(t)
		seals, err := h.Seals(t.Context(), "ws1", 0, 10)
		if err != nil || len(seals) != 1 {
			t.Fatal(seals, err)
		}
		for _, id := range ids {
			e, err := h.Event(t.Context(), "ws1", id)
			if err != nil || e == nil || e.Seal != 1 {
				t.Fatalf("record %v: %+v, %v", id, e, err)
			}
			hash, err := e.Hash()
			if err != nil {
				t.Fatal(err)
			}
			p, ok, err := audit.Prove(t.Context(), h, seals[0], id)
			if err != nil || !ok || !audit.Leads(hash, p.Index, int(seals[0].Count), p.Path, seals[0].Root) {
				t.Errorf("record %v: %v, %v", id, ok, err)
			}
		}
		if _, ok, err := audit.Prove(t.Context(), h, seals[0], 7); ok || err != nil {
			t.Errorf("a record of nowhere is proven: %v", err)
		}
	})
}

func TestOldRecordsGoInWholeSeals(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		const day = 24 * time.Hour
		for range 3 {
			h.note(t, "ws1", "token.issued", h.now())
			h.pass(40 * day)
			h.note(t, "ws1", "token.issued", h.now())
			h.pass(time.Minute)
			h.seal(t)
			h.pass(day)
		}
		h.note(t, "ws1", "token.issued", h.now()) // not sealed
		for _, step := range []struct {
			days            int // since the start
			records, purged int64
		}{{123, 6, 0}, {439, 6, 0}, {441, 4, 2}, {460, 4, 2}, {2000, 0, 6}} {
			h.ms.Store(start.AddDate(0, 0, step.days).UnixMilli())
			for n := 1; n > 0; {
				var err error
				if n, err = h.Purge(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			r := h.verify(t, "ws1")
			if r.Records != step.records || r.Purged != step.purged || len(r.Faults) > 0 {
				t.Errorf("after %d days: %d records, %d purged, %v; want %d and %d", step.days, r.Records, r.Purged, r.Faults, step.records, step.purged)
			}
		}
		list, err := h.Events(t.Context(), token.Trail{Workspace: "ws1"})
		if err != nil || len(list) != 1 || list[0].Seal != 0 {
			t.Errorf("%d records left, %v; want the one that nobody sealed", len(list), err)
		}
	})
}
