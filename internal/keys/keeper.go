package keys

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"
)

// defaultPeriod is how long a key signs unless a Keeper says otherwise.
const defaultPeriod = 90 * 24 * time.Hour

// A Keeper makes signing keys, turns them over, and keeps a ring at what the
// store holds. Any number of nodes may run one on the same store. Its methods
// may be called by many at once; its fields must not be changed after that.
type Keeper struct {
	Store  Store
	Master *Master
	Ring   *Ring
	Now    func() time.Time
	Period time.Duration // a key older than this is replaced; 0: defaultPeriod
	Life   time.Duration // no signed token lives longer: so long a key stays published that signs no more; required

	turning sync.Mutex // one looks at a time what is due
	loading sync.Mutex // an older reading of the store must not replace a newer one
}

// Ensure loads the ring and makes the first active keys of ES256 and EdDSA if
// there are none. Nobody has kept a key set without them yet, so they need no
// time as next. RS256 keys are slow to make and wait for EnsureAlg.
func (k *Keeper) Ensure(ctx context.Context) error {
	for _, alg := range []string{ES256, EdDSA} {
		if err := k.EnsureAlg(ctx, alg); err != nil {
			return err
		}
	}
	return nil
}

// EnsureAlg returns once the ring can sign with the algorithm, and makes its
// first key if no node has. Call it when a client is registered for the
// algorithm rather than at its first token: others may keep a key set without
// the new key for JWKSMaxAge.
func (k *Keeper) EnsureAlg(ctx context.Context, alg string) error {
	if k.signs(alg) {
		return nil
	}
	k.turning.Lock()
	defer k.turning.Unlock()
	if _, err := k.load(ctx); err != nil || k.signs(alg) {
		return err
	}
	now := k.Now()
	row, err := Generate(k.Master, alg, now)
	if err != nil {
		return err
	}
	row.State, row.ActiveAt = Active, now.UnixMilli()
	// Another node may have been quicker: then its key is the one we load.
	if _, err := k.Store.AddKey(ctx, row); err != nil {
		return fmt.Errorf("add %v: %w", row, err)
	}
	_, err = k.load(ctx)
	return err
}

// Turn loads the ring and takes the steps of the rotation that are due at now.
// Every node calls it at least every TurnEvery; a step taken by another node
// meanwhile is no error. If we die between two steps, the next turn of any node
// goes on from what the store holds.
func (k *Keeper) Turn(ctx context.Context, now time.Time) error {
	k.turning.Lock()
	defer k.turning.Unlock()
	rows, err := k.load(ctx)
	if err != nil {
		return err
	}
	steps := due(rows, now.UnixMilli(), cmp.Or(k.Period, defaultPeriod), k.Life)
	for _, s := range steps {
		if err := k.take(ctx, s, now); err != nil {
			return err
		}
	}
	if len(steps) > 0 {
		_, err = k.load(ctx)
	}
	return err
}

// take does one step. Losing it to another node is no error.
func (k *Keeper) take(ctx context.Context, s step, now time.Time) error {
	if s.id != "" {
		if _, err := k.Store.SetKeyState(ctx, s.id, s.from, s.to, now.UnixMilli()); err != nil {
			return fmt.Errorf("move %s key %s from %s to %s: %w", s.alg, s.id, s.from, s.to, err)
		}
		return nil
	}
	row, err := Generate(k.Master, s.alg, now)
	if err != nil {
		return err
	}
	if _, err := k.Store.AddKey(ctx, row); err != nil {
		return fmt.Errorf("add %v: %w", row, err)
	}
	return nil
}

// Load brings the ring to what the store holds, which some node has changed.
// It does not wait for a turn, in whose commit it may be called.
func (k *Keeper) Load(ctx context.Context) error {
	_, err := k.load(ctx)
	return err
}

// load reads the store into the ring.
func (k *Keeper) load(ctx context.Context) ([]Row, error) {
	k.loading.Lock()
	defer k.loading.Unlock()
	rows, err := k.Store.Keys(ctx)
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	return rows, k.Ring.Load(rows)
}

func (k *Keeper) signs(alg string) bool {
	_, err := k.Ring.Signer(alg)
	return err == nil
}
