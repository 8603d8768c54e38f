package server_test

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/pgtest"
	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/store"
	"github.com/fichadev/ficha/internal/token"
)

const (
	oneDay = 24 * time.Hour

	expiring = `
workspaces: [{id: ws1, name: Acme}]
users:
  - {email: ana@example.test, memberships: [{workspace: ws1, role: super_admin}]}
  - {email: mia@example.test, memberships: [{workspace: ws1, role: member}]}
clients: [{client_id: c1, client_secret: secret-of-the-client-c1, workspace: ws1, grant_types: [client_credentials], scope: "catalog:read"}]
tokens: [{kind: personal, user: ana@example.test, name: admin, secret: "ana-admin-token-0001", scopes: ["admin:write"]}]
webhooks: [{workspace: ws1, url: "https://hooks.example.test/ficha", events: ["token.*"]}]
`
)

// mailing lets letters be written; nobody sends them here.
func mailing(c *server.Config) { c.SMTPURL, c.MailFrom = "smtp://127.0.0.1:1", "ficha@example.test" }

// A year is one workspace and what was told of its tokens.
type year struct {
	*servertest.House
	t       *testing.T
	tokens  []*token.Token
	told    map[string]int // events that are owed, by token and notice
	letters map[string]int // letters that are owed, by token and kind
}

func newYear(t *testing.T, h *servertest.House) *year {
	y := &year{House: h, t: t, told: map[string]int{}, letters: map[string]int{}}
	y.sweep(h)
	return y
}

// issue makes a service token of so many hours.
func (y *year) issue(hours int, owner string) *token.Token {
	y.t.Helper()
	a := y.Request("POST", "/v1/tokens", map[string]any{
		"name": fmt.Sprintf("for %d hours", hours), "scopes": []string{"catalog:read"}, "ttl": hours * 3600, "format": "opaque", "owner": owner,
	}, "Authorization", "Bearer secret-of-the-client-c1", "X-Workspace-Id", "ws1")
	if a.Status != http.StatusCreated {
		y.t.Fatalf("issue: %d %s", a.Status, a.Body)
	}
	text, _ := a.JSON["id"].(string)
	id, _ := token.ParseID(text)
	k, err := y.Store.Token(context.Background(), id)
	if err != nil || k == nil {
		y.t.Fatalf("read the token: %v", err)
	}
	y.tokens = append(y.tokens, k)
	return k
}

// owe notes what a run at this instant has to tell: every notice whose instant
// has come, and a letter for the last of them alone.
func (y *year) owe() {
	now := y.Clock.Now().UnixMilli()
	for _, k := range y.tokens {
		last, _ := k.Latest(now)
		for _, n := range append(token.Ahead(), token.NoticeExpired) {
			name := fmt.Sprint(k.Credential, " ", n)
			if !k.Gives(n) || n.At(k.ExpiresAt) > now-time.Minute.Milliseconds() || y.told[name] > 0 {
				continue
			}
			y.told[name] = 1
			if n == last && n == token.NoticeExpired {
				y.letters[k.Credential.String()+" token_expired"]++
			} else if n == last {
				y.letters[k.Credential.String()+" token_expiring"]++
			}
		}
	}
}

// sweep runs the job on nodes at once.
func (y *year) sweep(nodes ...*servertest.House) {
	y.t.Helper()
	var all sync.WaitGroup
	for _, h := range nodes {
		all.Go(func() {
			if err := h.Authority.TellExpiries(context.Background(), func(token.Notice, int) {}); err != nil {
				y.t.Error(err)
			}
		})
	}
	all.Wait()
}

// die runs the job and is killed after so many commits that told of something.
func (y *year) die(after int) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	err := y.Authority.TellExpiries(ctx, func(token.Notice, int) {
		if after--; after <= 0 {
			cancel()
		}
	})
	if err != nil && ctx.Err() == nil {
		y.t.Error(err)
	}
}

// rows reads the database past the server.
func rows(t *testing.T, h *servertest.House, text string) (list []string) {
	t.Helper()
	driver, address := "pgx", h.Config.DatabaseOrDefault()
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		driver, address = "sqlite", path
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	found, err := db.QueryContext(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	for found.Next() {
		var one string
		if err := found.Scan(&one); err != nil {
			t.Fatal(err)
		}
		list = append(list, one)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// check compares what stands in the outbox, among the letters and in the audit
// with what is owed.
func (y *year) check() {
	y.t.Helper()
	told, letters, expired := map[string]int{}, map[string]int{}, 0
	for _, body := range rows(y.t, y.House, "SELECT body FROM outbox WHERE type IN ('token.expiring', 'token.expired')") {
		name := field(body, `"target":"token:`) + " "
		if days := field(body, `"threshold_days":`); days != "" {
			told[name+days]++
		} else {
			told[name+"0"]++
			expired++
		}
	}
	for _, letter := range rows(y.t, y.House, "SELECT kind || ' ' || data FROM letters") {
		kind, _, _ := strings.Cut(letter, " ")
		letters[field(letter, `"token":"`)+" "+kind]++
	}
	if !maps.Equal(told, y.told) {
		y.t.Errorf("told\n%v\nwant\n%v", told, y.told)
	}
	if !maps.Equal(letters, y.letters) {
		y.t.Errorf("wrote\n%v\nwant\n%v", letters, y.letters)
	}
	if n := len(rows(y.t, y.House, "SELECT action FROM events WHERE action = 'token.expired' AND actor = 'expiry'")); n != expired {
		y.t.Errorf("%d expiries in the audit, want %d", n, expired)
	}
	if n := len(rows(y.t, y.House, "SELECT action FROM events WHERE action = 'token.expiring'")); n != 0 {
		y.t.Errorf("%d coming expiries in the audit, want none", n)
	}
}

// field returns what stands behind a name in a JSON text, up to the next mark.
func field(text, name string) string {
	_, rest, _ := strings.Cut(text, name)
	return rest[:max(0, strings.IndexAny(rest, `",}`))]
}

// In a year of a workspace, with days on which a run dies half-way, days on
// which two run at once, and forty days on which none does, every notice of
// every token is given once.
func TestEveryNoticeIsGivenOnceInAYear(t *testing.T) {
	h := servertest.Start(t, expiring, mailing)
	y := newYear(t, h)
	for day := range 365 {
		if day%9 == 0 {
			y.issue([]int{90 * 24, 36, 30 * 24, 61 * 24, 12, 8*24 + 1}[day/9%6], []string{"mia@example.test", "", "the platform team"}[day/9%3])
		}
		y.Clock.Move(oneDay)
		if day >= 150 && day < 190 {
			continue
		}
		y.owe()
		if day%4 == 1 {
			y.die(1 + day%3)
		}
		y.sweep(h, h)
	}
	y.check()
	if len(y.told) < 150 || len(y.letters) < 40 {
		t.Errorf("only %d notices and %d letters were owed", len(y.told), len(y.letters))
	}
}

func TestNodesGiveEveryNoticeOnceTogether(t *testing.T) {
	if !pgtest.Available() {
		t.Log("one process owns an SQLite database; nothing to race with")
		return
	}
	database, key := pgtest.Start(t).Database(t), token.HashOf("their master key")
	var nodes []*servertest.House
	for i := range 2 {
		nodes = append(nodes, servertest.Start(t, []string{expiring, ""}[i], func(c *server.Config) {
			c.Database, c.MasterKey = database, hex.EncodeToString(key[:])
			mailing(c)
		}))
	}
	y := newYear(t, nodes[0])
	for i := range 30 {
		y.issue(33*24+i, "mia@example.test")
	}
	for range 17 {
		for _, h := range nodes {
			h.Clock.Move(2 * oneDay)
		}
		y.owe()
		y.sweep(nodes[0], nodes[1], nodes[0], nodes[1])
	}
	y.check()
}

// What somebody ended, or what stands on what was ended, expires in silence.
func TestNobodyIsToldOfWhatHasEnded(t *testing.T) {
	h := servertest.Start(t, expiring, mailing)
	y := newYear(t, h)
	revoked, suspended := y.issue(48, ""), y.issue(48, "")
	for path, id := range map[string]token.ID{"/revoke": revoked.ID, "/suspend": suspended.ID} {
		if a := h.Request("POST", "/v1/tokens/"+id.String()+path, nil, "Authorization", "Bearer ana-admin-token-0001"); a.Status != http.StatusOK {
			t.Fatalf("%s: %d %s", path, a.Status, a.Body)
		}
	}
	y.tokens = []*token.Token{suspended}
	h.Clock.Move(oneDay + time.Hour)
	y.owe()
	y.sweep(h)
	if a := h.Request("POST", "/v1/clients/c1/disable", nil, "Authorization", "Bearer ana-admin-token-0001"); a.Status != http.StatusOK {
		t.Fatalf("disable: %d %s", a.Status, a.Body)
	}
	h.Clock.Move(oneDay)
	y.sweep(h)
	y.check()
}

// Letters go to the owner, else to who made the token, else to administrators;
// of access tokens only to an owner.
func TestLettersGoToWhoAnswersForTheToken(t *testing.T) {
	h := servertest.Start(t, expiring, mailing)
	y := newYear(t, h)
	ids := map[string]string{}
	for _, email := range []string{"ana@example.test", "mia@example.test"} {
		id, err := h.Store.PersonByEmail(t.Context(), email)
		if err != nil {
			t.Fatal(err)
		}
		ids[email] = id
	}
	issue := func(o authority.Order) string {
		o.Contract, o.Scopes, o.TTL, o.Workspace = "test", token.Scopes{"catalog:read"}, 36*time.Hour, "ws1"
		out, err := h.Authority.Issue(t.Context(), token.Actor{Kind: token.System, ID: "test"}, o)
		if err != nil {
			t.Fatal(err)
		}
		return out.Token.Credential.String()
	}
	mia, ana := ids["mia@example.test"], ids["ana@example.test"]
	want := map[string]string{
		issue(authority.Order{Kind: token.Service, Client: "c1", Name: "owned", Owner: mia}):               mia,
		issue(authority.Order{Kind: token.Service, Client: "c1", Name: "made", Sponsor: mia}):              mia,
		issue(authority.Order{Kind: token.Service, Client: "c1", Name: "nobody's", Owner: "a team"}):       ana,
		issue(authority.Order{Kind: token.Personal, Person: mia, Name: "her own"}):                         mia,
		issue(authority.Order{Kind: token.Access, Client: "c1", Person: mia, Name: "signed in"}):           "",
		issue(authority.Order{Kind: token.Access, Client: "c1", Person: mia, Name: "owned", Owner: ana}):   ana,
		issue(authority.Order{Kind: token.Service, Client: "c1", Name: "left", Owner: "usr_" + "unknown"}): ana,
	}
	h.Clock.Move(13 * time.Hour)
	y.sweep(h)
	got := map[string]string{}
	for _, letter := range rows(t, h, "SELECT recipient || ' ' || data FROM letters") {
		to, data, _ := strings.Cut(letter, " ")
		got[field(data, `"token":"`)] += to
	}
	for id, to := range want {
		if got[id] != to {
			t.Errorf("%s: to %q, want %q", id, got[id], to)
		}
	}
}

// An expired token that is shown is told of once, however often and on however
// many runs; so is a first use.
func TestFirstAndLateUsesAreToldOnce(t *testing.T) {
	h := servertest.Start(t, expiring, mailing)
	y := newYear(t, h)
	a := h.Request("POST", "/v1/tokens", map[string]any{"name": "forgotten", "scopes": []string{"catalog:read"}, "ttl": 2 * 86400, "owner": "mia@example.test"},
		"Authorization", "Bearer secret-of-the-client-c1", "X-Workspace-Id", "ws1")
	secret, _ := a.JSON["token"].(string)
	id, _ := a.JSON["id"].(string)
	show := func(want int) {
		t.Helper()
		for range 3 {
			if got := h.Request("GET", "/verify", nil, "Authorization", "Bearer "+secret, "User-Agent", "old-robot/1.0"); got.Status != want {
				t.Fatalf("status %d, want %d", got.Status, want)
			}
		}
	}
	flush := func() {
		t.Helper()
		if err := h.Verifier.WriteUses(t.Context(), func(ctx context.Context, uses token.Uses, wrote func(more int)) error {
			// A portion is told of whatever stood in the one before.
			all := uses.Portions
			uses.Portions = func(yield func([]token.Used) bool) {
				if yield(nil) {
					all(yield)
				}
			}
			if err := h.Authority.TellFirstUses(ctx, uses); err != nil {
				return err
			}
			wrote(uses.Len)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := h.Authority.TellLateUses(t.Context(), h.Verifier.TakeLate()); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		show(http.StatusOK)
		flush()
	}
	h.Clock.Move(3 * oneDay)
	for range 2 {
		show(http.StatusUnauthorized)
		flush()
	}
	for _, action := range []string{"token.used_first", "token.used_after_expiry"} {
		bodies := rows(t, h, "SELECT body FROM outbox WHERE type = '"+action+"'")
		if len(bodies) != 1 || field(bodies[0], `"target":"token:`) != id || field(bodies[0], `"agent":"`) != "old-robot/1.0" || field(bodies[0], `"address":"`) != "127.0.0.1" {
			t.Errorf("%s: %q", action, bodies)
		}
	}
	if letters := rows(t, h, "SELECT data FROM letters WHERE kind = 'used_after_expiry'"); len(letters) != 1 || field(letters[0], `"token":"`) != id {
		t.Errorf("letters: %q", letters)
	}
	if n := len(rows(t, h, "SELECT target FROM events WHERE action = 'token.used_after_expiry'")); n != 1 {
		t.Errorf("%d records of the late use, want 1", n)
	}
	y.letters[id+" used_after_expiry"] = 1
	y.check()
}

func TestSecretsOfClientsExpireWithNotice(t *testing.T) {
	h := servertest.Start(t, expiring, mailing)
	y := newYear(t, h)
	now := h.Clock.Now()
	id, secret := token.NewID(now, token.Long), "the-second-secret-of-c1"
	err := h.Store.Do(t.Context(), func(tx *store.Tx) error {
		tx.Changed(token.Change{What: token.ChangedClient, ID: "c1"})
		return tx.PutSecret(t.Context(), "c1", token.Secret{ID: id, Hash: token.HashOf(secret), LastFour: "wxyz", CreatedAt: now.UnixMilli(), ExpiresAt: now.Add(10 * oneDay).UnixMilli()})
	})
	if err != nil {
		t.Fatal(err)
	}
	y.tokens = []*token.Token{{
		ID: id, Credential: id, Kind: token.ClientSecret, IssuedAt: now.UnixMilli(), ExpiresAt: now.Add(10 * oneDay).UnixMilli(),
	}}
	for range 12 {
		h.Clock.Move(oneDay)
		y.owe()
		y.sweep(h)
	}
	y.check()
	if len(y.told) != 4 {
		t.Errorf("%d notices, want 7, 3, 1 and 0 days: %v", len(y.told), y.told)
	}
	// Who held it hears why; who never did hears what a stranger does.
	for _, shown := range [][]string{{"Authorization", "Bearer " + secret, "X-Workspace-Id", "ws1"}, {"Authorization", basic("c1", secret), "X-Workspace-Id", "ws1"}} {
		a := h.Request("POST", "/v1/tokens", map[string]any{"name": "late", "scopes": []string{"catalog:read"}}, shown...)
		if want := "the client secret expired on 2026-12-02T12:00:00Z; make a new one at " + h.URL + "/panel/"; a.Status != http.StatusUnauthorized || a.JSON["error_description"] != want {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	}
	// That it is still about is told once; the two contracts showed it twice.
	for range 2 {
		if err := h.Authority.TellLateUses(t.Context(), h.Verifier.TakeLate()); err != nil {
			t.Fatal(err)
		}
		h.Request("POST", "/v1/tokens", nil, "Authorization", "Bearer "+secret, "X-Workspace-Id", "ws1", "User-Agent", "old-robot/1.0")
	}
	late := rows(t, h, "SELECT body FROM outbox WHERE type = 'token.used_after_expiry'")
	if len(late) != 1 || field(late[0], `"target":"token:`) != id.String() || field(late[0], `"kind":"`) != "client_secret" || field(late[0], `"address":"`) != "127.0.0.1" {
		t.Errorf("late uses told: %q", late)
	}
	if letters := rows(t, h, "SELECT data FROM letters WHERE kind = 'used_after_expiry'"); len(letters) != 1 || field(letters[0], `"last_four":"`) != "wxyz" {
		t.Errorf("letters: %q", letters)
	}
	for _, id := range []string{"c1", "nobody"} {
		a := h.Request("POST", "/v1/tokens", nil, "Authorization", basic(id, "wrong"), "X-Workspace-Id", "ws1")
		if want := "the client is not known here or its secret is wrong"; a.JSON["error_description"] != want {
			t.Errorf("%s: %s", id, a.Body)
		}
	}
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

func TestWhatExpiresIsCountedInTheMetrics(t *testing.T) {
	h := servertest.Start(t, expiring, nil)
	y := newYear(t, h)
	for _, hours := range []int{30, 36, 5 * 24, 20 * 24} {
		y.issue(hours, "")
	}
	h.Clock.Move(13 * time.Hour)
	h.Start(t.Context())
	want := map[string]float64{`ficha_tokens_expiring{within="1d"}`: 2, `ficha_tokens_expiring{within="7d"}`: 3, `ficha_tokens_expiring{within="30d"}`: 4,
		`ficha_notices_total{threshold="1"}`: 2}
	for name, n := range want {
		if got := scrape(t, h, name, n); got != n {
			t.Errorf("%s is %v, want %v", name, got, n)
		}
	}
}

// scrape waits a while for a metric to have a value.
func scrape(t *testing.T, h *servertest.House, name string, want float64) (got float64) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 250 {
		for line := range strings.Lines(string(h.Request("GET", "/metrics", nil).Body)) {
			if value, ok := strings.CutPrefix(line, name+" "); ok {
				got, _ = strconv.ParseFloat(strings.TrimSpace(value), 64)
			}
		}
		if got == want {
			return got
		}
		<-tick.C
	}
	return got
}
