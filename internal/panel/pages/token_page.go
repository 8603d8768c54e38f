package pages

import (
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// TokenPage is everything about one token. Its forms post to Tokens/{ID}/DEED,
// where ID is that of the row, Token.Secret.
type TokenPage struct {
	Shell Shell
	Now   time.Time
	Token Token

	Change, Rotate, Decide, Give, Like bool   // what the reader may do
	Once                               string // tells a repeated rotation from a second one

	Format    string // jwt or opaque
	Contract  string
	Audience  string
	Acting    string // who acts as its holder
	Reason    string // why
	Addresses []string
	MaxUses   int64
	Uses      int64
	Until     time.Time // of a suspension
	EndedAt   time.Time
	EndReason string
	Final     bool // it gets no other secret
	Family    string
	Turning   *Turning
	Secrets   []Token // of the credential, where it has or had several
	Fit       *Fit
	Records   []Record
	Recorded  bool    // single uses are recorded here
	History   []Event // what the audit has of it, newest first
	Audit     bool    // the reader may open it
	Warnings  []Warning
	Leaks     []Leak
	Refused   []Use // who needed it while it was suspended
}

// A Fit holds what a token was granted against what it used.
type Fit struct {
	Used      []ScopeUse
	Unused    []string
	Proposal  []string
	Since     time.Time // zero: there is no record
	Days      int64
	Confident bool
}

// A ScopeUse is when a scope was last used.
type ScopeUse struct {
	Scope string
	At    time.Time
}

// A Record is one use of a token.
type Record struct {
	At                             time.Time
	Route, Address, Agent, Outcome string
	Scopes                         []string
}

// A Warning is a rule of the policy that a token breaks.
type Warning struct {
	Rule string
	From time.Time // zero: it is in force
}

// A Leak is a place where a secret was found.
type Leak struct {
	At          time.Time
	Source, URL string
	Ended       bool
}

type tokenPageView struct {
	Title    string
	Status   []Chip
	Alerts   []string
	Deeds    []Confirm
	Like     menuItem
	Facts    []Fact
	Turning  *turningView
	Secrets  Table
	Fit      *fitView
	Records  Table
	Recorded bool
	Refused  Table
	History  Table
	Leaks    Table
}

type fitView struct {
	Text   string
	Facts  []Fact
	Rotate *Confirm
}

// TokenPage writes the page of one token.
func (s *Set) TokenPage(w io.Writer, lang Lang, v TokenPage) error {
	said := s.speaker(lang)
	view := tokenPageView{
		Title: said.named(v.Token), Status: said.status(v.Token, v.Now), Alerts: said.alarms(v), Deeds: said.deeds(v), Facts: said.tokenFacts(v),
		Turning: said.turning(v.Turning), Secrets: said.secrets(v), Fit: said.fit(v), Records: said.singleUses(v), Recorded: v.Recorded,
		Refused: said.refusedUses(v), History: said.history(v), Leaks: said.leaks(v),
	}
	if v.Like {
		view.Like = menuItem{Text: said.say("page.like"), Href: Tokens.Path(v.Shell.Workspace.ID, "new") + "?from=" + url.QueryEscape(v.Token.Secret)}
	}
	if !v.Rotate {
		view.Turning = said.turningSeen(view.Turning)
	}
	return s.show(w, lang, "token", v.Shell, said, view)
}

// turningSeen is a rotation for who may not move it.
func (p *speaker) turningSeen(t *turningView) *turningView {
	if t == nil {
		return nil
	}
	return &turningView{Text: t.Text}
}

// alarms are sentences that somebody should act on.
func (p *speaker) alarms(v TokenPage) (all []string) {
	switch {
	case len(v.Leaks) > 0 && over(v.Token.Status):
		all = append(all, p.say("page.leaked_over"))
	case len(v.Leaks) > 0:
		all = append(all, p.say("page.leaked"))
	}
	if v.Token.Status == "waiting" {
		all = append(all, p.say("form.waits"))
	}
	if v.Final && !over(v.Token.Status) {
		all = append(all, p.say("page.final"))
	}
	for _, warning := range v.Warnings {
		text := p.breach(warning.Rule)
		if !warning.From.IsZero() {
			text = p.say("page.from", "Text", text, "When", p.exact(warning.From))
		}
		all = append(all, text)
	}
	return all
}

// breach says which rule of a policy a token breaks.
func (p *speaker) breach(rule string) string {
	switch rule {
	case "max_ttl":
		return p.say("breach.max_ttl")
	case "require_expiry":
		return p.say("breach.require_expiry")
	case "require_purpose":
		return p.say("breach.require_purpose")
	case "require_owner":
		return p.say("breach.require_owner")
	case "scopes":
		return p.say("breach.scopes")
	case "addresses":
		return p.say("breach.addresses")
	case "max_per_owner":
		return p.say("breach.max_per_owner")
	case "idle_expiry":
		return p.say("breach.idle_expiry")
	}
	return p.say("breach.rotate_after")
}

// deeds are the buttons for what the reader may do now.
func (p *speaker) deeds(v TokenPage) (all []Confirm) {
	at, t := v.Shell.Workspace.ID, v.Token
	if over(t.Status) {
		return nil
	}
	if v.Rotate && v.Turning == nil && !v.Final && t.Status == "active" {
		all = append(all, p.rotateAsk(v, "rotate", nil))
	}
	if v.Decide && t.Status == "waiting" {
		all = append(all, Confirm{ID: "approve", Button: p.say("page.approve"), Title: p.say("page.approve_title"), Text: p.say("page.approve_text"),
			Post: Tokens.Path(at, t.Secret, "approve"), Submit: p.say("page.approve")})
		all = append(all, Confirm{ID: "deny", Button: p.say("page.deny"), Title: p.say("page.deny_title"), Text: p.say("page.deny_text"),
			Post: Tokens.Path(at, t.Secret, "deny"), Submit: p.say("page.deny"), Grave: true, Fields: []Field{p.reason("deny-reason")}})
	}
	if v.Give {
		all = append(all, Confirm{ID: "give", Button: p.say("page.give"), Title: p.say("page.give_title", "Name", p.named(t)), Text: p.say("bulk.give_text"),
			Post: Inventory.Path(at, "bulk", "run"), Submit: p.say("bulk.give"), Hidden: []Hidden{{"act", "give"}, {"id", t.Secret}}, Fields: []Field{p.owner("give-owner", "")}})
	}
	if v.Change {
		all = append(all, p.pauses(v)...)
		all = append(all, p.revokeAsk(at, t))
	}
	return all
}

// pauses are the buttons that stop a token for a while, or let it go on.
func (p *speaker) pauses(v TokenPage) []Confirm {
	at, t := v.Shell.Workspace.ID, v.Token
	switch t.Status {
	case "waiting":
		return nil
	case "suspended":
		return []Confirm{{ID: "resume", Button: p.say("page.resume"), Title: p.say("page.resume_title"), Post: Tokens.Path(at, t.Secret, "resume"), Submit: p.say("page.resume")}}
	}
	minutes := Field{Name: "minutes", Type: "select", Label: p.say("page.brownout_length"), Options: p.lengths(5*time.Minute, 15*time.Minute, time.Hour)}
	return []Confirm{
		{ID: "brownout", Button: p.say("page.brownout"), Title: p.say("page.brownout_title"), Text: p.say("page.brownout_text"),
			Post: Tokens.Path(at, t.Secret, "brownout"), Submit: p.say("page.brownout"), Fields: []Field{minutes}},
		{ID: "suspend", Button: p.say("page.suspend"), Title: p.say("page.suspend_title"), Text: p.say("page.suspend_text"),
			Post: Tokens.Path(at, t.Secret, "suspend"), Submit: p.say("page.suspend"), Fields: []Field{p.reason("suspend-reason")}},
	}
}

// lengths offers lengths of time as minutes.
func (p *speaker) lengths(all ...time.Duration) (options []Option) {
	for _, d := range all {
		options = append(options, Option{Value: strconv.Itoa(int(d / time.Minute)), Text: p.length(d)})
	}
	return options
}

// rotateAsk asks for a new secret, with fewer scopes where some are named.
func (p *speaker) rotateAsk(v TokenPage, id string, scopes []string) Confirm {
	grace := Field{Name: "grace", ID: id + "-grace", Type: "select", Label: p.say("page.grace"), Hint: p.say("page.grace_hint")}
	for _, d := range []time.Duration{24 * time.Hour, time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour} {
		grace.Options = append(grace.Options, Option{Value: strconv.Itoa(int(d / time.Second)), Text: p.length(d), Chosen: d == 24*time.Hour})
	}
	grace.Options = append(grace.Options, Option{Value: "0", Text: p.say("page.grace_none")})
	p.describe(&grace, nil, 0)
	c := Confirm{
		ID: id, Button: p.say("page.rotate"), Title: p.say("page.rotate_title", "Name", p.named(v.Token)), Text: p.say("page.rotate_text"),
		Post: Tokens.Path(v.Shell.Workspace.ID, v.Token.Secret, "rotate"), Submit: p.say("page.rotate_submit"),
		Hidden: []Hidden{{"once", v.Once}}, Fields: []Field{grace, p.reason(id + "-reason")},
	}
	if scopes != nil {
		c.Button, c.Text = p.say("page.shrink"), p.say("page.shrink_text", "Scopes", strings.Join(scopes, ", "))
		c.Hidden = append(c.Hidden, Hidden{"scopes", strings.Join(scopes, " ")})
	}
	return c
}

// tokenFacts are what is known of a token, line by line.
func (p *speaker) tokenFacts(v TokenPage) []Fact {
	t := v.Token
	facts := []Fact{
		{p.say("page.kind"), Cell{Text: p.kind(t.Kind)}}, {p.say("page.id"), Cell{Text: t.ID, Code: true}},
		{p.say("page.secret"), Cell{Text: tail(t.LastFour), Note: v.Format}}, {p.say("token.scopes"), Cell{Chips: p.patterns(t.Scopes, 100)}},
		{p.say("token.opens"), Cell{Text: p.opens(t)}}, {p.say("form.owner"), p.personCell(t.Owner)},
	}
	add := func(label string, cell Cell) { facts = append(facts, Fact{label, cell}) }
	for _, one := range []struct{ label, text string }{
		{p.say("form.purpose"), t.Purpose}, {p.say("page.client"), t.Client}, {p.say("page.acting"), v.Acting}, {p.say("field.reason"), v.Reason},
		{p.say("page.audience"), v.Audience}, {p.say("form.addresses"), strings.Join(v.Addresses, ", ")}, {p.say("page.contract"), v.Contract},
		{p.say("page.family"), v.Family},
	} {
		if one.text != "" {
			add(one.label, Cell{Text: one.text})
		}
	}
	if t.Holder.Name != "" {
		add(p.say("page.holder"), p.personCell(t.Holder))
	}
	if v.MaxUses > 0 {
		add(p.say("form.max_uses"), Cell{Text: strconv.FormatInt(v.Uses, 10) + " / " + strconv.FormatInt(v.MaxUses, 10)})
	}
	add(p.say("fact.created"), Cell{When: p.when(t.Created, v.Now), Note: t.By.Name})
	add(p.say("token.expires"), p.expiresCell(t, v.Now))
	add(p.say("token.used"), p.usedCell(t.Used, v.Now))
	if !v.Until.IsZero() {
		add(p.say("page.until"), Cell{When: p.moment(v.Until, v.Now), Note: p.exact(v.Until)})
	}
	if !v.EndedAt.IsZero() {
		add(p.say("page.ended"), Cell{When: p.moment(v.EndedAt, v.Now), Note: joined(" · ", p.exact(v.EndedAt), v.EndReason)})
	}
	return facts
}

// secrets is the lineage: every secret of the credential, and who used it last.
func (p *speaker) secrets(v TokenPage) Table {
	table := Table{
		Caption: p.say("page.secrets_caption"),
		Heads:   []Head{{Text: p.say("page.secret")}, {Text: p.say("token.status")}, {Text: p.say("fact.created")}, {Text: p.say("token.expires")}, {Text: p.say("token.used")}},
	}
	for _, t := range v.Secrets {
		table.Rows = append(table.Rows, []Cell{
			{Text: tail(t.LastFour), Code: true}, {Chips: p.status(t, v.Now)}, {When: p.when(t.Created, v.Now)}, p.expiresCell(t, v.Now), p.usedCell(t.Used, v.Now),
		})
	}
	return table
}

// fit says which scopes a token makes use of.
func (p *speaker) fit(v TokenPage) *fitView {
	f := v.Fit
	if f == nil {
		return nil
	}
	view := &fitView{Text: p.say("page.fit_none")}
	if f.Since.IsZero() || len(f.Used) == 0 {
		return view
	}
	view.Text = p.count("page.fit_days", int(f.Days))
	for _, u := range f.Used {
		view.Facts = append(view.Facts, Fact{u.Scope, Cell{When: p.when(u.At, v.Now)}})
	}
	for _, scope := range f.Unused {
		view.Facts = append(view.Facts, Fact{scope, Cell{Text: p.say("page.fit_unused")}})
	}
	if v.Rotate && v.Turning == nil && len(f.Unused) > 0 && v.Token.Status == "active" && !v.Final {
		ask := p.rotateAsk(v, "shrink", f.Proposal)
		view.Rotate = &ask
		if !f.Confident {
			view.Text = joined(" ", view.Text, p.say("page.fit_early"))
		}
	}
	return view
}

func (p *speaker) singleUses(v TokenPage) Table {
	table := Table{
		Caption: p.say("page.records_caption"),
		Heads:   []Head{{Text: p.say("page.when")}, {Text: p.say("page.route")}, {Text: p.say("page.whence")}, {Text: p.say("page.outcome")}},
		Empty:   Empty{Text: p.say("page.records_none")},
	}
	if !v.Recorded {
		table.Empty.Text = p.say("page.records_off")
	}
	for _, r := range v.Records {
		table.Rows = append(table.Rows, []Cell{
			{When: p.when(r.At, v.Now)}, {Text: r.Route, Note: strings.Join(r.Scopes, " ")}, {Text: r.Address, Note: r.Agent}, {Text: p.useOutcome(r.Outcome)},
		})
	}
	return table
}

// useOutcome says what came of a use; a refusal has its code.
func (p *speaker) useOutcome(outcome string) string {
	switch outcome {
	case "allowed":
		return p.say("outcome.allowed")
	case "reported":
		return p.say("outcome.reported")
	}
	return outcome
}

func (p *speaker) refusedUses(v TokenPage) Table {
	table := Table{
		Caption: p.say("page.refused_caption"), Heads: []Head{{Text: p.say("page.when")}, {Text: p.say("page.whence")}, {Text: p.say("page.route")}, {Text: p.say("page.count")}},
	}
	for _, u := range v.Refused {
		table.Rows = append(table.Rows, []Cell{{When: p.when(u.At, v.Now)}, {Text: u.Address, Note: u.Agent}, {Text: u.Route}, {Text: strconv.FormatInt(u.Count, 10)}})
	}
	return table
}

func (p *speaker) history(v TokenPage) Table {
	table := p.eventRows(v.History, v.Shell.Workspace.ID, v.Now)
	table.Empty.Text = p.say("page.history_none")
	for _, row := range table.Rows {
		for i := range row {
			if !v.Audit {
				row[i].Href = ""
			}
		}
	}
	return table
}

func (p *speaker) leaks(v TokenPage) Table {
	table := Table{
		Caption: p.say("page.leaks_caption"), Heads: []Head{{Text: p.say("page.when")}, {Text: p.say("page.found_by")}, {Text: p.say("page.found_at")}, {Text: p.say("page.what")}},
	}
	for _, l := range v.Leaks {
		became := p.say("page.leak_told")
		if l.Ended {
			became = p.say("page.leak_ended")
		}
		table.Rows = append(table.Rows, []Cell{{When: p.when(l.At, v.Now)}, {Text: l.Source}, {Text: l.URL}, {Text: became}})
	}
	return table
}
