package resources

import (
	"path/filepath"
	"strings"
	"unicode/utf8"
)

const (
	maxText  = 4 << 10  // of one line
	maxValue = 64 << 10 // of one value, whatever it is
	maxGrown = 16 << 20 // of all that comes from outside the file
)

// text returns a value of one line: no control characters, at most 4 KiB.
func (v value) text() (string, bool) {
	return v.textBut("")
}

// prose returns a value that may have several lines.
func (v value) prose() (string, bool) { return v.textBut("\n\t") }

func (v value) textBut(allowed string) (string, bool) {
	s, ok := v.raw()
	if !ok {
		return "", false
	}
	if len(s) > maxText {
		v.fail("is over 4096 bytes; shorten it")
		return "", false
	}
	for _, c := range s {
		if (c < ' ' || c == 0x7f) && !strings.ContainsRune(allowed, c) {
			v.fail("holds a control character, such as the end of a line; take it out")
			return "", false
		}
	}
	return s, true
}

// raw returns a scalar as it is written, with what it names put in its place.
// What was put in is not looked at again.
func (v value) raw() (string, bool) {
	if !v.single("a text") {
		return "", false
	}
	if v.null() {
		v.fail("has no value; give one or remove the key")
		return "", false
	}
	s, ok := v.expand()
	if ok && len(s) > maxValue {
		v.fail("is over 64 KiB; shorten it")
		return "", false
	}
	if ok && !utf8.ValidString(s) {
		v.fail("is not UTF-8; convert it, or write it in base64")
		return "", false
	}
	return s, ok
}

func (v value) expand() (string, bool) {
	path, isFile := strings.CutPrefix(v.node.Value, "file:")
	if isFile {
		path, ok := v.substitute(path)
		if !ok {
			return "", false
		}
		return v.fromFile(path)
	}
	return v.substitute(v.node.Value)
}

// substitute puts environment variables in the place of their names.
func (v value) substitute(s string) (string, bool) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(s, "${")
		out.WriteString(before)
		if !found {
			return out.String(), true
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed || !variable(name) {
			v.fail("${ is not followed by a variable's name and }; a value that holds ${ itself can be kept in a file and written file:PATH")
			return "", false
		}
		got, ok := v.variable(name)
		if !ok || !v.grow(len(got)) {
			return "", false
		}
		if out.WriteString(got); out.Len() > maxValue {
			v.fail("is over 64 KiB with its variables in place; shorten it")
			return "", false
		}
		s = after
	}
}

func (v value) variable(name string) (string, bool) {
	if v.r.env == nil {
		v.fail("${%s} is not read here; write the value", name)
		return "", false
	}
	got, ok := v.r.env(name)
	if !ok {
		v.fail("the environment variable %s is not set; set it or write the value", name)
	}
	return got, ok
}

// variable reports whether s is a name as shells know it.
func variable(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != "" && len(s) <= 128
}

// fromFile reads a value out of a file beside ours, without the line end that
// editors leave.
func (v value) fromFile(path string) (string, bool) {
	if v.r.readFile == nil {
		v.fail("a file: value is not read here; write the value")
		return "", false
	}
	if path == "" {
		v.fail("file: names no file; write file:PATH")
		return "", false
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(v.r.file), path)
	}
	data, err := v.r.readFile(path)
	if err != nil {
		v.fail("its file cannot be read: %v", err)
		return "", false
	}
	if len(data) > maxValue {
		v.fail("its file is over 64 KiB; shorten it")
		return "", false
	}
	return strings.TrimRight(string(data), "\r\n"), v.grow(len(data))
}

// grow counts what comes from outside, so that a small file that names a
// large value many times stays small.
func (v value) grow(n int) bool {
	if v.r.grown += n; v.r.grown > maxGrown {
		v.fail("variables and files add over 16 MiB to this file; split it")
		return false
	}
	return true
}
