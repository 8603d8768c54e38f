package store

import (
	"context"
	"strings"

	"github.com/fichadev/ficha/internal/token"
)

var selectIssued = &rowsText{
	head:  "SELECT " + sealedColumns + " FROM events WHERE action IN ('token.issued', 'token.imported') AND target IN (",
	tail:  ") ORDER BY id DESC",
	types: []string{"TEXT"},
}

// Issued returns the records of how credentials came to be, by credential: the
// first of each. Routine tokens have none. It takes at most 512.
func (s *Store) Issued(ctx context.Context, credentials []token.ID) (map[token.ID]*token.Event, error) {
	if len(credentials) == 0 {
		return nil, nil
	}
	n := 1
	for n < len(credentials) {
		n *= 2
	}
	args := make([]any, n) // filled up with the last one, so that there are few texts
	for i := range args {
		args[i] = "token:" + credentials[min(i, len(credentials)-1)].String()
	}
	events, err := all(ctx, s.reads, selectIssued.text(rowsOf{rows: n, numbered: true}), scanEvent, args...)
	if err != nil {
		return nil, err
	}
	issued := make(map[token.ID]*token.Event, len(events))
	for _, e := range events {
		if id, ok := token.ParseID(strings.TrimPrefix(e.Target, "token:")); ok {
			issued[id] = e
		}
	}
	return issued, nil
}
