package token

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"hash/crc32"
	"strconv"
	"strings"
)

// A Form is how a secret of ours is written.
type Form string

// The forms.
const (
	Opaque Form = "opaque" // a prefix, base62 and a checksum
	Hex    Form = "hex"    // Chronos's 72 digits
	Signed Form = "jwt"    // a signed token, whose payload begins with its row
	Whsec  Form = "whsec"  // a webhook's, as Standard Webhooks 1.0 writes 32 bytes
)

// A Shape is what a secret tells whoever has no key of the server that made it.
type Shape struct {
	Form Form
	Kind Kind // empty where the form does not tell it
	// Head leads to the row for who has the key (Format.Row). It opens nothing
	// and is no part of what makes the secret hard to guess.
	Head string
}

// WebhookPrefix is what the secret of a webhook begins with (Standard Webhooks
// 1.0); those of other senders may look the same.
const WebhookPrefix = "whsec_"

// WebhookChars is how many characters stand behind it: 32 bytes in base64.
const WebhookChars = 44

// SecretChars is how many characters stand behind the prefix of an opaque
// secret.
const SecretChars = bodyChars + sumChars

// HexChars is how long a secret of the Chronos contract is.
const HexChars = hexChars

const (
	headChars    = 11 // of the hidden address
	hexHeadChars = 16

	leastSignature = 80 // characters of base64; no algorithm of ours writes fewer than 64 bytes
)

// ShapeOf returns the shape of a secret that a server of this kind made, on any
// environment; false for any other text, and where the checksum says that it is
// not whole. A signed token has no checksum, nor has the secret of a webhook:
// their shape is all that is looked at.
func ShapeOf(secret string) (Shape, bool) {
	switch {
	case strings.HasPrefix(secret, "eyJ"):
		id, ok := jwtAddress(secret)
		signature := secret[strings.LastIndexByte(secret, '.')+1:]
		return Shape{Form: Signed, Head: id.String()}, ok && strings.Count(secret, ".") == 2 && len(signature) >= leastSignature
	case len(secret) == hexChars && isHex(secret):
		return Shape{Form: Hex, Head: secret[:hexHeadChars]}, intactHex(secret)
	case strings.HasPrefix(secret, WebhookPrefix):
		key, err := base64.StdEncoding.Strict().DecodeString(secret[len(WebhookPrefix):])
		return Shape{Form: Whsec, Kind: KindWebhookSecret, Head: WebhookPrefix}, err == nil && len(key) == 32
	case len(secret) <= SecretChars:
		return Shape{}, false
	}
	prefix := secret[:len(secret)-SecretChars]
	kind, ok := kindOf(prefix)
	return Shape{Form: Opaque, Kind: kind, Head: secret[:len(prefix)+headChars]}, ok && intact(secret)
}

// intact reports whether the checksum of an opaque secret is right.
func intact(secret string) bool {
	at := len(secret) - sumChars
	sum, ok := parseBase62(secret[at:])
	return ok && sum == uint64(crc32.ChecksumIEEE([]byte(secret[:at])))
}

func intactHex(secret string) bool {
	raw, err := hex.DecodeString(secret)
	if err != nil {
		return false
	}
	at := len(raw) - 4
	return crc32.ChecksumIEEE(raw[:at]) == binary.BigEndian.Uint32(raw[at:])
}

// SecretKinds lists every kind that has secrets of its own.
func SecretKinds() []Kind {
	return []Kind{Access, Refresh, Service, Ephemeral, Impersonated, Personal, AuthCode, Session, ClientSecret}
}

// kindOf reads a prefix of any environment.
func kindOf(prefix string) (Kind, bool) {
	if prefix == ContentfulPrefix {
		return Personal, true
	}
	rest, ours := strings.CutPrefix(prefix, SecretPrefix)
	rest, whole := strings.CutSuffix(rest, "_")
	environment, infix, named := strings.Cut(rest, "_")
	if !named {
		environment, infix = "", rest
	}
	if !ours || !whole || named && (environment == "" || !validEnvironment(environment)) {
		return "", false
	}
	for _, k := range SecretKinds() {
		if k.infix() == infix {
			return k, true
		}
	}
	return "", false
}

// Row returns the row that the head of a secret leads to. It says nothing about
// whether there is such a secret: its hash must be compared.
func (f *Format) Row(head string) (ID, bool) {
	switch {
	case len(head) == IDLen:
		return ParseID(head)
	case len(head) == hexHeadChars && isHex(head):
		hidden, err := strconv.ParseUint(head, 16, 64)
		if err != nil {
			return 0, false
		}
		return f.show(hidden)
	case len(head) <= headChars:
		return 0, false
	}
	if _, ours := kindOf(head[:len(head)-headChars]); !ours {
		return 0, false
	}
	hidden, ok := parseBase62(head[len(head)-headChars:])
	if !ok {
		return 0, false
	}
	return f.show(hidden)
}

// IssuerOf returns the issuer that a signed token names, unchecked; empty if it
// names none.
func IssuerOf(secret string) string {
	_, rest, _ := strings.Cut(secret, ".")
	payload, _, _ := strings.Cut(rest, ".")
	plain, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return ""
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	if json.Unmarshal(plain, &claims) != nil {
		return ""
	}
	return claims.Issuer
}
