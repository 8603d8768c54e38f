package store

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

func newAuthorization(session token.ID) *token.Authorization {
	return &token.Authorization{
		ID: newID(token.Short), Session: session, Client: "c1", Contract: "oauth2", Request: `{"scope":"a:b"}`, State: token.Pending,
		ExpiresAt: time.Now().Add(time.Minute).UnixMilli(),
	}
}

func TestSessionKeepsItsNewestRequestsOnly(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		mine, theirs := newID(token.Short), newID(token.Short)
		other := newAuthorization(theirs)
		do(t, s, func(tx *Tx) error { return tx.InsertAuthorization(t.Context(), other) })
		var asked []*token.Authorization
		for range mostPending + 3 {
			a := newAuthorization(mine)
			do(t, s, func(tx *Tx) error { return tx.InsertAuthorization(t.Context(), a) })
			asked = append(asked, a)
		}
		for i, a := range append(asked, other) {
			var want *token.Authorization
			if i >= 3 {
				want = a
			}
			same(t, a.ID.String(), want)(s.Authorization(t.Context(), a.ID))
		}
		err := s.Do(t.Context(), func(tx *Tx) error { return tx.InsertAuthorization(t.Context(), other) })
		if r := token.AsRefusal(err); r == nil || r.Reason != token.Clash {
			t.Errorf("the same id again: %v, want a clash", err)
		}
	})
}

func TestRequestIsAnsweredOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		a, grant := newAuthorization(newID(token.Short)), newID(token.Long)
		do(t, s, func(tx *Tx) error { return tx.InsertAuthorization(t.Context(), a) })
		var won atomic.Int64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				err := s.Do(t.Context(), func(tx *Tx) error {
					ok, err := tx.AnswerAuthorization(t.Context(), a.ID, token.Approved, grant)
					if err == nil && !ok {
						return token.Errorf(token.Conflict, "answered").Because(token.Lost)
					}
					return err
				})
				switch r := token.AsRefusal(err); {
				case err == nil:
					won.Add(1)
				case r == nil || r.Reason != token.Lost:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("%d answers, want 1", won.Load())
		}
		want := *a
		want.State, want.Grant = token.Approved, grant
		same(t, "approved", &want)(s.Authorization(t.Context(), a.ID))
	})
}

func TestExpiredRequestIsNotAnswered(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		a := newAuthorization(newID(token.Short))
		a.ExpiresAt = time.Now().Add(-time.Second).UnixMilli()
		do(t, s, func(tx *Tx) error { return tx.InsertAuthorization(t.Context(), a) })
		do(t, s, func(tx *Tx) error {
			won, err := tx.AnswerAuthorization(t.Context(), a.ID, token.Denied, 0)
			if won {
				err = errors.Join(err, errors.New("it was answered"))
			}
			return err
		})
	})
}
