package audit

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"

	"github.com/fichadev/ficha/internal/token"
)

// Trust is the public keys that seals may be signed with, by id. A proof is
// worth what its keys are: who can write to the database can also write keys,
// so an auditor brings those of before.
type Trust map[string]crypto.PublicKey

// TrustIn returns the public keys in rows of the house, ended ones too.
func TrustIn(rows []token.SigningKey) (Trust, error) {
	t := Trust{}
	for _, row := range rows {
		key, err := x509.ParsePKIXPublicKey(row.Public)
		if err != nil {
			return nil, fmt.Errorf("read the public part of %v: %w", row, err)
		}
		t[row.ID] = key
	}
	return t, nil
}

var errSignature = errors.New("the signature is not of this seal")

// Check reports why a seal is not signed by the key that it names, nil if it is.
// What kind of signature it is follows from the key, never from the header.
func (t Trust) Check(v *token.Seal) error {
	key, ok := t[v.Key]
	if !ok {
		return fmt.Errorf("signed by an unknown key %q", v.Key)
	}
	content, err := v.Canonical()
	if err != nil {
		return err
	}
	header, encoded, ok := bytes.Cut(v.Signature, []byte(".."))
	if !ok {
		return errSignature
	}
	signature, err := base64.RawURLEncoding.DecodeString(string(encoded))
	if err != nil {
		return errSignature
	}
	var says struct{ Typ string }
	text, err := base64.RawURLEncoding.DecodeString(string(header))
	if err != nil || json.Unmarshal(text, &says) != nil || says.Typ != sealType {
		return errSignature
	}
	input := base64.RawURLEncoding.AppendEncode(append(bytes.Clone(header), '.'), content)
	if !signed(key, input, signature) {
		return errSignature
	}
	return nil
}

// signed checks as RFC 7518, 3.3 and 3.4, and RFC 8037, 3.1 have it.
func signed(key crypto.PublicKey, input, signature []byte) bool {
	sum := sha256.Sum256(input)
	switch k := key.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(k, input, signature)
	case *ecdsa.PublicKey:
		if len(signature) != 64 {
			return false
		}
		return ecdsa.Verify(k, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(k, crypto.SHA256, sum[:], signature) == nil
	}
	return false
}
