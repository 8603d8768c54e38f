package panel_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/token"
)

const membersPath = "/panel/w/ws1/members"

// becomes gives a member of ws1 a role.
func (b *browser) becomes(email, role string) { b.joins(email, "ws1", role) }

// joins makes somebody a member of a workspace.
func (b *browser) joins(email, workspace, role string) {
	b.t.Helper()
	_, err := b.h.Identity.PutMembership(b.t.Context(), token.Actor{Kind: token.System, ID: "test"}, b.person(email).ID,
		identity.DeclaredMembership{Workspace: workspace, Role: role}, identity.Options{Restore: true})
	if err != nil {
		b.t.Fatal(err)
	}
}

// person returns who has that address.
func (b *browser) person(email string) *token.Person {
	b.t.Helper()
	id, err := b.h.Store.PersonByEmail(b.t.Context(), email)
	if err != nil {
		b.t.Fatal(err)
	}
	p, err := b.h.Verifier.Person(b.t.Context(), id)
	if err != nil || p == nil {
		b.t.Fatalf("there is no %s: %v", email, err)
	}
	return p
}

func TestMemberIsAddedAndChanged(t *testing.T) {
	b := administrator(t, nil)
	b.open(membersPath).says(200, "Ana Admin", "Super admin", "lim@acme.example", "Fewer scopes")
	add := b.open(membersPath + "/add").form(membersPath + "/add")
	add.fill("email", "new@acme.example", "name", "New Person", "role", "admin").post().says(200, "They are invited", "No letter was sent", "new@acme.example", "Admin")
	b.accepts("new@acme.example", "ws1")
	add.fill("email", "new@acme.example").post().says(422, "is a member already")
	add.fill("email", "no address").post().says(422, "Please check this")
	add.fill("email", "other@acme.example", "role", "nope").post().says(422, "Please check this")
	path := membersPath + "/" + b.person("new@acme.example").ID + "/role"
	change := b.open(path).says(200, "Change New Person").form(path)
	if change.fields.Get("role") != "admin" {
		t.Errorf("the form has the role %q", change.fields.Get("role"))
	}
	change.fill("role", "member", "impersonate", "yes", "narrow", "yes", "scopes", "catalog:read").post().says(200, "The member was changed", "May act as others")
	m := b.person("new@acme.example").In("ws1")
	if m.Role != token.Member || !m.MayImpersonate || !m.Narrowed || m.Scopes.String() != "catalog:read" {
		t.Errorf("the membership is %+v", m)
	}
	change.fill("scopes", "a\"b").post().says(422, "Please check this")
	b.open("/panel/w/ws1/audit?action=member.*").says(200, "new@acme.example added member new@acme.example", "ana@acme.example changed member new@acme.example")
}

// The last super admin stays one, and an admin appoints nobody.
func TestPageOfMembersGivesNobodyMoreThanTheirRoleMay(t *testing.T) {
	b := administrator(t, nil)
	b.becomes("lim@acme.example", token.Admin)
	admin := newBrowser(t, b.h)
	admin.accept = "en"
	admin.signIn("lim@acme.example")
	ana := membersPath + "/" + b.person("ana@acme.example").ID + "/role"
	admin.open(ana).form(ana).fill("role", "member").post().says(422, "Only a super admin may do this")
	admin.open(membersPath+"/add").form(membersPath+"/add").fill("email", "new@acme.example", "role", "super_admin").post().says(422, "Only a super admin may do this")
	b.becomes("two@acme.example", token.Member)
	b.open(ana).form(ana).fill("role", "member").post().says(422, "It is not possible in its present state", "the last super admin")
	if b.person("ana@acme.example").In("ws1").Role != token.SuperAdmin {
		t.Error("the last super admin is gone")
	}
	for _, path := range []string{strings.Replace(ana, "/ws1/", "/ws2/", 1), membersPath + "/usr_nobody/role"} {
		b.open(path).says(404)
	}
}

func TestRolesAreMadeChangedAndRemoved(t *testing.T) {
	b := administrator(t, nil)
	path := membersPath + "/roles"
	made := b.open(path).says(200, "looks after the workspace").form(path).fill("name", "reader", "scopes", "catalog:read\ncontent:write").post().says(200, "The role was saved", "reader", "content:write")
	made.form(path).fill("name", "reader", "scopes", "catalog:read").post().says(200, "The role was saved")
	if got := b.open(path + "?role=reader").form(path).fields.Get("name"); got != "reader" {
		t.Errorf("the form has the name %q", got)
	}
	made.form(path).fill("name", "admin", "scopes", "").post().says(422, "Please check this")
	made.form(path).fill("name", "x", "scopes", "a\"b").post().says(422, "Please check this")
	gone := b.open(path).form(path+"/drop").post().says(200, "The role was removed")
	if strings.Contains(gone.html, "reader") {
		t.Error("the role is still there")
	}
	b.becomes("lim@acme.example", token.Admin)
	admin := newBrowser(t, b.h)
	admin.accept = "en"
	admin.signIn("lim@acme.example")
	if s := admin.open(path).says(200, "Only a super admin may change roles"); strings.Contains(s.html, path+`"`+` method`) || len(s.forms) > 1 {
		t.Errorf("an admin is offered %d forms", len(s.forms))
	}
	if res := admin.do(http.MethodPost, b.h.URL+path, map[string][]string{"name": {"mine"}, "scopes": {""}}); res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("an admin makes a role: %d", res.StatusCode)
	}
}

func TestCatalogueOfScopesIsSearched(t *testing.T) {
	b := administrator(t, nil)
	b.open(membersPath+"/scopes").says(200, "Read contacts", "Manage forms")
	if s := b.open(membersPath+"/scopes?search=CRM").says(200, "Read contacts"); strings.Contains(s.text, "Manage forms") {
		t.Error("the search finds what does not match")
	}
	b.open(membersPath+"/scopes?search=nothing").says(200, "No scope matches")
}

// Who adds a member where letters are sent hears that one is on its way, and its
// link lets who is new choose a password.
func TestWhoIsAddedIsWrittenTo(t *testing.T) {
	b := administrator(t, func(c *server.Config) { c.SMTPURL, c.MailFrom = "smtp://127.0.0.1:1", "ficha@example.test" })
	add := b.open(membersPath + "/add").form(membersPath + "/add")
	add.fill("email", "new@acme.example", "name", "New Person", "role", "member").post().says(200, "A letter is on its way", "within 7 days", "new@acme.example")
	letter, err := b.h.Store.ClaimLetter(t.Context(), time.Minute)
	if err != nil || letter == nil || letter.Kind != token.LetterInvitation {
		t.Fatalf("the letter is %+v, %v", letter, err)
	}
	secret, err := b.h.Identity.MintInvitation(t.Context(), letter.To)
	if err != nil {
		t.Fatal(err)
	}
	other := newBrowser(t, b.h)
	other.accept = "en"
	login := other.open("/panel/reset/"+secret).says(200).form("/panel/reset").fill("password", password).post().says(200, "Sign in with it")
	if p, err := b.h.Store.Person(t.Context(), letter.To); err != nil || p.Password == "" {
		t.Errorf("they have no password: %v", err)
	}
	waits := login.form("/panel/login").fill("email", "new@acme.example", "password", password).post().says(200, "Invitations", "Acme", "Invited by ana@acme.example")
	waits.form("/panel/invitations").post("action", "accept").says(200, "You are a member now", "Your account", "Acme")
}
