package metric

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// Bounds of what traffic may hold, so that no caller makes the memory grow.
const (
	routesOfOne = 100     // names of a workspace's routes for the life of the process; the others are "other"
	cellsOfOne  = 1024    // of a workspace between two takings; what is more is counted together, as much again
	mostCells   = 1 << 13 // of a shard
	mostRoutes  = 1 << 14 // of a shard
)

// other is the name of all that has none of its own.
const other = "other"

// Traffic merges the requests of protected services in memory until somebody
// takes them. It may be used by many at once.
type Traffic struct {
	seed   maphash.Seed
	shards [16]trafficShard
	series trafficSeries
}

// A trafficShard holds the traffic of some workspaces: each is in one shard.
type trafficShard struct {
	sync.Mutex
	last   *trafficCell // the one counted into last: most often the next one too
	cells  map[trafficKey]*trafficCell
	held   map[string]int // cells by workspace
	routes map[string]map[string]bool
	named  int
	lost   int64
}

type trafficKey struct {
	minute                          int64
	workspace, route, client, class string
}

type trafficCell struct {
	key    trafficKey
	counts token.Traffic // without its names
	took   time.Duration
}

func newTraffic() *Traffic { return &Traffic{seed: maphash.MakeSeed()} }

// Note counts one request. It allocates nothing where the like of it was counted
// since the last taking. A route beyond the first hundred names of a workspace
// is counted as "other".
func (t *Traffic) Note(r token.Request) {
	s := &t.shards[maphash.String(t.seed, r.Workspace)%uint64(len(t.shards))]
	key := trafficKey{r.At - r.At%60_000, r.Workspace, r.Route, r.Client, r.Class}
	s.Lock()
	defer s.Unlock()
	c := s.last
	if c == nil || c.key != key {
		if c = s.cell(key); c == nil {
			s.lost++
			return
		}
		s.last = c
	}
	c.counts.Observe(r.Status, r.Took)
	c.took += r.Took
}

// cell finds where a request is counted, nil where there is no room at all.
func (s *trafficShard) cell(key trafficKey) *trafficCell {
	if c := s.cells[key]; c != nil {
		return c
	}
	if !s.names(key.workspace, key.route) {
		key.route = other
	}
	if s.held[key.workspace] >= cellsOfOne {
		key.route, key.client = other, other
	}
	if c := s.cells[key]; c != nil {
		return c
	}
	if len(s.cells) >= mostCells || s.held[key.workspace] >= 2*cellsOfOne {
		return nil
	}
	if s.cells == nil {
		s.cells, s.held = map[trafficKey]*trafficCell{}, map[string]int{}
	}
	c := &trafficCell{key: key}
	s.cells[key] = c
	s.held[key.workspace]++
	return c
}

// names reports whether a route has a name of its own, or gets one.
func (s *trafficShard) names(workspace, route string) bool {
	known := s.routes[workspace]
	if known[route] {
		return true
	}
	if len(known) >= routesOfOne || s.named >= mostRoutes {
		return false
	}
	if s.routes == nil {
		s.routes = map[string]map[string]bool{}
	}
	if known == nil {
		known = map[string]bool{}
		s.routes[workspace] = known
	}
	known[route] = true
	s.named++
	return true
}

// Take returns what was counted since the last call, forgets it, and adds it to
// what the metrics show.
func (t *Traffic) Take() []token.Traffic {
	var taken []*trafficCell
	var lost int64
	for i := range t.shards {
		s := &t.shards[i]
		s.Lock()
		for _, c := range s.cells {
			taken = append(taken, c)
		}
		lost += s.lost
		s.cells, s.held, s.last, s.lost = nil, nil, nil, 0
		s.Unlock()
	}
	t.series.add(taken, lost)
	all := make([]token.Traffic, len(taken))
	for i, c := range taken {
		all[i] = c.counts
		all[i].Minute, all[i].Workspace, all[i].Route, all[i].Client, all[i].Class = c.key.minute, c.key.workspace, c.key.route, c.key.client, c.key.class
	}
	return all
}
