package resources

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"gopkg.in/yaml.v3"
)

// The bounds of a file. Nodes are counted after aliases are followed, so that
// a few lines cannot grow into gigabytes.
const (
	maxFile  = 8 << 20
	maxDepth = 24
	maxNodes = 1 << 21
)

// tree reads the text as one YAML document within the bounds. It reports false
// when there is nothing to read, which is a problem or an empty file.
func (r *reader) tree(text []byte) (value, bool) {
	if len(text) > maxFile {
		r.report(0, "", "is over 8 MiB; split it")
		return value{}, false
	}
	if line := unreadable(text); line > 0 {
		r.report(line, "", "holds a byte that is neither UTF-8 nor fit for a text; remove it")
		return value{}, false
	}
	doc, err := decode(plainJSON(text))
	if err != nil {
		r.reportSyntax(text, err)
		return value{}, false
	}
	if doc == nil || !r.bounded(doc, 0) {
		return value{}, false
	}
	root := r.at(doc.Content[0], "")
	return root, !root.null()
}

var errSecondDocument = errors.New("a second document begins; keep to one, without a line of ---")

// decode returns nil for a text without a document.
func decode(text []byte) (doc *yaml.Node, err error) {
	// The library panics on some malformed text; for its author that is the
	// same as a syntax error.
	defer func() {
		if recover() != nil {
			doc, err = nil, errors.New("the text is not YAML")
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	doc, err = document(decoder)
	if doc == nil || err != nil {
		return nil, err
	}
	more, err := document(decoder)
	if more != nil {
		return nil, fmt.Errorf("line %d: %w", more.Line, errSecondDocument)
	}
	return doc, err
}

func document(decoder *yaml.Decoder) (*yaml.Node, error) {
	doc := new(yaml.Node)
	switch err := decoder.Decode(doc); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, err
	case len(doc.Content) != 1:
		return nil, errors.New("the text is not YAML")
	}
	return doc, nil
}

// bounded reports whether a tree keeps the bounds, with aliases followed. An
// alias of what it stands in is deeper than any bound.
func (r *reader) bounded(n *yaml.Node, depth int) bool {
	r.nodes++
	switch {
	case depth > maxDepth:
		r.report(n.Line, "", "is nested more than %d deep, or an alias stands within its own anchor; write it flatter", maxDepth)
		return false
	case r.nodes > maxNodes:
		r.report(n.Line, "", "the file holds too many values once its aliases are followed; write fewer")
		return false
	case n.Style&yaml.TaggedStyle != 0:
		r.report(n.Line, "", "YAML tags (a word that begins with !) are not read; quote the value if it is a text")
		return false
	case n.Kind == yaml.AliasNode:
		return r.bounded(n.Alias, depth+1)
	}
	for _, child := range n.Content {
		if !r.bounded(child, depth+1) {
			return false
		}
	}
	return true
}
