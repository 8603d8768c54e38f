package jobs

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// heap is a Purger with so many rows.
type heap struct {
	left  int
	fault error
}

func (h *heap) Purge(context.Context) (int, error) {
	if h.fault != nil {
		return 0, h.fault
	}
	n := min(h.left, 500)
	h.left -= n
	return n, nil
}

func TestPurgeGoesOnUntilNothingIsLeft(t *testing.T) {
	h := &heap{left: 2345}
	if err := Purge(h).Run(t.Context(), time.Time{}); err != nil || h.left != 0 {
		t.Errorf("%d rows left, %v", h.left, err)
	}
	h.fault = errors.New("disk full")
	if err := Purge(h).Run(t.Context(), time.Time{}); !errors.Is(err, h.fault) {
		t.Errorf("err = %v, want the store's", err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	h = &heap{left: 1}
	if err := Purge(h).Run(over, time.Time{}); err != nil || h.left != 1 {
		t.Errorf("past its time it purged %d rows, %v", 1-h.left, err)
	}
}

// calendar is Days of which one part fails.
type calendar struct {
	ensured, dropped time.Time
	days             int
	fault            error
}

func (c *calendar) EnsurePartitions(_ context.Context, now time.Time, days int) error {
	c.ensured, c.days = now, days
	return c.fault
}

func (c *calendar) DropPartitions(_ context.Context, now time.Time) error {
	c.dropped = now
	return nil
}

func TestOldDaysGoEvenIfNewOnesCannotBeMade(t *testing.T) {
	c, now := &calendar{fault: errors.New("locked")}, time.Unix(1e9, 0)
	err := Partitions(c).Run(t.Context(), now)
	if !errors.Is(err, c.fault) || !c.ensured.Equal(now) || !c.dropped.Equal(now) || c.days != daysAhead {
		t.Errorf("%+v, %v", c, err)
	}
}

// ledger is UsesTo that keeps a number of uses and then fails.
type ledger struct {
	kept  map[token.ID]token.Seen
	room  int
	fault error
}

func (l *ledger) FlushUses(_ context.Context, uses token.Uses, wrote func(more int)) error {
	for some := range uses.Portions {
		if l.room--; l.room < 0 {
			return l.fault
		}
		l.kept[some[0].Secret] = l.kept[some[0].Secret].And(some[0].Seen)
		wrote(1)
	}
	return nil
}

// noted are Uses.
type noted map[token.ID]token.Seen

func (n noted) WriteUses(ctx context.Context, write func(context.Context, token.Uses, func(more int)) error) error {
	var list []token.Used
	for _, id := range slices.Sorted(maps.Keys(n)) {
		list = append(list, token.Used{Secret: id, Seen: n[id]})
	}
	return write(ctx, token.Uses{Len: len(list), Portions: slices.Chunk(list, 1)}, func(more int) {
		for _, u := range list[:more] {
			delete(n, u.Secret)
		}
		list = list[more:]
	})
}

func TestUsesWaitForADatabaseThatDoesNotAnswer(t *testing.T) {
	l, n := &ledger{kept: map[token.ID]token.Seen{}, fault: errors.New("no database")}, noted{1: {Count: 3}, 2: {Count: 1}}
	j := FlushUses(n, l)
	if !j.AtStop || !j.EachNode {
		t.Error("a node's uses are its own, and the last are written when it stops")
	}
	for _, room := range []int{0, 1} {
		l.room = room
		if err := j.Run(t.Context(), time.Time{}); !errors.Is(err, l.fault) || !strings.HasPrefix(err.Error(), strconv.Itoa(2-room)+" uses wait") {
			t.Errorf("with room for %d: %v", room, err)
		}
	}
	l.room = 5
	for range 2 {
		if err := j.Run(t.Context(), time.Time{}); err != nil {
			t.Error(err)
		}
	}
	if want := (map[token.ID]token.Seen{1: {Count: 3}, 2: {Count: 1}}); !maps.Equal(l.kept, want) || len(n) != 0 || l.room != 4 {
		t.Errorf("kept %v with %v left, want %v, each once", l.kept, n, want)
	}
}

// Many uses are written with room in between for what people wait for, and at
// once where the node stops.
func TestUsesAreWrittenWithoutHaste(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const portions = 100
		n, l := noted{}, &ledger{kept: map[token.ID]token.Seen{}, room: portions}
		for i := range portions {
			n[token.ID(i+1)] = token.Seen{Count: 1}
		}
		r := runner(&desk{}, "a", FlushUses(n, l))
		r.Start()
		time.Sleep(time.Second)
		synctest.Wait()
		if len(l.kept) != 51 { // one in 20 ms
			t.Errorf("%d portions were written in a second", len(l.kept))
		}
		began := time.Now()
		r.Stop()
		if took := time.Since(began); took != 0 || len(l.kept) != portions {
			t.Errorf("the node took %s to stop, with %d of %d portions written", took, len(l.kept), portions)
		}
	})
}

func TestWorkOfEachNodeNeedsNoClaim(t *testing.T) {
	ran := 0
	work := func(context.Context, time.Time) error { ran++; return nil }
	for _, j := range []Job{Seal(work), TurnKeys(work, 30*time.Second)} {
		if err := j.Run(t.Context(), time.Time{}); err != nil || !j.EachNode || j.Every <= 0 || j.Name == "" {
			t.Errorf("%+v: %v", j, err)
		}
	}
	if ran != 2 {
		t.Errorf("%d runs, want 2", ran)
	}
}
