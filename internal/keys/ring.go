package keys

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
)

// ErrNoKey says that the ring has no key to sign with of the algorithm.
var ErrNoKey = errors.New("no key to sign with")

// A Ring is the signing keys in memory, opened. Everything may be called by
// many at once; reading takes no lock.
type Ring struct {
	hidden
	master *Master
	held   atomic.Pointer[held]
}

// held is what one Load made; it is never changed.
type held struct {
	byID  map[string]*Signer // next, active and retiring keys
	signs map[string]*Signer // by algorithm
	jwks  []byte
}

// NewRing returns an empty ring, whose key set is empty and which signs nothing
// until the first Load.
func NewRing(master *Master) *Ring {
	r := &Ring{master: master}
	r.held.Store(&held{jwks: []byte(`{"keys":[]}`)})
	return r
}

// Load replaces all keys at once. A key that the ring holds already is not
// decrypted again. If any key does not open, the ring stays as it was.
//
// Public members are taken from the private key, never from the row: whoever
// can write to the database but has no master key cannot publish a key.
func (r *Ring) Load(rows []Row) error {
	old := r.held.Load()
	next := &held{byID: map[string]*Signer{}, signs: map[string]*Signer{}}
	var order []*Signer
	for _, row := range published(rows) {
		signer, err := r.signer(old, row)
		if err != nil {
			return fmt.Errorf("load keys: %w", err)
		}
		order = append(order, signer)
		next.byID[row.ID] = signer
		if row.State != Next && next.signs[row.Alg] == nil {
			next.signs[row.Alg] = signer
		}
	}
	var err error
	if next.jwks, err = marshalJWKS(order); err != nil {
		return fmt.Errorf("load keys: %w", err)
	}
	r.held.Store(next)
	return nil
}

func (r *Ring) signer(old *held, row Row) (*Signer, error) {
	if s := old.byID[row.ID]; s != nil && s.Alg() == row.Alg {
		return s, nil
	}
	return newSigner(row, r.master)
}

// Signer returns the active key of an algorithm. Where a node has retired it
// and the new one is not active yet, the newest retiring key still signs. With
// neither it returns ErrNoKey.
func (r *Ring) Signer(alg string) (*Signer, error) {
	if s := r.held.Load().signs[alg]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("%s: %w", alg, ErrNoKey)
}

// JWKS returns the public keys as JSON (RFC 7517, 5), to be served with
// JWKSMaxAge. The bytes are shared and must not be changed.
func (r *Ring) JWKS() []byte { return r.held.Load().jwks }

// published returns the keys that belong into the key set: active, next, then
// retiring ones, because there are programs that take the first key; newest
// first.
func published(rows []Row) []Row {
	rank := map[string]int{Active: 1, Next: 2, Retiring: 3}
	live := slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return rank[r.State] == 0 })
	slices.SortFunc(live, func(a, b Row) int {
		return cmp.Or(
			cmp.Compare(rank[a.State], rank[b.State]),
			cmp.Compare(b.ActiveAt, a.ActiveAt),
			cmp.Compare(a.ID, b.ID))
	})
	return live
}
