package resources

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// unreadable returns the line of the first character that no text has, 0 if
// there is none. The YAML library would refuse it without naming a line.
func unreadable(text []byte) int {
	for i := 0; i < len(text); {
		c, size := utf8.DecodeRune(text[i:])
		control := c < ' ' && c != '\t' && c != '\n' && c != '\r' || c >= 0x7f && c < 0xa0 && c != 0x85
		if control || c == utf8.RuneError && size == 1 {
			return 1 + bytes.Count(text[:i], []byte("\n"))
		}
		i += size
	}
	return 0
}

// plainJSON writes out the two escapes of JSON that the YAML library does not
// know, \/ and surrogate pairs. Lines stay as they are, and so does a text that
// is not JSON.
func plainJSON(text []byte) []byte {
	if !bytes.Contains(text, []byte(`\/`)) && !bytes.Contains(bytes.ToLower(text), []byte(`\ud`)) || !json.Valid(text) {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		if text[i] != '\\' {
			out = append(out, text[i])
			i++
			continue
		}
		plain, size := unescape(text[i:])
		out = append(out, plain...)
		i += size
	}
	return out
}

// unescape returns the escape that valid JSON begins with, in a spelling that
// YAML shares, and its size. Half a pair is no character.
func unescape(text []byte) (plain []byte, size int) {
	if text[1] == '/' {
		return text[1:2], 2
	}
	if text[1] != 'u' {
		return text[:2], 2
	}
	first := unit(text)
	if !utf16.IsSurrogate(first) {
		return text[:6], 6
	}
	if c := utf16.DecodeRune(first, unit(text[6:])); c != utf8.RuneError {
		return utf8.AppendRune(nil, c), 12
	}
	return utf8.AppendRune(nil, utf8.RuneError), 6
}

// unit reads one \uXXXX, or returns a rune that is no surrogate.
func unit(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(n)
}

// reportSyntax reads the line out of the library's words, the only place that
// has it. Its parser counts lines from 0 and leaves out a 0, where its scanner
// counts from 1.
func (r *reader) reportSyntax(text []byte, err error) {
	words, line := strings.TrimPrefix(err.Error(), "yaml: "), 0
	if rest, ok := strings.CutPrefix(words, "line "); ok {
		number, message, _ := strings.Cut(rest, ": ")
		if n, err := strconv.Atoi(number); err == nil {
			words, line = message, n
		}
	}
	last := 1 + bytes.Count(text, []byte("\n"))
	switch {
	case strings.HasPrefix(words, "unknown anchor"):
		r.reportAnchor(text, words)
	case strings.HasPrefix(words, "did not find expected"):
		r.report(min(line+1, last), "", "%s; check indents, quotes and brackets", words)
	default:
		r.report(min(max(line, 1), last), "", "%s", words)
	}
}

// reportAnchor leaves the name out: it may be the beginning of a password.
func (r *reader) reportAnchor(text []byte, words string) {
	line := 1
	if parts := strings.Split(words, "'"); len(parts) > 1 {
		before, _, _ := bytes.Cut(text, []byte("*"+parts[1]))
		line += bytes.Count(before, []byte("\n"))
	}
	r.report(line, "", "a value begins with * and names no anchor; quote it")
}
