package pages

import (
	"io"
	"net/url"
	"slices"
	"strings"
	"time"
)

// An Event is one record of the audit.
type Event struct {
	ID      string
	At      time.Time
	Action  string // token.issued, …
	Refused bool

	Actor    string // e-mail, client name or id; empty: nobody is known
	ActorID  string
	System   bool   // the server itself acted
	For      string // on whose behalf
	Token    string // the credential that acted
	Target   string // token:ID, …
	TargetOf string // its name, for people
	Address  string
	Agent    string
	Request  string
	Seal     int64
}

// AuditFilter is what the list of records is narrowed by, as the address has it.
type AuditFilter struct {
	Actor, Token, Target, Action, Outcome, Request, Since, Until string
}

// AuditTrail is the page of what was done in a workspace. It leads to export
// beneath it with the same query.
type AuditTrail struct {
	Shell  Shell
	Now    time.Time
	Filter AuditFilter
	Groups []string // of events: "alert.*", …
	Events []Event  // newest first
	Pager  Pager

	Sealed   int64     // the number of the newest seal; 0: there is none
	SealedAt time.Time //
	Wrong    Wrong     // of the filter
}

type auditView struct {
	Lead, Seal string
	Only       []string // what the list is narrowed to beside the form
	Problems   []Mistake
	Filter     filterView
	Table      Table
	Exports    []menuItem
}

// AuditTrail writes the list of records.
func (s *Set) AuditTrail(w io.Writer, lang Lang, v AuditTrail) error {
	said := s.speaker(lang)
	at := v.Shell.Workspace.ID
	view := auditView{Lead: said.say("audit.lead"), Seal: said.say("audit.unsealed"), Filter: said.auditFilter(v), Table: said.eventRows(v.Events, at, v.Now)}
	if v.Sealed > 0 {
		view.Seal = said.say("audit.sealed", "Number", v.Sealed, "When", said.exact(v.SealedAt))
	}
	if v.Filter.Token != "" {
		view.Only = append(view.Only, said.say("audit.only_token", "ID", v.Filter.Token))
		view.Filter.Hidden = append(view.Filter.Hidden, Hidden{"token", v.Filter.Token})
	}
	if v.Filter.Request != "" {
		view.Only = append(view.Only, said.say("audit.only_request", "ID", v.Filter.Request))
		view.Filter.Hidden = append(view.Filter.Hidden, Hidden{"request", v.Filter.Request})
	}
	view.Problems = said.fields(view.Filter.Fields, v.Wrong)
	view.Table.Pager = v.Pager
	view.Table.Empty.Text = said.say("audit.none")
	if v.Pager.Next != "" {
		view.Table.Empty = Empty{Text: said.say("audit.none_here"), Href: v.Pager.Next, Link: said.say("pager.next")}
	}
	for _, format := range []string{"jsonl", "csv"} {
		query := v.Filter.query()
		query.Set("format", format)
		view.Exports = append(view.Exports, menuItem{Text: strings.ToUpper(format), Href: Audit.Path(at, "export") + "?" + query.Encode()})
	}
	return s.show(w, lang, "audit", v.Shell, said, view)
}

// query returns the filter as an address has it.
func (f AuditFilter) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{
		"actor": f.Actor, "token": f.Token, "target": f.Target, "action": f.Action, "outcome": f.Outcome, "request": f.Request, "since": f.Since, "until": f.Until,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

// Path returns the address of the list with this filter.
func (f AuditFilter) Path(workspace string) string {
	path := Audit.Path(workspace)
	if query := f.query().Encode(); query != "" {
		path += "?" + query
	}
	return path
}

func (p *speaker) auditFilter(v AuditTrail) filterView {
	f := v.Filter
	action := Field{Name: "action", Type: "select", Label: p.say("audit.action"), Optional: true, Options: []Option{{Text: p.say("filter.all")}}}
	if f.Action != "" && !slices.Contains(v.Groups, f.Action) {
		action.Options = append(action.Options, Option{Value: f.Action, Text: f.Action, Chosen: true})
	}
	for _, g := range v.Groups {
		action.Options = append(action.Options, Option{Value: g, Text: g, Chosen: g == f.Action})
	}
	outcome := Field{Name: "outcome", Type: "select", Label: p.say("audit.outcome"), Optional: true, Options: []Option{
		{Text: p.say("filter.all")}, {Value: "done", Text: p.say("audit.done"), Chosen: f.Outcome == "done"},
		{Value: "refused", Text: p.say("audit.refused"), Chosen: f.Outcome == "refused"},
	}}
	view := filterView{Action: Audit.Path(v.Shell.Workspace.ID), Submit: p.say("filter.apply"), Fields: []Field{
		{Name: "actor", Type: "text", Label: p.say("audit.actor"), Value: f.Actor, Optional: true},
		{Name: "target", Type: "text", Label: p.say("audit.target"), Value: f.Target, Hint: p.say("audit.target_hint"), Optional: true},
		action, outcome,
		{Name: "since", Type: "datetime-local", Label: p.say("audit.since"), Value: f.Since, Hint: p.say("field.utc"), Optional: true},
		{Name: "until", Type: "datetime-local", Label: p.say("audit.until"), Value: f.Until, Hint: p.say("field.utc"), Optional: true},
	}}
	if f != (AuditFilter{}) {
		view.Clear = view.Action
	}
	return view
}

// eventRows are the rows of a list of records.
func (p *speaker) eventRows(list []Event, workspace string, now time.Time) Table {
	table := Table{
		Caption: p.say("audit.caption"),
		Heads:   []Head{{Text: p.say("audit.when")}, {Text: p.say("audit.what")}, {Text: p.say("audit.outcome")}, {Text: p.say("audit.from")}},
	}
	for _, r := range list {
		what := Cell{Text: p.happened(r), Href: Audit.Path(workspace, r.ID), Note: r.Action}
		table.Rows = append(table.Rows, []Cell{{When: p.when(r.At, now)}, what, {Chips: []Chip{p.eventOutcome(r)}}, {Text: r.Address, Note: r.Request}})
	}
	return table
}

func (p *speaker) eventOutcome(r Event) Chip {
	if r.Refused {
		return Chip{Text: p.say("audit.refused"), Tone: "warn"}
	}
	return Chip{Text: p.say("audit.done")}
}

// happened says in a sentence who did what to what. An event that a newer
// version has recorded is said by its name.
func (p *speaker) happened(r Event) string {
	who, what := p.actor(r), r.TargetOf
	if what == "" {
		_, what, _ = strings.Cut(r.Target, ":")
	}
	if r.For != "" {
		who += " " + p.say("audit.on_behalf", "Whom", r.For)
	}
	if text, err := p.words.say("event."+r.Action, "Who", who, "What", what); err == nil {
		return text
	}
	return p.say("audit.other", "Who", who, "Action", r.Action, "What", what)
}

func (p *speaker) actor(r Event) string {
	switch {
	case r.Actor != "":
		return r.Actor
	case r.System:
		return p.say("audit.system")
	case r.ActorID != "":
		return r.ActorID
	}
	return p.say("audit.somebody")
}

// AuditRecord is the page of one record.
type AuditRecord struct {
	Shell Shell
	Now   time.Time
	Event Event
	JSON  string
}

type recordView struct {
	Said  string
	Facts []Fact
	More  []menuItem
	JSON  string
}

// AuditRecord writes the page of one record.
func (s *Set) AuditRecord(w io.Writer, lang Lang, v AuditRecord) error {
	said := s.speaker(lang)
	r, at := v.Event, v.Shell.Workspace.ID
	seal := Cell{Text: said.say("audit.not_sealed")}
	if r.Seal > 0 {
		seal = Cell{Text: said.say("audit.sealed_number", "Number", r.Seal)}
	}
	view := recordView{Said: said.happened(r), JSON: verbatim(v.JSON), Facts: []Fact{
		{said.say("audit.when"), Cell{When: said.when(r.At, v.Now), Note: said.exact(r.At)}},
		{said.say("audit.action_name"), Cell{Text: r.Action, Code: true}},
		{said.say("audit.outcome"), Cell{Chips: []Chip{said.eventOutcome(r)}}},
		{said.say("audit.from"), Cell{Text: r.Address, Note: r.Agent}},
		{said.say("audit.sealed_in"), seal},
	}}
	add := func(key string, f AuditFilter) {
		view.More = append(view.More, menuItem{Text: said.say(key), Href: f.Path(at)})
	}
	if r.Request != "" {
		around := r.At.UTC().Truncate(time.Minute)
		add("audit.all_request", AuditFilter{Request: r.Request, Since: typed(around.Add(-2 * time.Minute)), Until: typed(around.Add(3 * time.Minute))})
	}
	if r.Token != "" {
		add("audit.all_token", AuditFilter{Token: r.Token})
	}
	if r.Target != "" {
		add("audit.all_target", AuditFilter{Target: r.Target})
	}
	if r.ActorID != "" {
		add("audit.all_actor", AuditFilter{Actor: r.ActorID})
	}
	return s.show(w, lang, "audit_record", v.Shell, said, view)
}

// typed is an instant as a field for one has it.
func typed(at time.Time) string { return at.UTC().Format("2006-01-02T15:04") }
