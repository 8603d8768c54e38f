package trials

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

// A world is a house and the model of it, side by side.
type world struct {
	*house
	*model
	t   testing.TB
	ids map[string]string // person's id by first name
}

// template makes a folder with testdata/house.yaml applied, to be copied.
func template(t *testing.T) *house {
	t.Helper()
	h := newHouse(t, "", "")
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	return h
}

// newWorld opens a copy of the template.
func newWorld(t *testing.T, from *house) *world {
	t.Helper()
	h := &house{clock: servertest.NewClock(), log: &servertest.Buffer{}, dir: t.TempDir()}
	copyFolder(t, h.dir, from.dir)
	h.open(t)
	w := &world{house: h, t: t, ids: map[string]string{}, model: &model{
		now:        h.clock.Now,
		clients:    map[string]bool{"backend": true, "harbour": true, "phone": true},
		workspaces: map[string]bool{"north": true, "south": true},
		people:     map[string]bool{"ana": true, "ben": true, "cleo": true},
		members: map[string]map[string][]string{
			"ana": {"north": ordinary()}, "ben": {"north": ordinary(), "south": ordinary()}, "cleo": {"south": ordinary()},
		},
	}}
	for name, email := range map[string]string{"ana": "ana@north.example", "ben": "ben@north.example", "cleo": "cleo@south.example"} {
		w.ids[name] = h.person(t, email).ID
	}
	return w
}

// TestTokensDoWhatTheModelSays runs random programs. After every step each
// token opens what the model says, with the scopes that the model says.
func TestTokensDoWhatTheModelSays(t *testing.T) {
	from := template(t)
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, from)
		defer func() {
			if err := w.Close(); err != nil {
				rt.Fatal(err)
			}
			_ = os.RemoveAll(w.dir) // sooner than the test would
		}()
		rt.Repeat(w.actions())
		w.house.keepsItsPromises(t)
	})
}

func (w *world) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"":                  w.agree,
		"client token":      w.clientToken,
		"service token":     w.serviceToken,
		"impersonate":       w.impersonate,
		"personal token":    w.personalToken,
		"consent":           w.consent,
		"exchange":          w.exchangeCode,
		"refresh":           w.refresh,
		"foreign client":    w.foreignClient,
		"revoke":            w.revokeOne,
		"revoke family":     w.revokeFamily,
		"suspend or resume": w.suspendOrResume,
		"remove or add":     w.removeOrAdd,
		"narrow":            w.narrow,
		"switch client":     w.switchClient,
		"switch workspace":  w.switchWorkspace,
		"switch person":     w.switchPerson,
		"wait":              w.wait,
		"restart":           func(*rapid.T) { w.restart(w.t) },
	}
}

// agree asks the judge about every token in every workspace.
func (w *world) agree(t *rapid.T) {
	for _, b := range w.tokens {
		for _, workspace := range []string{"north", "south"} {
			scopes, opens := w.opens(b, workspace)
			got, err := w.ask("GET", "/verify?workspace="+workspace, nil, bearer(b.secret)...)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case opens && got.status != 200:
				t.Fatalf("%s in %s: %d %s, want 200", b.what, workspace, got.status, got.body)
			case !opens && got.status == 200:
				t.Fatalf("%s in %s: 200, want a no", b.what, workspace)
			case opens && !slices.Equal(words(got.header.Get("X-Auth-Scopes")), words(strings.Join(scopes, " "))):
				t.Fatalf("%s in %s: scopes %q, want %q", b.what, workspace, got.header.Get("X-Auth-Scopes"), scopes)
			case opens && strings.HasPrefix(b.what, "impersonated") && (got.header.Get("X-Auth-Actor") != "client:backend" || got.header.Get("X-Auth-Subject") != b.person && got.header.Get("X-Auth-Subject") != w.ids[b.person]):
				t.Fatalf("%s: actor %q for %q", b.what, got.header.Get("X-Auth-Actor"), got.header.Get("X-Auth-Subject"))
			}
		}
	}
}

// believe adds a token that was issued, or checks that none was.
func (w *world) believe(t *rapid.T, may bool, got answer, err error, field string, b belief) {
	switch {
	case err != nil:
		t.Fatal(err)
	case may && got.status/100 != 2:
		t.Fatalf("issue %s: %d %s, want a token", b.what, got.status, got.body)
	case !may && got.status/100 == 2:
		t.Fatalf("issue %s: %d, want a no", b.what, got.status)
	case !may:
		return
	}
	b.secret, b.id = got.text(field), got.text("id")
	b.what = fmt.Sprintf("%s #%d", b.what, len(w.tokens))
	w.tokens = append(w.tokens, &b)
}

// clientOf draws a client of those that need no person.
func clientOf(t *rapid.T) (id, secretText string, scopes []string) {
	if rapid.Bool().Draw(t, "harbour") {
		return "harbour", secret("HARBOUR_SECRET"), []string{"catalog:read", "assets:read"}
	}
	return "backend", secret("BACKEND_SECRET"), []string{"content:write", "catalog:read"}
}

func (w *world) clientToken(t *rapid.T) {
	id, text, scopes := clientOf(t)
	got, err := w.own(id, text)
	w.believe(t, w.mayIssue(id), got, err, "access_token", belief{
		what: "access of " + id, workspace: homeOf(id), client: id, scopes: scopes, expires: w.now().Add(30 * time.Minute),
	})
}

func (w *world) serviceToken(t *rapid.T) {
	id, text, all := clientOf(t)
	scopes := all[:rapid.IntRange(1, 2).Draw(t, "scopes")]
	seconds := rapid.SampledFrom([]int{1, 60, 900, 86400}).Draw(t, "ttl")
	got, err := w.ask("POST", "/v1/tokens", map[string]any{"name": "n", "scopes": scopes, "ttl": seconds}, as(text, homeOf(id))...)
	w.believe(t, w.mayIssue(id), got, err, "token", belief{
		what: "service of " + id, workspace: homeOf(id), client: id, scopes: scopes, expires: w.now().Add(time.Duration(seconds) * time.Second),
	})
}

func (w *world) impersonate(t *rapid.T) {
	got, err := w.issue(map[string]any{"type": "impersonated", "on_behalf_of": "ben@north.example", "reason": "trial", "ttl": 900})
	held := w.members["ben"]["north"]
	may := w.mayIssue("backend") && w.mayAct("ben", "north") && slices.Contains(held, "catalog:read")
	w.believe(t, may, got, err, "token", belief{
		what: "impersonated", workspace: "north", client: "backend", person: "ben", scopes: []string{"catalog:read"}, expires: w.now().Add(15 * time.Minute),
	})
}

// personalToken is made by its person at the pages, or by an operator's file:
// either way the authority issues it.
func (w *world) personalToken(t *rapid.T) {
	name := rapid.SampledFrom([]string{"ana", "ben", "cleo"}).Draw(t, "person")
	workspace := rapid.SampledFrom([]string{"", "north", "south"}).Draw(t, "workspace")
	may := w.people[name] && (workspace == "" || w.mayAct(name, workspace) && slices.Contains(w.members[name][workspace], "catalog:read"))
	out, err := w.Authority.Issue(context.Background(), token.Actor{Kind: token.User, ID: w.ids[name]}, authority.Order{
		Kind: token.Personal, Contract: "v1", Person: w.ids[name], Owner: w.ids[name], Workspace: workspace, Scopes: token.Scopes{"catalog:read"}, Name: "n",
	})
	if err != nil {
		if r := token.AsRefusal(err); r == nil || may {
			t.Fatalf("personal token of %s in %q: %v", name, workspace, err)
		}
		return
	}
	got := answer{status: 200, json: map[string]any{"token": out.Secret, "id": out.Token.ID.String()}}
	w.believe(t, may, got, nil, "token", belief{what: "personal of " + name + " for " + workspace, workspace: workspace, person: name, scopes: []string{"catalog:read"}})
}

// consent lets a person say yes to the phone app in north.
func (w *world) consent(t *rapid.T) {
	name := rapid.SampledFrom([]string{"ana", "ben"}).Draw(t, "person")
	may := w.mayIssue("phone") && w.mayAct(name, "north") && slices.Contains(w.members[name]["north"], "catalog:read")
	code, err := w.approve(name)
	switch {
	case err != nil && (may || token.AsRefusal(err) == nil):
		t.Fatalf("consent of %s: %v", name, err)
	case err == nil && !may:
		t.Fatalf("consent of %s: a code, want a no", name)
	case err != nil:
		return
	}
	w.codes = append(w.codes, &beliefCode{secret: code, expires: w.now().Add(time.Minute), family: &beliefFamily{
		proto: belief{what: "phone of " + name, workspace: "north", client: "phone", person: name, scopes: []string{"catalog:read"}},
	}})
}

func (w *world) approve(name string) (code string, err error) {
	ctx, who := context.Background(), token.Actor{Kind: token.User, ID: w.ids[name]}
	p, err := w.Store.Person(ctx, w.ids[name])
	if err != nil {
		return "", err
	}
	session, err := w.Authority.SignIn(ctx, who, p)
	if err != nil {
		return "", err
	}
	a := phoneApp()
	sum := sha256.Sum256([]byte(a.verifier))
	request, err := w.Authority.Begin(ctx, session.Token, authority.Request{
		Contract: "oauth2", Client: a.id, RedirectURI: a.redirect, Scopes: token.Scopes{"catalog:read"},
		Challenge: base64.RawURLEncoding.EncodeToString(sum[:]),
	})
	if err != nil {
		return "", err
	}
	to, err := w.Authority.Approve(ctx, who, session.Token, request, "north", nil)
	return param(to, "code"), err
}

// exchangeCode redeems any code, also one that was redeemed before: that ends
// what the first time gave.
func (w *world) exchangeCode(t *rapid.T) {
	if len(w.codes) == 0 {
		t.Skip("no code yet")
	}
	c := rapid.SampledFrom(w.codes).Draw(t, "code")
	got, err := w.exchange(phoneApp(), c.secret)
	may := w.mayIssue("phone") && !c.used && !c.family.ended && w.now().Before(c.expires) && w.holds(c.family)
	b := c.family.proto
	b.family, b.expires = c.family, w.now().Add(30*time.Minute)
	w.believe(t, may, got, err, "access_token", b)
	switch {
	case may:
		c.used = true
		c.family.refresh = append(c.family.refresh, got.text("refresh_token"))
	case c.used && w.mayIssue("phone"):
		w.endFamily(c.family)
	}
}

// holds reports whether the person of a family still holds what it gives.
func (w *world) holds(f *beliefFamily) bool {
	return intersect(f.proto.scopes, w.members[f.proto.person][f.proto.workspace]) != nil
}

// refresh uses any refresh token of a family. The newest is exchanged; an
// older one is a copy, since what replaced it was used.
func (w *world) refresh(t *rapid.T) {
	f := w.family(t)
	at := len(f.refresh) - 1
	if rapid.IntRange(0, 4).Draw(t, "older") == 0 {
		at = rapid.IntRange(0, at).Draw(t, "which")
	}
	newest := at == len(f.refresh)-1
	got, err := w.renew(phoneApp(), f.refresh[at])
	may := newest && !f.ended && w.mayIssue("phone") && w.holds(f)
	b := f.proto
	b.family, b.expires = f, w.now().Add(30*time.Minute)
	w.believe(t, may, got, err, "access_token", b)
	switch {
	case may:
		f.refresh = append(f.refresh, got.text("refresh_token"))
	case !newest && w.mayIssue("phone"):
		w.endFamily(f)
	}
}

// foreignClient shows what is another client's: it is refused, and nothing
// changes for who it belongs to.
func (w *world) foreignClient(t *rapid.T) {
	if len(w.codes) == 0 {
		t.Skip("no code yet")
	}
	c := rapid.SampledFrom(w.codes).Draw(t, "code")
	form := fields{"grant_type": "authorization_code", "code": c.secret, "redirect_uri": phoneApp().redirect, "code_verifier": phoneApp().verifier}
	if len(c.family.refresh) > 0 && rapid.Bool().Draw(t, "refresh") {
		form = fields{"grant_type": "refresh_token", "refresh_token": rapid.SampledFrom(c.family.refresh).Draw(t, "which")}
	}
	got, err := w.ask("POST", "/oauth2/token", form.form(), basic("sync", secret("SYNC_SECRET"))...)
	if err != nil || got.status != 400 && got.status != 401 {
		t.Fatalf("what belongs to the phone was shown by another client: %d %s, %v", got.status, got.body, err)
	}
	if got, err = w.revoke("sync", secret("SYNC_SECRET"), c.secret); err != nil || got.status/100 == 5 {
		t.Fatalf("revoke by another client: %d %s, %v", got.status, got.body, err)
	}
}

// family draws one that has a refresh token.
func (w *world) family(t *rapid.T) *beliefFamily {
	var all []*beliefFamily
	for _, c := range w.codes {
		if len(c.family.refresh) > 0 {
			all = append(all, c.family)
		}
	}
	if all == nil {
		t.Skip("no family yet")
	}
	return rapid.SampledFrom(all).Draw(t, "family")
}

// one draws a token.
func (w *world) one(t *rapid.T) *belief {
	if len(w.tokens) == 0 {
		t.Skip("no token yet")
	}
	return rapid.SampledFrom(w.tokens).Draw(t, "token")
}

// row reads the token's row.
func (w *world) row(t *rapid.T, b *belief) *token.Token {
	r, err := w.Verifier.Find(context.Background(), b.secret)
	if err != nil {
		t.Fatalf("find %s: %v", b.what, err)
	}
	return r.Token
}

func (w *world) revokeOne(t *rapid.T) {
	b := w.one(t)
	err := w.Authority.Revoke(context.Background(), system(), w.row(t, b), "trial")
	if err != nil && !token.Is(err, token.Conflict) {
		t.Fatalf("revoke %s: %v", b.what, err)
	}
	b.ended = true
}

func (w *world) revokeFamily(t *rapid.T) {
	f := w.family(t)
	got, err := w.ask("POST", "/oauth2/revoke", fields{"client_id": "phone", "token": f.refresh[len(f.refresh)-1]}.form())
	if err != nil || w.mayIssue("phone") && got.status != 200 {
		t.Fatalf("revoke a family: %d %s, %v", got.status, got.body, err)
	}
	if got.status == 200 {
		w.endFamily(f)
	}
}

func (w *world) suspendOrResume(t *rapid.T) {
	b := w.one(t)
	row := w.row(t, b)
	var err error
	if b.suspended {
		err = w.Authority.Resume(context.Background(), system(), row)
	} else {
		err = w.Authority.Suspend(context.Background(), system(), row, 0, "trial")
	}
	switch {
	case err == nil:
		b.suspended = !b.suspended
	case !token.Is(err, token.Conflict) || row.EndedAt == 0:
		t.Fatalf("suspend or resume %s: %v", b.what, err)
	}
}

// removeOrAdd takes Ben out of a workspace, or lets him in again.
func (w *world) removeOrAdd(t *rapid.T) {
	workspace := rapid.SampledFrom([]string{"north", "south"}).Draw(t, "workspace")
	if _, member := w.members["ben"][workspace]; member {
		if err := w.Identity.Remove(context.Background(), system(), w.ids["ben"], workspace, "trial"); err != nil {
			t.Fatal(err)
		}
		delete(w.members["ben"], workspace)
		w.fell("", "ben", workspace)
		return
	}
	w.enrol(t, workspace, ordinary(), false)
}

// narrow changes what Ben holds in a workspace: his tokens follow.
func (w *world) narrow(t *rapid.T) {
	workspace := rapid.SampledFrom([]string{"north", "south"}).Draw(t, "workspace")
	if _, member := w.members["ben"][workspace]; !member {
		t.Skip("Ben is no member")
	}
	narrowed := rapid.Bool().Draw(t, "narrowed")
	held := ordinary()
	if narrowed {
		held = []string{"content:write"}
	}
	w.enrol(t, workspace, held, narrowed)
}

func (w *world) enrol(t *rapid.T, workspace string, held []string, narrowed bool) {
	d := identity.DeclaredMembership{Workspace: workspace, Narrowed: narrowed}
	if narrowed {
		d.Scopes = token.Scopes(held)
	}
	if _, err := w.Identity.PutMembership(context.Background(), system(), w.ids["ben"], d, identity.Options{Restore: true}); err != nil {
		t.Fatal(err)
	}
	w.members["ben"][workspace] = held
}

func (w *world) switchClient(t *rapid.T) {
	id := rapid.SampledFrom([]string{"backend", "harbour", "phone"}).Draw(t, "client")
	var err error
	if w.clients[id] {
		err = w.Authority.DisableClient(context.Background(), system(), homeOf(id), id, "trial")
		w.fell(id, "", "")
	} else {
		err = w.Authority.EnableClient(context.Background(), system(), homeOf(id), id)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.clients[id] = !w.clients[id]
}

func (w *world) switchWorkspace(t *rapid.T) {
	id := rapid.SampledFrom([]string{"north", "south"}).Draw(t, "workspace")
	var err error
	if w.workspaces[id] {
		err = w.Authority.DisableWorkspace(context.Background(), system(), id, "trial")
		w.fell("", "", id)
	} else {
		err = w.Authority.EnableWorkspace(context.Background(), system(), id, "trial")
	}
	if err != nil {
		t.Fatal(err)
	}
	w.workspaces[id] = !w.workspaces[id]
}

func (w *world) switchPerson(t *rapid.T) {
	var err error
	if w.people["ben"] {
		err = w.Identity.DisableUser(context.Background(), system(), w.ids["ben"], "trial")
		w.fell("", "ben", "")
	} else {
		err = w.Identity.EnableUser(context.Background(), system(), w.ids["ben"], "trial")
	}
	if err != nil {
		t.Fatal(err)
	}
	w.people["ben"] = !w.people["ben"]
}

func (w *world) wait(t *rapid.T) {
	w.clock.Move(rapid.SampledFrom([]time.Duration{
		time.Millisecond, time.Second - time.Millisecond, time.Minute, 15 * time.Minute, 30*time.Minute - time.Millisecond, 24 * time.Hour,
	}).Draw(t, "time"))
}
