package panel_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/token"
)

// invites has ana, of ws1, invite somebody there.
func (b *browser) invites(email string, m identity.DeclaredMembership) {
	b.t.Helper()
	ana := b.person("ana@acme.example")
	m.Workspace = "ws1"
	_, _, err := b.h.Identity.Invite(b.t.Context(), token.Actor{Kind: token.User, ID: ana.ID, Name: ana.Email, Workspace: "ws1"}, identity.Declared{Email: email}, m)
	if err != nil {
		b.t.Fatal(err)
	}
}

// accepts has somebody accept what they are invited to.
func (b *browser) accepts(email, workspace string) {
	b.t.Helper()
	err := b.h.Identity.Accept(b.t.Context(), token.Actor{Kind: token.User, ID: b.person(email).ID, Name: email}, workspace)
	if err != nil {
		b.t.Fatal(err)
	}
}

// as returns a browser in which somebody has signed in, and the page after it.
func (b *browser) as(email string) (*browser, *shown) {
	b.t.Helper()
	other := newBrowser(b.t, b.h)
	other.accept = "en"
	return other, other.signIn(email)
}

const invitations = "/panel/invitations"

// TestWhoIsInvitedElsewhereSaysSoThemselves: the account page tells of it, and
// nothing of the workspace opens before they accept.
func TestWhoIsInvitedElsewhereSaysSoThemselves(t *testing.T) {
	b := administrator(t, nil)
	b.joins("none@acme.example", "ws3", token.Member)
	b.invites("none@acme.example", identity.DeclaredMembership{Role: token.Admin, MayImpersonate: true})
	none, home := b.as("none@acme.example")
	home.says(200, "You are invited to 1 workspace")
	none.open("/panel/w/ws1").says(404)
	page := none.open(invitations).says(200, "Acme", "Admin", "May act as others", "Invited by ana@acme.example", "Until: in 7 days", "only if you accept")
	page.form(invitations).post("action", "later").says(400)
	page.form(invitations).fill("workspace", "ws2").post("action", "accept").says(200, "This invitation is over")
	page.form(invitations).fill("workspace", "ws1").post("action", "accept").says(200, "You are a member now", "Acme")
	none.open("/panel/w/ws1/members").says(200, "none@acme.example")
	page.form(invitations).post("action", "accept").says(200, "or was answered or withdrawn already", "No invitation waits for you") // the page was still open
	if strings.Contains(none.open("/panel/").html, invitations) {
		t.Error("the account page tells of an invitation that was answered")
	}
	b.open("/panel/w/ws1/audit").says(200, "ana@acme.example invited none@acme.example", "none@acme.example added member none@acme.example")
}

// TestWhoBelongsNowhereMayAccept: they have no session before, one after, and
// what their browser holds meanwhile opens nothing but that page.
func TestWhoBelongsNowhereMayAccept(t *testing.T) {
	b := administrator(t, nil)
	b.invites("none@acme.example", identity.DeclaredMembership{})
	none, page := b.as("none@acme.example")
	page.says(200, "Invitations", "Acme", "Member")
	if page.url != invitations || none.cookie("ficha_session") != "" || none.cookie("ficha_arrived") == "" {
		t.Fatalf("ends on %s, with the session %q", page.url, none.cookie("ficha_session"))
	}
	for _, path := range []string{"/panel/", "/panel/security", "/panel/w/ws1/tokens"} {
		if s := none.open(path); !strings.HasPrefix(s.url, "/panel/login") {
			t.Errorf("%s opens %s", path, s.url)
		}
	}
	if res := none.do(http.MethodGet, b.h.URL+"/v1/users", nil); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("the API answers %d", res.StatusCode)
	}
	page.form(invitations).post("action", "decline").says(200, "The invitation is declined", "No invitation waits for you")
	none.signIn("none@acme.example").says(403, "You belong to no workspace")
	b.invites("none@acme.example", identity.DeclaredMembership{})
	page = none.signIn("none@acme.example")
	page.form(invitations).post("action", "accept").says(200, "You are a member now", "Your account", "Acme")
	if none.cookie("ficha_session") == "" || none.cookie("ficha_arrived") != "" {
		t.Error("they have no session, or are still on their way to one")
	}
	none.open("/panel/w/ws1/tokens").says(200)
}

// TestArrivalIsForgotten: after ten minutes, and with signing out.
func TestArrivalIsForgotten(t *testing.T) {
	b := administrator(t, nil)
	b.invites("none@acme.example", identity.DeclaredMembership{})
	none, page := b.as("none@acme.example")
	page.form("/panel/logout").post()
	if s := none.open(invitations); !strings.HasPrefix(s.url, "/panel/login") {
		t.Errorf("who signed out sees %s", s.url)
	}
	none, page = b.as("none@acme.example")
	b.h.Clock.Move(10 * time.Minute)
	if s := page.form(invitations).post("action", "accept"); !strings.HasPrefix(s.url, "/panel/login") || b.person("none@acme.example").In("ws1") != nil {
		t.Errorf("after ten minutes it is accepted: %s", s.url)
	}
	if s := none.open(invitations); !strings.HasPrefix(s.url, "/panel/login?next=") {
		t.Errorf("ends on %s", s.url)
	}
}

// TestOtherSitesAnswerNoInvitation: a form of another site is not taken.
func TestOtherSitesAnswerNoInvitation(t *testing.T) {
	b := administrator(t, nil)
	b.joins("none@acme.example", "ws3", token.Member)
	b.invites("none@acme.example", identity.DeclaredMembership{})
	none, _ := b.as("none@acme.example")
	res := none.do(http.MethodPost, b.h.URL+invitations, url.Values{"workspace": {"ws1"}, "action": {"accept"}}, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example")
	if res.StatusCode != http.StatusForbidden || b.person("none@acme.example").In("ws1") != nil {
		t.Errorf("another site accepts: %d", res.StatusCode)
	}
}

// TestInvitationIsSeenAndWithdrawnByAdmins, of that workspace alone, and it tells
// them nothing of the person but the address that they had.
func TestInvitationIsSeenAndWithdrawnByAdmins(t *testing.T) {
	b := administrator(t, nil)
	b.invites("none@acme.example", identity.DeclaredMembership{Role: token.Admin})
	b.invites("stranger@acme.example", identity.DeclaredMembership{Role: token.Admin})
	page := b.open(membersPath).says(200, "Invited, not answered yet", "2 invitations", "none@acme.example", "stranger@acme.example")
	if strings.Contains(page.text, "Nobody") || strings.Contains(page.html, b.person("none@acme.example").ID) {
		t.Error("the page tells who they are")
	}
	b.open(membersPath + "/" + b.person("none@acme.example").ID).says(404)
	const withdraw = membersPath + "/invitations/withdraw"
	form := page.form(withdraw).fill("email", "none@acme.example")
	two, _ := b.as("two@acme.example")
	elsewhere := url.Values{"email": {"none@acme.example"}}
	two.follow(two.do(http.MethodPost, b.h.URL+"/panel/w/ws2/members/invitations/withdraw", elsewhere)).says(200, "This invitation is over")
	if s := two.open("/panel/w/ws2/members"); strings.Contains(s.text, "none@acme.example") {
		t.Error("another workspace sees it")
	}
	lim, _ := b.as("lim@acme.example")
	lim.follow(lim.do(http.MethodPost, b.h.URL+withdraw, elsewhere)).says(403)
	if s := form.post().says(200, "The invitation is withdrawn", "stranger@acme.example"); strings.Contains(s.text, "none@acme.example") {
		t.Error("it is still there")
	}
	form.post().says(200, "This invitation is over")
	none := newBrowser(t, b.h)
	none.accept = "en"
	none.signIn("none@acme.example").says(403, "You belong to no workspace")
}
