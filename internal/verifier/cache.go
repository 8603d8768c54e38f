package verifier

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// A cache holds what was read, bounded, in shards. A fill notes the shard's
// version before it reads and is stored only if nothing in the shard was
// dropped since, so that a read that raced a change is never kept.
type cache[K comparable, V any] struct {
	shards [shards]shard[K, V]
	seed   maphash.Seed
	most   int          // entries in one shard
	tick   atomic.Int32 // advances with each entry: the age of a use, for the choice of what goes
	gone   func(V)      // told of what goes, under the shard's lock; may be nil
}

const shards = 64

type shard[K comparable, V any] struct {
	mu      sync.RWMutex
	version uint64
	items   map[K]*slot[V]
}

type slot[V any] struct {
	value V
	used  atomic.Int32
}

func newCache[K comparable, V any](most int, gone func(V)) *cache[K, V] {
	c := &cache[K, V]{seed: maphash.MakeSeed(), most: max(most/shards, 1), gone: gone}
	for i := range c.shards {
		c.shards[i].items = map[K]*slot[V]{}
	}
	return c
}

func (c *cache[K, V]) shard(k K) *shard[K, V] {
	return &c.shards[maphash.Comparable(c.seed, k)%shards]
}

// get returns what is held, and the version that a fill of it must show.
func (c *cache[K, V]) get(k K) (v V, version uint64, ok bool) {
	s := c.shard(k)
	s.mu.RLock()
	defer s.mu.RUnlock()
	it, ok := s.items[k]
	if !ok {
		return v, s.version, false
	}
	if now := c.tick.Load(); it.used.Load() != now {
		it.used.Store(now)
	}
	return it.value, s.version, true
}

// put keeps a value read at a version, unless something was dropped since or
// another fill came first; it returns the value that is now held, if any.
func (c *cache[K, V]) put(k K, v V, version uint64) (V, bool) {
	s := c.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if had, ok := s.items[k]; ok {
		return had.value, true
	}
	if s.version != version {
		return v, false
	}
	if len(s.items) >= c.most {
		c.makeRoom(s)
	}
	it := &slot[V]{value: v}
	it.used.Store(c.tick.Add(1))
	s.items[k] = it
	return v, true
}

// makeRoom drops the least recently used of a few: ranging over a map begins
// at a random place, so this is the sampling that Redis uses.
func (c *cache[K, V]) makeRoom(s *shard[K, V]) {
	const sample = 8
	var oldest K
	age, seen, now := int32(-1), 0, c.tick.Load()
	for k, it := range s.items {
		if a := now - it.used.Load(); a > age {
			oldest, age = k, a
		}
		if seen++; seen == sample {
			break
		}
	}
	if c.gone != nil {
		c.gone(s.items[oldest].value)
	}
	delete(s.items, oldest)
}

// drop forgets a key, and every fill of its shard that is under way.
func (c *cache[K, V]) drop(k K) {
	s := c.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	if it, ok := s.items[k]; ok && c.gone != nil {
		c.gone(it.value)
	}
	delete(s.items, k)
}

// clear forgets everything.
func (c *cache[K, V]) clear() {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.version++
		if c.gone != nil {
			for _, it := range s.items {
				c.gone(it.value)
			}
		}
		clear(s.items)
		s.mu.Unlock()
	}
}

// size returns how many entries are held.
func (c *cache[K, V]) size() int {
	n := 0
	for i := range c.shards {
		c.shards[i].mu.RLock()
		n += len(c.shards[i].items)
		c.shards[i].mu.RUnlock()
	}
	return n
}
