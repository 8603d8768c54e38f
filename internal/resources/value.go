package resources

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// A reader gathers what is wrong while the parts of a file are read.
type reader struct {
	file     string
	env      func(string) (string, bool)
	readFile func(string) ([]byte, error)
	problems Problems
	warnings []Warning
	nodes    int // seen, aliases followed
	grown    int // bytes that came from the environment and from files
}

func (r *reader) full() bool { return len(r.problems) >= maxProblems }

// report keeps a problem once, though a value be read for two purposes.
func (r *reader) report(line int, path, format string, args ...any) {
	p := Problem{r.file, line, path, fmt.Sprintf(format, args...)}
	if !r.full() && !slices.Contains(r.problems, p) {
		r.problems = append(r.problems, p)
	}
}

func (r *reader) warn(line int, path, format string, args ...any) {
	r.warnings = append(r.warnings, Warning{r.file, line, path, fmt.Sprintf(format, args...)})
}

// at makes a value of a node. Its line is where it is used, not its anchor's.
func (r *reader) at(node *yaml.Node, path string) value {
	line := node.Line
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return value{r, node, line, path}
}

// A value is a node of the file that knows where it is.
type value struct {
	r    *reader
	node *yaml.Node
	line int
	path string
}

func (v value) fail(format string, args ...any) { v.r.report(v.line, v.path, format, args...) }
func (v value) warn(format string, args ...any) { v.r.warn(v.line, v.path, format, args...) }

func (v value) null() bool { return v.node.Kind == yaml.ScalarNode && v.node.Tag == "!!null" }

// items returns the members of a list.
func (v value) items() []value {
	if v.node.Kind != yaml.SequenceNode {
		v.fail("is not a list; write it as [a, b]")
		return nil
	}
	members := make([]value, len(v.node.Content))
	for i, n := range v.node.Content {
		members[i] = v.r.at(n, fmt.Sprintf("%s[%d]", v.path, i))
	}
	return members
}

// An object is a mapping of which every key is known and stands once.
type object struct {
	value
	fields map[string]value
	keys   []string
}

// object reads a mapping.
func (v value) object(known []string) (object, bool) {
	return v.objectOr(known, func(string) bool { return false })
}

// objectOr reads a mapping that may have other keys too.
func (v value) objectOr(known []string, other func(string) bool) (object, bool) {
	o := object{value: v, fields: make(map[string]value)}
	if !v.mapping() {
		v.fail("is not a set of keys; write it as {key: value}")
		return o, false
	}
	for i := 0; i+1 < len(v.node.Content) && !v.r.full(); i += 2 {
		key := v.r.at(v.node.Content[i], v.path)
		if o.admit(key, known, other) {
			o.add(key, v.node.Content[i+1])
		}
	}
	return o, true
}

func (o *object) admit(key value, known []string, other func(string) bool) bool {
	name := key.node.Value
	switch {
	case key.node.Kind != yaml.ScalarNode:
		key.fail("a key is not a word; write it as name: value")
	case key.node.Tag == "!!merge":
		key.fail("the merge key << is not read; write the keys out")
	case slices.Contains(known, name) || other(name):
		return true
	default:
		key.fail("unknown key %.80q; %s", name, meant(name, known))
	}
	return false
}

func (o *object) add(key value, node *yaml.Node) {
	name := key.node.Value
	if first, twice := o.fields[name]; twice {
		key.fail("the key %q stands on line %d already; keep one", name, first.line)
		return
	}
	field := o.r.at(node, strings.TrimPrefix(o.path+"."+name, "."))
	field.line = key.line
	o.fields[name] = field
	o.keys = append(o.keys, name)
}

func (o object) entry() Entry { return Entry{Line: o.line, Keys: o.keys} }

// failAt reports at a key's line, or at the object's where it lacks the key.
func (o object) failAt(key, format string, args ...any) {
	if v, ok := o.fields[key]; ok {
		v.fail(format, args...)
		return
	}
	o.r.report(o.line, strings.TrimPrefix(o.path+"."+key, "."), format, args...)
}

// each reads the members of a list of objects; none where the key is absent.
func each[T any](o object, key string, read func(value) T) []T {
	v, ok := o.fields[key]
	if !ok {
		return nil
	}
	members := v.items()
	all := make([]T, 0, len(members))
	for _, m := range members {
		if o.r.full() {
			break
		}
		all = append(all, read(m))
	}
	return all
}

func (v value) mapping() bool { return v.node.Kind == yaml.MappingNode }
