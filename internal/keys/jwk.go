package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"time"
)

// JWKSMaxAge is how long others may keep our key set (Cache-Control). A key
// signs only after it was published for longer.
const JWKSMaxAge = 5 * time.Minute

// A jwk is the public members of a key (RFC 7517, RFC 7518 6, RFC 8037 2).
// There is no field for a private one.
type jwk struct {
	Kty string `json:"kty"`
	Crv string `json:"crv,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
	N   string `json:"n,omitempty"`
	E   string `json:"e,omitempty"`
	Kid string `json:"kid"`
	Use string `json:"use"`
	Alg string `json:"alg"`
}

// jwkOf returns the members that describe a public key, without kid and alg.
func jwkOf(public crypto.PublicKey) (jwk, error) {
	b64 := base64.RawURLEncoding.EncodeToString
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		point, err := key.Bytes() // 0x04, x, y
		if err != nil {
			return jwk{}, fmt.Errorf("encode public key: %w", err)
		}
		return jwk{Kty: "EC", Crv: key.Params().Name, X: b64(point[1:33]), Y: b64(point[33:65]), Use: "sig"}, nil
	case ed25519.PublicKey:
		return jwk{Kty: "OKP", Crv: "Ed25519", X: b64(key), Use: "sig"}, nil
	case *rsa.PublicKey:
		return jwk{Kty: "RSA", N: b64(key.N.Bytes()), E: b64(big.NewInt(int64(key.E)).Bytes()), Use: "sig"}, nil
	}
	return jwk{}, fmt.Errorf("encode public key: no such kind of key: %T", public)
}

// thumbprint is RFC 7638: SHA-256 of the required members in order of name.
func (k jwk) thumbprint() [sha256.Size]byte {
	var text string
	switch k.Kty {
	case "EC":
		text = fmt.Sprintf(`{"crv":"%s","kty":"EC","x":"%s","y":"%s"}`, k.Crv, k.X, k.Y)
	case "OKP":
		text = fmt.Sprintf(`{"crv":"%s","kty":"OKP","x":"%s"}`, k.Crv, k.X)
	case "RSA":
		text = fmt.Sprintf(`{"e":"%s","kty":"RSA","n":"%s"}`, k.E, k.N)
	}
	return sha256.Sum256([]byte(text))
}

// kid is the first 12 bytes of the thumbprint: it stands in every token, and
// only needs to tell our own keys apart.
func (k jwk) kid() string {
	sum := k.thumbprint()
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// marshalJWKS returns the key set of the signers, in their order.
func marshalJWKS(signers []*Signer) ([]byte, error) {
	set := struct {
		Keys []jwk `json:"keys"`
	}{make([]jwk, 0, len(signers))}
	for _, s := range signers {
		set.Keys = append(set.Keys, s.public)
	}
	return json.Marshal(set)
}
