// Package guess knows how often somebody guessed wrong. It counts failures
// only, so that a caller with the right secret is never refused because others
// guess, and its memory has a hard bound whatever an attacker sends.
package guess

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// shardCount spreads the keys over that many locks.
const shardCount = 16

// sampled is how many counts are looked at to find one worth dropping.
const sampled = 8

// Failures counts wrong guesses by key, each in a window that begins with its
// first failure. Keys are kept as keyed hashes, never as they came. All methods
// may be called by many at once.
type Failures struct {
	limit  int
	window time.Duration
	now    func() time.Time
	seed   maphash.Seed
	room   int // keys in each shard
	shards [shardCount]shard
}

type shard struct {
	sync.Mutex
	counts map[uint64]count
}

// count is one key's window: when it began, and the failures in it.
type count struct {
	since    time.Time
	failures int
}

// New returns a counter that blocks a key after limit failures until window
// has passed since the first of them, and that remembers about maxKeys keys at
// most (no fewer than 16). With a limit below 1 it blocks nobody.
func New(limit int, window time.Duration, maxKeys int, now func() time.Time) *Failures {
	f := &Failures{limit: limit, window: window, now: now, seed: maphash.MakeSeed(), room: max(1, maxKeys/shardCount)}
	for i := range f.shards {
		f.shards[i].counts = make(map[uint64]count)
	}
	return f
}

// Blocked reports whether the key has used up its failures, and how long it
// stays so. It counts nothing. Ask it before work that a guesser must not get
// for nothing, such as a password hash.
func (f *Failures) Blocked(key string) (retryAfter time.Duration, blocked bool) {
	h, s := f.find(key)
	s.Lock()
	defer s.Unlock()
	return f.left(s.counts[h], f.now())
}

// Fail counts one failure and reports whether the key had used up its failures
// before this one, and how long it stays so: the limit's own failure is still
// answered, the next is not. Failures of a blocked key are not counted, so that
// trying on does not lengthen the wait.
func (f *Failures) Fail(key string) (retryAfter time.Duration, blocked bool) {
	h, s := f.find(key)
	now := f.now()
	s.Lock()
	defer s.Unlock()
	c, known := s.counts[h]
	if wait, blocked := f.left(c, now); blocked {
		return wait, true
	}
	if !known && len(s.counts) >= f.room {
		s.drop()
	}
	if f.over(c, now) {
		c = count{since: now}
	}
	c.failures++
	s.counts[h] = c
	return 0, false
}

// Forget drops what is known of the key: for an administrator who unlocks an
// account. A success is no reason to call it.
func (f *Failures) Forget(key string) {
	h, s := f.find(key)
	s.Lock()
	defer s.Unlock()
	delete(s.counts, h)
}

func (f *Failures) find(key string) (uint64, *shard) {
	h := maphash.String(f.seed, key)
	return h, &f.shards[h%shardCount]
}

// left returns how long a count still blocks.
func (f *Failures) left(c count, now time.Time) (time.Duration, bool) {
	if f.limit < 1 || c.failures < f.limit || f.over(c, now) {
		return 0, false
	}
	return f.window - now.Sub(c.since), true
}

// over reports whether a count's window is past. A clock that was set back
// ends it too: otherwise the block would last as long as the step.
func (f *Failures) over(c count, now time.Time) bool {
	age := now.Sub(c.since)
	return age < 0 || age >= f.window
}

// drop makes room for one key. Of a few counts, which the map picks at random,
// the one with the fewest failures goes, and of those the oldest: a flood of
// fresh keys pushes out its own, not a key that is blocked.
func (s *shard) drop() {
	var victim uint64
	var least count
	seen := 0
	for h, c := range s.counts {
		if seen == 0 || c.failures < least.failures || c.failures == least.failures && c.since.Before(least.since) {
			victim, least = h, c
		}
		if seen++; seen == sampled {
			break
		}
	}
	delete(s.counts, victim)
}

// Source returns what to count an address by: an IPv4 address itself, and the
// /64 of an IPv6 address, since one holder has all of it. Text that is no
// address is returned unchanged.
func Source(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	return netip.PrefixFrom(a, 64).Masked().String()
}
