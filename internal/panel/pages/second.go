package pages

import "io"

// Second is the page after the password of somebody whose app shows codes. The
// form posts code and next.
type Second struct {
	Here  string
	Next  string
	Wrong bool // the code was not right
	Many  bool // too many were not
	Nonce string
	Asked *Ceremony // nil: no passkeys here
}

type secondView struct {
	Second
	Code     Field
	Problems []Mistake
}

// Second writes the page that asks for a code.
func (s *Set) Second(w io.Writer, lang Lang, v Second) error {
	said := s.speaker(lang)
	view := secondView{Second: v, Code: Field{
		Name: "code", Type: "text", Autocomplete: "one-time-code", Label: said.say("field.code"), Hint: said.say("second.hint"), Focus: !v.Wrong && !v.Many,
	}}
	wrong := map[string]FieldError{}
	if v.Wrong {
		wrong["code"] = FieldWrong
	}
	said.describe(&view.Code, wrong, 0)
	view.Problems = mistakes([]Field{view.Code})
	if v.Many {
		view.Problems = []Mistake{{Text: said.say("error.login.too_many")}}
	}
	return s.alone(w, lang, "second", v.Here, v.Nonce, said, view)
}

// Forgot is the page that has a letter sent to who forgot their password. It
// says the same whoever asked. The form posts email.
type Forgot struct {
	Here string
	Sent bool // the letter, if there is such an account
	Many bool // too many were asked for
}

type forgotView struct {
	Forgot
	Email    Field
	Problems []Mistake
}

// Forgot writes the page for who forgot their password.
func (s *Set) Forgot(w io.Writer, lang Lang, v Forgot) error {
	said := s.speaker(lang)
	view := forgotView{Forgot: v, Email: Field{Name: "email", Type: "email", Autocomplete: "username", Label: said.say("field.email"), Focus: !v.Many}}
	if v.Many {
		view.Problems = []Mistake{{Text: said.say("error.login.too_many")}}
	}
	return s.alone(w, lang, "forgot", v.Here, "", said, view)
}

// Reset is the page behind the link of that letter. The form posts token and
// password. It has no language links: its address holds a secret.
type Reset struct {
	Token       string // only ever in the hidden field
	Over        bool   // the link works no longer
	MinPassword int
	Errors      map[string]FieldError
}

type resetView struct {
	Reset
	Password Field
	Problems []Mistake
}

// PasswordReset is said at the sign-in after another password was chosen.
const PasswordReset Said = "said.password_reset"

// Reset writes the page where another password is chosen.
func (s *Set) Reset(w io.Writer, lang Lang, v Reset) error {
	said := s.speaker(lang)
	view := resetView{Reset: v, Password: said.newPassword("password", v.MinPassword)}
	said.describe(&view.Password, v.Errors, v.MinPassword)
	view.Problems = mistakes([]Field{view.Password})
	return s.alone(w, lang, "reset", "", "", said, view)
}

// newPassword is the field where somebody chooses a password.
func (p *speaker) newPassword(name string, least int) Field {
	return Field{Name: name, Type: "password", Autocomplete: "new-password", Label: p.say("field.new_password"), Hint: p.say("setup.password_hint", "Count", least)}
}
