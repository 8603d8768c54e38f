package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"
)

// output is how a command shows what it found.
type output struct {
	JSON bool `help:"Print JSON instead of a table."`
}

// A table is rows of named values, in the order of head.
type table struct {
	head []string
	rows []map[string]any
}

func (t *table) add(row map[string]any) { t.rows = append(t.rows, row) }

func (o output) print(t table) error { return o.write(os.Stdout, t) }

func (o output) write(w io.Writer, t table) error {
	if o.JSON {
		rows := t.rows
		if rows == nil {
			rows = []map[string]any{}
		}
		return writeJSON(w, rows)
	}
	titles := strings.ReplaceAll(strings.Join(t.head, "\t"), "_", " ")
	lines := []string{strings.ToUpper(titles)}
	for _, row := range t.rows {
		cells := make([]string, len(t.head))
		for i, name := range t.head {
			cells[i] = cell(row[name])
		}
		lines = append(lines, strings.Join(cells, "\t"))
	}
	return align(w, lines)
}

// align writes lines whose cells have tabs between them.
func align(w io.Writer, lines []string) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	if _, err := io.WriteString(tw, strings.Join(lines, "\n")+"\n"); err != nil {
		return err
	}
	return tw.Flush()
}

// printOne prints one thing, a line for each name that it has a value for.
func (o output) printOne(names []string, thing map[string]any) error {
	if o.JSON {
		return writeJSON(os.Stdout, thing)
	}
	var lines []string
	for _, name := range names {
		if text := cell(thing[name]); text != "-" {
			lines = append(lines, strings.ReplaceAll(name, "_", " ")+"\t"+text)
		}
	}
	return align(os.Stdout, lines)
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// cell shows a value on one line, without what a terminal would obey.
func cell(v any) string {
	text := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, textOf(v))
	if text == "" {
		return "-"
	}
	return text
}

func textOf(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case string:
		return x
	case float64:
		return strings.TrimSuffix(fmt.Sprintf("%.3f", x), ".000")
	case []any:
		parts := make([]string, len(x))
		for i := range x {
			parts[i] = cell(x[i])
		}
		return strings.Join(parts, " ")
	case map[string]any:
		return pairs(x)
	}
	return fmt.Sprint(v)
}

// pairs names what has a value, in the order of the names.
func pairs(of map[string]any) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		text := cell(of[name])
		if _, nested := of[name].(map[string]any); nested && text != "-" {
			text = "(" + text + ")"
		}
		if text != "-" {
			parts = append(parts, name+"="+text)
		}
	}
	return strings.Join(parts, " ")
}
