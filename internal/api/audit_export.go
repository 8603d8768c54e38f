package api

import (
	"io"
	"mime"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// An export ends at so many records, or after so long, and then says where the
// next begins.
const (
	mostExported = 50_000
	exportTime   = 5 * time.Second
)

// nextCursor is the trailer of an export that did not reach the end.
const nextCursor = "X-Next-Cursor"

// formatOf returns the form of the answer that the caller asked for: json, jsonl
// or csv. The query stands before the header.
func formatOf(c *web.Call, q *filter) string {
	if format := q.oneOf("format", "json", "jsonl", "csv"); format != "" {
		return format
	}
	for part := range strings.SplitSeq(c.Request.Header.Get("Accept"), ",") {
		kind, _, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		switch kind {
		case "application/jsonl", "application/x-ndjson":
			return "jsonl"
		case "text/csv":
			return "csv"
		case "application/json", "*/*":
			return "json"
		}
	}
	return "json"
}

// exportEvents streams records, a page at a time. One that breaks off in the
// middle tears the connection, so that no caller takes a part for the whole.
func (f *Face) exportEvents(c *web.Call, trail token.Trail, format string) error {
	trail.Limit = token.MostListed
	events, next, err := f.cfg.Store.Trail(c.Context(), trail)
	if err != nil {
		return err
	}
	h := c.Header()
	h.Set("Content-Type", "application/jsonl")
	h.Set("Trailer", nextCursor)
	h.Set("Content-Disposition", `attachment; filename="audit.`+format+`"`)
	write := linesTo(c)
	if format == "csv" {
		h.Set("Content-Type", "text/csv; charset=utf-8; header=present") // RFC 4180, 3
		write = tableTo(c)
	}
	for sent := 0; ; {
		if err := write(events); err != nil {
			return err
		}
		sent += len(events)
		if next == 0 {
			return nil
		}
		if sent >= mostExported || f.cfg.Now().Sub(c.Now()) > exportTime {
			h.Set(nextCursor, next.String())
			return nil
		}
		trail.Before = next
		if events, next, err = f.cfg.Store.Trail(c.Context(), trail); err != nil {
			return err
		}
	}
}

// linesTo returns what writes pages of records as JSON Lines: each as it stands
// in a page.
func linesTo(to io.Writer) func([]*token.Event) error {
	return func(events []*token.Event) error {
		if _, err := to.Write(nil); err != nil { // an export of nothing is an answer too
			return err
		}
		return audit.WriteLines(to, events)
	}
}

// tableTo returns what writes pages of records as CSV, a head before the first.
func tableTo(to io.Writer) func([]*token.Event) error {
	began := false
	return func(events []*token.Event) error {
		head := !began
		began = true
		return audit.WriteTable(to, events, head)
	}
}
