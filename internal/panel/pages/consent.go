package pages

import (
	"io"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// An App is the client that asks, as people know it.
type App struct {
	Name         string
	Description  string
	Publisher    string // name of the app's home workspace
	Verified     bool   // the publisher is known to be who they say
	RedirectHost string // where the browser goes when access is given
}

// Monogram is the first letter or digit of the name, for the app's sign.
func (a App) Monogram() string {
	for _, r := range a.Name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return "·"
}

// A Workspace is one that access may be given to.
type Workspace struct {
	ID, Name string
	Chosen   bool // selected at first; at most one
}

// Consent is the page where a person gives or refuses access. The form posts
// request, workspace, scope (once for each ticked optional scope) and action,
// which is allow or deny.
type Consent struct {
	Here       string // path and query of this page, for the language links
	Again      string // where somebody else begins anew, for "not you?"
	RequestID  string // of the pending authorization
	App        App
	Person     Person
	Workspaces []Workspace // one is stated, several are a choice
	Required   []Scope
	Optional   []Scope
	AccessTTL  time.Duration // life of one access token
	Renewable  bool          // refresh tokens are given too
}

// Above this many workspaces a list is easier than a row of buttons.
const manyWorkspaces = 6

type consentView struct {
	Consent
	Must, May []scopeGroup
	Lifetime  string
	ManyOf    bool
}

// Consent writes the consent page.
func (s *Set) Consent(w io.Writer, lang Lang, v Consent) error {
	lang = known(lang)
	view := consentView{Consent: v, ManyOf: len(v.Workspaces) > manyWorkspaces}
	var err error
	if view.Must, err = s.groupScopes(lang, "required", v.Required); err != nil {
		return err
	}
	if view.May, err = s.groupScopes(lang, "optional", v.Optional); err != nil {
		return err
	}
	if view.Lifetime, err = s.lifetime(lang, v); err != nil {
		return err
	}
	return s.render(w, lang, "consent", v.Here, view)
}

// lifetime says how long the access lasts that a yes gives.
func (s *Set) lifetime(lang Lang, v Consent) (string, error) {
	length, err := s.words[lang].duration(v.AccessTTL)
	if err != nil {
		return "", err
	}
	key := "consent.lasts"
	if v.Renewable {
		key = "consent.lasts_renewed"
	}
	return s.words[lang].say(key, "Duration", length)
}

// NeedsAdmin is the page for a person who may not install an app: it says what
// is missing and who can.
type NeedsAdmin struct {
	Here      string // path and query of this page, for the language links
	Again     string // where somebody else begins anew, for "not you?"
	App       App
	Person    Person
	Workspace string   // name of the workspace it would be installed in
	Super     bool     // it takes a super admin; else any admin can
	Missing   []Scope  // what the person does not hold; may be empty
	Admins    []Person // those who can install it

	RequestID   string // whom a form at /panel/consent/request writes to; empty: no letters are sent
	WorkspaceID string
}

type needsAdminView struct {
	NeedsAdmin
	Groups []scopeGroup
	Ask    []askable
}

// askable is somebody to ask, with the letter begun.
type askable struct {
	Person
	Mailto string
}

// NeedsAdmin writes the page that tells who can install an app.
func (s *Set) NeedsAdmin(w io.Writer, lang Lang, v NeedsAdmin) error {
	lang = known(lang)
	view := needsAdminView{NeedsAdmin: v}
	var err error
	if view.Groups, err = s.groupScopes(lang, "missing", v.Missing); err != nil {
		return err
	}
	said := speaker{words: s.words[lang]}
	subject := said.say("needs_admin.mail_subject", "App", v.App.Name)
	body := said.say("needs_admin.mail_body", "App", v.App.Name, "Workspace", v.Workspace)
	if said.err != nil {
		return said.err
	}
	for _, admin := range v.Admins {
		view.Ask = append(view.Ask, askable{admin, mailto(admin.Email, subject, body)})
	}
	return s.render(w, lang, "needs_admin", v.Here, view)
}

// mailto begins a letter (RFC 6068). Every part is escaped, so that neither an
// address nor an app's name can add recipients.
func mailto(address, subject, body string) string {
	return "mailto:" + url.PathEscape(address) + "?subject=" + mailText(subject) + "&body=" + mailText(body)
}

// mailText escapes a header's value. A '+' is no space in this scheme.
func mailText(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
