package authority_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/store"
	"github.com/fichadev/ficha/internal/token"
)

// A breaking store is a real one of which parts fail: what is nil works.
type breaking struct {
	*store.Store
	alone bool // within a transaction runs are read by that alone
	deeds atomic.Int32
	list  error // instead of an inventory
	write func(authority.Tx) authority.Tx
}

func (b *breaking) Inventory(ctx context.Context, i token.Inventory) (*token.Page, error) {
	if b.list != nil {
		return nil, b.list
	}
	return b.Store.Inventory(ctx, i)
}

func (b *breaking) Revocation(ctx context.Context, workspace string, id token.ID) (*token.Revocation, error) {
	if b.alone && b.deeds.Load() > 0 {
		return nil, errors.New("there is no second connection")
	}
	return b.Store.Revocation(ctx, workspace, id)
}

func (b *breaking) Do(ctx context.Context, f func(authority.Tx) error) error {
	b.deeds.Add(1)
	defer b.deeds.Add(-1)
	return b.Store.Do(ctx, func(tx *store.Tx) error {
		if b.write != nil {
			return f(b.write(tx))
		}
		return f(tx)
	})
}

// brokenHouse returns the authority of a house on a store that breaks.
func brokenHouse(t *testing.T, h *servertest.House, on *breaking) *authority.Authority {
	t.Helper()
	on.Store = h.Store
	return houseOn(t, h, on)
}

// houseOn returns the authority of a house on another store.
func houseOn(t *testing.T, h *servertest.House, on authority.Store) *authority.Authority {
	t.Helper()
	a, err := authority.New(t.Context(), authority.Config{
		Store: on, Judge: h.Verifier, Format: h.Authority.Format(), Ring: h.Ring, Keeper: h.Keeper, Issuer: h.URL, Now: h.Clock.Now,
		Log: slog.New(slog.NewJSONHandler(h.Log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestFaultOfARunNamesNothingOfTheInside: what is behind a refusal stands in the
// log alone.
func TestFaultOfARunNamesNothingOfTheInside(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	a := brokenHouse(t, h, &breaking{list: token.Unreachable(errors.New("dial tcp 10.0.0.5:5432 (db1.internal)"))})
	id := runOver(t, h, 0, token.Suspend)
	if err := a.WorkOff(t.Context(), h.Clock.Now()); err == nil || !strings.Contains(err.Error(), "db1.internal") {
		t.Errorf("for the log: %v", err)
	}
	if fault := stateOf(t, h, id).Fault; fault != "temporarily_unavailable: the database cannot be used at the moment; try again soon" {
		t.Errorf("for who asks: %q", fault)
	}
}

// A mute transaction can put nothing on record.
type mute struct{ authority.Tx }

func (mute) Workspace(context.Context, string) (*token.Workspace, error) {
	return nil, errors.New("the row cannot be read")
}

// TestRunWhoseRecordIsTheFaultIsGivenUp: it keeps no rotation waiting, and the
// log says that the audit lacks it.
func TestRunWhoseRecordIsTheFaultIsGivenUp(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	id := runOver(t, h, 0, token.Revoke)
	a := brokenHouse(t, h, &breaking{write: func(tx authority.Tx) authority.Tx { return mute{tx} }})
	for range 10 {
		if err := a.WorkOff(t.Context(), h.Clock.Now()); err == nil {
			t.Fatal("it went on")
		}
		h.Clock.Move(2 * time.Minute)
	}
	if r := stateOf(t, h, id); !r.Failed || r.Failures != 10 {
		t.Errorf("after ten tries it is %+v", r)
	}
	if !strings.Contains(h.Log.String(), "put on record that it was given up: the row cannot be read") {
		t.Errorf("the log says nothing of it: %s", h.Log)
	}
}

// TestRetryTakesOneConnection: many at once would wait for each other's second.
func TestRetryTakesOneConnection(t *testing.T) {
	h := servertest.Start(t, twoTenants, nil)
	id := runOver(t, h, 0, token.Revoke)
	a := brokenHouse(t, h, &breaking{alone: true})
	if r, err := a.RetryRevocation(t.Context(), apply, "w", id); err != nil || !r.Running {
		t.Errorf("%+v, %v", r, err)
	}
}
