package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
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
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(rows)
	}
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, strings.ToUpper(strings.Join(t.head, "\t")))
	for _, row := range t.rows {
		cells := make([]string, len(t.head))
		for i, name := range t.head {
			cells[i] = cell(row[name])
		}
		fmt.Fprintln(tw, strings.Join(cells, "\t"))
	}
	return tw.Flush()
}

// cell shows a value on one line, without what a terminal would obey.
func cell(v any) string {
	var text string
	switch x := v.(type) {
	case nil:
		return "-"
	case string:
		text = x
	case float64:
		text = strings.TrimSuffix(fmt.Sprintf("%.3f", x), ".000")
	case []any:
		parts := make([]string, len(x))
		for i := range x {
			parts[i] = cell(x[i])
		}
		text = strings.Join(parts, " ")
	case map[string]any:
		b, err := json.Marshal(x)
		if err != nil {
			return "?"
		}
		text = string(b)
	default:
		text = fmt.Sprint(x)
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
	if text == "" {
		return "-"
	}
	return text
}
