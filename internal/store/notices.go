package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/fichadev/ficha/internal/token"
)

const (
	keepNotices = 100 * oneDay // what is told of a secret is told within 60 days before its expiry and 90 after it

	// walked goes on from where a watch stands, along the index of expiries. What
	// names that index stands last: SQLite begins where the first bound says.
	walked = ` expires_at >= $1 AND (expires_at, id) > ($1, $2) AND expires_at <= $3 AND expires_at > 0 ORDER BY expires_at, id LIMIT $4`

	expiringTokens  = `SELECT ` + tokenAll + ` FROM tokens_long WHERE` + walked
	expiringSecrets = `SELECT s.id, s.client, c.workspace, c.name, s.last_four, s.created_at, s.expires_at, s.retires_at,
		CASE WHEN s.ended_at <> 0 THEN s.ended_at ELSE c.disabled_at END
		FROM (SELECT * FROM client_secrets WHERE` + walked + `) s JOIN clients c ON c.id = s.client ORDER BY s.expires_at, s.id`

	// expiringSecret is one of them by its id.
	expiringSecret = `SELECT s.id, s.client, c.workspace, c.name, s.last_four, s.created_at, s.expires_at, s.retires_at,
		CASE WHEN s.ended_at <> 0 THEN s.ended_at ELSE c.disabled_at END
		FROM client_secrets s JOIN clients c ON c.id = s.client WHERE s.id = $1`

	moveWatch = `INSERT INTO notice_watches (clients, notice, expires, secret) VALUES ($1, $2, $3, $4)
		ON CONFLICT (clients, notice) DO UPDATE SET expires = excluded.expires, secret = excluded.secret
		WHERE notice_watches.expires = $5 AND notice_watches.secret = $6`

	overNotices = `DELETE FROM notices WHERE (secret, notice) IN (SELECT secret, notice FROM notices WHERE at <= $1 ORDER BY at LIMIT $2)`
)

// Expiring returns up to limit secrets that a watch has not passed and that
// expire at an instant (ms) at the latest, by their expiry: whatever became of
// them. The secret of a client is a token of that kind.
func (s *Store) Expiring(ctx context.Context, w token.Watch, until int64, limit int) ([]*token.Token, error) {
	text, scan := expiringTokens, scanToken
	if w.Clients {
		text, scan = expiringSecrets, scanExpiringSecret
	}
	page, err := all(ctx, s.reads, text, scan, w.Expires, int64(w.Secret), until, limit)
	if err != nil {
		return nil, fmt.Errorf("walk what expires: %w", err)
	}
	return page, nil
}

// ExpiringSecret returns the secret of a client as Expiring does; nil if there is
// none of this id.
func (s *Store) ExpiringSecret(ctx context.Context, id token.ID) (*token.Token, error) {
	return one(ctx, s.reads, expiringSecret, scanExpiringSecret, int64(id))
}

func scanExpiringSecret(r *sql.Rows) (*token.Token, error) {
	t := &token.Token{Kind: token.ClientSecret}
	err := r.Scan(&t.ID, &t.Client, &t.Workspace, &t.Name, &t.LastFour, &t.IssuedAt, &t.ExpiresAt, &t.RetiresAt, &t.EndedAt)
	t.Credential = t.ID
	return t, err
}

// Watches returns how far each watch has come; one that never moved is not
// among them.
func (s *Store) Watches(ctx context.Context) ([]token.Watch, error) {
	return all(ctx, s.reads, `SELECT clients, notice, expires, secret FROM notice_watches`, func(r *sql.Rows) (w token.Watch, err error) {
		var clients int64
		err = r.Scan(&clients, &w.Notice, &w.Expires, &w.Secret)
		w.Clients = clients == 1
		return w, err
	})
}

// MoveWatch moves a watch on. It reports false, and moves nothing, if it does
// not stand where it was.
func (tx *Tx) MoveWatch(ctx context.Context, was, is token.Watch) (bool, error) {
	clients := 0
	if was.Clients {
		clients = 1
	}
	return tx.affects(ctx, moveWatch, clients, int64(was.Notice), is.Expires, int64(is.Secret), was.Expires, int64(was.Secret))
}

var insertNotices = &rowsText{
	head: "INSERT INTO notices (secret, notice, at) VALUES ",
	tail: onFree, returns: " RETURNING secret",
	types: []string{"BIGINT", "BIGINT", "BIGINT"},
}

// Notice writes down that secrets are told of now, and returns those of them of
// which this was not told before.
func (tx *Tx) Notice(ctx context.Context, n token.Notice, secrets []token.ID) (map[token.ID]bool, error) {
	var args []any
	for _, id := range secrets {
		args = append(args, int64(id), int64(n), tx.now)
	}
	fresh := make(map[token.ID]bool, len(secrets))
	if err := insertNotices.run(ctx, tx.statements, args, collect(fresh)); err != nil {
		return nil, fmt.Errorf("write notices: %w", err)
	}
	return fresh, nil
}

// Noticed reports whether this was told of a secret.
func (s *Store) Noticed(ctx context.Context, secret token.ID, n token.Notice) (bool, error) {
	told, err := one(ctx, s.reads, `SELECT COUNT(*) FROM notices WHERE secret = $1 AND notice = $2`, scanInt, int64(secret), int64(n))
	return told > 0, err
}

// Records writes audit rows and deliveries inside a rare deed. A delivery need
// not belong to one of the rows. It refuses with reason Clash if an id is taken.
func (tx *Tx) Records(ctx context.Context, events []*token.Event, outbox []token.Delivery) error {
	err := tx.insertRecords(ctx, []*pending{{deed: &token.Deed{Events: events, Outbox: outbox}}})
	if errors.Is(err, errAlone) {
		return token.Errorf(token.Conflict, "an id is taken").Because(token.Clash)
	}
	return err
}

func purgeNotices(ctx context.Context, tx *Tx) (int, error) {
	return tx.count(ctx, overNotices, tx.now-keepNotices.Milliseconds(), purgeStep)
}

// countExpiring: what is counted of the rows that are looked at.
const countExpiring = `SELECT id, expires_at, ended_at = 0 AND retires_at = 0 AND kind IN ('service', 'personal', 'access')
	FROM tokens_long WHERE` + walked

// CountExpiring returns how many tokens of which notice is given expire within
// each of the spans from an instant on, the shortest span first. It looks at
// the first 20,000 that expire: beyond, the counts are the least there are.
func (s *Store) CountExpiring(ctx context.Context, from int64, spans []int64) ([]int64, error) {
	const look, step = 20_000, 500
	counts := make([]int64, len(spans))
	w := token.Watch{Expires: from}
	for range look / step {
		page, err := all(ctx, s.reads, countExpiring, scanExpiring, w.Expires, int64(w.Secret), from+spans[len(spans)-1], step)
		if err != nil {
			return nil, fmt.Errorf("count what expires: %w", err)
		}
		for _, e := range page {
			w = e.Watch
			for i, span := range spans {
				if e.counted && e.Expires <= from+span {
					counts[i]++
				}
			}
		}
		if len(page) < step {
			break
		}
	}
	return counts, nil
}

type expiring struct {
	token.Watch
	counted bool
}

func scanExpiring(r *sql.Rows) (e expiring, err error) {
	err = r.Scan(&e.Secret, &e.Expires, &e.counted)
	return e, err
}
