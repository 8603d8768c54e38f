package dialect

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// contentfulFilters is a list's query. none is set where a filter leaves
// nothing to be read.
type contentfulFilters struct {
	token.PersonalQuery
	none bool
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
	case "skip", "limit", "query":
		if operator == "" {
			return nil // read before
		}
	case "sys.type":
		return q.types(f)
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

// types keeps the list to types of tokens, of which there is one here.
func (q *contentfulFilters) types(f contentfulFilter) error {
	if f.operator != "in" && f.operator != "" {
		return contentfulUnknownFilter(f.name)
	}
	if !slices.Contains(strings.Split(f.value, ","), "PersonalAccessToken") {
		q.none = true
	}
	return nil
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

// contentfulPaging reads a query that may hold skip and limit alone.
func contentfulPaging(c *web.Call) (skip, limit int, err error) {
	form, err := contentfulQuery(c)
	if err != nil {
		return 0, 0, err
	}
	for _, name := range form.Names() {
		if name != "skip" && name != "limit" {
			return 0, 0, contentfulUnknownFilter(name)
		}
	}
	return contentfulWindow(form)
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
