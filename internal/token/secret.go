package token

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"strings"
)

// The secret of a token exists in the reply that issues it. Everywhere else
// there is its Hash and its last four characters.

// A Hash is the SHA-256 of a whole secret. Machine secrets carry at least 160
// random bits, so a slow hash would cost time and add nothing.
type Hash [sha256.Size]byte

// HashOf returns the hash of a secret as it is presented.
func HashOf(secret string) Hash { return sha256.Sum256([]byte(secret)) }

// Scan reads a hash from a database's column (database/sql.Scanner). What has
// none is NULL and is the zero hash, which is nobody's.
func (h *Hash) Scan(column any) error {
	if column == nil {
		*h = Hash{}
		return nil
	}
	b, ok := column.([]byte)
	if !ok || len(b) != len(h) {
		return errors.New("a hash is 32 bytes")
	}
	copy(h[:], b)
	return nil
}

// LastFour returns the last four characters of a secret, for lists.
func LastFour(secret string) string {
	if len(secret) < 12 {
		return "" // four characters of so short a secret would tell too much
	}
	return secret[len(secret)-4:]
}

// A Format writes and reads opaque secrets: a prefix that names kind and
// environment, base62 of the row's encrypted address and 160 random bits, and
// six characters of CRC-32 for scanners and typing errors. It is safe for use
// by many at once.
type Format struct {
	prefix string // "fch_" or "fch_sandbox_"
	block  cipher.Block
}

// NewFormat returns the format of one environment. key is 16 bytes and the
// same on every node; "production" and the empty environment leave no mark in
// the prefix.
func NewFormat(environment string, key []byte) (*Format, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	prefix := SecretPrefix
	if environment != "" && environment != "production" {
		if !validEnvironment(environment) {
			return nil, errors.New("environment: use 1 to 16 lower-case letters and digits, such as sandbox")
		}
		prefix += environment + "_"
	}
	return &Format{prefix: prefix, block: block}, nil
}

func validEnvironment(s string) bool {
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(s) <= 16
}

// Prefix returns what the secrets of a kind begin with, for scanner rules.
func (f *Format) Prefix(kind Kind) string { return f.prefix + kind.infix() + "_" }

const (
	randomBytes = 20
	bodyChars   = 11 + 11 + 11 + 6 // 8 + 8 + 8 + 4 bytes, each part in base62
	sumChars    = 6
	hexRandom   = 24
	hexChars    = 2 * (8 + hexRandom + 4)
)

// SecretPrefix stands before every opaque secret that has no prefix of a
// contract's; environment and kind follow.
const SecretPrefix = "fch_"

// ContentfulPrefix stands before the personal tokens of Contentful's paths.
const ContentfulPrefix = "CFPAT-"

// Mint returns a fresh secret for the row id, with the prefix of its kind.
func (f *Format) Mint(kind Kind, id ID) string { return f.MintWith(f.Prefix(kind), id) }

// MintWith returns a fresh secret for the row id with a prefix of the
// caller's, for contracts that have one.
func (f *Format) MintWith(prefix string, id ID) string {
	var raw [randomBytes]byte
	rand.Read(raw[:])
	out := make([]byte, 0, len(prefix)+bodyChars+sumChars)
	out = append(out, prefix...)
	out = appendBase62(out, f.hide(id), 11)
	out = appendBase62(out, binary.BigEndian.Uint64(raw[0:]), 11)
	out = appendBase62(out, binary.BigEndian.Uint64(raw[8:]), 11)
	out = appendBase62(out, uint64(binary.BigEndian.Uint32(raw[16:])), 6)
	out = appendBase62(out, uint64(crc32.ChecksumIEEE(out)), sumChars)
	return string(out)
}

// MintHex returns a fresh secret for the row id in Chronos's form: 72 hex
// digits of address, 192 random bits and CRC-32.
func (f *Format) MintHex(id ID) string {
	var raw [8 + hexRandom + 4]byte
	binary.BigEndian.PutUint64(raw[:], f.hide(id))
	rand.Read(raw[8 : 8+hexRandom])
	binary.BigEndian.PutUint32(raw[8+hexRandom:], crc32.ChecksumIEEE(raw[:8+hexRandom]))
	return hex.EncodeToString(raw[:])
}

// Address returns the row that a secret claims to be in. It reports false for
// a secret that is not of our making, which may still be an imported one. A
// signed token's address is its jti, which we write first into the payload.
func (f *Format) Address(secret string) (ID, bool) {
	if strings.HasPrefix(secret, "eyJ") {
		return jwtAddress(secret)
	}
	if len(secret) == hexChars && isHex(secret) {
		return f.hexAddress(secret)
	}
	if len(secret) < bodyChars+sumChars || !f.known(secret[:len(secret)-bodyChars-sumChars]) {
		return 0, false
	}
	sum, ok := parseBase62(secret[len(secret)-sumChars:])
	if !ok || sum != uint64(crc32.ChecksumIEEE([]byte(secret[:len(secret)-sumChars]))) {
		return 0, false
	}
	at := len(secret) - bodyChars - sumChars
	hidden, ok := parseBase62(secret[at : at+11])
	if !ok {
		return 0, false
	}
	return f.show(hidden)
}

func (f *Format) known(prefix string) bool {
	return prefix == ContentfulPrefix || strings.HasPrefix(prefix, f.prefix)
}

func (f *Format) hexAddress(secret string) (ID, bool) {
	var raw [8 + hexRandom + 4]byte
	if _, err := hex.Decode(raw[:], []byte(secret)); err != nil {
		return 0, false
	}
	if crc32.ChecksumIEEE(raw[:8+hexRandom]) != binary.BigEndian.Uint32(raw[8+hexRandom:]) {
		return 0, false
	}
	return f.show(binary.BigEndian.Uint64(raw[:]))
}

func isHex(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// hide is a keyed permutation of 64 bits: four Feistel rounds with AES as the
// round function (Luby and Rackoff). It hides time and order of the rows from
// those who hold secrets; nothing else rests on it.
func (f *Format) hide(id ID) uint64 {
	left, right := uint32(uint64(id)>>32), uint32(uint64(id)) //nolint:gosec // the halves of 64 bits
	var block [aes.BlockSize]byte
	for round := byte(0); round < 4; round++ {
		left, right = right, left^f.round(&block, round, right)
	}
	return uint64(left)<<32 | uint64(right)
}

func (f *Format) show(hidden uint64) (ID, bool) {
	left, right := uint32(hidden>>32), uint32(hidden) //nolint:gosec // the halves of 64 bits
	var block [aes.BlockSize]byte
	for round := byte(4); round > 0; round-- {
		left, right = right^f.round(&block, round-1, left), left
	}
	id := ID(uint64(left)<<32 | uint64(right)) //nolint:gosec // negative ones are refused below
	return id, id > 0
}

// round encrypts in a block of the caller's, one for all rounds: it is allocated.
func (f *Format) round(block *[aes.BlockSize]byte, round byte, half uint32) uint32 {
	*block = [aes.BlockSize]byte{round}
	binary.BigEndian.PutUint32(block[4:], half)
	f.block.Encrypt(block[:], block[:])
	return binary.BigEndian.Uint32(block[:])
}

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func appendBase62(out []byte, v uint64, width int) []byte {
	at := len(out)
	for range width {
		out = append(out, '0')
	}
	for i := at + width - 1; i >= at; i-- {
		out[i] = base62[v%62]
		v /= 62
	}
	return out
}

func parseBase62(s string) (uint64, bool) {
	var v uint64
	for i := range len(s) {
		d := strings.IndexByte(base62, s[i])
		if d < 0 || v > (1<<64-1-uint64(d))/62 {
			return 0, false
		}
		v = v*62 + uint64(d)
	}
	return v, true
}
