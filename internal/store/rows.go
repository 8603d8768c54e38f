package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/fichadev/ficha/internal/token"
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
	// returns, where it is set, ends a statement that is to tell which rows it
	// wrote; it is left out where their number is enough, and costs a third of
	// what writing a row does.
	returns string
	again   bool // a row that comes twice is as if it came once
	mu      sync.RWMutex
	texts   map[rowsOf]string
}

// rowsOf names a text: how many rows, whether its parameters are numbered, and
// whether it returns what it wrote. SQLite looks a numbered one up by name, which
// over 512 rows costs a third of the insert; PostgreSQL has no others.
type rowsOf struct {
	rows     int
	numbered bool
	returns  bool
}

// onFree and freeID end a statement that inserts rows of fresh ids: those that
// were taken are passed over.
const (
	onFree = " ON CONFLICT DO NOTHING"
	freeID = " RETURNING id"
)

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
	if of.returns {
		b.WriteString(r.returns)
	}
	return b.String()
}

// run writes all rows, args being the columns of one row after another, and hands
// what each statement returns to scan, if there is one.
func (r *rowsText) run(ctx context.Context, on *statements, args []any, scan func(*sql.Rows) error) error {
	if scan == nil {
		_, err := r.write(ctx, on, args)
		return err
	}
	return r.steps(on, args, func(n int, args []any) error {
		rows, err := on.query(ctx, r.text(rowsOf{n, on.plain, true}), args...)
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
	})
}

// write writes all rows likewise, and returns how many were written.
func (r *rowsText) write(ctx context.Context, on *statements, args []any) (sum int, err error) {
	err = r.steps(on, args, func(n int, args []any) error {
		res, err := on.exec(ctx, r.text(rowsOf{n, on.plain, false}), args...)
		if err != nil {
			return err
		}
		written, err := res.RowsAffected()
		sum += int(written)
		return err
	})
	return sum, err
}

// steps cuts rows into statements of 512, 256, … 1 of them. Where it may, it
// fills one up with the last row again rather than say another for the few that
// are left.
func (r *rowsText) steps(on *statements, args []any, step func(n int, args []any) error) error {
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
		if err := step(n, args[:n*width]); err != nil {
			return err
		}
		args = args[n*width:]
	}
	return nil
}

// wrote tells which rows the statements of a step have written. A batch that is
// hopeful only counts them, which costs a third less, and nearly always that is
// as many as were to be.
type wrote[K token.ID | token.Hash] struct {
	keys  map[K]bool // nil: all
	fewer bool
}

// by writes rows, whose keys the text returns; errFewer says that a hopeful
// batch has to be run again.
func (w *wrote[K]) by(ctx context.Context, tx *Tx, text *rowsText, args []any) error {
	want := len(args) / len(text.types)
	if tx.hopeful {
		n, err := text.write(ctx, tx.statements, args)
		if err == nil && n != want {
			err = errFewer
		}
		return err
	}
	if w.keys == nil {
		w.keys = make(map[K]bool, want)
	}
	before := len(w.keys)
	err := text.run(ctx, tx.statements, args, collect(w.keys))
	w.fewer = w.fewer || len(w.keys)-before < want
	return err
}

func (w *wrote[K]) has(key K) bool { return w.keys == nil || w.keys[key] }

// collect gathers the keys that a statement returns.
func collect[K token.ID | token.Hash](into map[K]bool) func(*sql.Rows) error {
	return func(r *sql.Rows) error {
		var key K
		err := r.Scan(&key)
		into[key] = true
		return err
	}
}

// inOrder returns the columns of rows, sorted by an id so that two batches never
// wait for each other crosswise.
func inOrder[T any](rows []T, id func(T) token.ID, text *rowsText, columns func([]any, T) []any) []any {
	slices.SortFunc(rows, func(a, b T) int { return cmp.Compare(id(a), id(b)) })
	args := make([]any, 0, 2*len(rows)*len(text.types)) // a statement may be filled up
	for _, row := range rows {
		args = columns(args, row)
	}
	return args
}
