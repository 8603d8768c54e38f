package keys

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/fichadev/ficha/internal/token"
)

// Claims is what a signed access token says (RFC 9068, 2.2). Instants are
// milliseconds as in the token's row; the payload has seconds.
type Claims struct {
	ID          token.ID // jti
	Issuer      string
	Subject     string
	Audience    string // resources, separated by spaces; empty: the issuer itself
	Client      string
	IssuedAt    int64 // ms
	ExpiresAt   int64 // ms; a signed token always has one
	Scopes      token.Scopes
	Workspace   string // empty: left out
	Kind        token.Kind
	Actor       string // who acts, when the subject is impersonated (RFC 8693, 4.1); empty: left out
	StatusIndex int64  // the token's place in the status list
	StatusURI   string // where the list is; empty: the token lives too briefly for one
}

// AppendPayload appends the claims as JSON to dst. It begins with
// token.JTIFirst and the id, by which the judge finds the row. Bytes that are
// not UTF-8 become U+FFFD.
func AppendPayload(dst []byte, c Claims) []byte {
	dst = append(dst, token.JTIFirst...)
	dst = c.ID.Append(dst)
	dst = append(dst, '"')
	dst = appendMember(dst, "iss", c.Issuer)
	dst = appendMember(dst, "sub", c.Subject)
	dst = appendAudience(dst, c)
	dst = appendMember(dst, "client_id", c.Client)
	dst = append(dst, `,"iat":`...)
	dst = strconv.AppendInt(dst, c.IssuedAt/1000, 10)
	dst = append(dst, `,"exp":`...)
	dst = strconv.AppendInt(dst, c.ExpiresAt/1000, 10)
	dst = appendScope(dst, c.Scopes)
	dst = appendMember(dst, "workspace", c.Workspace)
	dst = appendMember(dst, "kind", string(c.Kind))
	dst = appendActor(dst, c.Actor)
	dst = appendStatus(dst, c)
	return append(dst, '}')
}

// appendMember appends a member, or nothing if its value is empty.
func appendMember(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	dst = append(dst, `":`...)
	return appendString(dst, value)
}

// appendAudience appends one audience as a string and several as an array
// (RFC 7519, 4.1.3). RFC 9068 requires the claim, so that a token for no
// resource in particular is for the issuer.
func appendAudience(dst []byte, c Claims) []byte {
	several := strings.Fields(c.Audience)
	switch len(several) {
	case 0:
		return appendMember(dst, "aud", c.Issuer)
	case 1:
		return appendMember(dst, "aud", several[0])
	}
	dst = append(dst, `,"aud":`...)
	separator := byte('[')
	for _, one := range several {
		dst = append(dst, separator)
		dst = appendString(dst, one)
		separator = ','
	}
	return append(dst, ']')
}

// appendScope appends the scopes as one string (RFC 8693, 4.2), or nothing if
// there are none.
func appendScope(dst []byte, scopes token.Scopes) []byte {
	if len(scopes) == 0 {
		return dst
	}
	dst = append(dst, `,"scope":"`...)
	for i, scope := range scopes {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = appendEscaped(dst, scope)
	}
	return append(dst, '"')
}

func appendActor(dst []byte, actor string) []byte {
	if actor == "" {
		return dst
	}
	dst = append(dst, `,"act":{"sub":`...)
	dst = appendString(dst, actor)
	return append(dst, '}')
}

// appendStatus appends the place in the token status list.
func appendStatus(dst []byte, c Claims) []byte {
	if c.StatusURI == "" {
		return dst
	}
	dst = append(dst, `,"status":{"status_list":{"idx":`...)
	dst = strconv.AppendInt(dst, c.StatusIndex, 10)
	dst = append(dst, `,"uri":`...)
	dst = appendString(dst, c.StatusURI)
	return append(dst, `}}`...)
}

// appendString appends s as a JSON string (RFC 8259, 7).
func appendString(dst []byte, s string) []byte {
	return append(appendEscaped(append(dst, '"'), s), '"')
}

func appendEscaped(dst []byte, s string) []byte {
	const digits = "0123456789abcdef"
	for _, r := range s { // a byte that is not UTF-8 comes as U+FFFD
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ':
			dst = append(dst, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}
