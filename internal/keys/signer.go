package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
)

// AccessTokenType is the typ of the tokens that open APIs (RFC 9068, 2.1). A
// token of another typ, such as an ID token, is never one of them.
const AccessTokenType = "at+jwt"

// A Signer signs with one key. It is safe for use by many at once. The
// algorithm is the key's; nothing in a request or token can choose another.
type Signer struct {
	hidden
	private crypto.Signer
	public  jwk
	header  string // base64url of the header of access tokens, and the dot
}

func newSigner(row Row, master *Master) (*Signer, error) {
	key, err := privateOf(row, master)
	if err != nil {
		return nil, err
	}
	public, err := jwkOf(key.Public())
	if err != nil {
		return nil, err
	}
	public.Kid, public.Alg = row.ID, row.Alg
	return &Signer{private: key, public: public, header: header(public, AccessTokenType)}, nil
}

// Key returns the id of the key, the kid of what it signs.
func (s *Signer) Key() string { return s.public.Kid }

// Alg returns the algorithm of the key.
func (s *Signer) Alg() string { return s.public.Alg }

// Sign appends the compact JWS of an access token's payload to dst (RFC 7515,
// 7.1). The payload must not lie in dst's spare room.
func (s *Signer) Sign(dst, payload []byte) ([]byte, error) { return s.sign(dst, s.header, payload) }

// SignAs is Sign with another typ in the header: "JWT" for ID tokens. The typ is
// a word of ours, never of a request.
func (s *Signer) SignAs(typ string, dst, payload []byte) ([]byte, error) {
	return s.sign(dst, header(s.public, typ), payload)
}

func (s *Signer) sign(dst []byte, header string, payload []byte) ([]byte, error) {
	const room = 1 + 342 // the dot and the longest signature, of RS256
	start := len(dst)
	dst = slices.Grow(dst, len(header)+base64.RawURLEncoding.EncodedLen(len(payload))+room)
	dst = append(dst, header...)
	dst = base64.RawURLEncoding.AppendEncode(dst, payload)
	signature, err := s.signature(dst[start:])
	if err != nil {
		return nil, fmt.Errorf("sign with %s key %s: %w", s.Alg(), s.Key(), err)
	}
	dst = append(dst, '.')
	return base64.RawURLEncoding.AppendEncode(dst, signature), nil
}

// signature signs as RFC 7518, 3.3 and 3.4, and RFC 8037, 3.1 have it.
func (s *Signer) signature(input []byte) ([]byte, error) {
	switch key := s.private.(type) {
	case ed25519.PrivateKey:
		return ed25519.Sign(key, input), nil
	case *ecdsa.PrivateKey:
		return signECDSA(key, sha256.Sum256(input))
	case *rsa.PrivateKey:
		sum := sha256.Sum256(input)
		return rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	}
	return nil, fmt.Errorf("no such kind of key: %T", s.private)
}

// signECDSA returns r and s as 32 bytes each, which JWS wants in place of DER.
func signECDSA(key *ecdsa.PrivateKey, sum [sha256.Size]byte) ([]byte, error) {
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		return nil, err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signature, nil
}

// header returns the protected header in base64url, with the dot after it. None
// of its parts has a character that JSON escapes.
func header(k jwk, typ string) string {
	text := `{"alg":"` + k.Alg + `","typ":"` + typ + `","kid":"` + k.Kid + `"}`
	return base64.RawURLEncoding.EncodeToString([]byte(text)) + "."
}
