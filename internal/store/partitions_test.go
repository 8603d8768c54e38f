package store

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// eachShared runs a test where there are partitions.
func eachShared(t *testing.T, test func(*testing.T, *Store, *clock)) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		if s.Shared() {
			test(t, s, c)
		}
	})
}

func tablesOf(t *testing.T, s *Store) []string {
	t.Helper()
	names, err := all(t.Context(), s.reads, `SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'tokens_short_2%' ORDER BY relname`, scanText)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// standsIn returns the table in which a token lies.
func standsIn(t *testing.T, s *Store, id token.ID) string {
	t.Helper()
	name, err := one(t.Context(), s.reads, `SELECT CAST(CAST(tableoid AS regclass) AS TEXT) FROM tokens_short WHERE id = $1`, scanText, int64(id))
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func TestNodesMakeTheSameDays(t *testing.T) {
	eachShared(t, func(t *testing.T, s *Store, c *clock) {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if err := s.EnsurePartitions(t.Context(), c.now(), 2); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		want := []string{"tokens_short_20260320", "tokens_short_20260321", "tokens_short_20260322"}
		if got := tablesOf(t, s); !slices.Equal(got, want) {
			t.Errorf("days: %v, want %v", got, want)
		}
		for after, want := range map[time.Duration]string{
			0: want[0], 14*time.Hour - time.Millisecond: want[0], 14 * time.Hour: want[1], 61 * time.Hour: want[2], 62 * time.Hour: "tokens_short_rest",
		} {
			k := life(c.now().Add(after), token.Access, time.Hour, 1)
			issue(t, s, k)
			if got := standsIn(t, s, k.ID); got != want {
				t.Errorf("a token of %v stands in %s, want %s", k.ID.Time(), got, want)
			}
		}
	})
}

func TestDayThatHasBegunInTheRestStaysThere(t *testing.T) {
	eachShared(t, func(t *testing.T, s *Store, c *clock) {
		early := life(c.now(), token.Access, time.Hour, 1)
		issue(t, s, early)
		if err := s.EnsurePartitions(t.Context(), c.now(), 1); err != nil {
			t.Fatal(err)
		}
		if got := tablesOf(t, s); !slices.Equal(got, []string{"tokens_short_20260321"}) {
			t.Errorf("days: %v, want tomorrow's alone", got)
		}
		c.pass(10 * oneDay)
		purgeAll(t, s)
		if there(t, s, early.ID) {
			t.Error("its token was never purged")
		}
	})
}

func TestDayIsDroppedButWhatIsKeptLonger(t *testing.T) {
	eachShared(t, func(t *testing.T, s *Store, c *clock) {
		if err := s.EnsurePartitions(t.Context(), c.now(), 0); err != nil {
			t.Fatal(err)
		}
		plain, named := life(c.now(), token.Access, 24*time.Hour, 1), life(c.now(), token.Impersonated, time.Hour, 2)
		named.Purpose, named.Reason, named.Actor = "why", "ticket 7", "user:u1"
		issue(t, s, plain, named)
		before, err := s.Token(t.Context(), named.ID)
		if err != nil {
			t.Fatal(err)
		}
		dayEnd := spring.Truncate(oneDay).Add(oneDay)
		c.ms.Store(dayEnd.Add(8*oneDay - time.Millisecond).UnixMilli())
		if err := s.DropPartitions(t.Context(), c.now()); err != nil || !there(t, s, plain.ID) {
			t.Fatalf("the day went too early: %v", err)
		}
		c.pass(time.Millisecond)
		// A node died after it had detached the day; two others go on at once.
		if err := s.detachDay(t.Context(), "tokens_short_20260320"); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				if err := s.DropPartitions(t.Context(), c.now()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got := tablesOf(t, s); len(got) != 0 || there(t, s, plain.ID) {
			t.Errorf("the day is still there: %v", got)
		}
		same(t, "what is kept", before)(s.Token(t.Context(), named.ID))
		same(t, "totals", map[token.Kind]int64{token.Access: 1})(s.Purged(t.Context(), "2026-03", "ws1"))
	})
}

func TestSQLiteHasNoDays(t *testing.T) {
	s := open(t, "sqlite")
	if err := s.EnsurePartitions(t.Context(), spring, 3); err != nil {
		t.Error(err)
	}
	if err := s.DropPartitions(t.Context(), spring); err != nil {
		t.Error(err)
	}
}
