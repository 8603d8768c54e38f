package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/fichadev/ficha/internal/token"
)

const eventColumns = `id, at, workspace, actor_kind, actor, actor_name, actor_token, acting_for, address, agent, request, action, target, target_name, outcome, detail, hash`

var insertEvents = &rowsText{
	again: true,
	tail:  onFree, returns: freeID,
	head: "INSERT INTO events (" + eventColumns + ") VALUES ",
	types: []string{"BIGINT", "BIGINT", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT",
		"TEXT", "BYTEA"},
}

func eventArgs(e *token.Event) ([]any, error) {
	detail, hash, err := e.Columns()
	if err != nil {
		return nil, err
	}
	return []any{
		int64(e.ID), e.At, e.Workspace, string(e.Actor.Kind), e.Actor.ID, e.Actor.Name, int64(e.Actor.Token), e.Actor.For, e.Actor.Address,
		e.Actor.Agent, e.Actor.Request, e.Action, e.Target, e.TargetName, e.Outcome, detail, hash[:],
	}, nil
}

var insertOutbox = &rowsText{
	again: true,
	tail:  onFree, returns: freeID,
	head:  "INSERT INTO outbox (id, webhook, event, type, subject, body, state, next_at, at) VALUES ",
	types: []string{"BIGINT", "BIGINT", "BIGINT", "TEXT", "TEXT", "BYTEA", "TEXT", "BIGINT", "BIGINT"},
}

func deliveryArgs(d token.Delivery) []any {
	return []any{int64(d.ID), int64(d.Webhook), int64(d.Event), d.Type, d.Subject, d.Body, string(token.DeliveryDue), d.At, d.At}
}

// Record writes an audit row and its deliveries inside a rare deed.
func (tx *Tx) Record(ctx context.Context, e *token.Event, outbox []token.Delivery) error {
	return tx.insertRecords(ctx, []*pending{{deed: &token.Deed{Events: []*token.Event{e}, Outbox: outbox}}})
}

// insertAnswers take the places of those that expired: the purge may come
// later.
var insertAnswers = &rowsText{
	head: "INSERT INTO answers (key, request, sealed, tokens, made_at, sealed_until, expires_at) VALUES ",
	tail: ` ON CONFLICT (key) DO UPDATE SET request = excluded.request, sealed = excluded.sealed, tokens = excluded.tokens,
		made_at = excluded.made_at, sealed_until = excluded.sealed_until, expires_at = excluded.expires_at
		WHERE answers.expires_at <= excluded.made_at`,
	returns: " RETURNING key",
	types:   []string{"BYTEA", "BYTEA", "BYTEA", "TEXT", "BIGINT", "BIGINT", "BIGINT"},
}

func answerArgs(a *token.Answer) []any {
	return []any{a.Key[:], a.Request[:], a.Sealed, joinIDs(a.Tokens), a.MadeAt, a.SealedUntil, a.ExpiresAt}
}

// Answer returns what a request was answered, nil if it was not made before.
// Nothing is sealed in it once one of its tokens was used.
func (s *Store) Answer(ctx context.Context, key token.Hash) (*token.Answer, error) {
	return one(ctx, s.reads, `SELECT request, sealed, tokens, expires_at FROM answers WHERE key = $1`, func(r *sql.Rows) (*token.Answer, error) {
		a := &token.Answer{Key: key}
		var tokens string
		if err := r.Scan(&a.Request, &a.Sealed, &tokens, &a.ExpiresAt); err != nil {
			return nil, fmt.Errorf("read an answer: %w", err)
		}
		a.Tokens = splitIDs(tokens)
		return a, nil
	}, key[:])
}
