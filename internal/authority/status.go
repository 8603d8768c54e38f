package authority

import (
	"context"
	"strconv"
	"sync"
)

// StatusListLen is how many tokens share one status list: enough to hide
// which of them is asked about, few enough to build it at once.
const StatusListLen = 8192

// statusBlock is how many places a node takes at a time.
const statusBlock = 1024

// statusIndex gives each signed token its place in a status list. Places come
// from the database in blocks; those a node did not use when it stopped stay
// empty.
type statusIndex struct {
	mu        sync.Mutex
	free, end int64
}

func (s *statusIndex) next(ctx context.Context, store Store) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free == s.end {
		var first int64
		err := store.Do(ctx, func(tx Tx) (err error) {
			first, err = tx.TakeStatus(ctx, statusBlock)
			return err
		})
		if err != nil {
			return 0, err
		}
		s.free, s.end = first, first+statusBlock
	}
	n := s.free
	s.free++
	return n, nil
}

// StatusListURI returns where a status list is published.
func (a *Authority) StatusListURI(list int64) string {
	return a.cfg.Issuer + "/v1/status-lists/" + strconv.FormatInt(list, 10)
}
