package api

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// A page is what every list answers: its items, and the cursor of the next page
// while there is one.
type page[T any] struct {
	Items []T     `json:"items"`
	Next  *string `json:"next"`
}

// pageOf cuts a list that was read one longer than the page.
func pageOf[T any](items []T, limit int, cursor func(T) string) page[T] {
	p := page[T]{Items: items}
	if len(items) > limit {
		p.Items = items[:limit]
		next := cursor(items[limit-1])
		p.Next = &next
	}
	if p.Items == nil {
		p.Items = []T{}
	}
	return p
}

// cursor writes where the next page begins; nil: nowhere.
func cursor(id token.ID) *string {
	if id == 0 {
		return nil
	}
	text := id.String()
	return &text
}

// usualLimit is the length of a page unless the caller names one.
const usualLimit = 50

// A filter is the query of a list. Its first mistake is kept, so that a list of
// reads needs one check.
type filter struct {
	form web.Form
	err  error
}

// filterOf reads a query that may name only these parameters: a filter that is
// misspelt would list too much.
func filterOf(c *web.Call, names ...string) *filter {
	form, err := c.Query()
	f := &filter{form: form, err: err}
	for _, name := range form.Names() {
		if !slices.Contains(names, name) {
			f.fail(token.AtField(name, "is no filter of this list; use %s", strings.Join(names, ", ")))
		}
	}
	return f
}

func (f *filter) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

func (f *filter) text(name string) string { return f.form.Get(name) }

// oneOf reads a word out of a list of them; empty where it is not named.
func (f *filter) oneOf(name string, words ...string) string {
	word := f.form.Get(name)
	if word != "" && !slices.Contains(words, word) {
		f.fail(token.AtField(name, "must be one of %s", strings.Join(words, ", ")))
	}
	return word
}

// instant reads an RFC 3339 instant as milliseconds, 0 where it is not named.
// What lies before 1970 lies before everything here, and is still named.
func (f *filter) instant(name string) int64 {
	text := f.form.Get(name)
	if text == "" {
		return 0
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		f.fail(token.AtField(name, "must be an instant such as 2027-01-31T12:00:00Z"))
		return 0
	}
	return max(at.UnixMilli(), 1)
}

// id reads an id, 0 where it is not named.
func (f *filter) id(name string) token.ID {
	text := f.form.Get(name)
	if text == "" {
		return 0
	}
	id, ok := token.ParseID(text)
	if !ok {
		f.fail(token.AtField(name, "must be 13 characters, as an answer has it"))
	}
	return id
}

// expiryPlace reads where a page by expiry ended, the beginning where it is not
// named.
func (f *filter) expiryPlace(name string) token.ExpiryPlace {
	text := f.form.Get(name)
	if text == "" {
		return token.ExpiryPlace{}
	}
	place, ok := token.ParseExpiryPlace(text)
	if !ok {
		f.fail(token.AtField(name, "must be the next of a page with the same sort"))
	}
	return place
}

// limit reads the length of the page.
func (f *filter) limit() int {
	text := f.form.Get("limit")
	if text == "" {
		return usualLimit
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > token.MostListed {
		f.fail(token.AtField("limit", "must be a whole number from 1 to %d", token.MostListed))
		return usualLimit
	}
	return n
}
