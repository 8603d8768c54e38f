package pages

import "io"

// A LoginError says why a sign-in did not happen. It never tells an unknown
// address from a wrong password.
type LoginError string

// What a sign-in can meet. Any other value is shown as LoginUnavailable.
const (
	LoginWrong       LoginError = "wrong"       // address or password is not right
	LoginMissing     LoginError = "missing"     // one of the two was empty
	LoginTooMany     LoginError = "too_many"    // too many attempts for now
	LoginUnavailable LoginError = "unavailable" // we cannot tell at the moment
)

func (e LoginError) key() string {
	switch e {
	case LoginWrong:
		return "error.login.wrong"
	case LoginMissing:
		return "error.login.missing"
	case LoginTooMany:
		return "error.login.too_many"
	}
	return "error.login.unavailable"
}

// Login is the sign-in page. The form posts email, password and next.
type Login struct {
	Here  string     // path and query of this page, for the language links
	Next  string     // where to go afterwards; the panel checks it, the page keeps it
	Email string     // what was typed before; the password is never kept
	Error LoginError // empty on the first visit
}

// field is one labelled input. Name is its id too.
type field struct {
	Name, Type, Autocomplete string
	Label, Value             string
	Hint, Error              string
	Describe                 string // ids that describe the input
	Invalid, Focus           bool
}

type loginView struct {
	Login
	Problem string
	Fields  []field
}

// Login writes the sign-in page.
func (s *Set) Login(w io.Writer, lang Lang, v Login) error {
	said := speaker{words: s.words[known(lang)]}
	view := loginView{Login: v}
	email := field{Name: "email", Type: "email", Autocomplete: "username", Label: said.say("field.email"), Value: v.Email}
	password := field{Name: "password", Type: "password", Autocomplete: "current-password", Label: said.say("field.password")}
	email.Focus = v.Error == ""
	if v.Error != "" {
		view.Problem = said.say(v.Error.key())
		email.Describe, password.Describe = "errors", "errors"
		email.Invalid = v.Error == LoginWrong || v.Error == LoginMissing && v.Email == ""
		password.Invalid = v.Error == LoginWrong || v.Error == LoginMissing
	}
	if said.err != nil {
		return said.err
	}
	view.Fields = []field{email, password}
	return s.render(w, lang, "login", v.Here, view)
}

// A FieldError says what is wrong with one typed value.
type FieldError string

// What a typed value can be.
const (
	FieldMissing FieldError = "missing" // nothing was typed
	FieldShort   FieldError = "short"   // a password under Setup.MinPassword
	FieldInvalid FieldError = "invalid" // typed, but not usable
)

func (e FieldError) key() string {
	switch e {
	case FieldMissing:
		return "error.field.missing"
	case FieldShort:
		return "error.field.short"
	}
	return "error.field.invalid"
}

// Setup is the page that creates the first super admin. The form posts email,
// name, password, workspace and the hidden token of the one-time link.
type Setup struct {
	Token       string                // of the one-time link; only ever in the hidden field
	Email       string                // kept
	Name        string                // kept
	Workspace   string                // kept
	MinPassword int                   // characters; 0 shows no rule
	Errors      map[string]FieldError // by input name
}

type setupView struct {
	Setup
	Fields []field
	Wrong  bool
}

// Setup writes the page that creates the first super admin. It has no language
// links: its address holds a secret, which belongs into no link.
func (s *Set) Setup(w io.Writer, lang Lang, v Setup) error {
	said := speaker{words: s.words[known(lang)]}
	view := setupView{Setup: v, Wrong: len(v.Errors) > 0, Fields: []field{
		{Name: "email", Type: "email", Autocomplete: "username", Label: said.say("field.email"), Value: v.Email},
		{Name: "name", Type: "text", Autocomplete: "name", Label: said.say("field.name"), Value: v.Name},
		{Name: "password", Type: "password", Autocomplete: "new-password", Label: said.say("field.password")},
		{Name: "workspace", Type: "text", Autocomplete: "organization", Label: said.say("field.workspace"), Value: v.Workspace,
			Hint: said.say("setup.workspace_hint")},
	}}
	if v.MinPassword > 0 {
		view.Fields[2].Hint = said.say("setup.password_hint", "Count", v.MinPassword)
	}
	for i := range view.Fields {
		said.describe(&view.Fields[i], v)
	}
	if said.err != nil {
		return said.err
	}
	return s.render(w, lang, "setup", "", view)
}

// describe ties an input to its hint and its error.
func (p *speaker) describe(f *field, v Setup) {
	if f.Hint != "" {
		f.Describe = f.Name + "-hint"
	}
	wrong, ok := v.Errors[f.Name]
	if !ok {
		return
	}
	f.Invalid = true
	f.Error = p.say(wrong.key(), "Field", f.Label, "Count", v.MinPassword)
	f.Describe = f.Name + "-error " + f.Describe
}

// A speaker says many sentences and keeps the first fault.
type speaker struct {
	words
	err error
}

func (p *speaker) say(key string, pairs ...any) string {
	text, err := p.words.say(key, pairs...)
	if p.err == nil {
		p.err = err
	}
	return text
}
