package panel_test

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/server/servertest"
)

const ws1Inventory = "/panel/w/ws1/inventory"

// id returns the id at the end of the address of a token's page.
func id(page string) string { return page[strings.LastIndexByte(page, '/')+1:] }

func TestInventoryIsNarrowedByItsAddress(t *testing.T) {
	h := newHouse(t, nil)
	b := as(t, h, "ana@acme.example")
	secret, _ := b.make("service", "editor bot", "content:write", "expires", "86400")
	b.make("personal", "reader", "catalog:read", "expires", "never")
	for query, want := range map[string]string{
		"?kind=personal": "reader", "?kind=service": "editor bot", "?scope=content:write": "editor bot", "?owner=ana%40acme.example&kind=personal": "reader",
		"?expires_before=2026-11-25": "editor bot", "?q=EDIT": "editor bot", "?last_four=" + secret[len(secret)-4:]: "editor bot", "?used=never&scope=catalog:read": "reader",
	} {
		s := b.open(ws1Inventory+query).says(200, want)
		other := "reader"
		if want == other {
			other = "editor bot"
		}
		if strings.Contains(s.text, other) {
			t.Errorf("%s shows %s too", query, other)
		}
	}
	b.open(ws1Inventory+"?status=suspended").says(200, "Nothing matches these filters")
	b.open(ws1Inventory+"?created_from=yesterday&q=x").says(422, "Please check this")
	b.open(ws1Inventory + "?kind=nonsense").says(422)
	b.open(ws1Inventory).says(200, "expire within 30 days", "with no owner", "spa")
}

func TestPastedTokenIsFoundAndNeverInAnAddress(t *testing.T) {
	h := newHouse(t, nil)
	b := as(t, h, "ana@acme.example")
	signed, page := b.make("service", "bot", "content:write")
	opaque, other := b.make("service", "plain", "content:write", "format", "opaque")
	find := func(values ...string) *shown {
		f := b.open(ws1Inventory).form(ws1Inventory + "/find")
		return f.fill(values...).post()
	}
	for secret, want := range map[string]string{signed: page, opaque: other} {
		if s := find("q", secret); s.url != want {
			t.Errorf("pasting it ends on %s, want %s", s.url, want)
		}
		sum := sha256.Sum256([]byte(secret))
		if s := find("q", "", "sha256", hex.EncodeToString(sum[:]), "last_four", secret[len(secret)-4:]); s.url != want {
			t.Errorf("its hash ends on %s, want %s", s.url, want)
		}
	}
	unknown := "CFPAT-" + opaque[len("fch_svc_"):] // the check at its end is of another prefix
	if s := find("q", unknown).says(404, "No credential of this workspace"); strings.Contains(s.html, unknown) || strings.Contains(s.url, unknown) {
		t.Error("a secret that is not known stands on the page or in its address")
	}
	if s := find("q", "plain"); s.url != ws1Inventory+"?q=plain" || !strings.Contains(s.text, "plain") {
		t.Errorf("a name ends on %s", s.url)
	}
	if s := find("q", id(page)); !strings.Contains(s.text, "bot") {
		t.Errorf("an id ends on %s", s.url)
	}
	for _, secret := range []string{signed, opaque, unknown} {
		if strings.Contains(h.Log.String(), secret) {
			t.Error("the log holds what was pasted")
		}
	}
}

func TestPickedTokensAreRevokedAfterTheirUseWasShown(t *testing.T) {
	h := newHouse(t, nil)
	b := as(t, h, "ana@acme.example")
	one, first := b.make("service", "one", "content:write")
	two, second := b.make("service", "two", "content:write")
	three, _ := b.make("service", "three", "content:write")
	if !b.opens(one) {
		t.Fatal("it opens nothing")
	}
	form := b.open(ws1Inventory).form(ws1Inventory + "/bulk")
	form.post("act", "revoke").says(200, "pick at least one token")
	form.fields["id"] = []string{id(first), id(second)}
	ask := form.post("act", "revoke").says(200, "Revoke 2 tokens?", "Used in the last hour", "Ana Admin", "Type 2 to go on")
	if !b.opens(one) || !b.opens(two) {
		t.Fatal("something was done before anybody said yes")
	}
	run := ask.form(ws1Inventory + "/bulk/run")
	run.fill("count", "3").post().says(422, "This is not right")
	run.fill("count", "2", "reason", "spring cleaning").post().says(200, "The tokens are revoked")
	if b.opens(one) || b.opens(two) || !b.opens(three) {
		t.Error("not those that were picked have ended")
	}
	b.open(first).says(200, "spring cleaning")
	form.post("act", "revoke").says(200, "None of them lives any more")
	b.follow(b.do("POST", h.URL+ws1Inventory+"/bulk", url.Values{"act": {"burn"}, "id": {id(first)}})).says(400)
}

func TestAllThatMatchIsOneDeed(t *testing.T) {
	h := newHouse(t, nil)
	b := as(t, h, "ana@acme.example")
	one, _ := b.make("service", "one", "catalog:read")
	two, _ := b.make("service", "two", "catalog:read")
	kept, _ := b.make("service", "kept", "content:write")
	s := b.open(ws1Inventory+"?scope=catalog:read").says(200, "Revoke all that match")
	var sweep *form
	for _, f := range s.forms {
		if f.fields.Get("act") == "sweep" {
			sweep = f
		}
	}
	done := sweep.post().says(200, "Revoke 2 tokens?").form(ws1Inventory+"/bulk/run").fill("reason", "moved away").post().says(200, "It is done", "moved away", "Ends every token with the scope catalog:read", `{"scope":"catalog:read"}`)
	if !strings.HasPrefix(done.url, ws1Inventory+"/revocations/") || b.opens(one) || b.opens(two) || !b.opens(kept) {
		t.Errorf("ends on %s", done.url)
	}
	b.follow(b.do("POST", h.URL+ws1Inventory+"/bulk/run", url.Values{"act": {"sweep"}, "status": {"live"}})).says(400)
}

func TestPickedTokensAreRotatedTogether(t *testing.T) {
	h := newHouse(t, nil)
	b := as(t, h, "ana@acme.example")
	old, first := b.make("service", "one", "content:write")
	_, second := b.make("ephemeral", "brief", "content:write")
	form := b.open(ws1Inventory).form(ws1Inventory + "/bulk")
	form.fields["id"] = []string{id(first), id(second)}
	run := form.post("act", "rotate").says(200, "New secrets for 2 tokens?", "Gets a new secret1", "administrators rotate service tokens").form(ws1Inventory+"/bulk/run").fill("grace", "0")
	run.post().says(422, "is required with grace_seconds 0")
	run.fill("reason", "it leaked")
	bare := url.Values{"act": {"rotate"}, "id": {id(first)}, "grace": {"0"}, "reason": {"it leaked"}}
	b.follow(b.do("POST", h.URL+ws1Inventory+"/bulk/run", bare)).says(400)
	s, again := run.post().says(200, "New secrets", "administrators rotate service tokens"), run.post().says(200)
	run.fields["id"] = []string{id(first), theirs(t, h), id(second)}
	run.post().says(200, "there is no such token", "New secrets")
	run.fields["id"] = []string{id(first), id(second)}
	found := secretOnPage.FindAllStringSubmatch(s.html, -1)
	if strings.Contains(s.text, "The old secret works on") {
		t.Errorf("the old one ended at once: %s", s.text)
	}
	if len(found) != 1 || found[0][1] == old || !strings.Contains(again.html, found[0][1]) {
		t.Fatalf("shows %v, then %s", found, again.text)
	}
	if b.opens(old) {
		t.Error("the old secret works on")
	}
	var file = run
	for _, f := range s.forms {
		if strings.HasSuffix(f.action, "?as=csv") {
			file = f
		}
	}
	res := b.do("POST", h.URL+file.action, file.fields)
	rows, err := csv.NewReader(strings.NewReader(res.body)).ReadAll()
	if err != nil || len(rows) != 3 || rows[1][2] != found[0][1] || rows[2][2] != "" || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the file is %q, %v, %v", rows, err, res.Header)
	}
	b.open(first).says(200, "it leaked")
}

// theirs makes a token of another workspace and returns its id.
func theirs(t *testing.T, h *servertest.House) string {
	t.Helper()
	const path = "/panel/w/ws2/tokens/new"
	made := as(t, h, "two@acme.example").open(path+"?type=service").form(path).fill("name", "theirs").choose("content:write").post("action", "create").says(200, "theirs")
	r, err := h.Verifier.Find(t.Context(), secretOnPage.FindStringSubmatch(made.html)[1])
	if err != nil {
		t.Fatal(err)
	}
	return r.Token.ID.String()
}

func TestInventoryIsTakenAlongAsAFile(t *testing.T) {
	h := newHouse(t, nil)
	b := as(t, h, "ana@acme.example")
	secret, _ := b.make("service", "=1+1", "content:write")
	b.make("personal", "reader", "catalog:read")
	res := b.do("GET", h.URL+ws1Inventory+"/export?format=csv&scope=content:write", nil)
	rows, err := csv.NewReader(strings.NewReader(res.body)).ReadAll()
	if err != nil || len(rows) != 2 || rows[0][0] != "id" || rows[1][2] != "'=1+1" || !strings.Contains(res.Header.Get("Content-Disposition"), "tokens.csv") {
		t.Errorf("%v, %v", rows, err)
	}
	if res := b.do("GET", h.URL+ws1Inventory+"/export?format=jsonl&kind=personal", nil); strings.Count(res.body, "\n") != 1 || !strings.Contains(res.body, `"name":"reader"`) {
		t.Errorf("jsonl %s", res.body)
	}
	if strings.Contains(res.body, secret) {
		t.Error("the file holds a secret")
	}
	lim := as(t, h, "lim@acme.example")
	if res := lim.do("GET", h.URL+ws1Inventory+"/export?format=csv", nil); res.StatusCode != 403 {
		t.Errorf("a member gets %d", res.StatusCode)
	}
}

func TestInventoryGoesOnByItsKey(t *testing.T) {
	h := newHouse(t, nil)
	b := as(t, h, "ana@acme.example")
	for range 52 {
		b.make("personal", "one of many", "catalog:read")
		h.Clock.Move(time.Second)
	}
	s := b.open(ws1Inventory+"?kind=personal").says(200, "50 live credentials on this page", "Next page")
	next := linkTo(t, s, ws1Inventory+"?after=")
	b.open(strings.ReplaceAll(next, "&amp;", "&")).says(200, "2 live credentials on this page", "Back to the beginning")
}

func TestInventoryShowsWhatExpiresSoonestFirst(t *testing.T) {
	h := newHouse(t, nil)
	b := as(t, h, "ana@acme.example")
	b.make("service", "for a month", "content:write", "expires", "2592000")
	h.Clock.Move(time.Second)
	b.make("personal", "for ever", "catalog:read", "expires", "never")
	h.Clock.Move(time.Second)
	b.make("service", "for a day", "content:write", "expires", "86400")
	inOrder := func(s *shown, names ...string) {
		t.Helper()
		for n, name := range names {
			if at := strings.Index(s.text, name); at < 0 || n > 0 && at < strings.Index(s.text, names[n-1]) {
				t.Errorf("%s has %q at %d, out of %q", s.url, name, at, names)
			}
		}
	}
	inOrder(b.open(ws1Inventory).says(200, "soonest expiry first"), "for a day", "for a month", "for ever")
	newest := b.open(ws1Inventory+"?sort=created").says(200, "newest first")
	inOrder(newest, "for a day", "for ever", "for a month")
	h.Clock.Move(25 * time.Hour)
	b = as(t, h, "ana@acme.example")
	if s := b.open(ws1Inventory); strings.Contains(s.text, "for a day") || !strings.Contains(s.html, `aria-sort="ascending"`) {
		t.Errorf("what is over stands among what is live:\n%s", s.text)
	}
	b.open(ws1Inventory+"?q=for+a+day").says(200, "for a day")
	b.open(ws1Inventory+"?status=expired").says(200, "for a day", "newest first")
}

func TestPickedTokensAreExportedAndGetAnotherOwner(t *testing.T) {
	h := newHouse(t, nil)
	b := as(t, h, "ana@acme.example")
	secret, first := b.make("service", "one", "content:write")
	_, second := b.make("service", "two", "content:write")
	form := b.open(ws1Inventory).form(ws1Inventory + "/bulk")
	form.fields["id"] = []string{id(first), id(second)}
	res := b.do("POST", h.URL+ws1Inventory+"/bulk", url.Values{"act": {"export"}, "id": form.fields["id"]})
	if rows, err := csv.NewReader(strings.NewReader(res.body)).ReadAll(); err != nil || len(rows) != 3 || rows[1][2] != "one" || strings.Contains(res.body, secret) {
		t.Errorf("the picked ones as a file: %q, %v", rows, err)
	}
	b.follow(b.do("POST", h.URL+ws1Inventory+"/bulk/run", url.Values{"act": {"export"}, "id": form.fields["id"]})).says(400)
	run := form.post("act", "give").says(200, "Another owner for 2 tokens?").form(ws1Inventory + "/bulk/run")
	run.post().says(422, "This is needed")
	run.fill("owner", "lim@acme.example").post().says(200, "another owner now", "Lim Limited")
	b.open(second).says(200, "Lim Limited").form(ws1Inventory+"/bulk/run").fill("owner", "platform").post().says(200, "platform", "another owner now")
	b.open(first).says(200, "Lim Limited")
	if !b.opens(secret) {
		t.Error("the token opens nothing any more")
	}
}
