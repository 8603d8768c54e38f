package pages

import (
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// InventoryPage is the list of every credential of a workspace, for those who
// administrate it. Its search posts to Inventory/find, its choice of rows to
// Inventory/bulk.
type InventoryPage struct {
	Shell     Shell
	Now       time.Time
	Filter    InventoryFilter
	Kinds     []string // that may be asked for
	Statuses  []string
	Items     []Token
	Soonest   bool       // in the order of expiry: what is live; else newest first
	Attention *Attention // nil: not counted, as on later pages
	Pager     Pager
	Partial   bool // unnamed tokens further down are not in the list
	Unknown   bool // what was looked for is no credential here
	Predicate bool // all that match can be ended by one deed
	Wrong     Wrong
}

// InventoryFilter is what the list is narrowed by, as the address has it. Dates
// are days, in UTC.
type InventoryFilter struct {
	Search, LastFour, Kind, Status, Client, Owner, User, Scope, Contract string
	CreatedFrom, CreatedBefore, ExpiresFrom, ExpiresBefore               string
	Used                                                                 string // never, or idle for days: idle_90
	Sort                                                                 string // created or expires; empty: what suits the rest
}

// Soonest reports whether the list is to be in the order of expiry: unless it is
// asked for, where nothing is looked for by what it is called.
func (f InventoryFilter) Soonest() bool {
	return f.Sort == "expires" || f.Sort == "" && f.Search == "" && f.LastFour == ""
}

// sorted is the filter in an order; plain is it in the order that suits it.
func (f InventoryFilter) sorted(by string) InventoryFilter {
	f.Sort = by
	return f
}

func (f InventoryFilter) plain() InventoryFilter { return f.sorted("") }

// An Attention counts what somebody should look at.
type Attention struct {
	Expiring, NeverUsed, Idle, Unowned int64
	AtLeast                            bool
}

// Query returns the filter as the address has it.
func (f InventoryFilter) Query() url.Values {
	q := url.Values{}
	for _, one := range [][2]string{
		{"q", f.Search}, {"last_four", f.LastFour}, {"kind", f.Kind}, {"status", f.Status}, {"client", f.Client}, {"owner", f.Owner}, {"user", f.User},
		{"scope", f.Scope}, {"contract", f.Contract}, {"created_from", f.CreatedFrom}, {"created_before", f.CreatedBefore},
		{"expires_from", f.ExpiresFrom}, {"expires_before", f.ExpiresBefore}, {"used", f.Used}, {"sort", f.Sort},
	} {
		if one[1] != "" {
			q.Set(one[0], one[1])
		}
	}
	return q
}

// Path returns the address of the list with this filter.
func (f InventoryFilter) Path(workspace string) string {
	path := Inventory.Path(workspace)
	if query := f.Query().Encode(); query != "" {
		path += "?" + query
	}
	return path
}

type inventoryView struct {
	New       menuItem
	Cards     []attentionCard
	Mistakes  []Mistake
	Find      string
	Search    Field
	Hidden    []Hidden
	Filter    filterView
	Active    []menuItem
	Table     Table
	Bulk      string
	Predicate bool
	Any       bool
	Partial   bool
	Live      string // the address of everything, where the list is of what is live
	Exports   []menuItem
}

// An attentionCard counts what a filter finds.
type attentionCard struct {
	Text, Count, Href string
	Current           bool
}

// InventoryPage writes the list of every credential.
func (s *Set) InventoryPage(w io.Writer, lang Lang, v InventoryPage) error {
	said := s.speaker(lang)
	at := v.Shell.Workspace.ID
	view := inventoryView{
		New: menuItem{Text: said.say("tokens.new"), Href: Tokens.Path(at, "new")}, Cards: said.attention(v), Find: Inventory.Path(at, "find"),
		Search: Field{Name: "q", Type: "search", Autocomplete: "off", Label: said.say("inventory.search"), Hint: said.say("inventory.search_hint"), Value: v.Filter.Search},
		Filter: said.inventoryFilter(v), Table: said.inventoryTable(v), Bulk: Inventory.Path(at, "bulk"), Predicate: v.Predicate, Any: len(v.Items) > 0, Partial: v.Partial,
	}
	if v.Filter.Search != "" {
		view.Filter.Hidden = []Hidden{{"q", v.Filter.Search}}
	}
	if v.Filter.Sort != "" {
		view.Filter.Hidden = append(view.Filter.Hidden, Hidden{"sort", v.Filter.Sort})
	}
	if v.Soonest {
		view.Live = v.Filter.sorted("created").Path(at)
	}
	view.Mistakes = said.fields(view.Filter.Fields, v.Wrong)
	if v.Unknown {
		view.Mistakes = append(view.Mistakes, Mistake{Name: "q", Text: said.say("inventory.unknown")})
	}
	said.describe(&view.Search, nil, 0)
	rest := v.Filter
	rest.Search = ""
	for name, values := range rest.Query() {
		view.Hidden = append(view.Hidden, Hidden{name, values[0]})
	}
	sortHidden(view.Hidden)
	for _, format := range []string{"csv", "jsonl"} {
		query := v.Filter.Query()
		query.Set("format", format)
		view.Exports = append(view.Exports, menuItem{Text: format, Href: Inventory.Path(at, "export") + "?" + query.Encode()})
	}
	view.Active = said.active(v)
	return s.show(w, lang, "inventory", v.Shell, said, view)
}

// attention are the cards above the list; each is a filter.
func (p *speaker) attention(v InventoryPage) []attentionCard {
	a := v.Attention
	if a == nil {
		return nil
	}
	day := func(n int) string { return v.Now.AddDate(0, 0, n).UTC().Format(time.DateOnly) }
	card := func(text string, count int64, f InventoryFilter) attentionCard {
		number := strconv.FormatInt(count, 10)
		if a.AtLeast {
			number += "+"
		}
		return attentionCard{text, number, f.Path(v.Shell.Workspace.ID), f == v.Filter.plain()}
	}
	return []attentionCard{
		card(p.say("inventory.expiring"), a.Expiring, InventoryFilter{Status: "live", ExpiresBefore: day(30)}),
		card(p.say("inventory.never_used"), a.NeverUsed, InventoryFilter{Status: "live", CreatedBefore: day(-30), Used: "never"}),
		card(p.say("inventory.idle"), a.Idle, InventoryFilter{Status: "live", Used: "idle_90"}),
		card(p.say("inventory.unowned"), a.Unowned, InventoryFilter{Status: "live", Owner: "-"}),
	}
}

func (p *speaker) inventoryFilter(v InventoryPage) filterView {
	f := v.Filter
	kind := Field{Name: "kind", Type: "select", Label: p.say("page.kind"), Optional: true, Options: []Option{{Text: p.say("filter.all")}}}
	for _, k := range v.Kinds {
		kind.Options = append(kind.Options, Option{Value: k, Text: p.kind(k), Chosen: k == f.Kind})
	}
	status := Field{Name: "status", Type: "select", Label: p.say("token.status"), Optional: true, Options: []Option{{Text: p.say("filter.all")}}}
	for _, s := range v.Statuses {
		status.Options = append(status.Options, Option{Value: s, Text: p.statusWord(s), Chosen: s == f.Status})
	}
	used := Field{Name: "used", Type: "select", Label: p.say("token.used"), Optional: true, Options: []Option{
		{Text: p.say("filter.all")}, {Value: "day", Text: p.say("inventory.used_day"), Chosen: f.Used == "day"}, {Value: "never", Text: p.say("token.never_used"), Chosen: f.Used == "never"},
		{Value: "idle_30", Text: p.say("inventory.idle_month"), Chosen: f.Used == "idle_30"}, {Value: "idle_90", Text: p.say("inventory.idle_quarter"), Chosen: f.Used == "idle_90"},
	}}
	text := func(name, label, value string) Field {
		return Field{Name: name, Type: "text", Autocomplete: "off", Label: label, Value: value, Optional: true}
	}
	date := func(name, label, value string) Field {
		return Field{Name: name, Type: "date", Label: label, Value: value, Optional: true}
	}
	return filterView{Action: Inventory.Path(v.Shell.Workspace.ID), Submit: p.say("filter.apply"), Fields: []Field{
		kind, status, used, text("owner", p.say("form.owner"), f.Owner), text("client", p.say("page.client"), f.Client), text("user", p.say("page.holder"), f.User),
		text("scope", p.say("inventory.scope"), f.Scope), text("last_four", p.say("inventory.last_four"), f.LastFour),
		date("created_from", p.say("inventory.created_from"), f.CreatedFrom), date("created_before", p.say("inventory.created_before"), f.CreatedBefore),
		date("expires_from", p.say("inventory.expires_from"), f.ExpiresFrom), date("expires_before", p.say("inventory.expires_before"), f.ExpiresBefore),
	}}
}

// active names the filters that are on; each leads to the list without it.
func (p *speaker) active(v InventoryPage) (all []menuItem) {
	query := v.Filter.plain().Query()
	names := make([]Hidden, 0, len(query))
	for name, values := range query {
		names = append(names, Hidden{name, values[0]})
	}
	sortHidden(names)
	for _, one := range names {
		rest := v.Filter.Query()
		rest.Del(one.Name)
		href := Inventory.Path(v.Shell.Workspace.ID)
		if encoded := rest.Encode(); encoded != "" {
			href += "?" + encoded
		}
		label, value := p.filterWords(v, one)
		all = append(all, menuItem{Text: label + ": " + value, Href: href})
	}
	return all
}

// filterWords says a filter that is on as its field has it.
func (p *speaker) filterWords(v InventoryPage, one Hidden) (label, value string) {
	switch {
	case one.Name == "q":
		return p.say("inventory.search"), one.Value
	case one.Name == "contract":
		return p.say("page.contract"), one.Value
	case one.Name == "owner" && one.Value == "-":
		return p.say("form.owner"), p.say("inventory.nobody")
	}
	for _, f := range p.inventoryFilter(v).Fields {
		if f.Name != one.Name {
			continue
		}
		for _, o := range f.Options {
			if o.Chosen {
				return f.Label, o.Text
			}
		}
		return f.Label, one.Value
	}
	return one.Name, one.Value
}

func (p *speaker) inventoryTable(v InventoryPage) Table {
	at := v.Shell.Workspace.ID
	created := Head{Text: p.say("fact.created"), Href: v.Filter.sorted("created").Path(at), Sorted: "descending"}
	expires := Head{Text: p.say("token.expires"), Href: v.Filter.sorted("expires").Path(at)}
	caption, none := "inventory.caption", "inventory.none"
	if v.Soonest {
		created.Sorted, expires.Sorted, caption, none = "", "ascending", "inventory.caption_soonest", "inventory.none_live"
	}
	table := Table{
		Caption: p.count(caption, len(v.Items)), Pager: v.Pager,
		Heads: []Head{
			{Text: p.say("inventory.pick"), Unseen: true}, {Text: p.say("token.name")}, {Text: p.say("form.owner")}, {Text: p.say("token.scopes")},
			created, {Text: p.say("token.used")}, expires, {Text: p.say("token.status")},
		},
		Empty: Empty{Text: p.say(none), Href: Tokens.Path(at, "new"), Link: p.say("tokens.new")},
	}
	if v.Filter.plain() != (InventoryFilter{}) {
		table.Empty = Empty{Text: p.say("inventory.no_match"), Href: Inventory.Path(v.Shell.Workspace.ID), Link: p.say("filter.clear")}
	}
	for _, t := range v.Items {
		pick := Cell{}
		if t.Href != "" && !over(t.Status) {
			pick.Pick = &Pick{ID: "pick-" + t.Secret, Name: "id", Value: t.Secret, Form: "bulk", Label: p.say("inventory.pick_one", "Name", p.named(t))}
		}
		owner := p.personCell(t.Owner)
		if t.Holder.Name != "" && t.Holder.Name != t.Owner.Name {
			owner.Note = joined(" · ", owner.Note, p.say("inventory.acts_as", "Name", t.Holder.Name))
		}
		if t.Client != "" {
			owner.Note = joined(" · ", owner.Note, t.Client)
		}
		table.Rows = append(table.Rows, []Cell{
			pick, p.nameCell(t), owner, {Chips: p.patterns(t.Scopes, 3)}, {When: p.when(t.Created, v.Now), Note: t.By.Name},
			p.usedCell(t.Used, v.Now), p.expiresCell(t, v.Now), {Chips: p.status(t, v.Now)},
		})
	}
	return table
}

// sortHidden puts fields into the order of their names.
func sortHidden(all []Hidden) {
	slices.SortFunc(all, func(a, b Hidden) int { return strings.Compare(a.Name, b.Name) })
}

// Whole reports whether one deed can end all that the filter finds: it names at
// least one thing by which tokens fall, and nothing else.
func (f InventoryFilter) Whole() bool {
	rest := f.plain()
	rest.Client, rest.Owner, rest.User, rest.Scope, rest.Contract, rest.Kind, rest.CreatedBefore = "", "", "", "", "", "", ""
	if rest.Used == "idle_30" || rest.Used == "idle_90" {
		rest.Used = ""
	}
	if rest.Status == "live" {
		rest.Status = ""
	}
	named := f.Client+f.Owner+f.User+f.Scope+f.Contract+f.Kind != "" || f.Used == "idle_30" || f.Used == "idle_90"
	return rest == InventoryFilter{} && named
}
