package mail

import (
	"strings"
	"unicode"
)

// longestName is how many letters of somebody's words a letter repeats.
const longestName = 120

// plain returns somebody's words as one short line that a mail program reads as
// nothing but words: no line ends, no control characters or marks that turn the
// direction of text, no address that it would make a link of, and nothing that
// looks like an encoded word (RFC 2047, section 2).
func plain(name string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(name, "") {
		switch {
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u200b', r == '\ufeff':
		default:
			b.WriteRune(r)
		}
	}
	// Spaces are joined last: what is taken out leaves one behind.
	line := strings.Join(strings.Fields(strings.NewReplacer("://", " ", "=?", "= ?").Replace(b.String())), " ")
	letters := []rune(line)
	if len(letters) > longestName {
		return string(letters[:longestName]) + "…"
	}
	return line
}
