package audit

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// A View is a record as every answer and every exported file shows it.
type View struct {
	ID         string         `json:"id"`
	At         *string        `json:"at"` // RFC 3339
	Workspace  string         `json:"workspace"`
	Action     string         `json:"action"`
	Outcome    string         `json:"outcome"`
	Actor      ActorView      `json:"actor"`
	Target     string         `json:"target"`
	TargetName string         `json:"target_name,omitempty"`
	Detail     map[string]any `json:"detail,omitempty"`
	Seal       int64          `json:"seal,omitempty"` // the number of the seal that holds it; none yet where it is missing
}

// An ActorView is who acted, for whom, and from where.
type ActorView struct {
	Type    token.ActorKind `json:"type"`
	ID      string          `json:"id"`
	Name    string          `json:"name,omitempty"`
	Token   string          `json:"token,omitempty"`
	For     string          `json:"on_behalf_of,omitempty"`
	Address string          `json:"address,omitempty"`
	Agent   string          `json:"user_agent,omitempty"`
	Request string          `json:"request_id,omitempty"`
}

// ViewOf shows a record.
func ViewOf(e *token.Event) View {
	v := View{
		ID: e.ID.String(), Workspace: e.Workspace, Action: e.Action, Outcome: e.Outcome, Target: e.Target, TargetName: e.TargetName,
		Detail: e.Detail, Seal: e.Seal, Actor: ViewOfActor(e.Actor),
	}
	if e.At != 0 {
		at := time.UnixMilli(e.At).UTC().Format(time.RFC3339)
		v.At = &at
	}
	return v
}

// ViewOfActor shows who acted.
func ViewOfActor(who token.Actor) ActorView {
	return ActorView{
		Type: who.Kind, ID: who.ID, Name: who.Name, Token: who.Token.String(), For: who.For, Address: who.Address, Agent: who.Agent, Request: who.Request,
	}
}

// WriteLines writes records as JSON Lines, each as ViewOf shows it.
func WriteLines(to io.Writer, records []*token.Event) error {
	out := json.NewEncoder(to)
	for _, e := range records {
		if err := out.Encode(ViewOf(e)); err != nil {
			return fmt.Errorf("export a record: %w", err)
		}
	}
	return nil
}

// WriteTable writes records as CSV (RFC 4180), with the names of the columns
// before them where head is set. Columns are only added, at the end.
func WriteTable(to io.Writer, records []*token.Event, head bool) error {
	out := csv.NewWriter(to)
	if head {
		_ = out.Write([]string{
			"id", "at", "workspace", "action", "outcome", "actor_type", "actor_id", "actor_name", "actor_token", "on_behalf_of", "address",
			"user_agent", "request_id", "target", "target_name", "detail", "seal",
		}) // a fault is kept, and told by Error
	}
	for _, e := range records {
		row, err := tableRow(e)
		if err != nil {
			return fmt.Errorf("export a record: %w", err)
		}
		_ = out.Write(row)
	}
	out.Flush()
	return out.Error()
}

func tableRow(e *token.Event) ([]string, error) {
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
		row[i] = Inert(row[i])
	}
	return row, nil
}

// Inert keeps a spreadsheet from taking a cell that others chose for a formula:
// such a cell begins with an apostrophe, which spreadsheets do not show.
func Inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
