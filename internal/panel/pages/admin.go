package pages

import (
	"strings"
	"time"
)

// A Fact is one line of a list of what is known of a thing; the template "facts"
// writes them. Its label is in the reader's language already.
type Fact struct {
	Label string
	Cell  Cell
}

// A Wrong says why a form was not taken.
type Wrong struct {
	Fields map[string]string // by input name: the rule's own sentence, in English
	Whole  Objection         // where it is about no field
	Detail string            // the rule's own sentence about the whole, in English
}

// An Objection says why something was not done.
type Objection string

// NotTaken is said where a form of one button was sent with what cannot be used.
const NotTaken Said = "said.not_taken"

// The objections. Any other value is shown as Impossible.
const (
	Impossible Objection = "impossible"  // not in the state that it is in
	SuperOnly  Objection = "super_only"  // it takes a super admin
	NotAllowed Objection = "not_allowed" // it takes other rights
	TooOften   Objection = "too_often"   // wait
	NotNow     Objection = "not_now"     // we cannot tell at the moment
	Outdated   Objection = "outdated"    // somebody else has changed it meanwhile
)

func (o Objection) key() string {
	switch o {
	case SuperOnly:
		return "error.super_only"
	case NotAllowed:
		return "error.not_allowed"
	case TooOften:
		return "error.too_often"
	case NotNow:
		return "error.not_now"
	case Outdated:
		return "error.outdated"
	}
	return "error.impossible"
}

// Said returns the objection as the page says it that follows.
func (o Objection) Said() Said {
	switch o {
	case SuperOnly:
		return "said.super_only"
	case NotAllowed:
		return "said.not_allowed"
	case TooOften:
		return "said.too_often"
	case NotNow:
		return "said.not_now"
	}
	return "said.impossible"
}

// fields ties fields to their hints and to what is wrong, and returns the lines
// of the summary above the form. What is wrong with no field of these is said of
// the whole.
func (p *speaker) fields(fields []Field, w Wrong) []Mistake {
	var all []Mistake
	known := map[string]bool{}
	for i := range fields {
		f := &fields[i]
		known[f.Name] = true
		p.describe(f, nil, 0)
		detail, wrong := w.Fields[f.Name]
		if !wrong {
			continue
		}
		f.Invalid, f.Error = true, withDetail(p.say(FieldInvalid.key()), detail)
		f.Describe = strings.TrimSpace(f.Ident() + "-error " + f.Describe)
		all = append(all, Mistake{f.Ident(), f.Label, f.Error})
	}
	for name, detail := range w.Fields {
		if !known[name] {
			all = append(all, Mistake{Text: withDetail(p.say(FieldInvalid.key()), name+": "+detail)})
		}
	}
	if w.Whole != "" {
		all = append(all, Mistake{Text: withDetail(p.say(w.Whole.key()), w.Detail)})
	}
	return all
}

// withDetail adds the rule's own sentence to ours.
func withDetail(text, detail string) string {
	if detail == "" {
		return text
	}
	return text + " (" + plain(detail) + ")"
}

// when says an instant as seen from now, nil for none.
func (p *speaker) when(at, now time.Time) *Moment {
	if at.IsZero() || at.UnixMilli() == 0 {
		return nil
	}
	return p.moment(at, now)
}

// lines returns what a text area holds, a value a line.
func lines(values []string) string { return strings.Join(values, "\n") }

// verbatim drops from each line of a text what plain drops from a name.
func verbatim(text string) string {
	var all []string
	for line := range strings.SplitSeq(text, "\n") {
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		all = append(all, indent+plain(line[len(indent):]))
	}
	return strings.Join(all, "\n")
}

// A Once is a secret that stands on this page and nowhere else; the template
// "once" writes it.
type Once struct {
	Label  string // what it is
	Secret string
	Note   string // what to do with it
}

// A Turning is the rotation of a secret that is open. Its forms post to
// Base/{ID}/STEP.
type Turning struct {
	ID        string
	Base      string
	State     string // pending | active | undone
	Since     time.Time
	RetiresAt time.Time // when the secret that goes is over; zero while it waits
}

// A turningView is a Turning in words.
type turningView struct {
	Text  string
	Steps []Confirm
}

// turning says how far a rotation is, and offers the steps from there.
func (p *speaker) turning(t *Turning) *turningView {
	if t == nil {
		return nil
	}
	step := func(name, button, title, text string, grave bool) Confirm {
		return Confirm{ID: "turn-" + name, Button: button, Title: title, Text: text, Post: t.Base + "/" + t.ID + "/" + name, Submit: button, Grave: grave}
	}
	finish := step("finish", p.say("turn.finish"), p.say("turn.finish_title"), p.say("turn.finish_text"), true)
	finish.Fields = []Field{p.reason("turn-reason")}
	undo := step("undo", p.say("turn.undo"), p.say("turn.undo_title"), p.say("turn.undo_text"), false)
	switch t.State {
	case "pending":
		return &turningView{p.say("turn.pending"), []Confirm{
			step("confirm", p.say("turn.confirm"), p.say("turn.confirm_title"), p.say("turn.confirm_text"), false),
			step("cancel", p.say("turn.cancel"), p.say("turn.cancel_title"), p.say("turn.cancel_text"), false),
		}}
	case "undone":
		return &turningView{p.say("turn.undone", "When", p.exact(t.RetiresAt)), []Confirm{finish}}
	}
	return &turningView{p.say("turn.active", "When", p.exact(t.RetiresAt)), []Confirm{undo, finish}}
}

// reason is the field in which people say why. Its name is reason; ids differ
// where a page has several.
func (p *speaker) reason(id string) Field {
	return Field{Name: "reason", ID: id, Type: "text", Label: p.say("field.reason"), Optional: true}
}
