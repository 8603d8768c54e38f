package token

import (
	"encoding/base64"
	"strings"
)

// JTIFirst is how the payload of every token that we sign begins; the id
// follows. Our judge finds the row by it and then trusts the hash of the whole
// text alone, so that no signature is checked on the hot path and a stolen key
// forges nothing here.
const JTIFirst = `{"jti":"`

// jwtAddress reads the id from the first bytes of a signed token's payload.
func jwtAddress(secret string) (ID, bool) {
	_, rest, ok := strings.Cut(secret, ".")
	if !ok || len(rest) < 28 {
		return 0, false
	}
	var head [21]byte // 28 characters are 21 bytes: 8 of JTIFirst and 13 of the id
	if _, err := base64.RawURLEncoding.Decode(head[:], []byte(rest[:28])); err != nil {
		return 0, false
	}
	if string(head[:8]) != JTIFirst {
		return 0, false
	}
	return ParseID(string(head[8:]))
}
