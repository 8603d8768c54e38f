package scan

import (
	"bytes"
	"io"
	"strings"
)

const (
	chunk = 1 << 20
	// kept is what is looked at again with the next chunk: a secret may lie across
	// the two. One byte more shows whether something stands before it.
	kept = 2*mostSecret + 1
)

// A Reader finds the secrets in texts of any length, with a bounded memory. It
// is for one goroutine.
type Reader struct {
	Issuer string // the only one whose signed tokens are meant; empty: any
	buffer []byte
}

// Read calls found with each secret of a text, in order. Its error is the
// reader's.
func (r *Reader) Read(text io.Reader, found func(Match)) error {
	if r.buffer == nil {
		r.buffer = make([]byte, chunk+kept)
	}
	have, lines, column := 0, 0, 0 // of the buffer; newlines, and bytes of the last line, before it
	for first := true; ; first = false {
		n, err := io.ReadFull(text, r.buffer[have:])
		have += n
		last := err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !last {
			return err
		}
		edge := have - kept
		if last {
			edge = have
		}
		r.tell(r.buffer[:have], first, edge, lines, column, found)
		if last {
			return nil
		}
		gone := r.buffer[:edge-1]
		lines, column = lines+bytes.Count(gone, newline), columnAfter(gone, column)
		have = copy(r.buffer, r.buffer[edge-1:have])
	}
}

// tell tells of the secrets that begin before the edge. Those that begin with
// the buffer are ends of what was told of, unless it is the first.
func (r *Reader) tell(text []byte, first bool, edge, lines, column int, found func(Match)) {
	at := 0
	for _, m := range Find(text, r.Issuer) {
		if m.start >= edge || m.start == 0 && !first {
			continue
		}
		passed := text[at:m.start]
		lines, column = lines+bytes.Count(passed, newline), columnAfter(passed, column)
		at = m.start
		m.Line, m.Column = lines+1, column+1
		found(m)
	}
}

var newline = []byte{'\n'}

func columnAfter(text []byte, column int) int {
	if at := bytes.LastIndexByte(text, '\n'); at >= 0 {
		return len(text) - at - 1
	}
	return column + len(text)
}

// Mask returns a text in which each secret of ours is only named.
func Mask(text string) string {
	for _, m := range Find([]byte(text), "") {
		text = strings.ReplaceAll(text, m.Secret, Show(&m))
	}
	return text
}

// Show returns what may be shown of a secret: its prefix and its last four.
func Show(m *Match) string {
	last := m.Secret[len(m.Secret)-4:]
	if prefix := strings.LastIndexByte(m.Secret[:len(m.Head)], '_'); m.Kind != "" && prefix >= 0 {
		return m.Secret[:prefix+1] + "…" + last
	}
	if m.Kind != "" {
		return m.Secret[:strings.IndexByte(m.Secret, '-')+1] + "…" + last
	}
	return "…" + last
}
