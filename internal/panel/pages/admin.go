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

// when says an instant as seen from now, nil for none.
func (p *speaker) when(at, now time.Time) *Moment {
	if at.IsZero() || at.UnixMilli() == 0 {
		return nil
	}
	return p.moment(at, now)
}

// next is the moment of what is still to be done: now, if its time has passed.
func (p *speaker) next(at, now time.Time) *Moment {
	if at.Before(now) {
		at = now
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
