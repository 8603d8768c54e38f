package api

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"mime"
	"strconv"
	"strings"
	"time"

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
	out := json.NewEncoder(to)
	return func(events []*token.Event) error {
		if _, err := to.Write(nil); err != nil { // an export of nothing is an answer too
			return err
		}
		for _, e := range events {
			if err := out.Encode(viewOfEvent(e)); err != nil {
				return err
			}
		}
		return nil
	}
}

// tableTo returns what writes pages of records as CSV, a head before the first.
// Columns are only added, at the end.
func tableTo(to io.Writer) func([]*token.Event) error {
	out := csv.NewWriter(to)
	began := false
	return func(events []*token.Event) error {
		if !began {
			began = true
			_ = out.Write([]string{
				"id", "at", "workspace", "action", "outcome", "actor_type", "actor_id", "actor_name", "actor_token", "on_behalf_of", "address",
				"user_agent", "request_id", "target", "target_name", "detail", "seal",
			}) // a fault is kept, and told by Error
		}
		for _, e := range events {
			row, err := csvRow(e)
			if err != nil {
				return err
			}
			_ = out.Write(row)
		}
		out.Flush()
		return out.Error()
	}
}

func csvRow(e *token.Event) ([]string, error) {
	detail, seal := "", ""
	if len(e.Detail) > 0 {
		text, err := json.Marshal(e.Detail)
		if err != nil {
			return nil, err
		}
		detail = string(text)
	}
	if e.Seal > 0 {
		seal = strconv.FormatInt(e.Seal, 10)
	}
	who := e.Actor
	row := []string{
		e.ID.String(), time.UnixMilli(e.At).UTC().Format(time.RFC3339), e.Workspace, e.Action, e.Outcome, string(who.Kind), who.ID, who.Name,
		who.Token.String(), who.For, who.Address, who.Agent, who.Request, e.Target, e.TargetName, detail, seal,
	}
	for i := range row {
		row[i] = inert(row[i])
	}
	return row, nil
}

// inert keeps a spreadsheet from taking a cell that others chose for a formula:
// such a cell begins with an apostrophe, which spreadsheets do not show.
func inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
