package pages

import (
	"io"
	"strings"
	"time"
)

// MemberPage is everything about one member of a workspace. Its forms post to
// Members/{ID}/remove and Members/{ID}/impersonate.
type MemberPage struct {
	Shell  Shell
	Now    time.Time
	Member Member
	Spaces []string
	Tokens []Token // the newest live ones that act as them or stand on their rights
	More   bool    // there are others
	Left   []Token // service tokens that stand on their rights, or are theirs to answer for

	Removes     bool // the reader may remove them
	Impersonate bool // the reader may act as them
	Once        string
	Typed       Removal
	Wrong       Wrong
}

// A Removal is what was typed about somebody who leaves.
type Removal struct {
	Then   string // what becomes of service tokens: nothing said, move, until, end
	To     string // whose they are then
	Until  string // 2006-01-02, the last day
	Reason string
}

// MemberRemoved is said after a membership has ended.
const MemberRemoved Said = "said.member_removed"

type memberPageView struct {
	Title    string
	Status   []Chip
	Change   menuItem
	Facts    []Fact
	Tokens   Table
	More     menuItem
	Mistakes []Mistake
	Remove   *removeView
	Borrow   *Confirm
}

type removeView struct {
	Action string
	Text   string
	Left   Table
	Fields []Field
}

// MemberPage writes the page of one member.
func (s *Set) MemberPage(w io.Writer, lang Lang, v MemberPage) error {
	said := s.speaker(lang)
	at, m := v.Shell.Workspace.ID, v.Member
	view := memberPageView{
		Title: Person{m.Name, m.Email}.Known(), Facts: said.memberFacts(v), Tokens: said.memberTokens(v),
		Change: menuItem{Text: said.say("member.change"), Href: Members.Path(at, m.ID, "role")},
	}
	if !m.LeftAt.IsZero() {
		view.Change, view.Status = menuItem{}, []Chip{{Text: said.say("member.left"), Tone: "warn"}}
	}
	if v.More {
		view.More = menuItem{Text: said.say("member.more"), Href: InventoryFilter{User: m.Email, Status: "live"}.Path(at)}
	}
	if v.Removes {
		view.Remove = said.removal(v)
		view.Mistakes = said.fields(view.Remove.Fields, v.Wrong)
	}
	if v.Impersonate {
		view.Borrow = said.borrow(v)
	}
	return s.show(w, lang, "member", v.Shell, said, view)
}

func (p *speaker) memberFacts(v MemberPage) []Fact {
	m := v.Member
	facts := []Fact{{p.say("field.email"), Cell{Text: m.Email}}, {p.say("member.role"), Cell{Text: p.role(m.Role)}}, {p.say("fact.created"), Cell{When: p.when(m.Since, v.Now)}}}
	if len(m.Teams) > 0 {
		facts = append(facts, Fact{p.say("member.teams"), Cell{Text: strings.Join(m.Teams, ", ")}})
	}
	if len(v.Spaces) > 0 {
		facts = append(facts, Fact{p.say("member.spaces"), Cell{Text: strings.Join(v.Spaces, ", ")}})
	}
	if m.Impersonates {
		facts = append(facts, Fact{p.say("member.rights"), Cell{Text: p.say("member.impersonates")}})
	}
	if !m.LeftAt.IsZero() {
		facts = append(facts, Fact{p.say("member.left"), Cell{When: p.moment(m.LeftAt, v.Now), Note: p.exact(m.LeftAt)}})
	}
	return facts
}

func (p *speaker) memberTokens(v MemberPage) Table {
	table := Table{
		Caption: p.say("member.tokens_caption"), Empty: Empty{Text: p.say("member.tokens_none")},
		Heads: []Head{{Text: p.say("token.name")}, {Text: p.say("token.scopes")}, {Text: p.say("token.used")}, {Text: p.say("token.expires")}, {Text: p.say("token.status")}},
	}
	for _, t := range v.Tokens {
		table.Rows = append(table.Rows, []Cell{p.nameCell(t), {Chips: p.patterns(t.Scopes, 3)}, p.usedCell(t.Used, v.Now), p.expiresCell(t, v.Now), {Chips: p.status(t, v.Now)}})
	}
	return table
}

// removal asks what becomes of what somebody leaves behind.
func (p *speaker) removal(v MemberPage) *removeView {
	view := &removeView{
		Action: Members.Path(v.Shell.Workspace.ID, v.Member.ID, "remove"), Text: p.count("member.remove_text", len(v.Tokens)),
		Left: Table{Caption: p.say("member.left_caption"), Heads: []Head{{Text: p.say("token.name")}, {Text: p.say("form.owner")}, {Text: p.say("token.used")}}},
	}
	for _, t := range v.Left {
		view.Left.Rows = append(view.Left.Rows, []Cell{p.nameCell(t), p.personCell(t.Owner), p.usedCell(t.Used, v.Now)})
	}
	if len(v.Left) > 0 {
		then := Field{Name: "then", Type: "radio", Label: p.say("member.then"), Options: []Option{
			{Value: "", Text: p.say("member.then_nothing"), Chosen: v.Typed.Then == ""}, {Value: "move", Text: p.say("member.then_move"), Chosen: v.Typed.Then == "move"},
			{Value: "until", Text: p.say("member.then_until"), Chosen: v.Typed.Then == "until"}, {Value: "end", Text: p.say("member.then_end"), Chosen: v.Typed.Then == "end"},
		}}
		view.Fields = append(view.Fields, then,
			Field{Name: "move_to", Type: "email", Autocomplete: "off", Label: p.say("member.move_to"), Value: v.Typed.To, Optional: true},
			Field{Name: "live_until", Type: "date", Label: p.say("form.date_label"), Value: v.Typed.Until, Optional: true})
	}
	reason := p.reason("")
	reason.Value = v.Typed.Reason
	view.Fields = append(view.Fields, reason)
	return view
}

// borrow asks why somebody acts as the member.
func (p *speaker) borrow(v MemberPage) *Confirm {
	why := Field{Name: "reason", ID: "borrow-reason", Type: "text", Label: p.say("field.reason"), Hint: p.say("member.borrow_hint")}
	p.describe(&why, nil, 0)
	return &Confirm{
		ID: "borrow", Button: p.say("member.borrow"), Title: p.say("member.borrow_title", "Name", Person{v.Member.Name, v.Member.Email}.Known()), Text: p.say("member.borrow_text"),
		Post: Members.Path(v.Shell.Workspace.ID, v.Member.ID, "impersonate"), Submit: p.say("member.borrow_submit"), Hidden: []Hidden{{"once", v.Once}},
		Fields: []Field{why,
			{Name: "ticket", ID: "borrow-ticket", Type: "text", Label: p.say("member.ticket"), Optional: true},
			{Name: "minutes", ID: "borrow-minutes", Type: "select", Label: p.say("page.brownout_length"), Options: p.lengths(15*time.Minute, 5*time.Minute, 30*time.Minute, time.Hour)}},
	}
}
