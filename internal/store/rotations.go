package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

const rotationColumns = `id, what, workspace, credential, name, old, new, old_expires, state, grace, reason, made_by, created_at, confirmed_at, retires_at, ended_at,
	new_expires`

const insertRotation = `INSERT INTO rotations (` + rotationColumns + `)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) ON CONFLICT DO NOTHING`

func rotationArgs(r *token.Rotation) []any {
	return []any{
		int64(r.ID), string(r.What), r.Workspace, r.Credential, r.Name, int64(r.Old), int64(r.New), r.OldExpires, string(r.State), r.Grace, r.Reason, r.MadeBy,
		r.CreatedAt, r.ConfirmedAt, r.RetiresAt, r.EndedAt, r.NewExpires,
	}
}

func scanRotation(rows *sql.Rows) (*token.Rotation, error) {
	var r token.Rotation
	var what, state string
	err := rows.Scan(&r.ID, &what, &r.Workspace, &r.Credential, &r.Name, &r.Old, &r.New, &r.OldExpires, &state, &r.Grace, &r.Reason, &r.MadeBy,
		&r.CreatedAt, &r.ConfirmedAt, &r.RetiresAt, &r.EndedAt, &r.NewExpires)
	r.What, r.State = token.Rotating(what), token.RotationState(state)
	return &r, err
}

// replaceText marks the secret that gets a successor. It is not suspended, is in
// no other rotation and lives, unless the very deed has ended it, or nothing is
// marked; whoever ends or suspends it waits for us, or we for them.
const replacedIf = ` SET successor = $2 WHERE id = $1 AND (ended_at = 0 OR CAST($4 AS BIGINT) = 0) AND retires_at = 0
	AND (suspended_at = 0 OR (suspended_until > 0 AND suspended_until <= $3))`

var replaceText = [2]string{token.Short: `UPDATE tokens_short` + replacedIf, token.Long: `UPDATE tokens_long` + replacedIf}

// A run that ends or suspends tokens of a workspace goes from the newest secret
// to the oldest: what is rotated meanwhile would always be a step ahead of it.
// So a run begins when no rotation is under way, and none begins before it ends.
func rotating(workspace string) string { return "rotations of " + workspace }

const newestText = `SELECT COALESCE(MAX(new), 0) FROM rotations WHERE workspace = $1 AND id >= $2 AND what = 'token'`

// HoldRotations waits for the rotations of tokens of a workspace that are being
// committed, and holds up others until the transaction ends. It returns the
// newest secret that one brought in of late: by another node's clock it may be
// newer than now.
func (tx *Tx) HoldRotations(ctx context.Context, workspace string) (token.ID, error) {
	if wait := tx.engine.alone(); wait != "" {
		if _, err := tx.exec(ctx, wait, rotating(workspace)); err != nil {
			return 0, fmt.Errorf("wait for rotations: %w", err)
		}
	}
	const late = time.Minute // no node's clock is so far off
	since := token.FirstID(time.UnixMilli(tx.now).Add(-late))
	newest, err := one(ctx, tx, newestText, scanInt, workspace, int64(since))
	return token.ID(newest), err
}

// sweptText counts the runs that end or suspend tokens of a workspace.
const sweptText = `SELECT COUNT(*) FROM revocations WHERE state = 'running' AND workspace = $1 AND act <> 'resume'`

// openRotations enters the rotations of a batch, each beside the secret that is
// inserted next.
func (tx *Tx) openRotations(ctx context.Context, batch []*pending) error {
	for _, p := range batch {
		r := p.deed.Rotation
		if r == nil {
			continue
		}
		swept, err := tx.beingSwept(ctx, r.Workspace)
		if err != nil {
			return err
		}
		if swept {
			p.out = token.Errorf(token.Conflict, "tokens of this workspace are being ended or suspended at this moment; try again when that run is finished")
			return tx.alone(batch, p)
		}
		opened, err := tx.openRotation(ctx, r)
		if err != nil {
			return err
		}
		if !opened {
			p.out = token.Errorf(token.Conflict, "the secret has ended, is suspended or is being replaced already: look at the token and its rotations").Because(token.Lost)
			return tx.alone(batch, p)
		}
	}
	return nil
}

// beingSwept reports whether a run is under way; if not, none begins until the
// transaction ends.
func (tx *Tx) beingSwept(ctx context.Context, workspace string) (bool, error) {
	if wait := tx.engine.among(); wait != "" {
		if _, err := tx.exec(ctx, wait, rotating(workspace)); err != nil {
			return false, fmt.Errorf("wait for a run: %w", err)
		}
	}
	n, err := one(ctx, tx, sweptText, scanInt, workspace)
	return n > 0, err
}

func (tx *Tx) openRotation(ctx context.Context, r *token.Rotation) (bool, error) {
	won, err := tx.affects(ctx, replaceText[r.Old.Class()], int64(r.Old), int64(r.New), tx.now, truth(r.Open()))
	if err != nil || !won {
		return false, err
	}
	if !r.Open() {
		if err := tx.closeRotations(ctx, r.What, r.Credential, r.Reason); err != nil {
			return false, err
		}
	}
	return tx.AddRotation(ctx, r)
}

const closeRotations = `UPDATE rotations SET ended_at = $3, reason = $4, state = CASE WHEN state = 'pending' THEN 'cancelled' ELSE 'retired' END
	WHERE what = $1 AND credential = $2 AND ended_at = 0 RETURNING ` + rotationColumns

// closeRotations ends what is open of a credential all of whose secrets end, and
// leaves the record that whoever OnClosed names writes of it.
func (tx *Tx) closeRotations(ctx context.Context, what token.Rotating, credential, reason string) error {
	closed, err := all(ctx, tx, closeRotations, scanRotation, string(what), credential, tx.now, reason)
	if err != nil || len(closed) == 0 || tx.closed == nil {
		return err
	}
	for _, r := range closed {
		w, err := tx.Workspace(ctx, r.Workspace)
		if err != nil {
			return err
		}
		e, outbox, err := tx.closed(time.UnixMilli(tx.now), w, r)
		if err != nil {
			return err
		}
		if err := tx.Record(ctx, e, outbox); err != nil {
			return err
		}
	}
	return nil
}

// AddRotation enters a rotation; it reports false, and writes nothing, while
// another of the credential is open.
func (tx *Tx) AddRotation(ctx context.Context, r *token.Rotation) (bool, error) {
	return tx.affects(ctx, insertRotation, rotationArgs(r)...)
}

// wholeText ends every live secret of a credential.
var wholeText = [2]string{token.Short: newWholeText(token.Short), token.Long: newWholeText(token.Long)}

func newWholeText(class token.Class) string {
	return `UPDATE ` + tables[class] + ` SET ended_at = $2, end_reason = $3, ended_by = $4
		WHERE ended_at = 0 AND (id = $1 OR (credential = $1 AND credential <> id)) RETURNING id`
}

// endWhole ends the other secrets of credentials that end as a whole. It comes
// after their rows were ended, so that a rotation that was under way has either
// left its new secret for us to find, or finds the old one ended.
func (tx *Tx) endWhole(ctx context.Context, batch []*pending) error {
	for _, p := range batch {
		for _, e := range p.deed.End {
			if e.Whole == 0 {
				continue
			}
			if _, err := tx.endOthers(ctx, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// leftText finds a live secret of a credential.
var leftText = [2]string{token.Short: newLeftText(token.Short), token.Long: newLeftText(token.Long)}

func newLeftText(class token.Class) string {
	return `SELECT id FROM ` + tables[class] + ` WHERE ended_at = 0 AND (id = $1 OR (credential = $1 AND credential <> id)) LIMIT 1`
}

// endOthers ends every live secret of the credential that an ending ends whole;
// it reports whether there was one. It goes on until none is left: where it
// waited for a rotation, the secret which that one brought in is new to it.
func (tx *Tx) endOthers(ctx context.Context, e token.Ending) (won bool, err error) {
	for left := int64(1); left != 0; {
		others, err := all(ctx, tx, wholeText[e.Whole.Class()], scanInt, int64(e.Whole), e.At, e.Reason, e.By)
		if err != nil {
			return false, fmt.Errorf("end the secrets of a token: %w", err)
		}
		for _, id := range others {
			other := e
			other.ID = token.ID(id)
			tx.ends = append(tx.ends, other)
			tx.Changed(tokenChange(other.ID))
		}
		won = won || len(others) > 0
		if left, err = one(ctx, tx, leftText[e.Whole.Class()], scanInt, int64(e.Whole)); err != nil {
			return false, fmt.Errorf("look for secrets of a token: %w", err)
		}
	}
	return won, tx.closeRotations(ctx, token.RotatesToken, e.Whole.String(), e.Reason)
}

const rotationByID = `SELECT ` + rotationColumns + ` FROM rotations WHERE id = $1`

// Rotation returns a rotation as the transaction sees it, nil if there is none.
func (tx *Tx) Rotation(ctx context.Context, id token.ID) (*token.Rotation, error) {
	return one(ctx, tx, rotationByID, scanRotation, int64(id))
}

// Rotation returns a rotation, nil if there is none.
func (s *Store) Rotation(ctx context.Context, id token.ID) (*token.Rotation, error) {
	return one(ctx, s.reads, rotationByID, scanRotation, int64(id))
}

// RotationTo returns the open rotation that brings in a secret, nil if there is
// none.
func (tx *Tx) RotationTo(ctx context.Context, secret token.ID) (*token.Rotation, error) {
	return one(ctx, tx, `SELECT `+rotationColumns+` FROM rotations WHERE new = $1 AND ended_at = 0`, scanRotation, int64(secret))
}

// OpenRotation returns the open rotation of a credential, nil if there is none.
func (tx *Tx) OpenRotation(ctx context.Context, what token.Rotating, credential string) (*token.Rotation, error) {
	return one(ctx, tx, `SELECT `+rotationColumns+` FROM rotations WHERE what = $1 AND credential = $2 AND ended_at = 0`, scanRotation, string(what), credential)
}

// MoveRotation writes how far a rotation is if it still is where it was; it
// reports whether this call moved it.
func (tx *Tx) MoveRotation(ctx context.Context, was token.RotationState, r *token.Rotation) (bool, error) {
	return tx.affects(ctx, `UPDATE rotations SET state = $3, confirmed_at = $4, retires_at = $5, ended_at = $6, reason = $7 WHERE id = $1 AND state = $2 AND ended_at = 0`,
		int64(r.ID), string(was), string(r.State), r.ConfirmedAt, r.RetiresAt, r.EndedAt, r.Reason)
}

// Rotations returns a page of the rotations of a workspace, newest first.
func (s *Store) Rotations(ctx context.Context, q token.RotationQuery) ([]*token.Rotation, error) {
	before := int64(token.Never)
	if q.Before != 0 {
		before = int64(q.Before)
	}
	open := truth(q.OpenOnly)
	if q.Credential != "" {
		return all(ctx, s.reads, `SELECT `+rotationColumns+` FROM rotations WHERE what = $1 AND credential = $2 AND workspace = $3 AND id < $4
			AND (CAST($5 AS BIGINT) = 0 OR ended_at = 0) ORDER BY id DESC LIMIT $6`,
			scanRotation, string(q.What), q.Credential, q.Workspace, before, open, q.Limit)
	}
	return all(ctx, s.reads, `SELECT `+rotationColumns+` FROM rotations WHERE workspace = $1 AND id < $2
		AND (CAST($3 AS BIGINT) = 0 OR ended_at = 0) AND (CAST($4 AS TEXT) = '' OR what = $4) ORDER BY id DESC LIMIT $5`,
		scanRotation, q.Workspace, before, open, string(q.What), q.Limit)
}

// DueRotations returns open rotations whose grace is over, the longest over
// first.
func (s *Store) DueRotations(ctx context.Context, limit int) ([]*token.Rotation, error) {
	return all(ctx, s.reads, `SELECT `+rotationColumns+` FROM rotations WHERE ended_at = 0 AND retires_at > 0 AND retires_at <= $1 ORDER BY retires_at LIMIT $2`,
		scanRotation, s.now(), limit)
}

const lapsedRotations = `SELECT ` + rotationColumns + ` FROM rotations WHERE state = 'pending' AND ended_at = 0 AND new_expires > 0 AND new_expires <= $1
	ORDER BY new_expires LIMIT $2`

// LapsedRotations returns open rotations whose new secret has expired and was
// never seen, the longest over first.
func (s *Store) LapsedRotations(ctx context.Context, limit int) ([]*token.Rotation, error) {
	return all(ctx, s.reads, lapsedRotations, scanRotation, s.now(), limit)
}

// secretsText reads the secrets of a credential, those that have not ended
// first: of one that is rotated often, hundreds have.
var secretsText = [2]string{token.Short: newSecretsText(token.Short), token.Long: newSecretsText(token.Long)}

func newSecretsText(class token.Class) string {
	from := `SELECT ` + tokenAll + ` FROM ` + tables[class]
	return `SELECT ` + tokenAll + ` FROM (` + from + ` WHERE id = $1 UNION ALL ` + from + ` WHERE credential = $1 AND credential <> id) AS s
		ORDER BY CASE WHEN ended_at = 0 THEN 0 ELSE 1 END, id DESC LIMIT 100`
}

// Secrets returns the secrets of a credential, oldest first: all that have not
// ended, and the newest of those that have.
func (s *Store) Secrets(ctx context.Context, credential token.ID) ([]*token.Token, error) {
	return secretsOf(ctx, s.reads, credential)
}

// Secrets returns the secrets of a credential as the transaction sees them,
// as Store.Secrets does.
func (tx *Tx) Secrets(ctx context.Context, credential token.ID) ([]*token.Token, error) {
	return secretsOf(ctx, tx, credential)
}

func secretsOf(ctx context.Context, q querier, credential token.ID) ([]*token.Token, error) {
	list, err := all(ctx, q, secretsText[credential.Class()], scanToken, int64(credential))
	slices.SortFunc(list, func(a, b *token.Token) int { return cmp.Compare(a.ID, b.ID) })
	return list, err
}

var rotateTexts = [2]map[string]string{token.Short: newRotateTexts(token.Short), token.Long: newRotateTexts(token.Long)}

func newRotateTexts(class token.Class) map[string]string {
	of := func(set string) string {
		return `UPDATE ` + tables[class] + ` SET ` + set + ` WHERE id = $1 AND ended_at = 0`
	}
	return map[string]string{
		"retire": of("retires_at = $2"), "confirm": of("confirmed_at = $2"), "settle": of("narrowed_from = ''"),
	}
}

// RetireToken lets a secret open nothing from an instant on (ms); 0 lets it
// stay. It reports whether it lives.
func (tx *Tx) RetireToken(ctx context.Context, id token.ID, at int64) (bool, error) {
	tx.Changed(tokenChange(id))
	return tx.affects(ctx, rotateTexts[id.Class()]["retire"], int64(id), at)
}

// ConfirmToken writes down that a secret was seen.
func (tx *Tx) ConfirmToken(ctx context.Context, id token.ID, at int64) (bool, error) {
	tx.Changed(tokenChange(id))
	return tx.affects(ctx, rotateTexts[id.Class()]["confirm"], int64(id), at)
}

// SettleToken forgets what the secret before this one held beside: nothing
// brings it back any more.
func (tx *Tx) SettleToken(ctx context.Context, id token.ID) error {
	tx.Changed(tokenChange(id))
	_, err := tx.affects(ctx, rotateTexts[id.Class()]["settle"], int64(id))
	return err
}

// RotationTo returns the rotation that brought in a secret, open or over; nil if
// there is none.
func (s *Store) RotationTo(ctx context.Context, secret token.ID) (*token.Rotation, error) {
	return one(ctx, s.reads, `SELECT `+rotationColumns+` FROM rotations WHERE new = $1`, scanRotation, int64(secret))
}

// RotationAges returns every age (ms) at which some workspace wants secrets
// replaced.
func (s *Store) RotationAges(ctx context.Context) (map[int64]bool, error) {
	ages := map[int64]bool{}
	after := ""
	for {
		page, err := all(ctx, s.reads, `SELECT id, policy FROM workspaces WHERE id > $1 AND policy LIKE '%rotate_after%' ORDER BY id LIMIT 500`,
			func(r *sql.Rows) (w token.Workspace, err error) {
				var text string
				if err := r.Scan(&w.ID, &text); err != nil {
					return w, err
				}
				return w, read(text, &w.Policy)
			}, after)
		if err != nil || len(page) == 0 {
			return ages, err
		}
		for _, w := range page {
			for p := &w.Policy; p != nil; p = p.Next {
				for _, seconds := range p.RotateAfter {
					ages[seconds*1000] = true
				}
			}
			after = w.ID
		}
	}
}

// madeBetween: $1 and $2 are ids, which tell when a secret was made; the scopes
// of a client's secret are its client's.
const (
	madeTokens  = `SELECT ` + tokenAll + ` FROM tokens_long WHERE id >= $1 AND id < $2 AND ended_at = 0 ORDER BY id LIMIT $3`
	madeSecrets = `SELECT s.id, s.client, c.workspace, c.name, c.scope, s.last_four, s.created_at, s.expires_at, s.retires_at, s.replaces
		FROM client_secrets s JOIN clients c ON c.id = s.client WHERE s.id >= $1 AND s.id < $2 AND s.ended_at = 0 AND c.disabled_at = 0 ORDER BY s.id LIMIT $3`
)

// MadeBetween returns up to limit secrets of tokens and clients that have not
// ended and were made in a stretch of ids, by id.
func (s *Store) MadeBetween(ctx context.Context, from, until token.ID, limit int) ([]*token.Token, error) {
	tokens, err := all(ctx, s.reads, madeTokens, scanToken, int64(from), int64(until), limit)
	if err != nil {
		return nil, err
	}
	secrets, err := all(ctx, s.reads, madeSecrets, scanMadeSecret, int64(from), int64(until), limit)
	page := append(tokens, secrets...)
	slices.SortFunc(page, func(a, b *token.Token) int { return cmp.Compare(a.ID, b.ID) })
	return page[:min(limit, len(page))], err
}

func scanMadeSecret(r *sql.Rows) (*token.Token, error) {
	t := &token.Token{Kind: token.ClientSecret}
	var scopes string
	err := r.Scan(&t.ID, &t.Client, &t.Workspace, &t.Name, &scopes, &t.LastFour, &t.IssuedAt, &t.ExpiresAt, &t.RetiresAt, &t.Replaces)
	t.Credential, t.Scopes = t.ID, words(scopes)
	return t, err
}

// RotationWatch returns up to which id the secrets of an age (ms) were passed, 0
// if none were.
func (s *Store) RotationWatch(ctx context.Context, age int64) (token.ID, error) {
	n, err := one(ctx, s.reads, `SELECT passed FROM rotation_watches WHERE age = $1`, scanInt, age)
	return token.ID(n), err
}

// MoveRotationWatch moves the watch of an age on. It reports false, and moves
// nothing, if it does not stand where it was.
func (tx *Tx) MoveRotationWatch(ctx context.Context, age int64, was, is token.ID) (bool, error) {
	return tx.affects(ctx, `INSERT INTO rotation_watches (age, passed) VALUES ($1, $2)
		ON CONFLICT (age) DO UPDATE SET passed = excluded.passed WHERE rotation_watches.passed = $3`, age, int64(is), int64(was))
}
