package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/fichadev/ficha/internal/token"
)

// The columns of a token: those that every one has or every refresh token, the
// rare ones, those that hardly any is made with, and what becomes of it later.
const (
	tokenBare = `id, credential, kind, contract, hash, last_four, workspace, client, person, grant_id, scopes, key_id, expires_at, born, status_index, data`
	tokenRare = `name, purpose, owner, sponsor, actor, reason, audience, proof, max_uses`
	tokenOdd  = `replaces, narrowed_from, addresses, approval, suspended_at`
	tokenEnds = `uses, ended_at, end_reason, ended_by, suspended_until, successor, confirmed_at, retires_at`
	tokenAll  = tokenBare + ", " + tokenRare + ", " + tokenOdd + ", " + tokenEnds
)

var (
	bareTypes = []string{
		"BIGINT", "BIGINT", "TEXT", "TEXT", "BYTEA", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "TEXT",
	}
	rareTypes = []string{"TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT"}
	oddTypes  = []string{"BIGINT", "TEXT", "TEXT", "TEXT", "BIGINT"}
)

// tables are the two classes.
var tables = [2]string{token.Short: "tokens_short", token.Long: "tokens_long"}

// A fullness says how many of its columns a row is inserted with.
type fullness int

const (
	bareRow fullness = iota
	rareRow
	oddRow
)

// insertToken holds the statements by class and fullness.
var insertToken = [2][3]*rowsText{
	token.Short: {insertTokenText(token.Short, bareRow), insertTokenText(token.Short, rareRow), insertTokenText(token.Short, oddRow)},
	token.Long:  {insertTokenText(token.Long, bareRow), insertTokenText(token.Long, rareRow), insertTokenText(token.Long, oddRow)},
}

func insertTokenText(class token.Class, full fullness) *rowsText {
	columns, types := tokenBare, slices.Clone(bareTypes)
	if full >= rareRow {
		columns, types = columns+", "+tokenRare, append(types, rareTypes...)
	}
	if full >= oddRow {
		columns, types = columns+", "+tokenOdd, append(types, oddTypes...)
	}
	return &rowsText{
		again: true,
		head:  "INSERT INTO " + tables[class] + " (" + columns + ") VALUES ",
		tail:  onFree, returns: freeID,
		types: types,
	}
}

// endText ends rows that have not ended; exactly one of two racers gets its
// row back.
var endText = [2]*rowsText{token.Short: newEndText(token.Short), token.Long: newEndText(token.Long)}

func newEndText(class token.Class) *rowsText {
	return &rowsText{
		again: true,
		head: "UPDATE " + tables[class] + ` SET ended_at = v.column2, end_reason = v.column3, ended_by = v.column4, successor = v.column5
			FROM (VALUES `,
		tail:    `) AS v WHERE id = v.column1 AND ended_at = 0`,
		among:   "id",
		returns: freeID,
		types:   []string{"BIGINT", "BIGINT", "TEXT", "TEXT", "BIGINT"},
	}
}

func appendEnding(args []any, e token.Ending) []any {
	return append(args, int64(e.ID), e.At, e.Reason, e.By, int64(e.Successor))
}

// extendText moves the end of rows that have not ended to a later instant.
var extendText = [2]*rowsText{token.Short: newExtendText(token.Short), token.Long: newExtendText(token.Long)}

func newExtendText(class token.Class) *rowsText {
	return &rowsText{
		again: true,
		head:  "UPDATE " + tables[class] + ` SET expires_at = v.column2 FROM (VALUES `,
		tail:  `) AS v WHERE id = v.column1 AND ended_at = 0 AND expires_at > 0 AND expires_at < v.column2`,
		among: "id",
		types: []string{"BIGINT", "BIGINT"},
	}
}

// fullnessOf returns the fewest columns that hold a new token.
func fullnessOf(t *token.Token) fullness {
	switch {
	case t.Replaces != 0 || len(t.NarrowedFrom) > 0 || len(t.Addresses) > 0 || t.Approval != "" || t.SuspendedAt != 0:
		return oddRow
	case t.Name == "" && t.Purpose == "" && t.Owner == "" && t.Sponsor == "" && t.Actor == "" &&
		t.Reason == "" && t.Audience == "" && t.Proof == "" && t.MaxUses == 0:
		return bareRow
	}
	return rareRow
}

func appendToken(args []any, t *token.Token, full fullness) []any {
	args = append(args, int64(t.ID), int64(t.Credential), string(t.Kind), t.Contract, t.Hash[:], t.LastFour,
		t.Workspace, t.Client, t.Person, int64(t.Grant), t.Scopes.String(), t.Key, t.ExpiresAt, t.Born, t.StatusIndex, t.Data)
	if full >= rareRow {
		args = append(args, t.Name, t.Purpose, t.Owner, t.Sponsor, t.Actor, t.Reason, t.Audience, t.Proof, t.MaxUses)
	}
	if full >= oddRow {
		args = append(args, int64(t.Replaces), t.NarrowedFrom.String(), networksText(t.Addresses), t.Approval, t.SuspendedAt)
	}
	return args
}

// networksText and networks keep networks in one column.
func networksText(list []netip.Prefix) string {
	words := make([]string, len(list))
	for i, p := range list {
		words[i] = p.String()
	}
	return strings.Join(words, " ")
}

func networks(text string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for word := range strings.FieldsSeq(text) {
		p, err := netip.ParsePrefix(word)
		if err != nil {
			return nil, fmt.Errorf("read the networks of a token: %w", err)
		}
		list = append(list, p)
	}
	return list, nil
}

func scanToken(r *sql.Rows) (*token.Token, error) {
	var t token.Token
	var kind, scopes, wider, addresses string
	err := r.Scan(&t.ID, &t.Credential, &kind, &t.Contract, &t.Hash, &t.LastFour, &t.Workspace, &t.Client, &t.Person,
		&t.Grant, &scopes, &t.Key, &t.ExpiresAt, &t.Born, &t.StatusIndex, &t.Data,
		&t.Name, &t.Purpose, &t.Owner, &t.Sponsor, &t.Actor, &t.Reason, &t.Audience, &t.Proof, &t.MaxUses,
		&t.Replaces, &wider, &addresses, &t.Approval, &t.SuspendedAt,
		&t.Uses, &t.EndedAt, &t.EndReason, &t.EndedBy, &t.SuspendedUntil, &t.Successor, &t.ConfirmedAt, &t.RetiresAt)
	if err != nil {
		return nil, fmt.Errorf("read a token: %w", err)
	}
	if t.Addresses, err = networks(addresses); err != nil {
		return nil, err
	}
	t.Kind, t.Scopes, t.NarrowedFrom = token.Kind(kind), words(scopes), words(wider)
	t.IssuedAt = t.ID.Time().UnixMilli()
	return &t, nil
}

// words splits a stored set of scopes.
func words(s string) token.Scopes {
	if s == "" {
		return nil
	}
	return strings.Split(s, " ")
}

// isPlain reports that every column beside tokenBare is empty.
const isPlain = `CASE WHEN name = '' AND purpose = '' AND owner = '' AND sponsor = '' AND actor = '' AND reason = '' AND audience = ''
	AND proof = '' AND max_uses = 0 AND uses = 0 AND ended_at = 0 AND end_reason = '' AND ended_by = ''
	AND suspended_at = 0 AND suspended_until = 0 AND successor = 0
	AND replaces = 0 AND addresses = '' AND approval = '' AND retires_at = 0 THEN 1 ELSE 0 END`

var (
	tokenByID = [2]string{
		token.Short: "SELECT " + tokenAll + " FROM tokens_short WHERE id = $1",
		token.Long:  "SELECT " + tokenAll + " FROM tokens_long WHERE id = $1",
	}
	suspendToken = [2]string{
		token.Short: "UPDATE tokens_short SET suspended_at = $2, suspended_until = $3 WHERE id = $1 AND ended_at = 0",
		token.Long:  "UPDATE tokens_long SET suspended_at = $2, suspended_until = $3 WHERE id = $1 AND ended_at = 0",
	}
	countUse = "UPDATE tokens_short SET uses = uses + 1 WHERE id = $1 AND uses < max_uses AND ended_at = 0"
)

// Token returns the row of that address, nil if there is none. Nearly every
// token that is asked for is plain: it has nothing in the rare columns and lives.
// Asking whether it is costs less than reading them.
func (s *Store) Token(ctx context.Context, id token.ID) (*token.Token, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read a token: %w", err)
	}
	if !s.Shared() {
		// A row of a file is read sooner than its deadline is watched.
		ctx = context.WithoutCancel(ctx)
	}
	p, err := s.rows[id.Class()].find(ctx, id)
	if err != nil || p.known || p.token == nil {
		return p.token, err
	}
	return one(ctx, s.byKey, tokenByID[id.Class()], scanToken, int64(id))
}

// A plain is what one look tells of a token.
type plain struct {
	token *token.Token
	known bool // that is all of it
}

func scanPlain(r *sql.Rows) (plain, error) {
	var t token.Token
	var kind, scopes string
	var is bool
	err := r.Scan(&t.ID, &t.Credential, &kind, &t.Contract, &t.Hash, &t.LastFour, &t.Workspace, &t.Client, &t.Person,
		&t.Grant, &scopes, &t.Key, &t.ExpiresAt, &t.Born, &t.StatusIndex, &t.Data, &is)
	if err != nil {
		return plain{}, fmt.Errorf("read a token: %w", err)
	}
	t.Kind, t.Scopes = token.Kind(kind), words(scopes)
	t.IssuedAt = t.ID.Time().UnixMilli()
	return plain{&t, is}, nil
}

// Token returns the row as the transaction sees it, nil if there is none.
func (tx *Tx) Token(ctx context.Context, id token.ID) (*token.Token, error) {
	return one(ctx, tx, tokenByID[id.Class()], scanToken, int64(id))
}

var lockToken = [2]string{
	token.Short: `UPDATE tokens_short SET name = name WHERE id = $1`,
	token.Long:  `UPDATE tokens_long SET name = name WHERE id = $1`,
}

// LockToken keeps others from changing a row until the transaction ends; what it
// reads after this is the newest. It reports whether there is one.
func (tx *Tx) LockToken(ctx context.Context, id token.ID) (bool, error) {
	return tx.affects(ctx, lockToken[id.Class()], int64(id))
}

// End ends a row if it has not ended, and what else the ending is about; it
// reports whether this call ended anything.
func (tx *Tx) End(ctx context.Context, e token.Ending) (bool, error) {
	won := map[token.ID]bool{}
	err := endText[e.ID.Class()].run(ctx, tx.statements, []any{int64(e.ID), e.At, e.Reason, e.By, int64(e.Successor)}, collect(won))
	if won[e.ID] {
		tx.ends = append(tx.ends, e)
	}
	if won[e.ID] && !e.Quiet {
		tx.Changed(tokenChange(e.ID))
	}
	if err != nil || e.Whole == 0 {
		return won[e.ID], err
	}
	others, err := tx.endOthers(ctx, e)
	return won[e.ID] || others, err
}

// Suspend stops a row from opening anything until an instant (ms; 0: until
// resumed); at 0 resumes it. It reports whether the row lives.
func (tx *Tx) Suspend(ctx context.Context, id token.ID, at, until int64) (bool, error) {
	tx.Changed(tokenChange(id))
	lives, err := tx.affects(ctx, suspendToken[id.Class()], int64(id), at, until)
	if lives {
		tx.suspended = append(tx.suspended, JournalSuspension{ID: id, At: at, Until: until})
	}
	return lives, err
}

// CountUse counts one use of a token that may be used a number of times only,
// and reports whether there was one left.
func (tx *Tx) CountUse(ctx context.Context, id token.ID) (bool, error) {
	tx.Changed(tokenChange(id))
	return tx.affects(ctx, countUse, int64(id))
}

// InsertToken inserts one row inside a rare deed. It refuses with reason Clash
// if the id is taken.
func (tx *Tx) InsertToken(ctx context.Context, t *token.Token) error {
	return tx.insertTokens(ctx, []*pending{{deed: &token.Deed{Issue: []*token.Token{t}}}})
}

// RefuseStale refuses, with reason Stale, a token whose minter knew of less than
// has changed by now of what it stands on: for what a rare deed makes beside it
// and no cutoff would end.
func (tx *Tx) RefuseStale(ctx context.Context, t *token.Token) error {
	p := &pending{deed: &token.Deed{Issue: []*token.Token{t}}}
	if err := tx.refuseStale(ctx, []*pending{p}); err != nil {
		return err
	}
	return p.out
}

func tokenChange(id token.ID) token.Change {
	return token.Change{What: token.ChangedToken, ID: strconv.FormatInt(int64(id), 10)}
}

// Imports returns how many tokens were made elsewhere: while there are none,
// a secret without an address is looked up nowhere.
func (s *Store) Imports(ctx context.Context) (int64, error) {
	return one(ctx, s.reads, `SELECT COUNT(*) FROM imports`, scanInt)
}

// Imported returns the address of a token that was made elsewhere, 0 if none.
func (s *Store) Imported(ctx context.Context, hash token.Hash) (token.ID, error) {
	id, err := one(ctx, s.reads, `SELECT id FROM imports WHERE hash = $1`, scanInt, hash[:])
	return token.ID(id), err
}

// Import enters a token that was made elsewhere: its row and its hash. It
// reports false, and writes nothing, if the hash is there.
func (tx *Tx) Import(ctx context.Context, t *token.Token) (bool, error) {
	isNew, err := tx.affects(ctx, `INSERT INTO imports (hash, id) VALUES ($1, $2) ON CONFLICT DO NOTHING`, t.Hash[:], int64(t.ID))
	if err != nil || !isNew {
		return false, err
	}
	tx.Changed(token.Change{What: token.ChangedImports})
	return true, tx.InsertToken(ctx, t)
}

func joinIDs(ids []token.ID) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = id.String()
	}
	return strings.Join(parts, " ")
}

// splitIDs reads what joinIDs wrote.
func splitIDs(text string) (ids []token.ID) {
	for word := range strings.FieldsSeq(text) {
		if id, ok := token.ParseID(word); ok {
			ids = append(ids, id)
		}
	}
	return ids
}
