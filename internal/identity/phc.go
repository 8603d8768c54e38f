package identity

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// A phc is a password's hash as the PHC string format writes it:
// $argon2id$v=19$m=19456,t=2,p=1$salt$sum.
type phc struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
	salt    []byte
	sum     []byte
}

// The cost of a password: OWASP's first choice for Argon2id.
const (
	memory  = 19456
	passes  = 2
	threads = 1
	saltLen = 16
	sumLen  = 32
)

// What is read from the database is bounded too: a row must not be able to ask
// for all memory. Weaker hashes are read and renewed at the next sign-in.
const (
	maxMemory  = 256 << 10
	maxPasses  = 16
	maxThreads = 16
	maxPart    = 64
)

func blankPHC() phc {
	p := phc{memory: memory, passes: passes, threads: threads, salt: make([]byte, saltLen)}
	rand.Read(p.salt) // never fails (Go 1.24)
	return p
}

func (p phc) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memory, p.passes, p.threads,
		base64.RawStdEncoding.EncodeToString(p.salt), base64.RawStdEncoding.EncodeToString(p.sum))
}

// parsePHC reads what String wrote; every hash has one spelling.
func parsePHC(s string) (phc, bool) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 {
		return phc{}, false
	}
	costs := strings.Split(parts[3], ",")
	if len(costs) != 3 {
		return phc{}, false
	}
	p := phc{
		memory: cost[uint32](costs[0], "m=", maxMemory), passes: cost[uint32](costs[1], "t=", maxPasses),
		threads: cost[uint8](costs[2], "p=", maxThreads), salt: part(parts[4]), sum: part(parts[5]),
	}
	ok := p.passes > 0 && p.threads > 0 && p.memory >= 8*uint32(p.threads) && len(p.salt) >= 8 && len(p.sum) >= 16
	return p, ok && p.String() == s
}

// cost reads one parameter, 0 if it is not one of 1 to most.
func cost[T uint8 | uint32](text, name string, most T) T {
	digits, ok := strings.CutPrefix(text, name)
	n, err := strconv.ParseUint(digits, 10, 32)
	if !ok || err != nil || n > uint64(most) {
		return 0
	}
	return T(n)
}

func part(text string) []byte {
	if len(text) > base64.RawStdEncoding.EncodedLen(maxPart) {
		return nil
	}
	b, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	return b
}

// of computes the sum of a password under p's cost and salt.
func (p phc) of(password string, length int) []byte {
	return argon2.IDKey([]byte(password), p.salt, p.passes, p.memory, p.threads, uint32(length)) //nolint:gosec // at most 64
}

func (p phc) matches(password string) bool {
	return subtle.ConstantTimeCompare(p.of(password, len(p.sum)), p.sum) == 1
}

// weak reports whether the hash costs a guesser less than a new one.
func (p phc) weak() bool { return p.memory < memory || p.passes < passes || len(p.sum) < sumLen }
