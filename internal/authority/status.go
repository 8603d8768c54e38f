package authority

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"github.com/fichadev/ficha/internal/keys"
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

// StatusListType is the typ of a status list's header; with "application/"
// before it, its media type (Token Status List, 5.1).
const StatusListType = "statuslist+jwt"

// SignStatusList signs the claims of a status list with the key that tokens are
// signed with by default.
func (a *Authority) SignStatusList(claims []byte) ([]byte, error) {
	signer, err := a.cfg.Ring.Signer(keys.ES256)
	if err != nil {
		return nil, fmt.Errorf("sign a status list: %w", err)
	}
	return signer.SignAs(StatusListType, nil, claims)
}
