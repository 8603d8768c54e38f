package verifier

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/fichadev/ficha/internal/token"
)

// A box holds one support, once for all tokens that stand on it. A change
// empties it; who asks next reads it again. Tokens keep pointers to boxes, so a
// change touches one record however many tokens stand on it.
type box[T any] struct {
	value   atomic.Pointer[T]
	mu      sync.Mutex
	version int
	gone    atomic.Bool // no longer heard of: who holds it must look it up anew
}

func (b *box[T]) empty() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.version++
	b.value.Store(nil)
}

// A shelf holds the boxes of one kind of support.
type shelf[T any] struct {
	boxes *cache[string, *box[T]]
	read  func(ctx context.Context, id string) (*T, error)
}

func newShelf[T any](most int, read func(context.Context, string) (*T, error)) *shelf[T] {
	return &shelf[T]{read: read, boxes: newCache[string](most, func(b *box[T]) {
		b.gone.Store(true)
		b.empty()
	})}
}

// box returns the one box of an id.
func (s *shelf[T]) box(id string) *box[T] {
	for {
		b, version, ok := s.boxes.get(id)
		if ok {
			return b
		}
		if b, ok = s.boxes.put(id, &box[T]{}, version); ok {
			return b
		}
	}
}

// get returns a support, nil if it is missing: that is not kept.
func (s *shelf[T]) get(ctx context.Context, id string) (*T, error) {
	return s.open(ctx, id, s.box(id))
}

func (s *shelf[T]) open(ctx context.Context, id string, b *box[T]) (*T, error) {
	if v := b.value.Load(); v != nil {
		return v, nil
	}
	b.mu.Lock()
	version := b.version
	b.mu.Unlock()
	v, err := s.read(ctx, id)
	if err != nil || v == nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.version == version && !b.gone.Load() {
		b.value.Store(v)
	}
	return v, nil
}

// changed empties the box of an id, if there is one.
func (s *shelf[T]) changed(id string) {
	if b, _, ok := s.boxes.get(id); ok {
		b.empty()
	}
}

// Workspace returns a workspace as of the position heard, nil if there is none.
func (v *Verifier) Workspace(ctx context.Context, id string) (*token.Workspace, error) {
	if err := v.fresh(ctx); err != nil || id == "" {
		return nil, err
	}
	return v.workspaces.get(ctx, id)
}

// Client returns a client as of the position heard, nil if there is none.
func (v *Verifier) Client(ctx context.Context, id string) (*token.Client, error) {
	if err := v.fresh(ctx); err != nil || id == "" {
		return nil, err
	}
	return v.clients.get(ctx, id)
}

// Person returns a user as of the position heard, nil if there is none.
func (v *Verifier) Person(ctx context.Context, id string) (*token.Person, error) {
	if err := v.fresh(ctx); err != nil || id == "" {
		return nil, err
	}
	return v.people.get(ctx, id)
}
