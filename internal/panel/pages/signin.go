package pages

import "io"

// A LoginError says why a sign-in did not happen. It never tells an unknown
// address from a wrong password.
type LoginError string

// What a sign-in can meet. Any other value is shown as LoginUnavailable.
const (
	LoginWrong       LoginError = "wrong"       // address or password is not right
	LoginMissing     LoginError = "missing"     // one of the two was empty
	LoginPasskey     LoginError = "passkey"     // the passkey is not known here, or its answer came late
	LoginTooLate     LoginError = "too_late"    // the code came too long after the password
	LoginTooMany     LoginError = "too_many"    // too many attempts for now
	LoginUnavailable LoginError = "unavailable" // we cannot tell at the moment
)

func (e LoginError) key() string {
	switch e {
	case LoginWrong:
		return "error.login.wrong"
	case LoginMissing:
		return "error.login.missing"
	case LoginPasskey:
		return "error.login.passkey"
	case LoginTooLate:
		return "error.login.too_late"
	case LoginTooMany:
		return "error.login.too_many"
	}
	return e.upstreamKey()
}

// A Ceremony is a question about passkeys, for the script to put to the browser.
type Ceremony struct {
	Options string // JSON
	Kept    string // goes back with the answer
}

// Login is the sign-in page. The form posts email, password and next; a second
// one, which stays hidden without a script, next, kept and credential.
type Login struct {
	Here  string     // path and query of this page, for the language links
	Next  string     // where to go afterwards; the panel checks it, the page keeps it
	Email string     // what was typed before; the password is never kept
	Error LoginError // empty on the first visit
	Nonce string     // that lets the script run
	Said  Said       // what was done before
	Asked *Ceremony  // nil: no passkeys here
	Mail  bool       // letters are sent, so that a forgotten password can be replaced

	Upstream string // what people call the provider that they may sign in with too; empty: none
	Anew     bool   // they are to show anew who they are, there as well
	Address  string // that the provider vouches for, in an error about it
	Waiting  string // the address of the account there that is linked to whoever signs in here
}

type loginView struct {
	Login
	Problems []Mistake
	Fields   []Field
	Sentence string
	Wait     string
	Upwards  string // the text of the link to the other provider
	Href     string
}

// Login writes the sign-in page.
func (s *Set) Login(w io.Writer, lang Lang, v Login) error {
	said := speaker{words: s.words[known(lang)]}
	view := loginView{Login: v}
	email := Field{Name: "email", Type: "email", Autocomplete: "username", Label: said.say("field.email"), Value: v.Email}
	password := Field{Name: "password", Type: "password", Autocomplete: "current-password", Label: said.say("field.password")}
	email.Focus = v.Error == ""
	if v.Error != "" {
		view.Problems = []Mistake{{Name: "email", Text: said.say(v.Error.key(), "Name", v.Upstream, "Email", v.Address)}}
		email.Describe, password.Describe = "errors", "errors"
		email.Invalid = v.Error == LoginWrong || v.Error == LoginMissing && v.Email == ""
		password.Invalid = v.Error == LoginWrong || v.Error == LoginMissing
	}
	if v.Said != "" {
		view.Sentence = said.say(string(v.Said))
	}
	switch {
	case v.Waiting != "":
		view.Wait = said.say("login.link_waits", "Name", v.Upstream, "Email", v.Waiting)
	case v.Upstream != "":
		view.Upwards, view.Href = said.say("login.upstream", "Name", v.Upstream), upstreamPath(v.Next, v.Anew)
	}
	view.Fields = []Field{email, password}
	return s.alone(w, lang, "login", v.Here, v.Nonce, &said, view)
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
	Fields []Field
	Wrong  []Mistake
}

// Setup writes the page that creates the first super admin. It has no language
// links: its address holds a secret, which belongs into no link.
func (s *Set) Setup(w io.Writer, lang Lang, v Setup) error {
	said := speaker{words: s.words[known(lang)]}
	view := setupView{Setup: v, Fields: []Field{
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
		said.describe(&view.Fields[i], v.Errors, v.MinPassword)
	}
	view.Wrong = mistakes(view.Fields)
	if said.err != nil {
		return said.err
	}
	return s.render(w, lang, "setup", "", view)
}
