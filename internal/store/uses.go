package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// useColumns are those of a use. The column credential holds the row of the
// secret that was shown, so that two secrets of one credential are told apart.
const useColumns = `credential, first_at, last_at, count, address, agent, route`

// flushColumns are those that a flush writes: scopes are kept from the first
// flush on that knows of them.
const flushColumns = useColumns + `, scopes_from, unscoped`

// upsertUses adds what one node saw to what all nodes saw before. Which node
// flushes first makes no difference.
var upsertUses = &rowsText{
	head: "INSERT INTO uses (" + flushColumns + ") VALUES ",
	tail: ` ON CONFLICT (credential) DO UPDATE SET
		first_at = CASE WHEN excluded.first_at < uses.first_at THEN excluded.first_at ELSE uses.first_at END,
		last_at  = CASE WHEN excluded.last_at >= uses.last_at THEN excluded.last_at ELSE uses.last_at END,
		count    = uses.count + excluded.count,
		unscoped = uses.unscoped + excluded.unscoped,
		scopes_from = CASE WHEN uses.scopes_from = 0 OR excluded.scopes_from < uses.scopes_from THEN excluded.scopes_from ELSE uses.scopes_from END,
		address  = CASE WHEN excluded.last_at >= uses.last_at THEN excluded.address ELSE uses.address END,
		agent    = CASE WHEN excluded.last_at >= uses.last_at THEN excluded.agent ELSE uses.agent END,
		route    = CASE WHEN excluded.last_at >= uses.last_at THEN excluded.route ELSE uses.route END`,
	types: []string{"BIGINT", "BIGINT", "BIGINT", "BIGINT", "TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT"},
}

// FlushUses adds uses to those on disk, a portion in each commit, and forgets the
// answers and renewals that name a used token. It says after each commit how many
// more are written, and goes on when that returns: after a fault the caller may
// try again with the rest. A wiping that failed is made needless by the expiry of
// what was to be forgotten. In their order nodes that flush at once do not wait
// for each other crosswise.
func (s *Store) FlushUses(ctx context.Context, uses token.Uses, wrote func(more int)) error {
	ids := make([]token.ID, 0, uses.Len)
	args := make([]any, 0, min(uses.Len, most)*len(upsertUses.types))
	for some := range uses.Portions {
		args = args[:0]
		var scopes []any
		for _, u := range some {
			ids = append(ids, u.Secret)
			args = append(args, int64(u.Secret), u.First, u.Last, u.Count, u.Address, u.Agent, u.Route, u.First, u.Unscoped)
			for _, scope := range slices.Sorted(slices.Values(words(u.Scopes))) {
				scopes = append(scopes, int64(u.Secret), scope, u.First, u.Last)
			}
		}
		err := s.Do(ctx, func(tx *Tx) error {
			if err := upsertUses.run(ctx, tx.statements, args, nil); err != nil {
				return err
			}
			return upsertScopes.run(ctx, tx.statements, scopes, nil)
		})
		if err != nil {
			return fmt.Errorf("write uses: %w", err)
		}
		wrote(len(some))
	}
	if err := s.wipeAnswersOf(ctx, ids); err != nil {
		return fmt.Errorf("wipe answers: %w", err)
	}
	if err := s.dropRenewalsOf(ctx, ids); err != nil {
		return fmt.Errorf("drop renewals: %w", err)
	}
	return nil
}

// mostAnswerLife bounds the life of every answer: a token that is older has
// none left.
const mostAnswerLife = 15 * time.Minute

var wipeAnswers = &rowsText{head: "UPDATE answers SET sealed = '', sealed_until = 0 WHERE key IN (", tail: ")", types: []string{"BYTEA"}}

// answersAfter walks the answers that hold something, from one on; those that are
// no longer given are wiped by another.
const answersAfter = `SELECT key, tokens, sealed_until FROM answers WHERE (sealed_until, key) > ($1, $2) AND sealed_until > 0
	ORDER BY sealed_until, key LIMIT 2048`

// wipeAnswersOf empties the answers that name one of the tokens, which are in
// order: whoever used it has received it. The row stays, so that the request is
// still known to have been made. The table is not even read where no young token
// was used.
func (s *Store) wipeAnswersOf(ctx context.Context, ids []token.ID) error {
	young := from(ids, token.FirstID(time.UnixMilli(s.now()).Add(-mostAnswerLife)))
	last := named{key: []byte{}, until: s.now()}
	for len(young) > 0 {
		page, err := all(ctx, s.reads, answersAfter, scanNamed, last.until, last.key)
		if err != nil || len(page) == 0 {
			return err
		}
		last = page[len(page)-1]
		var args []any
		for _, a := range page {
			if anyOf(young, splitIDs(a.tokens)) {
				args = append(args, a.key)
			}
		}
		if len(args) == 0 {
			continue
		}
		if err := s.Do(ctx, func(tx *Tx) error { return wipeAnswers.run(ctx, tx.statements, args, nil) }); err != nil {
			return err
		}
	}
	return nil
}

// from returns the ids from one on, of those in order.
func from(ids []token.ID, first token.ID) []token.ID {
	at, _ := slices.BinarySearch(ids, first)
	return ids[at:]
}

// anyOf reports whether one of some ids is among ids in order.
func anyOf(ids, some []token.ID) bool {
	return slices.ContainsFunc(some, func(id token.ID) bool {
		_, found := slices.BinarySearch(ids, id)
		return found
	})
}

// named is an answer and the ids of the tokens in it.
type named struct {
	key    []byte
	tokens string
	until  int64
}

func scanNamed(r *sql.Rows) (n named, err error) {
	err = r.Scan(&n.key, &n.tokens, &n.until)
	return n, err
}

var selectUses = &rowsText{head: "SELECT " + useColumns + " FROM uses WHERE credential IN (", tail: ")", types: []string{"BIGINT"}}

// LastUses returns what is on disk of the uses of secrets, by row. Those that were
// never used are not in the map; what the nodes have not flushed yet is not
// either.
func (s *Store) LastUses(ctx context.Context, secrets []token.ID) (map[token.ID]token.Seen, error) {
	seen := make(map[token.ID]token.Seen, len(secrets))
	for batch := range slices.Chunk(secrets, most) {
		n := 1
		for n < len(batch) {
			n *= 2
		}
		args := make([]any, n) // filled up with the last one, so that there are few texts
		for i := range args {
			args[i] = int64(batch[min(i, len(batch)-1)])
		}
		list, err := all(ctx, s.reads, selectUses.text(rowsOf{rows: n, numbered: true}), scanUse, args...)
		if err != nil {
			return nil, fmt.Errorf("read uses: %w", err)
		}
		for _, u := range list {
			seen[u.Secret] = u.Seen
		}
	}
	return seen, nil
}

func scanUse(r *sql.Rows) (u token.Used, err error) {
	err = r.Scan(&u.Secret, &u.First, &u.Last, &u.Count, &u.Address, &u.Agent, &u.Route)
	return u, err
}
