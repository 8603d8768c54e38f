package guess_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/guess"
)

// clock is one that a test moves; it may be read by many.
type clock struct{ ms atomic.Int64 }

func (c *clock) now() time.Time       { return time.UnixMilli(c.ms.Load()) }
func (c *clock) move(d time.Duration) { c.ms.Add(d.Milliseconds()) }
func startClock() *clock              { c := &clock{}; c.ms.Store(1790000000000); return c }
func failTimes(f *guess.Failures, n int, key string) {
	for range n {
		f.Fail(key)
	}
}

func TestLimitIsReachedExactlyAndTheWaitIsTold(t *testing.T) {
	clock := startClock()
	f := guess.New(10, time.Minute, 1000, clock.now)
	for i := range 10 {
		if wait, blocked := f.Blocked("ana"); blocked {
			t.Fatalf("blocked for %v before failure %d, want not before 10", wait, i+1)
		}
		if wait, blocked := f.Fail("ana"); blocked {
			t.Fatalf("failure %d is blocked for %v, want the first after 10", i+1, wait)
		}
		clock.move(time.Second)
	}
	wait, blocked := f.Blocked("ana")
	if !blocked || wait != 50*time.Second {
		t.Errorf("after 10 failures in 10 s: blocked %v for %v, want true for 50s", blocked, wait)
	}
	if wait, blocked := f.Fail("ana"); !blocked || wait != 50*time.Second {
		t.Errorf("failure 11: blocked %v for %v, want true for 50s", blocked, wait)
	}
}

func TestTryingOnDoesNotLengthenTheWait(t *testing.T) {
	clock := startClock()
	f := guess.New(3, time.Minute, 1000, clock.now)
	failTimes(f, 50, "ana")
	clock.move(59 * time.Second)
	failTimes(f, 50, "ana")
	if _, blocked := f.Blocked("ana"); !blocked {
		t.Error("free after 59 s, want after 60")
	}
	clock.move(time.Second)
	if wait, blocked := f.Blocked("ana"); blocked {
		t.Errorf("still blocked for %v after the window", wait)
	}
	if _, blocked := f.Fail("ana"); blocked {
		t.Error("the first failure of a new window is blocked")
	}
}

func TestAskingCountsNothing(t *testing.T) {
	f := guess.New(1, time.Minute, 1000, startClock().now)
	for range 100 {
		if _, blocked := f.Blocked("ana"); blocked {
			t.Fatal("blocked without a failure")
		}
	}
}

func TestKeysDoNotShareTheirFailures(t *testing.T) {
	f := guess.New(2, time.Minute, 10000, startClock().now)
	failTimes(f, 5, "ana\x00192.0.2.1")
	for i := range 1000 {
		key := fmt.Sprintf("ana\x00198.51.100.%d", i)
		if _, blocked := f.Blocked(key); blocked {
			t.Fatalf("%q is blocked by another's failures", key)
		}
	}
}

func TestForgottenKeyStartsAnew(t *testing.T) {
	f := guess.New(2, time.Minute, 1000, startClock().now)
	failTimes(f, 5, "ana")
	f.Forget("ana")
	if _, blocked := f.Blocked("ana"); blocked {
		t.Error("blocked after Forget")
	}
}

func TestClockSetBackDoesNotFreezeTheBlock(t *testing.T) {
	clock := startClock()
	f := guess.New(2, time.Minute, 1000, clock.now)
	failTimes(f, 2, "ana")
	clock.move(-time.Hour)
	if wait, blocked := f.Blocked("ana"); blocked {
		t.Errorf("blocked for %v after the clock went back an hour", wait)
	}
}

func TestNoLimitBlocksNobody(t *testing.T) {
	f := guess.New(0, time.Minute, 1000, startClock().now)
	failTimes(f, 1000, "ana")
	if _, blocked := f.Blocked("ana"); blocked {
		t.Error("a limit of 0 blocks")
	}
}

func TestFloodOfKeysStaysWithinItsMemoryAndFreesNoBlockedKey(t *testing.T) {
	const keys = 10_000
	f := guess.New(10, time.Minute, keys, startClock().now)
	failTimes(f, 10, "ana")
	before := heap()
	for i := range 40 * keys {
		f.Fail(fmt.Sprint("stranger ", i))
	}
	if grown := heap() - before; grown > keys*200 {
		t.Errorf("400,000 keys hold %d bytes, want at most %d", grown, keys*200)
	}
	if _, blocked := f.Blocked("ana"); !blocked {
		t.Error("a flood of other keys freed a blocked one")
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestManyAtOnceGetExactlyTheLimit(t *testing.T) {
	const limit, tries = 200, 1000
	f := guess.New(limit, time.Minute, 1000, startClock().now)
	var passed atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range tries / 8 {
				if _, blocked := f.Fail("192.0.2.1"); !blocked {
					passed.Add(1)
				}
				f.Fail(fmt.Sprint("other ", i))
				f.Blocked("192.0.2.1")
				f.Forget(fmt.Sprint("other ", i))
			}
		})
	}
	all.Wait()
	if passed.Load() != limit {
		t.Errorf("%d of %d failures passed, want %d", passed.Load(), tries, limit)
	}
}

func TestSourceIsTheHolderOfTheAddress(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7":            "192.0.2.7",
		"::ffff:192.0.2.7":     "192.0.2.7",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::1": "2001:db8:1:2::/64",
		"fe80::1%eth0":         "fe80::/64",
		"":                     "",
		"not an address":       "not an address",
	} {
		if got := guess.Source(address); got != want {
			t.Errorf("Source(%q) = %q, want %q", address, got, want)
		}
	}
}

func BenchmarkBlocked(b *testing.B) {
	f := guess.New(10, time.Minute, 1000, time.Now)
	f.Fail("192.0.2.1")
	for b.Loop() {
		f.Blocked("192.0.2.1")
	}
}
