package store

import (
	"context"
	"database/sql"
	"strconv"
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
	// among, where it is set, is a column that the first of each row names; the
	// text then ends with the list of them. PostgreSQL's planner would otherwise
	// rather read a whole table than look a joined list of values up in its index.
	among string
	end   string // after all that
	again bool   // a row that comes twice is as if it came once
	mu    sync.RWMutex
	texts map[rowsOf]string
}

// rowsOf names a text: how many rows, and whether its parameters are numbered.
// SQLite looks a numbered one up by name, which over 512 rows costs a third of
// the insert; PostgreSQL has no others.
type rowsOf struct {
	rows     int
	numbered bool
}

// onFreshID ends a statement that inserts rows of fresh ids: it returns those
// that were free.
const onFreshID = " ON CONFLICT DO NOTHING RETURNING id"

// most is the largest number of rows in one statement.
const most = 512

// text returns the statement for n rows.
func (r *rowsText) text(of rowsOf) string {
	r.mu.RLock()
	text, ok := r.texts[of]
	r.mu.RUnlock()
	if ok {
		return text
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.texts == nil {
		r.texts = map[rowsOf]string{}
	}
	r.texts[of] = r.compose(of)
	return r.texts[of]
}

func (r *rowsText) compose(of rowsOf) string {
	var b strings.Builder
	b.WriteString(r.head)
	p := 0
	for row := range of.rows {
		b.WriteString([]string{"(", ", ("}[min(row, 1)])
		for i, kind := range r.types {
			if i > 0 {
				b.WriteString(", ")
			}
			p++
			mark := "?"
			if of.numbered {
				mark = "$" + strconv.Itoa(p)
			}
			if row == 0 && kind != "BYTEA" {
				mark = "CAST(" + mark + " AS " + kind + ")"
			}
			b.WriteString(mark)
		}
		b.WriteByte(')')
	}
	b.WriteString(r.tail)
	if r.among != "" && of.numbered {
		b.WriteString(" AND " + r.among + " IN (")
		for row := range of.rows {
			b.WriteString([]string{"$", ", $"}[min(row, 1)] + strconv.Itoa(row*len(r.types)+1))
		}
		b.WriteByte(')')
	}
	b.WriteString(r.end)
	return b.String()
}

// run writes all rows, args being the columns of one row after another, in
// statements of 512, 256, … 1 rows, and hands what each returns to scan. Where
// it may, it fills a statement up with the last row again rather than say
// another for the few that are left.
func (r *rowsText) run(ctx context.Context, on *statements, args []any, scan func(*sql.Rows) error) error {
	width := len(r.types)
	for len(args) > 0 {
		n := most
		for n*width > len(args) {
			n /= 2
		}
		if left := len(args) - n*width; r.again && left > 0 && n*width-left <= on.spare*width {
			n *= 2
			for last := args[len(args)-width:]; len(args) < n*width; {
				args = append(args, last...)
			}
		}
		if err := r.step(ctx, on, n, args[:n*width], scan); err != nil {
			return err
		}
		args = args[n*width:]
	}
	return nil
}

func (r *rowsText) step(ctx context.Context, on *statements, n int, args []any, scan func(*sql.Rows) error) error {
	text := r.text(rowsOf{n, on.plain})
	if scan == nil {
		_, err := on.exec(ctx, text, args...)
		return err
	}
	rows, err := on.query(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return on.told(rows.Err())
}
