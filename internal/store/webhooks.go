package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/fichadev/ficha/internal/token"
)

const subscriptionColumns = webhookColumns + `, failures, failing_since, notices, disabled_reason, created_at, ended_at, secret, next_secret`

func scanSubscription(r *sql.Rows) (*token.Subscription, error) {
	var s token.Subscription
	var events string
	err := r.Scan(&s.ID, &s.Workspace, &s.URL, &events, &s.DisabledAt, &s.Failures, &s.FailingSince, &s.Notices, &s.DisabledReason, &s.CreatedAt, &s.EndedAt,
		&s.Secret, &s.NextSecret)
	if err != nil {
		return nil, fmt.Errorf("read a subscription: %w", err)
	}
	return &s, errors.Join(read(events, &s.Events))
}

// Subscriptions returns a page of the subscriptions of a workspace that have
// not ended, by id, after one.
func (s *Store) Subscriptions(ctx context.Context, workspace string, after token.ID, limit int) ([]*token.Subscription, error) {
	return all(ctx, s.reads, `SELECT `+subscriptionColumns+` FROM webhooks WHERE workspace = $1 AND id > $2 AND ended_at = 0 ORDER BY id LIMIT $3`,
		scanSubscription, workspace, int64(after), limit)
}

const subscriptionText = `SELECT ` + subscriptionColumns + ` FROM webhooks WHERE id = $1`

// Subscription returns a subscription, ended or not, nil if there is none.
func (s *Store) Subscription(ctx context.Context, id token.ID) (*token.Subscription, error) {
	return one(ctx, s.reads, subscriptionText, scanSubscription, int64(id))
}

// Subscription returns what Store.Subscription does, as the transaction sees it.
func (tx *Tx) Subscription(ctx context.Context, id token.ID) (*token.Subscription, error) {
	return one(ctx, tx, subscriptionText, scanSubscription, int64(id))
}

const liveSubscription = ` WHERE id = $1 AND ended_at = 0 AND disabled_at = 0`

// CountWebhookFailure counts one more failed try at an instant (ms) and returns
// the subscription with it, nil if it hears nothing any more. Others who count
// wait for this transaction.
func (tx *Tx) CountWebhookFailure(ctx context.Context, id token.ID, at int64) (*token.Subscription, error) {
	return one(ctx, tx, `UPDATE webhooks SET failures = failures + 1, failing_since = CASE failing_since WHEN 0 THEN $2 ELSE failing_since END`+
		liveSubscription+` RETURNING `+subscriptionColumns, scanSubscription, int64(id), at)
}

// ForgetWebhookFailures notes that a delivery arrived. It writes nothing where
// none had failed.
func (tx *Tx) ForgetWebhookFailures(ctx context.Context, id token.ID) error {
	_, err := tx.exec(ctx, `UPDATE webhooks SET failures = 0, failing_since = 0, notices = 0`+liveSubscription+` AND failing_since <> 0`, int64(id))
	return err
}

// SetWebhookNotices notes how many notices were given of a subscription.
func (tx *Tx) SetWebhookNotices(ctx context.Context, id token.ID, n int64) error {
	_, err := tx.exec(ctx, `UPDATE webhooks SET notices = $2 WHERE id = $1`, int64(id), n)
	return err
}

// DisableWebhook lets a live subscription hear nothing any more; it reports
// whether this call did.
func (tx *Tx) DisableWebhook(ctx context.Context, workspace string, id token.ID, reason string) (bool, error) {
	tx.Changed(token.Change{What: token.ChangedWorkspace, ID: workspace})
	return tx.affects(ctx, `UPDATE webhooks SET disabled_at = $3, disabled_reason = $4 WHERE id = $1 AND workspace = $2 AND ended_at = 0 AND disabled_at = 0`,
		int64(id), workspace, tx.now, reason)
}

// EnableWebhook lets a disabled subscription hear again, its failures
// forgotten; it reports whether this call did.
func (tx *Tx) EnableWebhook(ctx context.Context, workspace string, id token.ID) (bool, error) {
	tx.Changed(token.Change{What: token.ChangedWorkspace, ID: workspace})
	return tx.affects(ctx, `UPDATE webhooks SET disabled_at = 0, disabled_reason = '', failures = 0, failing_since = 0, notices = 0
		WHERE id = $1 AND workspace = $2 AND ended_at = 0 AND disabled_at <> 0`, int64(id), workspace)
}

// SetNextWebhookSecret gives a live subscription a second sealed secret, with
// which its deliveries are signed beside the first; an empty one takes it away.
// It reports whether the subscription lives.
func (tx *Tx) SetNextWebhookSecret(ctx context.Context, workspace string, id token.ID, next token.SealedSecret) (bool, error) {
	if next.Sealed == nil {
		next.Sealed = []byte{}
	}
	return tx.affects(ctx, `UPDATE webhooks SET next_secret = $3, next_mark = $4 WHERE id = $1 AND workspace = $2 AND ended_at = 0`,
		int64(id), workspace, next.Sealed, next.Mark)
}

// TurnWebhookSecret puts the second secret of a live subscription in the place
// of the first; it reports whether there was one.
func (tx *Tx) TurnWebhookSecret(ctx context.Context, workspace string, id token.ID) (bool, error) {
	return tx.affects(ctx, `UPDATE webhooks SET secret = next_secret, mark = next_mark, next_secret = '', next_mark = '' WHERE id = $1 AND workspace = $2 AND ended_at = 0 AND LENGTH(next_secret) > 0`,
		int64(id), workspace)
}

// markedWebhook finds the subscription whose secret, or next one, has a mark.
const markedWebhook = `SELECT ` + subscriptionColumns + ` FROM webhooks WHERE mark = $1 AND mark <> ''
	UNION ALL SELECT ` + subscriptionColumns + ` FROM webhooks WHERE next_mark = $1 AND next_mark <> '' LIMIT 1`

// MarkedSubscription returns the subscription that signs, or will sign, with the
// secret of a mark, ended or not; nil if there is none.
func (s *Store) MarkedSubscription(ctx context.Context, mark string) (*token.Subscription, error) {
	return one(ctx, s.reads, markedWebhook, scanSubscription, mark)
}

const unmarkedWebhooks = `SELECT id, secret, next_secret FROM webhooks WHERE mark = '' AND id > $1 ORDER BY id LIMIT $2`

// UnmarkedWebhooks returns the sealed secrets of subscriptions that were written
// before there were marks, by id and after one.
func (s *Store) UnmarkedWebhooks(ctx context.Context, after token.ID, limit int) ([]token.Receiver, error) {
	return all(ctx, s.reads, unmarkedWebhooks, func(r *sql.Rows) (to token.Receiver, err error) {
		err = r.Scan(&to.ID, &to.Secret, &to.NextSecret)
		return to, err
	}, int64(after), limit)
}

// MarkWebhook gives the secrets of such a subscription their marks, unless they
// are others by now.
func (tx *Tx) MarkWebhook(ctx context.Context, id token.ID, secret, next token.SealedSecret) error {
	if next.Sealed == nil {
		next.Sealed = []byte{}
	}
	_, err := tx.exec(ctx, `UPDATE webhooks SET mark = $2, next_mark = $3 WHERE id = $1 AND mark = '' AND secret = $4 AND (LENGTH(next_secret) = 0 OR next_secret = $5)`,
		int64(id), secret.Mark, next.Mark, secret.Sealed, next.Sealed)
	return err
}
