package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
)

// A rowsText writes many rows by one statement. head and tail stand before and
// after the list of rows; types are those of its columns, stated in the first
// row so that both engines read the parameters alike. Bytes need no word, and
// SQLite would read BYTEA as a number.
type rowsText struct {
	head, tail string
	types      []string
	texts      sync.Map // number of rows -> text
}

// most is the largest number of rows in one statement.
const most = 512

// text returns the statement for n rows.
func (r *rowsText) text(n int) string {
	if t, ok := r.texts.Load(n); ok {
		return t.(string)
	}
	var b strings.Builder
	b.WriteString(r.head)
	p := 1
	for row := range n {
		b.WriteString([]string{"(", ", ("}[min(row, 1)])
		for i, kind := range r.types {
			if i > 0 {
				b.WriteString(", ")
			}
			if row == 0 && kind != "BYTEA" {
				fmt.Fprintf(&b, "CAST($%d AS %s)", p, kind)
			} else {
				fmt.Fprintf(&b, "$%d", p)
			}
			p++
		}
		b.WriteByte(')')
	}
	b.WriteString(r.tail)
	t, _ := r.texts.LoadOrStore(n, b.String())
	return t.(string)
}

// run writes all rows, args being the columns of one row after another, in
// statements of 512, 256, … 1 rows, and hands what each returns to scan.
func (r *rowsText) run(ctx context.Context, on *session, args []any, scan func(*sql.Rows) error) error {
	width := len(r.types)
	for len(args) > 0 {
		n := most
		for n*width > len(args) {
			n /= 2
		}
		if err := r.step(ctx, on, n, args[:n*width], scan); err != nil {
			return err
		}
		args = args[n*width:]
	}
	return nil
}

func (r *rowsText) step(ctx context.Context, on *session, n int, args []any, scan func(*sql.Rows) error) error {
	if scan == nil {
		_, err := on.exec(ctx, r.text(n), args...)
		return err
	}
	rows, err := on.query(ctx, r.text(n), args...)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err below tells
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
