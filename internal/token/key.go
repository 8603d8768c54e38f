package token

// A SigningKey is a key of the house as the database holds it. Instants are
// milliseconds since 1970; 0 means not yet. It prints as its name alone.
type SigningKey struct {
	ID        string // the kid: 16 characters of the public key's thumbprint (RFC 7638)
	Alg       string
	State     string // next, active, retiring, ended
	Private   []byte // PKCS#8, sealed under the master key, bound to ID and Alg
	Public    []byte // PKIX DER, for people and tools; what we publish comes from Private
	CreatedAt int64  // published since
	ActiveAt  int64
	RetireAt  int64
	EndedAt   int64
}

// String names the key without its bytes.
func (k SigningKey) String() string { return k.Alg + " key " + k.ID + " (" + k.State + ")" }

// GoString names the key without its bytes.
func (k SigningKey) GoString() string { return k.String() }

// MarshalText names the key without its bytes, in logs and JSON alike.
func (k SigningKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
