package pages

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

func newSet(t testing.TB) *Set {
	t.Helper()
	s, err := New(Config{Issuer: "https://tokens.acme.example", Environment: "sandbox"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sample is one page in one of its states.
type sample struct {
	name  string
	write func(*Set, io.Writer, Lang) error
}

var ana = Person{"Ana Admin", "ana@acme.example"}

var contacts = App{Name: "Contacts sync", Description: "Copies contacts to the newsletter.", Publisher: "Acme Labs",
	Verified: true, RedirectHost: "app.contacts-sync.example"}

func fullConsent() Consent {
	return Consent{
		Here: "/panel/consent?request=r1", Again: "/oauth2/authorize?client_id=sync", RequestID: "r1", App: contacts, Person: ana,
		Workspaces: []Workspace{{ID: "ws1", Name: "Acme"}},
		Required: []Scope{
			{Name: "oauth"},
			{Name: "crm.objects.contacts.read", Described: map[string]string{"en": "Read contacts", "es": "Leer contactos"}},
			{Name: "content:write", Described: map[string]string{"en": "Create, update and publish entries", "pt": "Criar e publicar entradas", "de": "Einträge anlegen und veröffentlichen"}},
		},
		Optional:  []Scope{{Name: "forms", Ticked: true}, {Name: "crm.objects.deals.read"}, {Name: "offline_access"}},
		AccessTTL: 30 * time.Minute, Renewable: true,
	}
}

// fullShell is all that may stand around a page.
func fullShell(area Area) Shell {
	return Shell{
		Here: "/panel/", Nonce: "n0nce", Person: ana, Workspace: Workspace{ID: "ws1", Name: "Acme"}, Workspaces: workspaces(3),
		Areas: []Area{Tokens, Inventory, Applications, Members, Policies, Webhooks, Audit, Alerts, Usage, Keys, Jobs, Settings},
		Area:  area, Said: AccessEnded, Crumbs: []Crumb{{"Deploy CLI", "/panel/w/ws1/tokens/t1"}},
	}
}

func accesses() []Access {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	return []Access{
		{ID: "g1", App: "Contacts sync", Workspace: "Acme", Scopes: fullConsent().Required, Since: at, Installed: true, By: ana},
		{ID: "g2", App: "Old sync", Workspace: "Acme", Scopes: fullConsent().Required, Since: at, Installed: true, By: Person{"Carl Gone", "carl@acme.example"}, Left: true},
		{ID: "g3", App: "Notes", Workspace: "Basin", Since: at, By: ana},
	}
}

func everyScope() []Scope {
	var all []Scope
	for _, name := range []string{
		token.ReadContent, token.ManageContent, token.HubSpotBasic, token.AdminRead, token.AdminWrite,
		"openid", "profile", "email", "address", "phone", token.OfflineAccess,
	} {
		all = append(all, Scope{Name: name})
	}
	return all
}

func workspaces(n int) []Workspace {
	var all []Workspace
	for i := range n {
		all = append(all, Workspace{ID: "ws" + strconv.Itoa(i), Name: "Workspace " + strconv.Itoa(i), Chosen: i == 1})
	}
	return all
}

// samples is every page in every state that changes its words.
func samples() []sample {
	all := []sample{
		login("login", Login{Here: "/panel/login?next=%2Fpanel%2F", Next: "/panel/"}),
		setup("setup", Setup{Token: "one-time", MinPassword: 12}),
		setup("setup_errors", Setup{Token: "one-time", MinPassword: 12, Email: "ana@", Name: "Ana",
			Errors: map[string]FieldError{"email": FieldInvalid, "password": FieldShort, "workspace": FieldMissing}}),
		home("home", Home{Shell: fullShell(""), Memberships: []Membership{
			{"Acme", "/panel/w/ws1", "super_admin"}, {"Acme Labs", "/panel/w/ws2", "admin"}, {"Basin", "", "member"}, {"Basin Press", "", "reader"}},
			Accesses: accesses()}),
		home("home_alone", Home{Shell: Shell{Here: "/panel/", Person: Person{Email: "solo@acme.example"}}}),
		consent("consent", nil),
		consent("consent_choice", func(c *Consent) {
			c.Workspaces, c.App.Verified, c.Renewable, c.AccessTTL = workspaces(3), false, false, time.Hour
		}),
		consent("consent_many", func(c *Consent) { c.Workspaces, c.AccessTTL = workspaces(9), 15*24*time.Hour }),
		consent("consent_vendor", func(c *Consent) { c.Required, c.Optional = everyScope(), nil }),
		needsAdmin("needs_admin", NeedsAdmin{Here: "/panel/consent?request=r1", App: contacts, Person: ana, Workspace: "Acme", Super: true,
			Missing: fullConsent().Required[1:], Admins: []Person{{"Berta Boss", "berta@acme.example"}, {"", "carl@acme.example"}}}),
		needsAdmin("needs_admin_letter", NeedsAdmin{App: contacts, Person: ana, Workspace: "Acme", Admins: []Person{{"Berta Boss", "berta@acme.example"}}, RequestID: "r1", WorkspaceID: "ws1"}),
		needsAdmin("needs_admin_nobody", NeedsAdmin{App: contacts, Person: ana, Workspace: "Acme"}),
	}
	for _, e := range []LoginError{LoginWrong, LoginMissing, LoginTooMany, LoginUnavailable} {
		all = append(all, login("login_"+string(e), Login{Here: "/panel/login", Email: "ana@acme.example", Error: e}))
	}
	for _, code := range problems() {
		all = append(all, problem("problem_"+string(code), Problem{Code: code, Status: 400, Request: "7f3a"}))
	}
	return slices.Concat(all, accountSamples(), adminSamples(), tokenSamples(), inventorySamples(), memberPageSamples())
}

func problems() []ProblemCode {
	return []ProblemCode{UnknownClient, BadRedirect, BadRequest, ScopesInsufficient, ScopesMismatch, MissingRights,
		WorkspaceLacks, ExpiredRequest, NoWorkspace, Refused, InstallAsked, SetupEnded, NotFound, TooFrequent, Conflicting, Unavailable, Unclear, Unexpected}
}

func login(name string, v Login) sample {
	return sample{name, func(s *Set, w io.Writer, l Lang) error { return s.Login(w, l, v) }}
}

func setup(name string, v Setup) sample {
	return sample{name, func(s *Set, w io.Writer, l Lang) error { return s.Setup(w, l, v) }}
}

func home(name string, v Home) sample {
	return sample{name, func(s *Set, w io.Writer, l Lang) error { return s.Home(w, l, v) }}
}

func needsAdmin(name string, v NeedsAdmin) sample {
	return sample{name, func(s *Set, w io.Writer, l Lang) error { return s.NeedsAdmin(w, l, v) }}
}

func problem(name string, v Problem) sample {
	return sample{name, func(s *Set, w io.Writer, l Lang) error { return s.Problem(w, l, v) }}
}

func consent(name string, change func(*Consent)) sample {
	v := fullConsent()
	if change != nil {
		change(&v)
	}
	return sample{name, func(s *Set, w io.Writer, l Lang) error { return s.Consent(w, l, v) }}
}

func (p sample) html(t testing.TB, s *Set, lang Lang) string {
	t.Helper()
	var out bytes.Buffer
	if err := p.write(s, &out, lang); err != nil {
		t.Fatalf("%s in %s: %v", p.name, lang, err)
	}
	return out.String()
}

// everyPage runs check on each sample in each language.
func everyPage(t *testing.T, check func(t *testing.T, lang Lang, html string)) {
	s := newSet(t)
	for _, p := range samples() {
		for _, lang := range Languages() {
			t.Run(p.name+"/"+string(lang), func(t *testing.T) { check(t, lang, p.html(t, s, lang)) })
		}
	}
}

// TestWritePages lays every page down as files to look at, where
// FICHA_PAGES_OUT names a folder; else a folder that goes away.
func TestWritePages(t *testing.T) {
	dir := os.Getenv("FICHA_PAGES_OUT")
	if dir == "" {
		dir = t.TempDir()
	}
	s := newSet(t)
	path, css := s.Style()
	writeFile(t, filepath.Join(dir, path), css)
	path, js := s.Script()
	writeFile(t, filepath.Join(dir, path), js)
	for _, p := range samples() {
		for _, lang := range Languages() {
			writeFile(t, filepath.Join(dir, string(lang), p.name+".html"), []byte(p.html(t, s, lang)))
		}
	}
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
