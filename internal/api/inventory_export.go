package api

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// exported is one line of an export: as JSON, and as the cells of a table.
type exported struct {
	line  any
	cells []string
}

// An export of credentials is a file, page by page.
type export struct {
	name string   // of the file
	head []string // columns are only added, at the end
	page func(c *web.Call, tokens []*token.Token) ([]exported, error)
}

// write streams what an inventory asks for. One that ends before everything
// was said names where the next begins; one that breaks off tears the
// connection, so that nobody takes a part for the whole.
func (e export) write(f *Face, c *web.Call, i token.Inventory, format string) error {
	i.Limit, i.Thorough = token.MostListed, true
	page, err := f.cfg.Store.Inventory(c.Context(), i)
	if err != nil {
		return err
	}
	h := c.Header()
	h.Set("Content-Type", "application/jsonl")
	h.Set("Trailer", nextCursor)
	h.Set("Content-Disposition", `attachment; filename="`+e.name+`.`+format+`"`)
	put := e.lines(c)
	if format == "csv" {
		h.Set("Content-Type", "text/csv; charset=utf-8; header=present") // RFC 4180, 3
		put = e.table(c)
	}
	for sent := 0; ; {
		rows, err := e.page(c, page.Tokens)
		if err != nil {
			return err
		}
		if put(rows) != nil {
			return nil //nolint:nilerr // the caller is gone: there is nobody left to tell
		}
		sent += len(rows)
		if page.Next == 0 {
			return nil
		}
		if sent >= mostExported || f.cfg.Now().Sub(c.Now()) > exportTime {
			h.Set(nextCursor, page.Next.String())
			return nil
		}
		i.Before = page.Next
		if page, err = f.cfg.Store.Inventory(c.Context(), i); err != nil {
			return err
		}
	}
}

func (e export) lines(c *web.Call) func([]exported) error {
	out := json.NewEncoder(c)
	return func(rows []exported) error {
		_, err := c.Write(nil) // an export of nothing is an answer too
		for _, r := range rows {
			err = errors.Join(err, out.Encode(r.line))
		}
		return err
	}
}

func (e export) table(c *web.Call) func([]exported) error {
	out := csv.NewWriter(c)
	began := false
	return func(rows []exported) error {
		if !began {
			began = true
			_ = out.Write(e.head) // a fault is kept, and told by Error
		}
		for _, r := range rows {
			for i := range r.cells {
				r.cells[i] = audit.Inert(r.cells[i])
			}
			_ = out.Write(r.cells)
		}
		out.Flush()
		return out.Error()
	}
}

// exportTokens serves GET /v1/tokens/export: what GET /v1/tokens lists, all of
// it, as JSON Lines or CSV.
func (f *Face) exportTokens(c *web.Call, who *caller) error {
	i, q, none, err := f.asked(c, who, "format")
	format := q.oneOf("format", "jsonl", "csv")
	if err == nil {
		err = q.err
	}
	if err != nil {
		return err
	}
	if none {
		return c.WriteRaw(http.StatusOK, "application/jsonl", nil)
	}
	return export{name: "tokens", page: f.tokenRows, head: []string{
		"id", "secret_id", "name", "type", "format", "contract", "status", "active", "scopes", "workspace", "purpose", "owner", "owner_email", "client_id",
		"user", "user_email", "act", "created_at", "expires_at", "last_four", "last_used_at", "uses", "ended_at", "end_reason", "ended_by",
	}}.write(f, c, i, or(format, "jsonl"))
}

func or(format, usual string) string {
	if format == "" {
		return usual
	}
	return format
}

func (f *Face) tokenRows(c *web.Call, tokens []*token.Token) ([]exported, error) {
	views, err := f.listed(c, tokens)
	rows := make([]exported, len(views))
	for n := range views {
		v := &views[n]
		acts, uses := "", ""
		if v.Act != nil {
			acts = v.Act.Subject
		}
		if v.LastUse != nil {
			uses = strconv.FormatInt(v.LastUse.Count, 10)
		}
		rows[n] = exported{v, []string{
			v.ID, v.SecretID, v.Name, string(v.Type), v.Format, v.Contract, v.Status, strconv.FormatBool(v.Active), v.Scopes.String(), v.Workspace, v.Purpose,
			v.Owner, v.OwnerEmail, v.ClientID, v.User, v.UserEmail, acts, textOf(v.CreatedAt), textOf(v.ExpiresAt), v.LastFour, textOf(v.LastUsedAt), uses,
			textOf(v.EndedAt), v.EndReason, v.EndedBy,
		}}
	}
	return rows, err
}

func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// A reportRow is what an auditor asks of one credential.
type reportRow struct {
	ID         string       `json:"id"`
	SecretID   string       `json:"secret_id"`
	Name       string       `json:"name"`
	Type       token.Kind   `json:"type"`
	Contract   string       `json:"contract"`
	Scopes     token.Scopes `json:"scopes"`
	CreatedBy  string       `json:"created_by"`
	CreatedAt  *string      `json:"created_at"`
	Purpose    string       `json:"purpose"`
	Owner      string       `json:"owner"`
	OwnerEmail string       `json:"owner_email,omitempty"`
	ApprovedBy string       `json:"approved_by"`
	RotatedAt  *string      `json:"rotated_at"` // when it took another secret's place
	RetiresAt  *string      `json:"retires_at"` // when one takes its place
	LastUsedAt *string      `json:"last_used_at"`
	ExpiresAt  *string      `json:"expires_at"`
	Lifetime   int64        `json:"lifetime_seconds"`     // as it was made; 0: for ever
	EndsAt     *string      `json:"effective_expires_at"` // by the rule that comes first
	ExpiryRule string       `json:"expiry_rule"`          // which that is; empty: none
	Status     string       `json:"status"`
	EndedAt    *string      `json:"ended_at"`
	EndedBy    string       `json:"ended_by"`
	EndReason  string       `json:"end_reason"`
}

// reportTokens serves GET /v1/reports/tokens: the inventory as an auditor reads
// it.
func (f *Face) reportTokens(c *web.Call, who *caller) error {
	i, q, _, err := f.asked(c, who, "format")
	format := q.oneOf("format", "jsonl", "csv")
	if err == nil {
		err = q.err
	}
	if err != nil {
		return err
	}
	return export{name: "tokens-report", page: f.reportRows, head: []string{
		"id", "secret_id", "name", "type", "contract", "scopes", "created_by", "created_at", "purpose", "owner", "owner_email", "approved_by", "rotated_at",
		"retires_at", "last_used_at", "expires_at", "lifetime_seconds", "effective_expires_at", "expiry_rule", "status", "ended_at", "ended_by", "end_reason",
	}}.write(f, c, i, or(format, "jsonl"))
}

func (f *Face) reportRows(c *web.Call, tokens []*token.Token) ([]exported, error) {
	views, err := f.listed(c, tokens)
	if err != nil || len(tokens) == 0 {
		return nil, err
	}
	credentials := make([]token.ID, len(tokens))
	for n, t := range tokens {
		credentials[n] = t.Credential
	}
	issued, err := f.cfg.Store.Issued(c.Context(), credentials)
	if err != nil {
		return nil, err
	}
	rows := make([]exported, len(tokens))
	for n, t := range tokens {
		r := reportOf(t, &views[n], issued[t.Credential])
		rows[n] = exported{r, []string{
			r.ID, r.SecretID, r.Name, string(r.Type), r.Contract, r.Scopes.String(), r.CreatedBy, textOf(r.CreatedAt), r.Purpose, r.Owner, r.OwnerEmail,
			r.ApprovedBy, textOf(r.RotatedAt), textOf(r.RetiresAt), textOf(r.LastUsedAt), textOf(r.ExpiresAt), strconv.FormatInt(r.Lifetime, 10), textOf(r.EndsAt),
			r.ExpiryRule, r.Status,
			textOf(r.EndedAt), r.EndedBy, r.EndReason,
		}}
	}
	return rows, nil
}

// reportOf says who made a token as its record has it. Routine tokens have none:
// they were asked for by their client, or by their person.
func reportOf(t *token.Token, v *tokenView, made *token.Event) *reportRow {
	r := &reportRow{
		ID: v.ID, SecretID: v.SecretID, Name: v.Name, Type: v.Type, Contract: v.Contract, Scopes: v.Scopes, CreatedAt: v.CreatedAt, Purpose: v.Purpose,
		Owner: v.Owner, OwnerEmail: v.OwnerEmail, RetiresAt: instant(t.RetiresAt), LastUsedAt: v.LastUsedAt, ExpiresAt: v.ExpiresAt, Lifetime: lifetime(t), EndsAt: v.EndsAt, ExpiryRule: v.EndRule,
		Status: v.Status, EndedAt: v.EndedAt, EndedBy: v.EndedBy, EndReason: v.EndReason,
	}
	if t.Approval != token.ApprovalWaiting {
		r.ApprovedBy = t.Approval
	}
	if t.Replaces != 0 {
		r.RotatedAt = v.CreatedAt
	}
	switch {
	case made != nil:
		r.CreatedBy = strings.TrimSpace(string(made.Actor.Kind) + ":" + made.Actor.ID + " " + made.Actor.Name)
	case t.Client != "":
		r.CreatedBy = "client:" + t.Client
	case t.Person != "":
		r.CreatedBy = "user:" + t.Person
	}
	return r
}

// lifetime returns for how many seconds a credential was made, 0 for ever.
func lifetime(t *token.Token) int64 {
	if t.ExpiresAt == 0 {
		return 0
	}
	return (t.ExpiresAt - t.IssuedAt) / 1000
}
