package panel

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// An exportLine is a credential in a file. Columns are only added, at the end.
type exportLine struct {
	ID         string   `json:"id"`
	SecretID   string   `json:"secret_id"`
	Name       string   `json:"name"`
	Kind       string   `json:"type"`
	Status     string   `json:"status"`
	Scopes     []string `json:"scopes"`
	Workspace  string   `json:"workspace"`
	Purpose    string   `json:"purpose"`
	Owner      string   `json:"owner"`
	Holder     string   `json:"user"`
	Client     string   `json:"client"`
	LastFour   string   `json:"last_four"`
	CreatedAt  string   `json:"created_at"`
	ExpiresAt  string   `json:"expires_at"`
	LastUsedAt string   `json:"last_used_at"`
}

const tableKind = "text/csv; charset=utf-8; header=present" // RFC 4180, 3

var exportHead = []string{
	"id", "secret_id", "name", "type", "status", "scopes", "workspace", "purpose", "owner", "user", "client", "last_four", "created_at", "expires_at", "last_used_at",
}

func lineOf(t pages.Token) exportLine {
	written := func(at time.Time) string {
		if at.IsZero() {
			return ""
		}
		return at.UTC().Format(time.RFC3339)
	}
	return exportLine{
		t.ID, t.Secret, t.Name, t.Kind, t.Status, t.Scopes, t.Workspace, t.Purpose, t.Owner.Name, t.Holder.Name, t.Client, t.LastFour,
		written(t.Created), written(t.Expires), written(t.Used.At),
	}
}

func (l exportLine) cells() []string {
	cells := []string{
		l.ID, l.SecretID, l.Name, l.Kind, l.Status, strings.Join(l.Scopes, " "), l.Workspace, l.Purpose, l.Owner, l.Holder, l.Client, l.LastFour,
		l.CreatedAt, l.ExpiresAt, l.LastUsedAt,
	}
	for i := range cells {
		cells[i] = audit.Inert(cells[i])
	}
	return cells
}

// exportInventory streams what a filter finds as JSON Lines or CSV, a bounded
// number. A file that breaks off tears the connection, so that nobody takes a
// part for the whole.
func (p *Panel) exportInventory(c *web.Call, v *visit) error {
	query, err := c.Query()
	if err != nil {
		return err
	}
	i, err := p.wanted(c, v, filterOf(query))
	if err != nil {
		return err
	}
	put := lines(c)
	kind, format := "application/jsonl", "jsonl"
	if query.Get("format") == "csv" {
		put, kind, format = table(c), tableKind, "csv"
	}
	i.Limit, i.Thorough = token.MostListed, true
	page, err := p.cfg.Store.Inventory(c.Context(), i)
	if err != nil {
		return err
	}
	asFile(c, kind, format)
	for range mostPages {
		views, err := p.viewsOf(c, v, page.Tokens)
		if err == nil {
			err = put(views)
		}
		if err != nil || page.Next == 0 {
			return err
		}
		i.Before = page.Next
		if page, err = p.cfg.Store.Inventory(c.Context(), i); err != nil {
			return err
		}
	}
	return nil
}

func asFile(c *web.Call, kind, format string) {
	pages.SecurityHeaders(c.Header(), "", "")
	c.Header().Set("Content-Type", kind)
	c.Header().Set("Content-Disposition", `attachment; filename="tokens.`+format+`"`)
}

// exportPicked writes the tokens that were picked as CSV.
func (p *Panel) exportPicked(c *web.Call, v *visit, picked []*token.Token) error {
	views, err := p.viewsOf(c, v, picked)
	if err != nil {
		return err
	}
	asFile(c, tableKind, "csv")
	return table(c)(views)
}

func lines(c *web.Call) func([]pages.Token) error {
	out := json.NewEncoder(c)
	return func(tokens []pages.Token) error {
		_, err := c.Write(nil) // an export of nothing is an answer too
		for _, t := range tokens {
			err = errors.Join(err, out.Encode(lineOf(t)))
		}
		return err
	}
}

func table(c *web.Call) func([]pages.Token) error {
	out := csv.NewWriter(c)
	_ = out.Write(exportHead) // a fault is kept, and told by Error
	return func(tokens []pages.Token) error {
		for _, t := range tokens {
			_ = out.Write(lineOf(t).cells())
		}
		out.Flush()
		return out.Error()
	}
}
