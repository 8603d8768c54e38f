package pages

import "cmp"

// A Field is one labelled input; the template "field" writes it. Its words are
// in the reader's language already.
type Field struct {
	Name         string
	ID           string // empty: its name
	Type         string // of an input; or select, textarea, checkbox, radio, checks (several boxes of one name)
	Autocomplete string
	InputMode    string
	Label, Value string
	Hint, Error  string
	Detail       string // what Error leaves open, in English
	Describe     string // ids that describe the input; describe fills it
	Invalid      bool
	Focus        bool // at most one of a page
	Optional     bool
	Checked      bool     // of a checkbox
	Options      []Option // of select, radio and checks
}

// Ident returns the id of the field.
func (f Field) Ident() string { return cmp.Or(f.ID, f.Name) }

// empty reports whether nothing was typed where something has to be.
func (f Field) empty() bool {
	typed := f.Type == "text" || f.Type == "email" || f.Type == "url" || f.Type == "textarea"
	return typed && !f.Optional && f.Value == ""
}

// mistake is the field's line of the summary.
func (f Field) mistake() Mistake { return Mistake{f.Ident(), f.Label, f.Error, f.Detail} }

// An Option is one of a choice.
type Option struct {
	Value, Text string
	Hint        string
	Chosen      bool
}

// A Mistake is one line of the summary that the template "errors" writes above
// a form that was not taken (WCAG 2.2, 3.3.1).
type Mistake struct {
	Name   string // of the field; empty: it is about the whole
	Label  string
	Text   string
	Detail string // what Text leaves open, in English
}

// mistakes lists what is wrong with fields, in their order.
func mistakes(fields []Field) []Mistake {
	var all []Mistake
	for _, f := range fields {
		if f.Error != "" {
			all = append(all, f.mistake())
		}
	}
	return all
}

// A Hidden is a value that a form brings along.
type Hidden struct{ Name, Value string }

// A Confirm is a button that opens a dialog which asks before something is
// done; the template "confirm" writes both. It works without a script where the
// browser knows the attribute command, and by the script in older ones.
type Confirm struct {
	ID     string // of the dialog; once on a page
	Button string // opens it
	About  string // the id of what the button is about, where its words do not say so
	Title  string // the question
	Text   string // what will happen
	Post   string // where the form goes
	Submit string // the button that does it
	Hidden []Hidden
	Fields []Field
	Grave  bool // it cannot be undone
}

// A FieldError says what is wrong with one typed value.
type FieldError string

// What a typed value can be.
const (
	FieldMissing FieldError = "missing" // nothing was typed
	FieldShort   FieldError = "short"   // a password under the least length
	FieldInvalid FieldError = "invalid" // typed, but not usable
	FieldWrong   FieldError = "wrong"   // a password or code that is not the right one
)

func (e FieldError) key() string {
	switch e {
	case FieldMissing:
		return "error.field.missing"
	case FieldShort:
		return "error.field.short"
	case FieldWrong:
		return "error.field.wrong"
	}
	return "error.field.invalid"
}

// describe ties a field to its hint and to what is wrong with it. Count fills
// the sentence of a password that is too short.
func (p *speaker) describe(f *Field, wrong map[string]FieldError, count int) {
	if f.Hint != "" {
		f.Describe = f.Ident() + "-hint"
	}
	e, ok := wrong[f.Name]
	if !ok {
		return
	}
	f.Invalid = true
	f.Error = p.say(e.key(), "Count", count)
	f.Describe = f.Ident() + "-error " + f.Describe
}
