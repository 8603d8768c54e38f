package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
)

// A lister is what every command has that lists something of a server.
type lister struct {
	remote  `embed:""`
	listing `embed:""`
	output  `embed:""`
}

// show reads a list and prints it. A table has the named columns; JSON has
// everything.
func (l lister) show(ctx context.Context, path string, query url.Values, head []string) error {
	items, more, err := l.read(ctx, l.remote, path, query)
	if err != nil {
		return err
	}
	return l.printList(table{head: head, rows: items}, more)
}

// printList prints what was read of a list.
func (l lister) printList(t table, more bool) error {
	if err := l.print(t); err != nil {
		return err
	}
	if more {
		fmt.Fprintf(os.Stderr, "there are more: these are the first %d, see --limit\n", len(t.rows))
	}
	return nil
}

// An asker is what every command has that asks a server for one thing.
type asker struct {
	remote `embed:""`
	output `embed:""`
}

// whole prints a list that comes as one page.
func (a asker) whole(ctx context.Context, q request, head []string) error {
	var page struct {
		Items []map[string]any `json:"items"`
	}
	if err := a.do(ctx, q, &page); err != nil {
		return err
	}
	return a.print(table{head: head, rows: page.Items})
}
