package bench

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/token"
)

// mostShown is what a page may take in a house with a million tokens.
const mostShown = 100 * time.Millisecond

// crowd is the variable that names a folder in which the house is kept between
// runs: to make it takes longer than to measure it.
const crowd = "FICHA_BENCH_HOUSE"

// BenchmarkPages asks for every page of the panel, as an admin of a workspace
// that has six tenths of a million tokens, four of them their own, and as a
// member of many, and prints how long each takes on SQLite.
func BenchmarkPages(b *testing.B) {
	dir := cmp.Or(os.Getenv(crowd), b.TempDir())
	_, none := os.Stat(filepath.Join(dir, "full"))
	w := &world{dir: dir}
	s := w.open(b)
	defer s.Close() //nolint:errcheck // it is thrown away
	if none != nil {
		fillHouse(b, s)
		if err := os.WriteFile(filepath.Join(dir, "full"), nil, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	r := &reader{house: s}
	r.signIn(b)
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	text := "page\tmedian\tslowest\t\t\n"
	for _, path := range r.paths(b) {
		text += verdictOf(path, r.times(b, http.MethodGet, path, nil))
	}
	at := "/panel/w/" + large
	text += verdictOf("policies, tried", r.times(b, http.MethodPost, at+"/policies", url.Values{"action": {"try"}, "ttl_service": {"10d"}, "require_purpose": {"yes"}}))
	text += verdictOf("revoke all that match, asked", r.times(b, http.MethodPost, at+"/inventory/bulk", url.Values{"act": {"sweep"}, "owner": {bossMail}}))
	if _, err := io.WriteString(out, text); err != nil {
		b.Fatal(err)
	}
	if err := out.Flush(); err != nil {
		b.Fatal(err)
	}
}

func verdictOf(what string, all []time.Duration) string {
	verdict := map[bool]string{true: "", false: "slow"}[all[len(all)/2] <= mostShown]
	return fmt.Sprintf("%s\t%s\t%s\t%s\t\n", what, milliseconds(all[len(all)/2]), milliseconds(all[len(all)-1]), verdict)
}

// A reader is somebody at the panel.
type reader struct {
	house   *server.Server
	cookies []*http.Cookie
}

func (r *reader) ask(b *testing.B, method, path string, form url.Values) *httptest.ResponseRecorder {
	b.Helper()
	req := httptest.NewRequestWithContext(b.Context(), method, "http://127.0.0.1"+path, strings.NewReader(form.Encode()))
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range r.cookies {
		req.AddCookie(c)
	}
	rec := httptest.NewRecorder()
	r.house.ServeHTTP(rec, req)
	return rec
}

func (r *reader) signIn(b *testing.B) {
	b.Helper()
	res := r.ask(b, http.MethodPost, "/panel/login", url.Values{"email": {bossMail}, "password": {bossPassword}})
	for _, line := range res.Header().Values("Set-Cookie") {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			b.Fatal(err)
		}
		r.cookies = append(r.cookies, c)
	}
	if res.Code != http.StatusSeeOther {
		b.Fatalf("sign in: %d", res.Code)
	}
}

// times returns how long a page took, several times, the shortest first. The
// first time fills caches and is not among them.
func (r *reader) times(b *testing.B, method, path string, form url.Values) (all []time.Duration) {
	b.Helper()
	for n := range 8 {
		began := time.Now()
		res := r.ask(b, method, path, form)
		if took := time.Since(began); n > 0 {
			all = append(all, took)
		}
		if res.Code != http.StatusOK {
			b.Fatalf("%s answers %d %s", path, res.Code, res.Header().Get("Location"))
		}
	}
	slices.Sort(all)
	return all
}

// paths returns an address for every page, and some that ask for more.
func (r *reader) paths(b *testing.B) (paths []string) {
	b.Helper()
	ids := r.ids(b)
	for _, route := range r.house.Panel.Routes() {
		pattern, page := strings.CutPrefix(route.Pattern, "GET /panel")
		if !page || pattern == "" || pattern == "/w/{workspace}" || pattern == "/" || slices.ContainsFunc(unread, func(part string) bool { return strings.Contains(pattern, part) }) {
			continue
		}
		area, _, _ := strings.Cut(strings.TrimPrefix(pattern, "/w/{workspace}/"), "/")
		path := strings.NewReplacer("{workspace}", large, "{id}", ids[area], "{delivery}", ids["delivery"], "{$}", "").Replace("/panel" + pattern)
		paths = append(paths, path)
	}
	at := "/panel/w/" + large
	return append(paths, at+"/tokens?after="+ids["deep"], at+"/inventory?after="+ids["deep"], at+"/inventory?status=live&used=idle_90",
		at+"/inventory?q=nothing-is-called-so", at+"/inventory?q=00ef", at+"/inventory?owner="+bossMail, at+"/inventory?kind=access",
		at+"/members/"+ids["member"], at+"/audit?actor=user:nobody", at+"/audit?action=token.revoked", at+"/usage?range=30d")
}

// unread is what is no page, needs a step before it, or is as long as what it
// exports.
var unread = []string{"/export", "/revocations/", "/login", "/setup", "/consent", "/language", "/reset", "/forgot", "/security", "/factors", ".css", ".js", ".png"}

// ids returns what pages are about, by area.
func (r *reader) ids(b *testing.B) map[string]string {
	b.Helper()
	ctx, store := b.Context(), r.house.Store
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	boss, err := store.PersonByEmail(ctx, bossMail)
	must(err)
	member, err := store.PersonByEmail(ctx, memberMail(7))
	must(err)
	page, err := store.Inventory(ctx, token.Inventory{Workspace: large, Kinds: []token.Kind{token.Personal}, Limit: 200})
	must(err)
	hooks, err := store.Subscriptions(ctx, large, 0, 1)
	must(err)
	sent, err := store.Shipments(ctx, hooks[0].ID, "", 0, 1)
	must(err)
	events, err := store.Events(ctx, token.Trail{Workspace: large, Limit: 1})
	must(err)
	newest := page.Tokens[0].ID
	return map[string]string{
		"tokens": newest.String(), "deep": token.NewID(newest.Time().AddDate(0, 0, -150), token.Long).String(), "members": boss, "member": member,
		"webhooks": hooks[0].ID.String(), "delivery": sent[0].ID.String(), "audit": events[0].ID.String(), "applications": "app7",
	}
}

// The people of the house.
const (
	bossMail     = "boss@example.test"
	bossPassword = "correct horse battery"
	colleagues   = 3000
	programs     = 1000
)

func memberMail(n int) string { return fmt.Sprintf("c%d@example.test", n) }

// crowded declares a workspace with many members and programs.
func crowded() string {
	var t strings.Builder
	fmt.Fprintf(&t, "workspaces: [{id: %s, name: Large, scopes: [\"content:write\", \"catalog:read\"]}]\nusers:\n", large)
	fmt.Fprintf(&t, "  - {email: %s, password: %q, memberships: [{workspace: %s, role: super_admin}]}\n", bossMail, bossPassword, large)
	for n := range colleagues {
		fmt.Fprintf(&t, "  - {email: %s, memberships: [{workspace: %s, role: member}]}\n", memberMail(n), large)
	}
	t.WriteString("clients:\n")
	for n := range programs {
		fmt.Fprintf(&t, "  - {client_id: app%d, client_secret: secret-of-an-application-%d, workspace: %s, grant_types: [client_credentials], scope: \"catalog:read\"}\n", n, n, large)
	}
	fmt.Fprintf(&t, "webhooks:\n  - {workspace: %s, url: \"https://hooks.example.test/in\", events: [\"token.issued\"], secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw}\n", large)
	return t.String()
}

// fillHouse makes the million: four tenths are the boss's, two tenths service
// tokens of colleagues, the rest is what programs get. What has a name has a
// record in the audit; a tenth of that waits to be delivered.
func fillHouse(b *testing.B, s *server.Server) {
	b.Helper()
	if _, err := s.Apply(b.Context(), "bench.yaml", []byte(crowded()), false); err != nil {
		b.Fatal(err)
	}
	f := &filler{b: b, house: s, now: time.Now()}
	var err error
	for n := range colleagues + 1 {
		mail := bossMail
		if n > 0 {
			mail = memberMail(n - 1)
		}
		var id string
		if id, err = s.Store.PersonByEmail(b.Context(), mail); err != nil {
			b.Fatal(err)
		}
		f.people = append(f.people, id)
	}
	if f.large, err = s.Verifier.Workspace(b.Context(), large); err != nil {
		b.Fatal(err)
	}
	for n := 0; n < many; n += 500 {
		f.tokens(n)
	}
	f.traffic()
}

// A filler makes what is in the house.
type filler struct {
	b      *testing.B
	house  *server.Server
	now    time.Time
	people []string
	large  *token.Workspace
}

// tokens makes 500 tokens from the n-th on, with what belongs to them.
func (f *filler) tokens(n int) {
	f.b.Helper()
	deed, uses := &token.Deed{}, []token.Used{}
	for i := n; i < n+500; i++ {
		t := f.token(i)
		deed.Issue = append(deed.Issue, t)
		if t.Name == "" {
			continue
		}
		at := time.UnixMilli(t.IssuedAt)
		e := audit.Note(at, token.Actor{Kind: token.User, ID: cmp.Or(t.Person, t.Sponsor)}, large, "token.issued",
			audit.Target{Kind: "token", ID: t.ID.String(), Name: t.Name}, map[string]any{"kind": t.Kind, "scopes": t.Scopes})
		deed.Events = append(deed.Events, e)
		if i%10 == 0 {
			out, err := audit.Deliveries(f.large, e)
			if err != nil {
				f.b.Fatal(err)
			}
			deed.Outbox = append(deed.Outbox, out...)
		}
		if i%3 == 0 {
			seen := token.Seen{First: t.IssuedAt, Last: t.IssuedAt + 1000, Count: 7, Address: "192.0.2.1", Agent: "curl", Route: "GET /things"}
			uses = append(uses, token.Used{Secret: t.ID, Seen: seen})
		}
	}
	if err := f.house.Store.Commit(f.b.Context(), deed); err != nil {
		f.b.Fatal(err)
	}
	if err := f.house.Store.FlushUses(f.b.Context(), token.Uses{Len: len(uses), Portions: slices.Values([][]token.Used{uses})}, func(int) {}); err != nil {
		f.b.Fatal(err)
	}
}

// token makes the n-th: what has a name was issued in the last 300 days, what
// has none in the last 12 hours.
func (f *filler) token(n int) *token.Token {
	const day = 24 * time.Hour
	age := time.Duration(many-n) * (300 * day / many)
	t := &token.Token{
		Kind: token.Access, Contract: "oauth2", LastFour: fmt.Sprintf("%04x", n*7919%65536), Workspace: fmt.Sprint("ws", n*31%tenants), Client: "machine",
		Scopes: token.Scopes{"content:write", "catalog:read"}, Born: f.house.Verifier.Applied(),
	}
	class := token.Long
	switch who := f.people[1+n%colleagues]; n % 10 {
	case 0, 1, 2, 3:
		t.Kind, t.Contract, t.Workspace, t.Client, t.Person, t.Owner = token.Personal, "panel", large, "", f.people[0], f.people[0]
		t.Name = fmt.Sprint("mine ", n)
		if n%10 == 3 {
			t.Workspace = ""
		}
		if n%10 > 0 {
			t.ExpiresAt = f.now.Add(time.Duration(n%120-30) * day).UnixMilli()
		}
	case 4, 5:
		t.Kind, t.Contract, t.Workspace, t.Client, t.Sponsor, t.Owner = token.Service, "panel", large, "", who, who
		t.Name, t.Purpose, t.ExpiresAt = fmt.Sprint("robot ", n), "runs things", f.now.Add(time.Duration(n%90+1)*day).UnixMilli()
	default:
		class, age = token.Short, age/(300*2)
		t.ExpiresAt = f.now.Add(12 * time.Hour).UnixMilli()
	}
	t.ID = token.NewID(f.now.Add(-age), class)
	t.Credential, t.Hash, t.IssuedAt = t.ID, token.HashOf(t.ID.String()), t.ID.Time().UnixMilli()
	return t
}

// traffic makes thirty days of traffic of ten routes.
func (f *filler) traffic() {
	f.b.Helper()
	for hour := range 30 * 24 {
		var all []token.Traffic
		for minute := range 60 {
			for route := range 10 {
				t := token.Traffic{
					Minute: f.now.Add(-time.Duration(hour*60+minute) * time.Minute).Truncate(time.Minute).UnixMilli(), Workspace: large,
					Route: fmt.Sprint("route ", route), Client: fmt.Sprint("app", minute%7), Class: token.External, Count: 100, Errors: 1, Refused: 2,
				}
				t.Buckets[3] = 100
				all = append(all, t)
			}
		}
		if err := f.house.Store.FlushTraffic(f.b.Context(), all); err != nil {
			f.b.Fatal(err)
		}
	}
}
