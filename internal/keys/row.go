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
	"log/slog"
	"time"
)

// The algorithms that we sign with (RFC 7518, 3.1 and RFC 8037, 3.1).
const (
	ES256 = "ES256" // the default
	EdDSA = "EdDSA" // Ed25519
	RS256 = "RS256" // 2048 bits; for clients that know nothing else
)

// Algs lists the algorithms in the order metadata names them.
func Algs() []string { return []string{ES256, EdDSA, RS256} }

// The states of a key, in the order it passes through them.
const (
	Next     = "next"     // published, does not sign yet
	Active   = "active"   // published, signs
	Retiring = "retiring" // published until its last token has expired
	Ended    = "ended"    // neither published nor opened
)

// A Row is a signing key as the database holds it. Instants are milliseconds
// since 1970 in UTC; 0 means not yet.
type Row struct {
	ID        string // the kid: 16 characters of the public key's thumbprint (RFC 7638)
	Alg       string
	State     string
	Private   []byte `json:"-"` // PKCS#8, sealed under the master key, bound to ID and Alg
	Public    []byte // PKIX DER, for people and tools; what we publish comes from Private
	CreatedAt int64  // published since
	ActiveAt  int64
	RetireAt  int64
	EndedAt   int64
}

// String names the key without its bytes.
func (r Row) String() string { return r.Alg + " key " + r.ID + " (" + r.State + ")" }

// GoString names the key without its bytes.
func (r Row) GoString() string { return r.String() }

// LogValue logs the key without its bytes.
func (r Row) LogValue() slog.Value { return slog.StringValue(r.String()) }

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
	clear, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return Row{}, fmt.Errorf("encode %s key: %w", alg, err)
	}
	members, err := jwkOf(private.Public())
	if err != nil {
		return Row{}, err
	}
	row := Row{ID: members.kid(), Alg: alg, State: Next, Public: public, CreatedAt: now.UnixMilli()}
	row.Private, err = master.Seal(signingKeys, clear, row.bound())
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
func (r Row) bound() []byte { return []byte(r.Alg + " " + r.ID) }

// open returns the private key in the row.
func (r Row) open(master *Master) (crypto.Signer, error) {
	clear, err := master.Open(signingKeys, r.Private, r.bound())
	if err != nil {
		return nil, fmt.Errorf("%v: %w", r, err)
	}
	private, err := x509.ParsePKCS8PrivateKey(clear)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", r, err)
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%v: it cannot sign", r)
	}
	return signer, nil
}
