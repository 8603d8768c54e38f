package keys

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// memory is a Store in memory that many keepers share.
type memory struct {
	mu    sync.Mutex
	rows  []Row
	fault error // what every call answers, if set
	deaf  bool  // writes answer a fault; reads do not
}

func (m *memory) Keys(context.Context) ([]Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.rows), m.fault
}

func (m *memory) AddKey(_ context.Context, row Row) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.deaf || m.fault != nil {
		return false, errors.Join(m.fault, errDisk)
	}
	for _, r := range m.rows {
		if r.ID == row.ID {
			return false, nil
		}
	}
	if m.has(row.Alg, row.State) {
		return false, nil
	}
	m.rows = append(m.rows, row)
	return true, nil
}

func (m *memory) SetKeyState(_ context.Context, id, from, to string, at int64) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.deaf || m.fault != nil {
		return false, errors.Join(m.fault, errDisk)
	}
	for i := range m.rows {
		r := &m.rows[i]
		if r.ID != id || r.State != from {
			continue
		}
		if to == Active && m.has(r.Alg, to) {
			return false, errors.New("two active keys") // as a unique index would have it
		}
		r.State = to
		*map[string]*int64{Active: &r.ActiveAt, Retiring: &r.RetireAt, Ended: &r.EndedAt}[to] = at
		return true, nil
	}
	return false, nil
}

func (m *memory) has(alg, state string) bool {
	return slices.ContainsFunc(m.rows, func(r Row) bool { return r.Alg == alg && r.State == state })
}

// snapshot is the memory as nodes see it that all read before any wrote.
type snapshot struct {
	*memory
	rows []Row
}

func (s snapshot) Keys(context.Context) ([]Row, error) { return s.rows, nil }

// count returns how many keys of an algorithm are in each state.
func (m *memory) count(alg string) string {
	n := map[string]int{}
	for _, r := range m.rows {
		if r.Alg == alg {
			n[r.State]++
		}
	}
	var words []string
	for _, state := range slices.Sorted(maps.Keys(n)) {
		words = append(words, fmt.Sprint(n[state], " ", state))
	}
	return strings.Join(words, ", ")
}

var errDisk = errors.New("disk full")

// node returns the keeper of one node, with a ring of its own.
func node(store Store, now func() time.Time) *Keeper {
	m := master(1)
	return &Keeper{Store: store, Master: m, Ring: NewRing(m), Now: now, Period: 10 * day, Life: 2 * day}
}

func still() time.Time { return start }

func kid(t *testing.T, k *Keeper, alg string) string {
	t.Helper()
	s, err := k.Ring.Signer(alg)
	if err != nil {
		t.Fatal(err)
	}
	return s.Key()
}

func TestFirstKeysAreMadeOnce(t *testing.T) {
	store := &memory{}
	one, two := node(store, still), node(store, still)
	for _, k := range []*Keeper{one, two, one} {
		if err := k.Ensure(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, alg := range []string{ES256, EdDSA} {
		if got := store.count(alg); got != "1 active" {
			t.Errorf("%s: %s, want 1 active", alg, got)
		}
		if kid(t, one, alg) != kid(t, two, alg) {
			t.Errorf("%s: the nodes sign with different keys", alg)
		}
	}
	if row := store.rows[0]; row.ActiveAt != start.UnixMilli() || row.CreatedAt != start.UnixMilli() {
		t.Errorf("active at %d, created at %d; want both %d", row.ActiveAt, row.CreatedAt, start.UnixMilli())
	}
}

func TestSlowKeysWaitUntilTheyAreNeeded(t *testing.T) {
	store := &memory{}
	k := node(store, still)
	if err := k.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Ring.Signer(RS256); !errors.Is(err, ErrNoKey) {
		t.Errorf("err = %v, want ErrNoKey", err)
	}
	for range 2 {
		if err := k.EnsureAlg(t.Context(), RS256); err != nil {
			t.Fatal(err)
		}
	}
	if got := store.count(RS256); got != "1 active" || kid(t, k, RS256) == "" {
		t.Errorf("RS256: %s", got)
	}
}

func TestNodesThatStartAtOnceAgree(t *testing.T) {
	store := &memory{}
	nodes := make([]*Keeper, 8)
	var group sync.WaitGroup
	for i := range nodes {
		nodes[i] = node(store, still)
		for range 2 {
			group.Go(func() {
				if err := nodes[i].Ensure(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	}
	group.Wait()
	for _, k := range nodes {
		for _, alg := range []string{ES256, EdDSA} {
			if got, want := kid(t, k, alg), kid(t, nodes[0], alg); got != want {
				t.Errorf("%s: one node signs with %s, another with %s", alg, got, want)
			}
		}
	}
}

func TestNodesThatTurnAtOnceMakeOneKey(t *testing.T) {
	store := &memory{}
	first := node(store, still)
	if err := first.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := start
	for _, tt := range []struct {
		wait time.Duration
		want string
	}{
		{10*day - time.Millisecond, "1 active"},
		{time.Millisecond, "1 active, 1 next"},
		{6*time.Minute - time.Millisecond, "1 active, 1 next"},
		{time.Millisecond, "1 active, 1 retiring"},
		{2*day + time.Minute - time.Millisecond, "1 active, 1 retiring"},
		{time.Millisecond, "1 active, 1 ended"},
		{7 * day, "1 active, 1 ended"},
	} {
		now = now.Add(tt.wait)
		seen := snapshot{store, slices.Clone(store.rows)}
		var group sync.WaitGroup
		for range 6 {
			group.Go(func() {
				if err := node(seen, still).Turn(t.Context(), now); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if got := store.count(EdDSA); got != tt.want {
			t.Errorf("after %v: %s, want %s", now.Sub(start), got, tt.want)
		}
	}
}

// late answers its first reading only when it may.
type late struct {
	*memory
	once          sync.Once
	read, proceed chan struct{}
}

func (l *late) Keys(ctx context.Context) ([]Row, error) {
	rows, err := l.memory.Keys(ctx)
	l.once.Do(func() {
		close(l.read)
		<-l.proceed
	})
	return rows, err
}

func TestOlderReadingOfTheKeysReplacesNoNewerOne(t *testing.T) {
	store := &memory{}
	first := node(store, still)
	if err := first.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	slow := &late{memory: store, read: make(chan struct{}), proceed: make(chan struct{})}
	k := node(slow, still)
	var readings sync.WaitGroup
	load := func() {
		if err := k.Load(t.Context()); err != nil {
			t.Error(err)
		}
	}
	readings.Go(load)
	<-slow.read // while the key was active
	ended := kid(t, first, EdDSA)
	if _, err := store.SetKeyState(t.Context(), ended, Active, Ended, start.UnixMilli()); err != nil {
		t.Fatal(err)
	}
	newer := make(chan struct{})
	readings.Go(func() {
		defer close(newer)
		load()
	})
	select {
	case <-newer:
	case <-time.After(50 * time.Millisecond): // it waits for the older one
	}
	close(slow.proceed)
	readings.Wait()
	if strings.Contains(string(k.Ring.JWKS()), ended) {
		t.Error("a key that was ended is published again")
	}
}

// TestKeyIsPublishedBeforeItSignsAndUntilItsTokensExpire walks three nodes
// through several rotations. A resource server asks any node for the key set
// and keeps it for its max-age; it must know the key of every token, from the
// token's first moment to its last.
func TestKeyIsPublishedBeforeItSignsAndUntilItsTokensExpire(t *testing.T) {
	store := &memory{}
	now := start
	nodes := make([]*Keeper, 3)
	for i := range nodes {
		nodes[i] = node(store, func() time.Time { return now })
		nodes[i].Period, nodes[i].Life = 4*time.Hour, time.Hour
		if err := nodes[i].Ensure(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	lastUse := map[string]time.Time{} // by kid: when its last token expires
	kept := nodes[0].Ring.JWKS()      // the copy of the resource server
	keptAt := now
	for tick := range 12 * 60 * 6 { // 12 hours in steps of 10 seconds
		now = now.Add(10 * time.Second)
		// Each node turns every 30 seconds, at its own beat.
		if err := nodes[tick%3].Turn(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		if now.Sub(keptAt) >= JWKSMaxAge {
			kept, keptAt = nodes[tick/7%3].Ring.JWKS(), now
		}
		for _, k := range nodes {
			lastUse[kid(t, k, EdDSA)] = now.Add(time.Hour)
		}
		for id, until := range lastUse {
			if now.Before(until) && !strings.Contains(string(kept), `"kid":"`+id+`"`) {
				t.Fatalf("after %v the key set kept since %v lacks %s", now.Sub(start), keptAt.Sub(start), id)
			}
		}
	}
	if got := store.count(EdDSA); got != "1 active, 2 ended" || len(lastUse) != 3 {
		t.Errorf("after 12 hours: %s, %d keys signed; want 1 active, 2 ended, 3", got, len(lastUse))
	}
	if got := strings.Count(string(nodes[0].Ring.JWKS()), `"kty":"OKP"`); got != 1 {
		t.Errorf("%d keys of Ed25519 are published, want 1", got)
	}
}

// dying is a memory whose node dies before a key becomes active.
type dying struct{ *memory }

func (d dying) SetKeyState(ctx context.Context, id, from, to string, at int64) (bool, error) {
	if to == Active {
		return false, errDisk
	}
	return d.memory.SetKeyState(ctx, id, from, to, at)
}

func TestDeathInMidRotationLeavesASignerAndIsMended(t *testing.T) {
	store := &memory{}
	now := start
	clock := func() time.Time { return now }
	first, dead := node(store, clock), node(dying{store}, clock)
	if err := first.EnsureAlg(t.Context(), ES256); err != nil {
		t.Fatal(err)
	}
	old := kid(t, first, ES256)
	now = now.Add(10 * day)
	if err := first.Turn(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	now = now.Add(JWKSMaxAge + margin)
	if err := dead.Turn(t.Context(), now); !errors.Is(err, errDisk) {
		t.Fatalf("err = %v", err)
	}
	if got := store.count(ES256); got != "1 next, 1 retiring" {
		t.Fatalf("after the death: %s", got)
	}
	second := node(store, clock)
	if err := second.EnsureAlg(t.Context(), ES256); err != nil {
		t.Fatal(err)
	}
	if got := kid(t, second, ES256); got != old || store.count(ES256) != "1 next, 1 retiring" {
		t.Errorf("a new node signs with %s, want %s; keys: %s", got, old, store.count(ES256))
	}
	if err := second.Turn(t.Context(), now.Add(TurnEvery)); err != nil {
		t.Fatal(err)
	}
	if got := store.count(ES256); got != "1 active, 1 retiring" || kid(t, second, ES256) == old {
		t.Errorf("after the next turn: %s, signing with %s", got, kid(t, second, ES256))
	}
}

func TestTurnHearsOfOtherNodesThoughItCannotWrite(t *testing.T) {
	store := &memory{}
	one, two := node(store, still), node(store, still)
	if err := one.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	store.deaf = true
	if err := two.Turn(t.Context(), start.Add(11*day)); !errors.Is(err, errDisk) {
		t.Errorf("err = %v, want the store's", err)
	}
	if kid(t, one, ES256) != kid(t, two, ES256) {
		t.Error("the nodes sign with different keys")
	}
}

func TestFaultsOfTheStoreAreToldAndChangeNothing(t *testing.T) {
	store := &memory{}
	k := node(store, still)
	if err := k.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := kid(t, k, ES256)
	store.fault = errDisk
	if err := k.Turn(t.Context(), start); !errors.Is(err, errDisk) {
		t.Errorf("Turn: %v", err)
	}
	if err := k.EnsureAlg(t.Context(), RS256); !errors.Is(err, errDisk) {
		t.Errorf("EnsureAlg: %v", err)
	}
	if err := node(store, still).Ensure(t.Context()); !errors.Is(err, errDisk) {
		t.Errorf("Ensure: %v", err)
	}
	if kid(t, k, ES256) != before {
		t.Error("the ring changed")
	}
}

func TestNodeWithAnotherMasterKeyDoesNotMakeKeys(t *testing.T) {
	store := &memory{}
	if err := node(store, still).Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	stranger := node(store, still)
	stranger.Master = master(2)
	stranger.Ring = NewRing(stranger.Master)
	if err := stranger.Ensure(t.Context()); !errors.Is(err, errOpen) {
		t.Errorf("Ensure: %v, want errOpen", err)
	}
	if err := stranger.Turn(t.Context(), start.Add(11*day)); !errors.Is(err, errOpen) {
		t.Errorf("Turn: %v, want errOpen", err)
	}
	if len(store.rows) != 2 {
		t.Errorf("%d keys, want 2", len(store.rows))
	}
}

func TestUnknownAlgorithmIsNoKeepersBusiness(t *testing.T) {
	store := &memory{}
	if err := node(store, still).EnsureAlg(t.Context(), "HS256"); err == nil || len(store.rows) != 0 {
		t.Errorf("err = %v, rows %v", err, store.rows)
	}
}

func TestKeySignsForNinetyDaysUnlessToldOtherwise(t *testing.T) {
	store := &memory{}
	k := node(store, still)
	k.Period = 0
	if err := k.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		after time.Duration
		want  string
	}{{90*day - time.Millisecond, "1 active"}, {90 * day, "1 active, 1 next"}} {
		if err := k.Turn(t.Context(), start.Add(tt.after)); err != nil {
			t.Fatal(err)
		}
		if got := store.count(ES256); got != tt.want {
			t.Errorf("after %v: %s, want %s", tt.after, got, tt.want)
		}
	}
}
