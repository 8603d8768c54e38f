package pages

import (
	"cmp"
	"io"
	"slices"
	"strconv"
	"time"
)

// BulkPage asks before a deed on several tokens, and says what it will hit. Its
// form posts to Inventory/bulk/run with the fields of Hidden, a reason, and,
// where some of the tokens are in use, their count as typed.
type BulkPage struct {
	Shell    Shell
	Now      time.Time
	Rotate   bool
	Give     bool   // neither: revoke
	Owner    string // as it was typed
	Count    int64
	AtLeast  bool
	Beyond   bool // elsewhere too
	Hour     int64
	Day      int64
	Used     time.Time
	Owners   []OwnerShare
	Items    []Token // the first of them
	Hidden   []Hidden
	Stays    []string // of a rotation, by Items: why one would get no new secret, in English; empty: it would
	Mistyped bool     // the count was not the right one
	Wrong    Wrong
}

// An OwnerShare is how many tokens of a deed somebody answers for.
type OwnerShare struct {
	Owner Somebody
	Count int64
}

type bulkView struct {
	Title    string
	Facts    []Fact
	Text     []string
	Action   string
	Hidden   []Hidden
	Fields   []Field
	Mistakes []Mistake
	Submit   string
	Table    Table
	Back     string
	Nothing  bool
}

// BulkPage writes the question before a deed on several tokens.
func (s *Set) BulkPage(w io.Writer, lang Lang, v BulkPage) error {
	said := s.speaker(lang)
	at := v.Shell.Workspace.ID
	view := bulkView{
		Title: said.bulkTitle(v), Facts: said.blast(v), Action: Inventory.Path(at, "bulk", "run"), Hidden: v.Hidden, Back: Inventory.Path(at), Nothing: v.Count == 0,
		Submit: said.say("bulk.revoke"), Text: []string{said.say("token.revoke_text")},
	}
	if v.Rotate {
		view.Submit, view.Text = said.say("bulk.rotate"), []string{said.say("page.rotate_text")}
		grace := said.rotateAsk(TokenPage{Shell: v.Shell}, "grace", nil).Fields[0]
		grace.ID, grace.Describe = "", "grace-hint"
		view.Fields = append(view.Fields, grace)
	}
	if v.Give {
		view.Submit, view.Text = said.say("bulk.give"), []string{said.say("bulk.give_text")}
		view.Fields = append(view.Fields, said.owner("", v.Owner))
	} else {
		view.Fields = append(view.Fields, said.reason(""))
	}
	if v.Beyond {
		view.Text = append(view.Text, said.say("bulk.beyond"))
	}
	if v.Day > 0 && !v.Rotate && !v.Give {
		view.Fields = append(view.Fields, said.typedCount(v))
	}
	if view.Mistakes = mistakes(view.Fields); v.Rotate || v.Give {
		view.Mistakes = said.fields(view.Fields, v.Wrong)
	}
	view.Nothing = view.Nothing || v.Rotate && v.turnable() == 0
	view.Table = said.bulkTable(v)
	return s.show(w, lang, "bulk", v.Shell, said, view)
}

func (p *speaker) bulkTitle(v BulkPage) string {
	switch {
	case v.Rotate:
		return p.count("bulk.rotate_title", int(v.Count))
	case v.Give:
		return p.count("bulk.give_title", int(v.Count))
	}
	return p.count("bulk.revoke_title", int(v.Count))
}

// owner is the field for who answers for tokens.
func (p *speaker) owner(id, typed string) Field {
	f := Field{Name: "owner", ID: id, Type: "text", Autocomplete: "off", Label: p.say("form.owner"), Hint: p.say("form.owner_hint"), Value: typed}
	p.describe(&f, nil, 0)
	return f
}

// typedCount is the field that slows down who would end what is in use.
func (p *speaker) typedCount(v BulkPage) Field {
	f := Field{Name: "count", Type: "text", InputMode: "numeric", Autocomplete: "off", Label: p.say("bulk.type"), Hint: p.say("bulk.type_hint", "Count", strconv.FormatInt(v.Count, 10))}
	wrong := map[string]FieldError{}
	if v.Mistyped {
		wrong["count"] = FieldWrong
	}
	p.describe(&f, wrong, 0)
	return f
}

// blast says what a deed will hit.
func (p *speaker) blast(v BulkPage) []Fact {
	number := func(n int64) Cell { return Cell{Text: strconv.FormatInt(n, 10)} }
	count := number(v.Count)
	if v.AtLeast {
		count.Note = p.say("bulk.at_least")
	}
	facts := []Fact{{p.say("bulk.count"), count}}
	if v.Hour > 0 {
		facts = append(facts, Fact{p.say("bulk.hour"), number(v.Hour)})
	}
	facts = append(facts, Fact{p.say("bulk.day"), number(v.Day)})
	if v.Rotate {
		facts = append(facts, Fact{p.say("bulk.turnable"), number(v.turnable())})
	}
	if !v.Used.IsZero() {
		facts = append(facts, Fact{p.say("token.used"), Cell{When: p.moment(v.Used, v.Now), Note: p.exact(v.Used)}})
	}
	slices.SortStableFunc(v.Owners, func(a, b OwnerShare) int { return cmp.Compare(b.Count, a.Count) })
	for _, o := range v.Owners {
		cell := p.personCell(o.Owner)
		cell.Note = joined(" · ", strconv.FormatInt(o.Count, 10), cell.Note)
		facts = append(facts, Fact{p.say("form.owner"), cell})
	}
	return facts
}

func (p *speaker) bulkTable(v BulkPage) Table {
	table := Table{
		Caption: p.say("bulk.first"),
		Heads:   []Head{{Text: p.say("token.name")}, {Text: p.say("form.owner")}, {Text: p.say("token.used")}, {Text: p.say("token.expires")}, {Text: p.say("token.status")}},
		Empty:   Empty{Text: p.say("bulk.none")},
	}
	if v.Rotate {
		table.Heads = append(table.Heads, Head{Text: p.say("bulk.turnable")})
	}
	for n, t := range v.Items {
		row := []Cell{p.nameCell(t), p.personCell(t.Owner), p.usedCell(t.Used, v.Now), p.expiresCell(t, v.Now), {Chips: p.status(t, v.Now)}}
		switch {
		case !v.Rotate:
		case v.Stays[n] == "":
			row = append(row, Cell{Text: p.say("bulk.turns")})
		default:
			row = append(row, Cell{Text: p.say("bulk.stays"), Note: v.Stays[n], Aside: string(English)})
		}
		table.Rows = append(table.Rows, row)
	}
	return table
}

// turnable counts the tokens that would get a new secret.
func (v BulkPage) turnable() (n int64) {
	for _, why := range v.Stays {
		if why == "" {
			n++
		}
	}
	return n
}
