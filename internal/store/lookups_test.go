package store

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/token"
)

// Many look up at once and some do not wait: everybody else gets their own row,
// and when all have gone nobody holds a turn.
func TestLookUpsAtOnceFindEachTheirOwn(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		must(t, s.EnsurePartitions(context.Background(), time.Now(), 7))
		deed := &token.Deed{}
		for range 300 {
			deed.Issue = append(deed.Issue, newToken(token.Short), newToken(token.Long))
		}
		must(t, s.Commit(context.Background(), deed))
		var all sync.WaitGroup
		for caller := range 64 {
			all.Go(func() {
				for n := range 50 {
					lookUpAny(t, s, deed.Issue, caller+n*67)
				}
			})
		}
		all.Wait()
		for class, l := range s.rows {
			for l.left() != 0 { // until the last reading is over
				runtime.Gosched()
			}
			if len(l.waiting) != 0 {
				t.Errorf("%s: %d wait, and nobody reads", tables[class], len(l.waiting))
			}
		}
	})
}

func (l *lookUps) left() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.readings
}

// A database that says nothing keeps nobody longer than they would wait.
func TestLookUpsWaitNoLongerThanTheirDeadline(t *testing.T) {
	if !pgtest.Available() {
		return // a file answers
	}
	link := pgtest.Proxy(t, pgtest.Start(t).Database(t))
	s := open(t, link.DSN)
	link.Stall()
	defer link.Heal()
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			began := time.Now()
			if _, err := s.Token(ctx, newID(token.Short)); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 2*time.Second {
				t.Errorf("after %s: %v", time.Since(began), err)
			}
		})
	}
	all.Wait()
}

// lookUpAny looks up a row, one that is not there, or does not wait for it.
func lookUpAny(t *testing.T, s *Store, rows []*token.Token, n int) {
	ctx, id, there := context.Background(), rows[n*37%len(rows)].ID, true
	switch n % 8 {
	case 0:
		id, there = newID(id.Class()), false
	case 1:
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(n%500)*time.Microsecond)
		defer cancel()
	}
	got, err := s.Token(ctx, id)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
	case err != nil:
		t.Error(err)
	case there != (got != nil) || there && got.ID != id:
		t.Errorf("looked up %v and got %v", id, got)
	}
}

// A group of look-ups reads no table, whatever the planner knew when it made the
// plan.
func TestLookUpsReadNoTable(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		must(t, s.EnsurePartitions(ctx, time.Now(), 7))
		deed := &token.Deed{}
		for range 2000 {
			deed.Issue = append(deed.Issue, newToken(token.Short), newToken(token.Long))
		}
		must(t, s.Commit(ctx, deed))
		for class, l := range s.rows {
			plan := explainOn(t, l.on, l.text.text(rowsOf{rows: 4, numbered: s.engine.shared()}), []any{1, 2, 3, int64(deed.Issue[class].ID)})
			if strings.Contains(plan, "Seq Scan on tokens") || strings.Contains(plan, "SCAN tokens") {
				t.Errorf("%s is read as a whole:\n%s", tables[class], plan)
			}
		}
	})
}

// A refresh token and a code are looked up by one statement, with what they carry.
func TestOneLookTellsAllOfARefreshToken(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		for _, class := range []token.Class{token.Short, token.Long} {
			row := newToken(class)
			row.Kind, row.Data = token.Refresh, "5"
			must(t, s.Commit(ctx, &token.Deed{Issue: []*token.Token{row}}))
			p, err := s.rows[class].find(ctx, row.ID)
			if err != nil || !p.known || p.token == nil || p.token.Data != "5" {
				t.Errorf("%s: %+v, %v", tables[class], p, err)
			}
		}
	})
}
