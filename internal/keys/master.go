package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
)

// keySize is the length of the master key and of every key derived from it.
const keySize = 32

// errOpen says that sealed bytes do not open: another master key, secret,
// purpose or binding, or changed bytes. Which of these cannot be told.
var errOpen = errors.New("sealed value does not open: other key, purpose or binding, or changed bytes")

// A Master is the one secret that all others are derived from or sealed under.
// The database never holds it, only a value to check it by. It is safe for use
// by many at once.
type Master struct {
	hidden
	key [keySize]byte
}

// Derive returns a 32-byte key for one purpose (HKDF-SHA256, RFC 5869). Keys
// of different purposes tell nothing of each other or of the master key.
func (m *Master) Derive(purpose string) []byte { return m.derive(nil, "derive", purpose) }

// Check returns the 32 bytes that the database holds, so that a node with
// another master key refuses to start. They do not reveal the key.
func (m *Master) Check() []byte { return m.derive(nil, "check", "") }

// Matches reports in constant time whether check was made by this master key.
func (m *Master) Matches(check []byte) bool {
	return subtle.ConstantTimeCompare(m.Check(), check) == 1
}

// Seal encrypts plain for one purpose (AES-256-GCM, random nonce) and binds it
// to bound, which is not in the result and must be given again to Open. A
// purpose may seal 2^32 values, the limit of random nonces.
func (m *Master) Seal(purpose string, plain, bound []byte) ([]byte, error) {
	return seal(m.derive(nil, "seal", purpose), plain, bound)
}

// Open returns what Seal was given, or errOpen.
func (m *Master) Open(purpose string, sealed, bound []byte) ([]byte, error) {
	return open(m.derive(nil, "seal", purpose), sealed, bound)
}

// SealWith is Seal under a key made of the master key and a secret: what it
// returns opens only where both are there, so that an answer kept for a retry
// can be read by the presenter of the old token alone. The secret must be a
// machine's, of at least 128 random bits.
func (m *Master) SealWith(secret, purpose string, plain, bound []byte) ([]byte, error) {
	return seal(m.derive([]byte(secret), "seal with", purpose), plain, bound)
}

// OpenWith returns what SealWith was given, or errOpen.
func (m *Master) OpenWith(secret, purpose string, sealed, bound []byte) ([]byte, error) {
	return open(m.derive([]byte(secret), "seal with", purpose), sealed, bound)
}

// derive extracts from the master key with the secret as salt, which makes the
// result unknown to whoever lacks either. The use keeps a sealing key apart
// from a derived one of the same purpose.
func (m *Master) derive(secret []byte, use, purpose string) []byte {
	key, err := hkdf.Key(sha256.New, m.key[:], secret, use+"\x00"+purpose, keySize)
	if err != nil {
		panic(fmt.Sprintf("derive a key: %v", err)) // only for lengths over 8160 bytes
	}
	return key
}

func seal(key, plain, bound []byte) ([]byte, error) {
	box, err := newBox(key)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return box.Seal(nil, nil, plain, bound), nil //nolint:gosec // the box draws its own nonce and takes none
}

func open(key, sealed, bound []byte) ([]byte, error) {
	box, err := newBox(key)
	if err != nil {
		return nil, fmt.Errorf("open sealed: %w", err)
	}
	plain, err := box.Open(nil, nil, sealed, bound)
	if err != nil {
		return nil, errOpen
	}
	return plain, nil
}

// newBox returns AES-256-GCM that writes a random nonce before the ciphertext.
func newBox(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
