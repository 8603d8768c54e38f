package server

import (
	"context"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/store"
	"github.com/fichadev/ficha/internal/token"
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

// keyStore records what the keeper of the keys does.
type keyStore struct{ *store.Store }

var keeping = token.Actor{Kind: token.System, ID: "keys", Name: "keys"}

func (s keyStore) AddKey(ctx context.Context, key token.SigningKey) (added bool, err error) {
	err = s.Store.Do(ctx, func(tx *store.Tx) error {
		if added, err = tx.AddKey(ctx, key); err != nil || !added {
			return err
		}
		return authority.RecordKey(ctx, tx, keeping, key, "")
	})
	return added, err
}

func (s keyStore) SetKeyState(ctx context.Context, id, from, to string, at int64) (moved bool, err error) {
	err = s.Store.Do(ctx, func(tx *store.Tx) error {
		if moved, err = tx.SetKeyState(ctx, id, from, to, at); err != nil || !moved {
			return err
		}
		key, err := tx.Key(ctx, id)
		if err != nil {
			return err
		}
		return authority.RecordKey(ctx, tx, keeping, key, "")
	})
	return moved, err
}

// lateWitness is the authority, which is made after the judge that asks it.
type lateWitness struct{ *authority.Authority }
