package web

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/maphash"
	"unicode"
	"unicode/utf8"

	"github.com/fichadev/ficha/internal/token"
)

const (
	maxDepth = 32
	maxKeys  = 20_000
	maxWord  = 64 // bytes of a number, true, false or null
)

// scanner walks a JSON text once, without recursion, before the decoder does.
// It refuses what would cost too much or can be read in two ways: deep nesting,
// many keys, a long number, a key twice in one object, bytes that are not UTF-8,
// an escaped NUL. It does not check the grammar; the decoder does.
type scanner struct {
	text    []byte
	stack   [maxDepth]frame
	depth   int
	objects uint64 // begun so far
	keys    int
	seed    maphash.Seed
	seen    map[uint64]struct{} // hashes of object and key
	scratch []byte
}

// frame is one open object or array.
type frame struct {
	object  uint64 // its number from 1; 0: an array
	wantKey bool
}

// scanJSON returns a refusal, or nil if the text may be decoded.
func scanJSON(text []byte) error {
	if !utf8.Valid(text) {
		return badJSON("it is not UTF-8")
	}
	s := scanner{text: text, seed: maphash.MakeSeed(), seen: make(map[uint64]struct{})}
	return s.walk()
}

func badJSON(why string) error {
	return token.Errorf(token.InvalidRequest, "the JSON body cannot be taken: %s", why)
}

func (s *scanner) walk() error {
	word := 0 // bytes of the number or literal so far
	for i := 0; i < len(s.text); i++ {
		var err error
		switch s.text[i] {
		case ' ', '\t', '\r', '\n', ':':
		case '{':
			s.objects++
			err = s.open(frame{object: s.objects, wantKey: true})
		case '[':
			err = s.open(frame{})
		case '}', ']':
			s.depth = max(0, s.depth-1)
		case ',':
			if s.depth > 0 {
				s.stack[s.depth-1].wantKey = true
			}
		case '"':
			i, err = s.quoted(i)
		default:
			if word++; word > maxWord {
				return badJSON("a number is longer than 64 digits")
			}
			continue
		}
		if err != nil {
			return err
		}
		word = 0
	}
	return nil
}

func (s *scanner) open(f frame) error {
	if s.depth == maxDepth {
		return badJSON("it is nested deeper than 32 levels")
	}
	s.stack[s.depth] = f
	s.depth++
	return nil
}

// quoted reads the string that begins at a quote and returns where it ends.
func (s *scanner) quoted(start int) (int, error) {
	escaped := false
	for i := start + 1; i < len(s.text); i++ {
		switch s.text[i] {
		case '\\':
			escaped = true
			if bytes.HasPrefix(s.text[i:], []byte(`\u0000`)) {
				return 0, badJSON("it holds a NUL")
			}
			i++
		case '"':
			return i, s.key(s.text[start:i+1], escaped)
		}
	}
	return len(s.text), nil // unfinished: the decoder refuses it
}

// key counts a string if it stands where a key does.
func (s *scanner) key(quoted []byte, escaped bool) error {
	if s.depth == 0 || s.stack[s.depth-1].object == 0 || !s.stack[s.depth-1].wantKey {
		return nil
	}
	top := &s.stack[s.depth-1]
	top.wantKey = false
	if s.keys++; s.keys > maxKeys {
		return badJSON("it has more than 20000 keys")
	}
	name := quoted[1 : len(quoted)-1]
	if escaped {
		var plain string
		if json.Unmarshal(quoted, &plain) != nil {
			return badJSON("a key is badly escaped")
		}
		name = []byte(plain)
	}
	s.scratch = fold(binary.LittleEndian.AppendUint64(s.scratch[:0], top.object), name)
	h := maphash.Bytes(s.seed, s.scratch)
	if _, twice := s.seen[h]; twice {
		return badJSON("the key " + shorten(string(name)) + " stands twice in one object")
	}
	s.seen[h] = struct{}{}
	return nil
}

// fold appends the name in the one spelling that stands for all its cases. The
// decoder matches fields without regard to case, so that "scopes" and "Scopes"
// would be one value of which the last wins.
func fold(b, name []byte) []byte {
	for len(name) > 0 {
		r, n := utf8.DecodeRune(name)
		b = utf8.AppendRune(b, foldRune(r))
		name = name[n:]
	}
	return b
}

// foldRune returns the smallest rune that differs in case alone.
func foldRune(r rune) rune {
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			return next
		}
		r = next
	}
}
