package api

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

const (
	// freshList is how long a list is served, and may be kept by others, before
	// it is built anew: the bound of how late an ending is seen through it.
	freshList = 30 * time.Second
	// goodList is how long anybody may rely on a list if no newer one is to be
	// had. After it a verifier knows nothing and says no.
	goodList = 5 * time.Minute
	// buildTime is the longest that a list may take to build.
	buildTime = 10 * time.Second
	// mostLists bounds the memory of built lists, each about 2 kB.
	mostLists = 1024
)

// statusLists keeps built lists for a while. Lists without a token are not kept:
// anybody may ask for any number.
type statusLists struct {
	build    func(ctx context.Context, list int64) (*statusList, error)
	building singleflight.Group
	mu       sync.Mutex
	built    map[int64]*statusList
}

type statusList struct {
	at  time.Time
	jwt []byte
}

// statusList serves GET /v1/status-lists/{n}: a Token Status List as a JWT
// (draft-ietf-oauth-status-list, 5.1 and 8.2), for those who check our signed
// tokens by themselves.
func (f *Face) statusList(c *web.Call) error {
	text, err := c.PathValue("n")
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > 1<<40 || strconv.FormatInt(n, 10) != text {
		return notFound("status list")
	}
	l, err := f.lists.get(c.Context(), n, c.Now())
	if err != nil {
		return err
	}
	if l == nil {
		return notFound("status list")
	}
	left := int64(l.at.Add(freshList).Sub(c.Now()) / time.Second)
	c.Header().Set("Cache-Control", "public, max-age="+strconv.FormatInt(max(0, left), 10))
	return c.WriteRaw(http.StatusOK, "application/"+authority.StatusListType, l.jwt)
}

// get returns a list that is at most freshList old, nil if it has no token. Who
// asks while it is built waits for that one.
func (s *statusLists) get(ctx context.Context, n int64, now time.Time) (*statusList, error) {
	s.mu.Lock()
	had := s.built[n]
	s.mu.Unlock()
	if had != nil && now.Sub(had.at) < freshList {
		return had, nil
	}
	got, err, _ := s.building.Do(strconv.FormatInt(n, 10), func() (any, error) {
		// The list is for all who wait, so that whoever came first cannot break
		// it off by leaving.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), buildTime)
		defer cancel()
		l, err := s.build(ctx, n)
		if l != nil {
			s.keep(n, l)
		}
		return l, err
	})
	if err != nil {
		return nil, err
	}
	l, _ := got.(*statusList) // as the function above returned it
	return l, nil
}

// keep forgets all lists when there are too many: the ones that are asked for
// are soon built again, and nothing has to remember which those are.
func (s *statusLists) keep(n int64, l *statusList) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.built == nil || len(s.built) >= mostLists {
		s.built = map[int64]*statusList{}
	}
	s.built[n] = l
}

// buildStatusList asks the judge about every token of a list. A place is 1
// (INVALID) while its token opens nothing: ended, expired, suspended, or without
// what it stood on; places that nobody took are 0.
func (f *Face) buildStatusList(ctx context.Context, n int64) (*statusList, error) {
	at := f.cfg.Now() // before the rows are read: the list is no newer than this
	first := n * authority.StatusListLen
	tokens, err := f.cfg.Store.TokensByStatus(ctx, first, first+authority.StatusListLen)
	if err != nil || len(tokens) == 0 {
		return nil, err
	}
	var places [authority.StatusListLen / 8]byte
	for _, t := range tokens {
		err := f.cfg.Verifier.Standing(ctx, t)
		if err == nil {
			continue
		}
		if !token.Is(err, token.InvalidToken) {
			return nil, err // a list must not call valid what could not be judged
		}
		place := t.StatusIndex - first
		places[place/8] |= 1 << (place % 8)
	}
	jwt, err := f.signStatusList(n, at, places[:])
	return &statusList{at: at, jwt: jwt}, err
}

func (f *Face) signStatusList(n int64, at time.Time, places []byte) ([]byte, error) {
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	if _, err := z.Write(places); err != nil {
		return nil, fmt.Errorf("pack a status list: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("pack a status list: %w", err)
	}
	claims, err := json.Marshal(map[string]any{
		"iss": f.cfg.Authority.Issuer(), "sub": f.cfg.Authority.StatusListURI(n),
		"iat": at.Unix(), "exp": at.Add(goodList).Unix(), "ttl": int64(freshList / time.Second),
		"status_list": map[string]any{"bits": 1, "lst": base64.RawURLEncoding.EncodeToString(packed.Bytes())},
	})
	if err != nil {
		return nil, fmt.Errorf("write a status list: %w", err)
	}
	return f.cfg.Authority.SignStatusList(claims)
}
