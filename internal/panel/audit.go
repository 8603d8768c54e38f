package panel

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

type auditReads interface {
	Trail(ctx context.Context, t token.Trail) (page []*token.Event, next token.ID, err error)
	LastSeal(ctx context.Context, workspace string) (*token.Seal, error)
	PersonByEmail(ctx context.Context, email string) (string, error)
}

// audit is the area of what was done.
func (p *Panel) audit() area {
	at := func(more string) string { return parted(pages.Audit, more) }
	return area{name: pages.Audit, admins: true, routes: []web.Route{
		p.shows(at(""), p.listEvents),
		p.shows(at("/export"), p.exportEvents),
		p.shows(at("/{id}"), p.showEvent),
	}}
}

// filterOf reads the filter of an address, and the trail that it asks for. A
// refusal names what cannot be read.
func (p *Panel) filterOf(c *web.Call, v *visit, query web.Form) (pages.AuditFilter, token.Trail, error) {
	f := pages.AuditFilter{
		Actor: strings.TrimSpace(query.Get("actor")), Token: query.Get("token"), Target: strings.TrimSpace(query.Get("target")), Action: query.Get("action"),
		Outcome: query.Get("outcome"), Request: query.Get("request"), Since: query.Get("since"), Until: query.Get("until"),
	}
	t := token.Trail{
		Workspace: v.workspace.ID, Target: f.Target, Action: f.Action, Request: f.Request, Before: cursorOf(query), Limit: pageLength, Actor: f.Actor,
	}
	if f.Outcome == token.Done || f.Outcome == token.Refused {
		t.Outcome = f.Outcome
	}
	since, err := typedTime("since", f.Since)
	if err != nil {
		return f, t, err
	}
	until, err := typedTime("until", f.Until)
	if err != nil {
		return f, t, err
	}
	t.From, t.Until = max(0, since.UnixMilli()), max(0, until.UnixMilli())
	if strings.Contains(f.Actor, "@") {
		if t.Actor, err = p.cfg.Store.PersonByEmail(c.Context(), strings.ToLower(f.Actor)); err == nil && t.Actor == "" {
			t.Actor = f.Actor // of nobody that is known
		}
	}
	if err == nil && f.Token != "" {
		err = p.byToken(c, f.Token, &t)
	}
	return f, t, err
}

// byToken narrows a trail to what was done with a token. Records are found by
// their actor, so that is whoever acts with it, unless another one is named.
func (p *Panel) byToken(c *web.Call, text string, t *token.Trail) error {
	id, ok := token.ParseID(text)
	if !ok {
		return token.AtField("token", "use the id of a token, 13 characters")
	}
	t.Token = id
	if t.Actor != "" {
		return nil
	}
	r, err := p.cfg.Verifier.Record(c.Context(), id)
	if err == nil && r != nil {
		t.Actor = token.ActorOf(r, token.Verdict{}).ID
	}
	return err
}

// listEvents shows the records of the workspace, newest first.
func (p *Panel) listEvents(c *web.Call, v *visit) error {
	query, err := c.Query()
	if err != nil {
		return err
	}
	view := pages.AuditTrail{Shell: v.shell, Now: c.Now()}
	groups, _ := eventGroups()
	view.Groups = groups[1:]
	var trail token.Trail
	status := http.StatusOK
	if view.Filter, trail, err = p.filterOf(c, v, query); err == nil {
		err = p.readEvents(c, v, trail, &view)
	}
	if said, ok := wrong(err); ok {
		view.Wrong, status, err = said, http.StatusUnprocessableEntity, nil
	}
	if err != nil {
		return err
	}
	seal, err := p.cfg.Store.LastSeal(c.Context(), v.workspace.ID)
	if err != nil {
		return err
	}
	if seal != nil {
		view.Sealed, view.SealedAt = seal.Number, instantOf(seal.At)
	}
	return p.showWith(c, v, status, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.AuditTrail(w, lang, view) })
}

func (p *Panel) readEvents(c *web.Call, v *visit, trail token.Trail, view *pages.AuditTrail) error {
	list, next, err := p.cfg.Store.Trail(c.Context(), trail)
	if err != nil {
		return err
	}
	if view.Events, err = p.events(c, v, list); err != nil {
		return err
	}
	cursor := ""
	if next != 0 {
		cursor = next.String()
	}
	view.Pager = pager(c, cursor)
	return nil
}

// events returns records as pages have them.
func (p *Panel) events(c *web.Call, v *visit, list []*token.Event) ([]pages.Event, error) {
	all := make([]pages.Event, 0, len(list))
	for _, e := range list {
		one, err := p.event(c, v, e)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// event returns a record as pages have it. Applications, which many records
// know by their id alone, have their name before it.
func (p *Panel) event(c *web.Call, v *visit, e *token.Event) (one pages.Event, err error) {
	one = viewOfEvent(e)
	id := ""
	switch kind, of, _ := strings.Cut(e.Target, ":"); kind {
	case "client":
		id = of
	case "grant":
		id = e.TargetName
	}
	if id != "" {
		app, err := p.clientName(c, id)
		if err != nil {
			return one, err
		}
		one.TargetOf = named(app, id)
	}
	if one.For != "" {
		who, err := p.somebody(c, v, one.For)
		one.For = who.Name
		return one, err
	}
	return one, nil
}

// named is a name with the id behind it, where it has one.
func named(name, id string) string {
	if name == "" || name == id {
		return id
	}
	return name + " (" + id + ")"
}

func viewOfEvent(e *token.Event) pages.Event {
	who := e.Actor
	if who.Kind == token.System && !strings.Contains(who.Name, "@") {
		who.Name = "" // a name of one of its parts
	}
	return pages.Event{
		ID: e.ID.String(), At: instantOf(e.At), Action: e.Action, Refused: e.Outcome == token.Refused, Actor: who.Name, ActorID: who.ID,
		System: who.Kind == token.System, For: who.For, Token: who.Token.String(), Target: e.Target, TargetOf: e.TargetName, Address: who.Address,
		Agent: who.Agent, Request: who.Request, Seal: e.Seal,
	}
}

// showEvent shows one record.
func (p *Panel) showEvent(c *web.Call, v *visit) error {
	id, err := idOf(c, "id")
	if err != nil {
		return err
	}
	list, _, err := p.cfg.Store.Trail(c.Context(), token.Trail{Workspace: v.workspace.ID, Before: id + 1, Limit: 1})
	if err != nil {
		return err
	}
	if len(list) == 0 || list[0].ID != id {
		return token.Errorf(token.NotFound, "there is no such record; it may have been cleared away")
	}
	text, err := json.MarshalIndent(audit.ViewOf(list[0]), "", "  ")
	if err != nil {
		return err
	}
	view := pages.AuditRecord{Shell: v.shell, Now: c.Now(), JSON: string(text)}
	if view.Event, err = p.event(c, v, list[0]); err != nil {
		return err
	}
	return p.show(c, v, func(w io.Writer, lang pages.Lang) error { return p.cfg.Pages.AuditRecord(w, lang, view) })
}

// mostPages is how many pages of records an exported file is made of at most:
// 50,000 records, or fewer where most are looked at in vain. The API goes on.
const mostPages = 250

// exportEvents streams the records that a filter finds as JSON Lines or CSV. A
// file that breaks off in the middle tears the connection, so that nobody takes
// a part for the whole.
func (p *Panel) exportEvents(c *web.Call, v *visit) error {
	query, err := c.Query()
	if err != nil {
		return err
	}
	format := query.Get("format")
	if !slices.Contains([]string{"jsonl", "csv"}, format) {
		return token.Errorf(token.InvalidRequest, "format is jsonl or csv")
	}
	_, trail, err := p.filterOf(c, v, query)
	if err != nil {
		return err
	}
	trail.Limit = token.MostListed
	events, next, err := p.cfg.Store.Trail(c.Context(), trail)
	if err != nil {
		return err
	}
	pages.SecurityHeaders(c.Header(), "", "")
	c.Header().Set("Content-Type", map[string]string{"jsonl": "application/jsonl", "csv": "text/csv; charset=utf-8; header=present"}[format])
	c.Header().Set("Content-Disposition", `attachment; filename="audit.`+format+`"`)
	for page := range mostPages {
		if err := writeEvents(c, events, format, page == 0); err != nil || next == 0 {
			return err
		}
		trail.Before = next
		if events, next, err = p.cfg.Store.Trail(c.Context(), trail); err != nil {
			return err
		}
	}
	return nil
}

func writeEvents(to io.Writer, events []*token.Event, format string, first bool) error {
	if format == "csv" {
		return audit.WriteTable(to, events, first)
	}
	return audit.WriteLines(to, events)
}
