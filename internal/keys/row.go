package keys

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// The algorithms that we sign with (RFC 7518, 3.1 and RFC 8037, 3.1).
const (
	ES256 = "ES256" // the default
	EdDSA = "EdDSA" // Ed25519
	RS256 = "RS256" // 2048 bits; for clients that know nothing else
)

// algs lists the algorithms, the default first.
func algs() []string { return []string{ES256, EdDSA, RS256} }

// The states of a key, in the order it passes through them.
const (
	Next     = "next"     // published, does not sign yet
	Active   = "active"   // published, signs
	Retiring = "retiring" // published until its last token has expired
	Ended    = "ended"    // neither published nor opened
)

// A Row is a signing key as the database holds it.
type Row = token.SigningKey

// A Store keeps the rows. It is used by many at once, on many nodes.
type Store interface {
	// Keys returns all rows, ended ones too, in any order.
	Keys(ctx context.Context) ([]Row, error)
	// AddKey inserts the row and reports true, unless the id exists or a key of
	// the same Alg and State does: then it changes nothing and reports false.
	// An algorithm has at most one Next and one Active key at any time.
	AddKey(ctx context.Context, row Row) (bool, error)
	// SetKeyState moves the key from one state to another, sets the instant of
	// the state it enters (ActiveAt, RetireAt or EndedAt) and reports true; it
	// reports false and changes nothing if the key is not in the state from.
	SetKeyState(ctx context.Context, id, from, to string, at int64) (bool, error)
}

const signingKeys = "signing keys"

// Generate makes a key of an algorithm, in the state Next. An RS256 key takes
// some tenths of a second.
func Generate(master *Master, alg string, now time.Time) (Row, error) {
	private, err := generate(alg)
	if err != nil {
		return Row{}, fmt.Errorf("generate %s key: %w", alg, err)
	}
	public, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		return Row{}, fmt.Errorf("encode %s key: %w", alg, err)
	}
	plain, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return Row{}, fmt.Errorf("encode %s key: %w", alg, err)
	}
	members, err := jwkOf(private.Public())
	if err != nil {
		return Row{}, err
	}
	row := Row{ID: members.kid(), Alg: alg, State: Next, Public: public, CreatedAt: now.UnixMilli()}
	row.Private, err = master.Seal(signingKeys, plain, bound(row))
	return row, err
}

func generate(alg string) (crypto.Signer, error) {
	switch alg {
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case EdDSA:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	case RS256:
		return rsa.GenerateKey(rand.Reader, 2048)
	}
	return nil, fmt.Errorf("no such algorithm")
}

// bound ties the sealed key to its row: a private key pasted into another row,
// or under another algorithm, does not open.
func bound(r Row) []byte { return []byte(r.Alg + " " + r.ID) }

// privateOf returns the private key in the row.
func privateOf(r Row, master *Master) (crypto.Signer, error) {
	plain, err := master.Open(signingKeys, r.Private, bound(r))
	if err != nil {
		return nil, fmt.Errorf("%v: %w", r, err)
	}
	key, err := x509.ParsePKCS8PrivateKey(plain)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", r, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%v: it cannot sign", r)
	}
	return signer, nil
}
