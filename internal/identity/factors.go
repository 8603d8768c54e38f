package identity

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// accounts is the memory of how people prove themselves beside a password.
type accounts interface {
	Passkey(ctx context.Context, id []byte) (*token.Passkey, error)
	Passkeys(ctx context.Context, person string) ([]*token.Passkey, error)
	Authenticator(ctx context.Context, person string) (*token.Authenticator, error)
	RecoveryCodes(ctx context.Context, person string) (int64, error)
	Reset(ctx context.Context, hash token.Hash, now int64) (string, error)
}

// accountTx is what one deed changes of it.
type accountTx interface {
	Passkeys(ctx context.Context, person string) ([]*token.Passkey, error)
	Authenticator(ctx context.Context, person string) (*token.Authenticator, error)
	AddPasskey(ctx context.Context, k *token.Passkey) (bool, error)
	UsePasskey(ctx context.Context, k *token.Passkey) (bool, error)
	DropPasskey(ctx context.Context, person string, id []byte) (bool, error)
	StartAuthenticator(ctx context.Context, a *token.Authenticator) (bool, error)
	ConfirmAuthenticator(ctx context.Context, a *token.Authenticator, step int64) (bool, error)
	UseStep(ctx context.Context, person string, step int64) (bool, error)
	DropAuthenticator(ctx context.Context, person string) (bool, error)
	PutRecoveryCodes(ctx context.Context, person string, hashes []token.Hash) error
	UseRecoveryCode(ctx context.Context, person string, hash token.Hash) (bool, error)
	RecoveryCodes(ctx context.Context, person string) (int64, error)
	PutReset(ctx context.Context, person string, hash token.Hash, expires int64) error
	UseReset(ctx context.Context, person string, hash token.Hash) (bool, error)
	UseChallenge(ctx context.Context, hash token.Hash, expires int64) (bool, error)
}

// Sealer keeps secrets unreadable to whoever reads the database, and what a
// browser holds for us unchanged.
type Sealer interface {
	Seal(purpose string, plain, bound []byte) ([]byte, error)
	Open(purpose string, sealed, bound []byte) ([]byte, error)
}

// Factors are the ways in which a person can sign in.
type Factors struct {
	Password      bool
	Authenticator bool  // an app's codes are asked for after the password
	RecoveryCodes int64 // how many are left
	Passkeys      []*token.Passkey
}

// Factors returns the ways in which a person can sign in.
func (i *Identity) Factors(ctx context.Context, p *token.Person) (f Factors, err error) {
	f.Password = p.Password != ""
	if f.Authenticator, err = i.NeedsSecond(ctx, p); err != nil {
		return f, err
	}
	if f.RecoveryCodes, err = i.store.RecoveryCodes(ctx, p.ID); err != nil {
		return f, err
	}
	f.Passkeys, err = i.store.Passkeys(ctx, p.ID)
	return f, err
}

// recent is how long after a sign-in somebody may change how they sign in.
const recent = 15 * time.Minute

// Recent reports whether a session is young enough to change how its person
// signs in: whoever finds an open browser must not make themselves at home.
func (i *Identity) Recent(session *token.Token) bool {
	return i.now().Sub(session.ID.Time()) < recent
}

// sealed is something that a browser holds for a while and can neither read nor
// change.
type sealed struct {
	Person  string          `json:"person,omitempty"`
	Expires int64           `json:"expires"`
	Value   json.RawMessage `json:"value,omitempty"`
}

// seal returns what a browser may hold for as long as patience lasts.
func (i *Identity) seal(purpose string, s sealed) (string, error) {
	s.Expires = i.now().Add(patience).UnixMilli()
	plain, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	box, err := i.sealer.Seal(purpose, plain, nil)
	return base64.RawURLEncoding.EncodeToString(box), err
}

// unseal returns what seal was given, AccessDenied if it is no such thing or
// too old.
func (i *Identity) unseal(purpose, text string) (s sealed, err error) {
	over := token.Errorf(token.AccessDenied, "this took too long; begin again").Because(token.Expired)
	box, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return s, over
	}
	plain, err := i.sealer.Open(purpose, box, nil)
	if err != nil || json.Unmarshal(plain, &s) != nil || s.Expires <= i.now().UnixMilli() {
		return s, over
	}
	return s, nil
}

// patience is how long somebody has from one step of a sign-in to the next.
const patience = 10 * time.Minute

// mine locks the actor's own account and returns it as it is now.
func mine(ctx context.Context, tx Tx, who token.Actor) (*token.Person, error) {
	if who.Kind != token.User {
		return nil, token.Errorf(token.Forbidden, "how a person signs in is theirs alone to change; sign in as that person")
	}
	p, err := lockPerson(ctx, tx, who.ID)
	if err == nil && p.DisabledAt != 0 {
		err = noPerson()
	}
	return p, err
}

// hashOf is what is kept of a secret that a machine made.
func hashOf(purpose, secret string) token.Hash {
	return token.Hash(sha256.Sum256([]byte(purpose + "\x00" + secret)))
}
