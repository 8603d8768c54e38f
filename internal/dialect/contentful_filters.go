package dialect

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// contentfulFilters is a list's query.
type contentfulFilters struct {
	token.PersonalQuery
	oldestFirst bool
	types       []string // those that are asked for; none: all
}

// empty reports whether the types leave nothing: there is one here.
func (q *contentfulFilters) empty() bool {
	return q.types != nil && !slices.Contains(q.types, "PersonalAccessToken")
}

// contentfulQuery reads the query of a call.
func contentfulQuery(c *web.Call) (web.Form, error) {
	form, err := c.Query()
	if r := token.AsRefusal(err); r != nil {
		return form, token.Errorf(contentfulBadQuery, "%s", r.Text)
	}
	return form, err
}

func contentfulUnknownFilter(name string) error {
	if len(name) > 64 {
		name = name[:64]
	}
	return token.Errorf(contentfulBadQuery, "There is no filter %q on this list.", name)
}

// readContentfulFilters reads what a list of tokens is narrowed by.
func readContentfulFilters(c *web.Call) (q contentfulFilters, err error) {
	form, err := contentfulQuery(c)
	if err != nil {
		return q, err
	}
	q.Created, q.Expires, q.Used, q.Revoked = token.Always(), token.Always(), token.Always(), token.Always()
	if q.Skip, q.Limit, err = contentfulWindow(form); err != nil {
		return q, err
	}
	if _, q.oldestFirst, err = contentfulOrder(form); err != nil {
		return q, err
	}
	q.Search = strings.TrimSpace(form.Get("query"))
	for _, name := range form.Names() {
		if err := q.narrow(name, form.Get(name), c.Now()); err != nil {
			return q, err
		}
	}
	return q, nil
}

// narrow applies one filter, such as sys.expiresAt[gt].
func (q *contentfulFilters) narrow(name, value string, now time.Time) error {
	field, operator, bracket := strings.Cut(name, "[")
	operator, closed := strings.CutSuffix(operator, "]")
	if bracket != closed {
		return contentfulUnknownFilter(name)
	}
	f := contentfulFilter{name, operator, value, now}
	switch field {
	case "skip", "limit", "query", "order":
		if operator == "" {
			return nil // read before
		}
	case "include":
		return contentfulInclude(f)
	case "sys.type":
		return q.ofTypes(f)
	case "sys.createdAt":
		return f.on(&q.Created, 0)
	case "sys.expiresAt": // what never expires does so at the end of time
		return f.on(&q.Expires, token.Never)
	case "sys.lastUsedAt":
		return f.on(&q.Used, 0)
	case "revokedAt", "sys.revokedAt": // the vendor's pages name it either way
		return f.on(&q.Revoked, 0)
	}
	return contentfulUnknownFilter(name)
}

// ofTypes keeps the list to types of tokens: by a list with commas, or, as the
// SDK writes an array, by a parameter for each, sys.type[in][0] and so on.
func (q *contentfulFilters) ofTypes(f contentfulFilter) error {
	if rest, ok := strings.CutPrefix(f.operator, "in]["); ok && (rest == "" || strings.Trim(rest, "0123456789") == "") {
		f.operator = "in"
	}
	if f.operator != "in" && f.operator != "" {
		return contentfulUnknownFilter(f.name)
	}
	q.types = append(q.types, strings.Split(f.value, ",")...)
	return nil
}

// contentfulInclude accepts the links that the vendor's lists resolve; here they
// stay links.
func contentfulInclude(f contentfulFilter) error {
	for link := range strings.SplitSeq(f.value, ",") {
		if f.operator != "" || !slices.Contains([]string{"sys.user", "sys.createdBy", "sys.updatedBy", "sys.application"}, link) {
			return token.Errorf(contentfulBadQuery, "include may name sys.user, sys.createdBy, sys.updatedBy and sys.application.")
		}
	}
	return nil
}

// contentfulOrder reads by what a list is sorted: by creation, which ids are in
// the order of too. The first word decides.
func contentfulOrder(form web.Form) (asked, oldestFirst bool, err error) {
	text := form.Get("order")
	if text == "" {
		return false, false, nil
	}
	words := strings.Split(text, ",")
	for _, word := range words {
		if field := strings.TrimPrefix(word, "-"); field != "sys.createdAt" && field != "sys.id" {
			return false, false, token.Errorf(contentfulBadQuery, "order may name sys.createdAt and sys.id, with - for the newest first.")
		}
	}
	return true, !strings.HasPrefix(words[0], "-"), nil
}

// backwards reads a window of a list the other way round than it is kept.
func backwards[T any](skip, limit int, read func(skip, limit int) ([]T, int64, error)) ([]T, int64, error) {
	_, total, err := read(0, 1)
	if err != nil {
		return nil, 0, err
	}
	end := max(int(total)-skip, 0)
	from := max(end-limit, 0)
	if from == end {
		return nil, total, nil
	}
	page, total, err := read(from, end-from)
	slices.Reverse(page)
	return page, total, err
}

type contentfulFilter struct {
	name, operator, value string
	now                   time.Time
}

// on narrows a span; none is the value that stands for no instant, at one of
// the two ends of time. Null may stand there as a word or, as the SDK writes
// JavaScript's null, as nothing.
func (f contentfulFilter) on(span *token.Span, none int64) error {
	unset, set := token.Span{From: none, To: none}, token.Span{From: 1, To: token.Never}
	if none != 0 {
		set.To = none - 1
	}
	switch {
	case f.operator == "" && (f.value == "null" || f.value == ""), f.operator == "exists" && f.value == "false":
		*span = span.And(unset)
		return nil
	case f.operator == "exists" && f.value == "true":
		*span = span.And(set)
		return nil
	}
	at, err := f.instant()
	if err != nil {
		return err
	}
	switch f.operator {
	case "gt":
		*span = span.And(token.Span{From: at + 1, To: token.Never})
	case "gte":
		*span = span.And(token.Span{From: max(at, 1), To: token.Never}) // 0 stands for none
	case "lt":
		*span = span.And(set.And(token.Span{To: at - 1}))
	case "lte":
		*span = span.And(set.And(token.Span{To: at}))
	default:
		return contentfulUnknownFilter(f.name)
	}
	return nil
}

// instant reads a date of ISO 8601, without a zone in UTC, or the word NOW of
// the vendor's own examples. What lies before 1970 lies before every token.
func (f contentfulFilter) instant() (int64, error) {
	if f.value == "NOW" {
		return f.now.UnixMilli(), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if at, err := time.Parse(layout, f.value); err == nil {
			return max(at.UnixMilli(), 0), nil
		}
	}
	return 0, token.Errorf(contentfulBadQuery, "%s must be a date such as 2026-01-31T12:00:00.000Z.", f.name[:min(len(f.name), 64)])
}

// A contentfulPaging is the query of a list of people or organisations.
type contentfulPaging struct {
	skip, limit          int
	ordered, oldestFirst bool
	search               string // of members
}

// readContentfulPaging reads a query that may hold skip, limit and order, and the
// names of others.
func readContentfulPaging(c *web.Call, others ...string) (p contentfulPaging, err error) {
	form, err := contentfulQuery(c)
	if err != nil {
		return p, err
	}
	for _, name := range form.Names() {
		switch {
		case name == "include" && slices.Contains(others, name):
			err = contentfulInclude(contentfulFilter{name: name, value: form.Get(name)})
		case !slices.Contains([]string{"skip", "limit", "order"}, name) && !slices.Contains(others, name):
			err = contentfulUnknownFilter(name)
		}
		if err != nil {
			return p, err
		}
	}
	if p.ordered, p.oldestFirst, err = contentfulOrder(form); err != nil {
		return p, err
	}
	p.search = strings.TrimSpace(form.Get("query"))
	p.skip, p.limit, err = contentfulWindow(form)
	return p, err
}

// contentfulWindow reads skip and limit.
func contentfulWindow(form web.Form) (skip, limit int, err error) {
	const usual, most, far = 100, 1000, 1_000_000
	if skip, err = contentfulNumber(form, "skip", 0, 0, far); err != nil {
		return 0, 0, err
	}
	limit, err = contentfulNumber(form, "limit", usual, 1, most)
	return skip, limit, err
}

func contentfulNumber(form web.Form, name string, usual, least, most int) (int, error) {
	text := form.Get(name)
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, token.Errorf(contentfulBadQuery, "%s must be a whole number from %d to %d.", name, least, most)
	}
	return n, nil
}
