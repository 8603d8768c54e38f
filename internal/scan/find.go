// Package scan knows what secrets of this server look like in other people's
// text: how they are found in it, how they are shown without being told, and
// which rules let other programs find them. It needs no key and asks nobody.
package scan

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/fichadev/ficha/internal/token"
)

// A Match is one secret in a text.
type Match struct {
	token.Shape
	Secret string
	Line   int // from 1; 0: not told
	Column int // from 1, in bytes
	start  int
}

// Name says what was found, in words that rules and reports share.
func (m *Match) Name() string { return nameOf(m.Form, m.Kind) }

func nameOf(form token.Form, kind token.Kind) string {
	switch {
	case form == token.Hex:
		return "chronos_token"
	case form == token.Signed:
		return "signed_token"
	case kind == token.ClientSecret || kind == token.AuthCode || kind == token.KindWebhookSecret:
		return string(kind)
	}
	return string(kind) + "_token"
}

// mostSecret is the longest secret that is looked for, in bytes.
const mostSecret = 8 << 10

// jwtMark is what stands in every token that we sign: the payload's beginning,
// {"jti":, whatever the header.
const jwtMark = ".eyJqdGkiOi"

// Find returns the secrets in a text by their place, which it does not tell. What
// has the form and not the checksum is none. Issuer, unless empty, is the only
// one whose signed tokens are meant.
func Find(text []byte, issuer string) []Match {
	var found []Match
	add := func(start, end int) {
		secret := string(text[start:end])
		shape, ok := token.ShapeOf(secret)
		if ok && (shape.Form != token.Signed || issuer == "" || token.IssuerOf(secret) == issuer) {
			found = append(found, Match{Shape: shape, Secret: secret, start: start})
		}
	}
	eachIndex(text, token.SecretPrefix, func(at int) {
		if end := opaqueEnd(text, at+len(token.SecretPrefix)); end > 0 {
			add(at, end)
		}
	})
	eachIndex(text, token.ContentfulPrefix, func(at int) {
		if end := at + len(token.ContentfulPrefix) + token.SecretChars; end <= len(text) {
			add(at, end)
		}
	})
	eachIndex(text, token.WebhookPrefix, func(at int) {
		if end := at + len(token.WebhookPrefix) + token.WebhookChars; end <= len(text) {
			add(at, end)
		}
	})
	eachIndex(text, jwtMark, func(at int) { add(jwtBounds(text, at)) })
	eachHexRun(text, func(start, end int) { add(start, end) })
	slices.SortFunc(found, func(a, b Match) int { return cmp.Compare(a.start, b.start) })
	return found
}

func eachIndex(text []byte, mark string, each func(at int)) {
	for from := 0; ; {
		at := bytes.Index(text[from:], []byte(mark))
		if at < 0 {
			return
		}
		each(from + at)
		from += at + len(mark)
	}
}

// opaqueEnd returns where an opaque secret ends whose prefix goes on at a place;
// 0 where none can be: behind at most two words comes what is counted.
func opaqueEnd(text []byte, at int) int {
	for range 2 {
		word := bytes.IndexByte(text[at:min(at+17, len(text))], '_')
		if word <= 0 {
			return 0
		}
		at += word + 1
		end := at + token.SecretChars
		if end <= len(text) && allOf(text[at:end], isBase62) {
			return end
		}
	}
	return 0
}

// jwtBounds returns the whole of a signed token by its first dot.
func jwtBounds(text []byte, dot int) (start, end int) {
	start, end = dot, dot+1
	for start > 0 && dot-start < mostSecret && isBase64(text[start-1]) {
		start--
	}
	for end < len(text) && end-dot < mostSecret && (isBase64(text[end]) || text[end] == '.') {
		end++
	}
	// A header begins so; what stands before it is the text's.
	if at := bytes.LastIndex(text[start:dot], []byte("eyJ")); at > 0 {
		start += at
	}
	return start, start + len(strings.TrimRight(string(text[start:end]), "."))
}

// eachHexRun calls each with the runs of exactly 72 lower-case hex digits. It
// looks at every 72nd byte: a run that long covers one.
func eachHexRun(text []byte, each func(start, end int)) {
	const n = token.HexChars
	for at := n - 1; at < len(text); at += n {
		if !isHex(text[at]) {
			continue
		}
		start, end := at, at+1
		for start > 0 && at-start <= n && isHex(text[start-1]) {
			start--
		}
		for end < len(text) && end-start <= n && isHex(text[end]) {
			end++
		}
		if end-start == n {
			each(start, end)
		}
	}
}

func allOf(text []byte, is func(byte) bool) bool {
	for _, c := range text {
		if !is(c) {
			return false
		}
	}
	return true
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }

func isBase62(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' }

func isBase64(c byte) bool { return isBase62(c) || c == '-' || c == '_' }
