package resources

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fichadev/ficha/internal/token"
)

// maxProblems is how many problems one reading reports: enough to mend a file
// by, few enough to read.
const maxProblems = 20

// A Problem is one thing that is wrong in a file, where, and what to do.
type Problem struct {
	File string
	Line int    // from 1; 0: the file as a whole
	Path string // such as clients[1].redirect_uris[0]; "" for the whole
	Text string // never carries a value that could be a secret
}

// String writes the problem as compilers do: file:line: path: text.
func (p Problem) String() string {
	s := p.File
	if p.Line > 0 {
		s = fmt.Sprintf("%s:%d", s, p.Line)
	}
	if p.Path != "" {
		s += ": " + p.Path
	}
	return s + ": " + p.Text
}

// A Warning is a thing that is allowed and unwise.
type Warning Problem

// String writes the warning as Problem does.
func (w Warning) String() string { return Problem(w).String() }

// Problems are all that is wrong in a file, up to twenty, by line.
type Problems []Problem

// Error writes one problem a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].String()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the refusal that the problems are: a file that cannot be
// read is its author's business.
func (p Problems) Unwrap() error {
	refusal := token.Errorf(token.Invalid, "%s", p.Error())
	for i := range p {
		refusal.Fields = append(refusal.Fields, token.Field{Name: p[i].Path, Text: fmt.Sprintf("line %d: %s", p[i].Line, p[i].Text)})
	}
	return refusal
}

func (p Problems) sorted() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return p
}

// nearest returns the known word that a mistyped one most likely means, or "".
func nearest(word string, known []string) string {
	if len(word) > 64 {
		return ""
	}
	best, least := "", max(2, len(word)/3)+1
	for _, k := range known {
		if d := distance(word, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is Levenshtein's: the letters to add, drop or change.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// meant is the end of a message about an unknown word.
func meant(word string, known []string) string {
	if k := nearest(word, known); k != "" {
		return fmt.Sprintf("did you mean %q?", k)
	}
	return "known are " + strings.Join(known, ", ")
}
