package server

import (
	"context"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/store"
)

// Each room declares the memory that it needs; these hand it the store's.

type authorityStore struct{ *store.Store }

func (s authorityStore) Do(ctx context.Context, f func(authority.Tx) error) error {
	return s.Store.Do(ctx, func(tx *store.Tx) error { return f(tx) })
}

type identityStore struct{ *store.Store }

func (s identityStore) Do(ctx context.Context, f func(identity.Tx) error) error {
	return s.Store.Do(ctx, func(tx *store.Tx) error { return f(tx) })
}

// lateWitness is the authority, which is made after the judge that asks it.
type lateWitness struct{ *authority.Authority }
