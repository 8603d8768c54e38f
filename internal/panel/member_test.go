package panel_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/server/servertest"
)

// memberPath returns the path of the page of a member of ws1.
func memberPath(t *testing.T, h *servertest.House, email string) string {
	t.Helper()
	person, err := h.Store.PersonByEmail(t.Context(), email)
	if err != nil || person == "" {
		t.Fatal(person, err)
	}
	return "/panel/w/ws1/members/" + person
}

func TestMemberIsRemovedWithTheTokensThatThePageNamed(t *testing.T) {
	h := newHouse(t, nil)
	ana, lim, two := as(t, h, "ana@acme.example"), as(t, h, "lim@acme.example"), as(t, h, "two@acme.example")
	his, hisPage := lim.make("personal", "his", "catalog:read")
	bot, botPage := two.make("service", "two's bot", "content:write")
	page := memberPath(t, h, "lim@acme.example")
	ana.open(page).says(200, "Lim Limited", "Member", "his", "token above ends at once").form(page+"/remove").post("reason", "left").says(200, "The membership has ended", "Left")
	if ana.opens(his) {
		t.Error("his token opens on")
	}
	ana.open(hisPage).says(200, "Revoked", "Owner left")
	if s := lim.open(ws1Tokens); !strings.HasPrefix(s.url, "/panel/login") {
		t.Errorf("who left ends on %s", s.url)
	}
	page = memberPath(t, h, "two@acme.example")
	f := ana.open(page).says(200, "two's bot", "Somebody else takes them over").form(page + "/remove")
	f.fill("then", "move", "move_to", "nobody@acme.example").post().says(422, "is no member")
	f.fill("then", "until", "live_until", "never").post().says(422, "a date to come")
	f.fill("then", "move", "move_to", "ana@acme.example").post().says(200, "The membership has ended")
	if !ana.opens(bot) {
		t.Error("the bot that was taken over opens nothing")
	}
	ana.open(botPage).says(200, "Ana Admin")
	page = memberPath(t, h, "ana@acme.example")
	ana.open(page).form(page+"/remove").post().says(422, "last super admin")
	ana.open("/panel/w/ws1/members/usr_nobody").says(404)
	as(t, h, "two@acme.example").open(page).says(404)
}

func TestMemberActsAsAnotherOnlyWithTheRightAndAReason(t *testing.T) {
	h := newHouse(t, nil)
	ana := as(t, h, "ana@acme.example")
	page := memberPath(t, h, "lim@acme.example")
	if s := ana.open(page).says(200); strings.Contains(s.text, "Act as this person") {
		t.Error("who lacks the right is offered it")
	}
	ana.follow(ana.do("POST", h.URL+page+"/impersonate", url.Values{"reason": {"x"}, "minutes": {"5"}, "once": {"k"}})).says(422, "You may not do this")
	if _, err := h.Apply(t.Context(), "right.yaml", []byte(`
users:
  - {email: ana@acme.example, memberships: [{workspace: ws1, role: super_admin, may_impersonate: true}]}
`), false); err != nil {
		t.Fatal(err)
	}
	f := ana.open(page).says(200, "Act as this person").form(page + "/impersonate")
	f.fill("minutes", "5", "reason", "").post().says(422, "it stands in the audit")
	made := f.fill("minutes", "5", "reason", "a ticket of his").post().says(200, "never again", "catalog:read")
	secret := secretOnPage.FindStringSubmatch(made.html)[1]
	if !ana.opens(secret) {
		t.Fatal("it opens nothing")
	}
	r, err := h.Verifier.Find(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	ana.open(ws1Tokens+"/"+r.Token.ID.String()).says(200, "Impersonated token", "a ticket of his", "Lim Limited")
	h.Clock.Move(6 * time.Minute)
	if ana.opens(secret) {
		t.Error("it opens after its minutes")
	}
}
