package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/fichadev/ficha/internal/token"
)

const authorizationColumns = `id, session, client, contract, request, state, grant_id, expires_at`

// mostPending is how many authorize requests one session keeps.
const mostPending = 20

// InsertAuthorization keeps an authorize request, and of those of its session
// the 20 newest only. It refuses with reason Clash if the id is taken.
func (tx *Tx) InsertAuthorization(ctx context.Context, a *token.Authorization) error {
	isNew, err := tx.affects(ctx, `INSERT INTO authorizations (`+authorizationColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
		int64(a.ID), int64(a.Session), a.Client, a.Contract, a.Request, string(a.State), int64(a.Grant), a.ExpiresAt)
	if err != nil {
		return fmt.Errorf("keep an authorize request: %w", err)
	}
	if !isNew {
		return token.Errorf(token.Conflict, "the id is taken").Because(token.Clash)
	}
	_, err = tx.exec(ctx, `DELETE FROM authorizations WHERE session = $1
		AND id NOT IN (SELECT id FROM authorizations WHERE session = $1 ORDER BY id DESC LIMIT $2)`, int64(a.Session), mostPending)
	return err
}

// Authorization returns an authorize request, nil if there is none. Whether it
// has expired is the caller's to see.
func (s *Store) Authorization(ctx context.Context, id token.ID) (*token.Authorization, error) {
	return one(ctx, s.reads, `SELECT `+authorizationColumns+` FROM authorizations WHERE id = $1`, func(r *sql.Rows) (*token.Authorization, error) {
		var a token.Authorization
		var state string
		if err := r.Scan(&a.ID, &a.Session, &a.Client, &a.Contract, &a.Request, &state, &a.Grant, &a.ExpiresAt); err != nil {
			return nil, fmt.Errorf("read an authorize request: %w", err)
		}
		a.State = token.AuthorizationState(state)
		return &a, nil
	}, int64(id))
}

// AnswerAuthorization moves a pending authorize request that has not expired to
// approved, with what was granted, or to denied; it reports whether this call
// did.
func (tx *Tx) AnswerAuthorization(ctx context.Context, id token.ID, state token.AuthorizationState, grant token.ID) (bool, error) {
	return tx.affects(ctx, `UPDATE authorizations SET state = $2, grant_id = $3 WHERE id = $1 AND state = 'pending' AND expires_at > $4`,
		int64(id), string(state), int64(grant), tx.now)
}
