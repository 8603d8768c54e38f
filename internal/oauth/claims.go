package oauth

import (
	"encoding/json"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/fichadev/ficha/internal/token"
)

// appendActive appends what is said of a token that opens something (RFC 7662,
// 2.2), and of ours: the workspace, the kind, and token_id, the name of the
// credential in lists and audit. It is written by hand, since proxies ask it
// for every request of theirs.
func appendActive(b []byte, r *token.Record, v token.Verdict, issuer string) []byte {
	t := r.Token
	b = append(b, `{"active":true,"scope":"`...)
	b = appendWords(b, v.Scopes)
	b = append(b, '"')
	b = appendMember(b, "client_id", t.Client)
	if r.Person != nil {
		b = appendMember(b, "username", r.Person.Email)
	}
	if t.Kind != token.Refresh {
		b = append(b, `,"token_type":"Bearer"`...)
	}
	b = appendSeconds(b, "exp", t.ExpiresAt)
	b = appendSeconds(b, "iat", t.IssuedAt)
	b = appendMember(b, "sub", t.Subject())
	b = appendAudience(b, t.Audience, issuer)
	b = appendMember(b, "iss", issuer)
	b = append(b, `,"jti":"`...)
	b = t.ID.Append(b)
	b = append(b, `","token_id":"`...)
	b = t.Credential.Append(b)
	b = append(b, '"')
	b = appendMember(b, "workspace", v.Workspace)
	b = appendMember(b, "kind", string(t.Kind))
	if len(v.Networks) > 0 {
		b = appendNetworks(append(b, `,"addresses":`...), v.Networks)
	}
	if t.Actor != "" {
		b = append(b, `,"act":{"sub":`...)
		b = append(appendText(b, t.Actor), '}')
	}
	return append(b, '}')
}

// appendNetworks appends whence alone the answer holds.
func appendNetworks(b []byte, networks []netip.Prefix) []byte {
	for i, n := range networks {
		b = append(b, "[,"[min(i, 1)], '"')
		b = append(n.AppendTo(b), '"')
	}
	return append(b, ']')
}

// appendWords appends scopes, whose characters need no escape.
func appendWords(b []byte, scopes token.Scopes) []byte {
	for i, scope := range scopes {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, scope...)
	}
	return b
}

// appendMember appends a member, or nothing if its value is empty.
func appendMember(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":`...)
	return appendText(b, value)
}

// appendSeconds appends an instant of milliseconds, or nothing if there is none.
func appendSeconds(b []byte, name string, ms int64) []byte {
	if ms == 0 {
		return b
	}
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":`...)
	return strconv.AppendInt(b, ms/1000, 10)
}

// appendAudience appends whom the token is for, as the claim of a signed one
// says it: the issuer where it names no resource, one as a string, several as
// an array (RFC 7519, 4.1.3).
func appendAudience(b []byte, audience, issuer string) []byte {
	if audience == "" {
		return appendMember(b, "aud", issuer)
	}
	if strings.IndexByte(audience, ' ') < 0 {
		return appendMember(b, "aud", audience)
	}
	b = append(b, `,"aud":`...)
	separator := byte('[')
	for one := range strings.FieldsSeq(audience) {
		b = appendText(append(b, separator), one)
		separator = ','
	}
	return append(b, ']')
}

// appendText appends s as a JSON string.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			quoted, _ := json.Marshal(s) //nolint:errchkjson // a string always has JSON
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
