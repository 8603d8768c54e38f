package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/fichadev/ficha/internal/token"
)

const passkeyColumns = `id, person, name, credential, created_at, used_at`

func scanPasskey(r *sql.Rows) (*token.Passkey, error) {
	var k token.Passkey
	if err := r.Scan(&k.ID, &k.Person, &k.Name, &k.Credential, &k.CreatedAt, &k.UsedAt); err != nil {
		return nil, fmt.Errorf("read a passkey: %w", err)
	}
	return &k, nil
}

// Passkeys returns the passkeys of a person, oldest first.
func (s *Store) Passkeys(ctx context.Context, person string) ([]*token.Passkey, error) {
	return passkeysOf(ctx, s.reads, person)
}

// Passkeys returns them as the transaction sees them.
func (tx *Tx) Passkeys(ctx context.Context, person string) ([]*token.Passkey, error) {
	return passkeysOf(ctx, tx, person)
}

func passkeysOf(ctx context.Context, q querier, person string) ([]*token.Passkey, error) {
	return all(ctx, q, `SELECT `+passkeyColumns+` FROM passkeys WHERE person = $1 ORDER BY created_at, id`, scanPasskey, person)
}

// Passkey returns the passkey with an id, nil if there is none.
func (s *Store) Passkey(ctx context.Context, id []byte) (*token.Passkey, error) {
	return one(ctx, s.reads, `SELECT `+passkeyColumns+` FROM passkeys WHERE id = $1`, scanPasskey, id)
}

// AddPasskey enters a passkey unless its id is taken; it reports whether it did.
func (tx *Tx) AddPasskey(ctx context.Context, k *token.Passkey) (bool, error) {
	return tx.affects(ctx, `INSERT INTO passkeys (`+passkeyColumns+`) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		k.ID, k.Person, k.Name, k.Credential, k.CreatedAt, k.UsedAt)
}

// UsePasskey writes what a use changed; it reports false if it is gone.
func (tx *Tx) UsePasskey(ctx context.Context, k *token.Passkey) (bool, error) {
	return tx.affects(ctx, `UPDATE passkeys SET credential = $3, used_at = $4 WHERE id = $1 AND person = $2`, k.ID, k.Person, k.Credential, k.UsedAt)
}

// DropPasskey removes a passkey of a person; it reports whether this call did.
func (tx *Tx) DropPasskey(ctx context.Context, person string, id []byte) (bool, error) {
	return tx.affects(ctx, `DELETE FROM passkeys WHERE id = $1 AND person = $2`, id, person)
}

const readAuthenticator = `SELECT person, secret, step, created_at, confirmed_at FROM authenticators WHERE person = $1`

func scanAuthenticator(r *sql.Rows) (*token.Authenticator, error) {
	var a token.Authenticator
	if err := r.Scan(&a.Person, &a.Secret, &a.Step, &a.CreatedAt, &a.ConfirmedAt); err != nil {
		return nil, fmt.Errorf("read an authenticator: %w", err)
	}
	return &a, nil
}

// Authenticator returns the app of a person, nil if there is none.
func (s *Store) Authenticator(ctx context.Context, person string) (*token.Authenticator, error) {
	return one(ctx, s.reads, readAuthenticator, scanAuthenticator, person)
}

// Authenticator returns it as the transaction sees it.
func (tx *Tx) Authenticator(ctx context.Context, person string) (*token.Authenticator, error) {
	return one(ctx, tx, readAuthenticator, scanAuthenticator, person)
}

// StartAuthenticator enters an app that is not confirmed, in the place of one
// that is not either. It reports false where one counts already.
func (tx *Tx) StartAuthenticator(ctx context.Context, a *token.Authenticator) (bool, error) {
	return tx.affects(ctx, `INSERT INTO authenticators (person, secret, created_at) VALUES ($1, $2, $3)
		ON CONFLICT (person) DO UPDATE SET secret = excluded.secret, step = 0, created_at = excluded.created_at WHERE authenticators.confirmed_at = 0`,
		a.Person, a.Secret, a.CreatedAt)
}

// ConfirmAuthenticator makes an app count, once a code of it was shown; it
// reports whether this call did.
func (tx *Tx) ConfirmAuthenticator(ctx context.Context, a *token.Authenticator, step int64) (bool, error) {
	return tx.affects(ctx, `UPDATE authenticators SET confirmed_at = $3, step = $4 WHERE person = $1 AND secret = $2 AND confirmed_at = 0`,
		a.Person, a.Secret, tx.now, step)
}

// UseStep takes the code of a step; it reports false if that or a later one was
// used before, so that of two racers one wins.
func (tx *Tx) UseStep(ctx context.Context, person string, step int64) (bool, error) {
	return tx.affects(ctx, `UPDATE authenticators SET step = $2 WHERE person = $1 AND step < $2 AND confirmed_at > 0`, person, step)
}

// DropAuthenticator removes the app of a person and all recovery codes; it
// reports whether there was one.
func (tx *Tx) DropAuthenticator(ctx context.Context, person string) (bool, error) {
	if err := tx.PutRecoveryCodes(ctx, person, nil); err != nil {
		return false, err
	}
	return tx.affects(ctx, `DELETE FROM authenticators WHERE person = $1`, person)
}

// PutRecoveryCodes writes the hashes of codes in the place of all before.
func (tx *Tx) PutRecoveryCodes(ctx context.Context, person string, hashes []token.Hash) error {
	if _, err := tx.exec(ctx, `DELETE FROM recovery_codes WHERE person = $1`, person); err != nil {
		return err
	}
	for _, h := range hashes {
		if _, err := tx.exec(ctx, `INSERT INTO recovery_codes (person, hash) VALUES ($1, $2)`, person, h[:]); err != nil {
			return err
		}
	}
	return nil
}

// UseRecoveryCode takes a code, which is gone then; it reports whether this call
// did.
func (tx *Tx) UseRecoveryCode(ctx context.Context, person string, hash token.Hash) (bool, error) {
	return tx.affects(ctx, `DELETE FROM recovery_codes WHERE person = $1 AND hash = $2`, person, hash[:])
}

const countRecoveryCodes = `SELECT COUNT(*) FROM recovery_codes WHERE person = $1`

// RecoveryCodes returns how many codes a person has left.
func (s *Store) RecoveryCodes(ctx context.Context, person string) (int64, error) {
	return one(ctx, s.reads, countRecoveryCodes, scanInt, person)
}

// RecoveryCodes returns how many are left as the transaction sees it.
func (tx *Tx) RecoveryCodes(ctx context.Context, person string) (int64, error) {
	return one(ctx, tx, countRecoveryCodes, scanInt, person)
}

// PutReset enters the one link by which a person may choose another password.
func (tx *Tx) PutReset(ctx context.Context, person string, hash token.Hash, expires int64) error {
	_, err := tx.exec(ctx, `INSERT INTO password_resets (person, hash, expires_at) VALUES ($1, $2, $3)
		ON CONFLICT (person) DO UPDATE SET hash = excluded.hash, expires_at = excluded.expires_at`, person, hash[:], expires)
	return err
}

const readReset = `SELECT person FROM password_resets WHERE hash = $1 AND expires_at > $2`

// Reset returns the person of a link that is not over, "" if there is none.
func (s *Store) Reset(ctx context.Context, hash token.Hash, now int64) (string, error) {
	return one(ctx, s.reads, readReset, scanText, hash[:], now)
}

// UseReset takes a link that is not over; it reports whether this call did.
func (tx *Tx) UseReset(ctx context.Context, person string, hash token.Hash) (bool, error) {
	return tx.affects(ctx, `DELETE FROM password_resets WHERE person = $1 AND hash = $2 AND expires_at > $3`, person, hash[:], tx.now)
}

// UseChallenge takes a challenge that ends at an instant; it reports false if
// it was taken before.
func (tx *Tx) UseChallenge(ctx context.Context, hash token.Hash, expires int64) (bool, error) {
	return tx.affects(ctx, `INSERT INTO used_challenges (hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING`, hash[:], expires)
}

// listSessions enters where people are signed in by the sessions of a batch.
func (tx *Tx) listSessions(ctx context.Context, batch []*pending) error {
	for _, p := range batch {
		if p.deed.SignedIn == nil {
			continue
		}
		if err := tx.AddSignedIn(ctx, *p.deed.SignedIn); err != nil {
			return fmt.Errorf("list a session: %w", err)
		}
	}
	return nil
}

// AddSignedIn enters a place where somebody is signed in.
func (tx *Tx) AddSignedIn(ctx context.Context, s token.SignedIn) error {
	_, err := tx.exec(ctx, `INSERT INTO sessions (token, person, expires_at, address, agent) VALUES ($1, $2, $3, $4, $5)`,
		int64(s.Token), s.Person, s.ExpiresAt, s.Address, s.Agent)
	return err
}

// SignedIn returns where a person is signed in, newest first, below an id (0:
// from the newest), up to limit.
func (s *Store) SignedIn(ctx context.Context, person string, below token.ID, limit int) ([]token.SignedIn, error) {
	return all(ctx, s.reads, `SELECT s.token, s.person, s.expires_at, s.address, s.agent FROM sessions s
		WHERE s.person = $1 AND (CAST($2 AS BIGINT) = 0 OR s.token < $2) AND s.expires_at > $3
		AND EXISTS (SELECT 1 FROM tokens_short t WHERE t.id = s.token AND t.ended_at = 0)
		ORDER BY s.token DESC LIMIT $4`, scanSignedIn, person, int64(below), s.now(), limit)
}

func scanSignedIn(r *sql.Rows) (token.SignedIn, error) {
	var s token.SignedIn
	if err := r.Scan(&s.Token, &s.Person, &s.ExpiresAt, &s.Address, &s.Agent); err != nil {
		return s, fmt.Errorf("read where somebody is signed in: %w", err)
	}
	return s, nil
}

// purgeAccounts deletes links, challenges and sessions that are over, a step of
// each.
func purgeAccounts(ctx context.Context, tx *Tx) (int, error) {
	sum := 0
	for _, text := range []string{
		`DELETE FROM password_resets WHERE person IN (SELECT person FROM password_resets WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)`,
		`DELETE FROM used_challenges WHERE hash IN (SELECT hash FROM used_challenges WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)`,
		`DELETE FROM sessions WHERE token IN (SELECT token FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)`,
	} {
		n, err := tx.count(ctx, text, tx.now, purgeStep/3)
		if err != nil {
			return sum, err
		}
		sum += n
	}
	return sum, nil
}
