package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/fichadev/ficha/internal/token"
)

// total names the tokens of one month, workspace and kind. Of those that no
// audit row tells of, their number is what remains.
type total struct{ month, workspace, kind string }

var insertTotals = &rowsText{
	head:  "INSERT INTO totals (month, workspace, kind, issued) VALUES ",
	tail:  addTotals,
	types: []string{"TEXT", "TEXT", "TEXT", "BIGINT"},
}

var (
	deleteUses    = &rowsText{head: "DELETE FROM uses WHERE credential IN (", tail: ")", types: []string{"BIGINT"}}
	deleteScopes  = &rowsText{head: "DELETE FROM used_scopes WHERE secret IN (", tail: ")", types: []string{"BIGINT"}}
	deleteImports = &rowsText{head: "DELETE FROM imports WHERE hash IN (", tail: ")", types: []string{"BYTEA"}}
)

// leaving is what is read of a token as it is deleted.
type leaving struct {
	id, grant                 token.ID
	workspace, kind, contract string
	hash                      []byte
	successor                 int64
}

const returnLeaving = ` RETURNING id, workspace, kind, contract, hash, successor, grant_id`

func scanLeaving(r *sql.Rows) (l leaving, err error) {
	err = r.Scan(&l.id, &l.workspace, &l.kind, &l.contract, &l.hash, &l.successor, &l.grant)
	return l, err
}

// deleteTokens runs a statement that deletes tokens and returns how many. It
// counts them in the totals and forgets what was kept of them elsewhere: the
// hash of one that was made elsewhere, its uses, and the family that it was the
// last of.
func (tx *Tx) deleteTokens(ctx context.Context, text string, args ...any) (int, error) {
	gone, err := all(ctx, tx, text+returnLeaving, scanLeaving, args...)
	if err != nil {
		return 0, fmt.Errorf("delete tokens: %w", err)
	}
	counts := map[total]int64{}
	var ids []int64
	var hashes []any
	for _, l := range gone {
		counts[total{l.id.Time().Format(monthName), l.workspace, l.kind}]++
		ids = append(ids, int64(l.id))
		if l.contract == "import" {
			hashes = append(hashes, l.hash)
		}
	}
	if err := tx.addTotals(ctx, counts); err != nil {
		return 0, fmt.Errorf("write totals: %w", err)
	}
	if err := tx.forgetUses(ctx, ids); err != nil {
		return 0, fmt.Errorf("forget uses: %w", err)
	}
	if err := deleteImports.run(ctx, tx.statements, hashes, nil); err != nil {
		return 0, fmt.Errorf("forget imports: %w", err)
	}
	return len(gone), tx.lapseBehind(ctx, gone)
}

func (tx *Tx) addTotals(ctx context.Context, counts map[total]int64) error {
	var rows []total
	for t := range counts {
		rows = append(rows, t)
	}
	slices.SortFunc(rows, func(a, b total) int {
		return cmp.Or(cmp.Compare(a.month, b.month), cmp.Compare(a.workspace, b.workspace), cmp.Compare(a.kind, b.kind))
	})
	var args []any
	for _, t := range rows {
		args = append(args, t.month, t.workspace, t.kind, counts[t])
	}
	return insertTotals.run(ctx, tx.statements, args, nil)
}

func (tx *Tx) forgetUses(ctx context.Context, secrets []int64) error {
	slices.Sort(secrets)
	args := make([]any, len(secrets))
	for i, id := range secrets {
		args[i] = id
	}
	if err := deleteScopes.run(ctx, tx.statements, args, nil); err != nil {
		return err
	}
	return deleteUses.run(ctx, tx.statements, args, nil)
}

// Purged returns how many tokens of a workspace that were issued in a month
// ("2006-01") have been purged, by kind.
func (s *Store) Purged(ctx context.Context, month, workspace string) (map[token.Kind]int64, error) {
	purged := map[token.Kind]int64{}
	_, err := all(ctx, s.reads, `SELECT kind, issued FROM totals WHERE month = $1 AND workspace = $2`, func(r *sql.Rows) (n int64, err error) {
		var kind string
		err = r.Scan(&kind, &n)
		purged[token.Kind(kind)] = n
		return n, err
	}, month, workspace)
	return purged, err
}
