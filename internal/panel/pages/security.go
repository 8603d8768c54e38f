package pages

import (
	"io"
	"time"
)

// What the page of sign-in says after a deed.
const (
	PasswordChanged Said = "said.password_changed"
	AppRemoved      Said = "said.app_removed"
	PasskeyAdded    Said = "said.passkey_added"
	PasskeyRemoved  Said = "said.passkey_removed"
	SessionEnded    Said = "said.session_ended"
	SessionsEnded   Said = "said.sessions_ended"
	ProfileSaved    Said = "said.profile_saved"
	Linked          Said = "said.linked"
	Unlinked        Said = "said.unlinked"
)

// A Passkey is one of a person's, on the page of sign-in.
type Passkey struct {
	ID         string
	Name       string
	Made, Used time.Time // zero: never used
}

// A SignedIn is one place where a person is signed in.
type SignedIn struct {
	ID      string
	Address string
	Agent   string
	Since   time.Time
	Current bool // this browser
}

// Security is the page of how a person signs in and where they are signed in.
// Its forms post to addresses under /panel/security.
type Security struct {
	Shell       Shell
	Now         time.Time
	Fresh       bool   // signed in so lately that ways to sign in may be changed
	Owed        string // the workspace that asks for a second factor; empty: none does, or they have one
	HasPassword bool
	MinPassword int
	App         bool // codes of an app are asked for
	Codes       int  // recovery codes that are left
	Possible    bool // browsers have passkeys for this address
	Asked       *Ceremony
	Passkeys    []Passkey
	Upstream    *Upstream // nil: nobody signs in with another provider
	Sessions    []SignedIn
	Errors      map[string]FieldError
}

type securityView struct {
	Security
	Password  []Field
	Name      Field
	Problems  []Mistake
	OwedText  string
	Keys      Table
	Places    Table
	Left      string
	Elsewhere *elsewhere
	DropApp   Confirm
	NewCodes  Confirm
}

// Security writes the page of how a person signs in.
func (s *Set) Security(w io.Writer, lang Lang, v Security) error {
	said := s.speaker(lang)
	view := securityView{Security: v, Left: said.count("security.codes_left", v.Codes)}
	if v.Owed != "" {
		view.OwedText = said.say("security.owed", "Workspace", v.Owed)
	}
	view.Password = []Field{
		{Name: "old_password", Type: "password", Autocomplete: "current-password", Label: said.say("field.old_password")},
		said.newPassword("new_password", v.MinPassword),
	}
	view.Name = Field{Name: "name", Type: "text", Label: said.say("field.passkey_name"), Hint: said.say("security.passkey_hint")}
	for i := range view.Password {
		said.describe(&view.Password[i], v.Errors, v.MinPassword)
	}
	said.describe(&view.Name, v.Errors, 0)
	view.Problems = mistakes(append(view.Password, view.Name))
	if v.Errors["credential"] != "" {
		view.Problems = append(view.Problems, Mistake{Text: said.say("error.passkey")})
	}
	view.Keys, view.Places, view.Elsewhere = said.passkeys(v), said.sessions(v), said.upstream(v)
	view.DropApp = Confirm{ID: "drop-app", Button: said.say("security.app_remove"), Title: said.say("security.app_remove_title"),
		Text: said.say("security.app_remove_text"), Post: "/panel/security/app/remove", Submit: said.say("security.app_remove"), Grave: true}
	view.NewCodes = Confirm{ID: "new-codes", Button: said.say("security.codes_new"), Title: said.say("security.codes_new_title"),
		Text: said.say("security.codes_new_text"), Post: "/panel/security/codes", Submit: said.say("security.codes_new")}
	return s.show(w, lang, "security", v.Shell, said, view)
}

func (p *speaker) passkeys(v Security) Table {
	t := Table{Caption: p.say("security.passkeys_caption"), Empty: Empty{Text: p.say("security.passkeys_none")}, Heads: []Head{
		{Text: p.say("head.name")}, {Text: p.say("head.made")}, {Text: p.say("head.last_used")},
	}}
	if v.Fresh {
		t.Heads = append(t.Heads, Head{Text: p.say("head.deeds"), Unseen: true})
	}
	for _, k := range v.Passkeys {
		used := Cell{Text: p.say("security.never")}
		if !k.Used.IsZero() {
			used = Cell{When: p.moment(k.Used, v.Now)}
		}
		row := []Cell{{Text: k.Name}, {When: p.moment(k.Made, v.Now)}, used}
		if v.Fresh {
			row = append(row, Cell{Ask: []Confirm{{
				ID: "drop-" + k.ID, Button: p.say("security.passkey_remove"), Title: p.say("security.passkey_remove_title", "Name", k.Name),
				Text: p.say("security.passkey_remove_text"), Post: "/panel/security/passkeys/" + k.ID + "/remove", Submit: p.say("security.passkey_remove"), Grave: true,
			}}})
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (p *speaker) sessions(v Security) Table {
	t := Table{Caption: p.count("security.sessions_caption", len(v.Sessions)), Heads: []Head{
		{Text: p.say("head.browser")}, {Text: p.say("head.address")}, {Text: p.say("head.since")}, {Text: p.say("head.deeds"), Unseen: true},
	}}
	for _, one := range v.Sessions {
		row := []Cell{{Text: one.Agent}, {Text: one.Address, Code: true}, {When: p.moment(one.Since, v.Now)}}
		if one.Current {
			row[0].Chips = []Chip{{Text: p.say("security.this_browser"), Tone: "good"}}
			row = append(row, Cell{})
		} else {
			row = append(row, Cell{Ask: []Confirm{{
				ID: "end-" + one.ID, Button: p.say("security.session_end"), Title: p.say("security.session_end_title"),
				Post: "/panel/security/sessions/" + one.ID + "/end", Submit: p.say("security.session_end"),
			}}})
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// AppSetup is the page where an app that shows codes is set up: by a picture
// from /panel/security/app.png, or by typing the secret. The form posts code.
type AppSetup struct {
	Shell  Shell
	Secret string
	Errors map[string]FieldError
}

type appSetupView struct {
	AppSetup
	Groups   string // the secret as people type it
	Code     Field
	Problems []Mistake
}

// AppSetup writes the page where an app is set up.
func (s *Set) AppSetup(w io.Writer, lang Lang, v AppSetup) error {
	said := s.speaker(lang)
	view := appSetupView{AppSetup: v, Code: Field{Name: "code", Type: "text", InputMode: "numeric", Autocomplete: "one-time-code", Label: said.say("field.code")}}
	for i, r := range v.Secret {
		if i > 0 && i%4 == 0 {
			view.Groups += " "
		}
		view.Groups += string(r)
	}
	said.describe(&view.Code, v.Errors, 0)
	view.Problems = mistakes([]Field{view.Code})
	v.Shell.Crumbs = []Crumb{{said.say("security.title"), "/panel/security"}}
	return s.show(w, lang, "app_setup", v.Shell, said, view)
}

// RecoveryCodes is the page that shows new recovery codes, this once.
type RecoveryCodes struct {
	Shell Shell
	Codes []string
}

// RecoveryCodes writes the page that shows recovery codes.
func (s *Set) RecoveryCodes(w io.Writer, lang Lang, v RecoveryCodes) error {
	said := s.speaker(lang)
	v.Shell.Crumbs = []Crumb{{said.say("security.title"), "/panel/security"}}
	return s.show(w, lang, "recovery_codes", v.Shell, said, v)
}
