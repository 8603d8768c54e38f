package panel_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/alert"
	"github.com/fichadev/ficha/internal/token"
)

func TestRulesOfAlertsAreChangedByAForm(t *testing.T) {
	b := administrator(t, nil)
	const at = "/panel/w/ws1/alerts"
	b.open(at).says(200, "The built-in rules", "external-errors", "internal-burn-3d", "over 1 % errors in 5 min", "There is no such incident")
	form := b.open(at+"/rule?name=external-errors").says(200, "external-errors").form(at + "/rule")
	if form.fields.Get("over") != "0.01" || form.fields.Get("was") != "external-errors" || form.fields.Get("window_minutes") != "5" {
		t.Fatalf("the form has %v", form.fields)
	}
	form.fill("over", "0,05").post().says(200, "The rules were saved", "Rules of this workspace's own", "over 5 % errors in 5 min")
	form = b.open(at + "/rule?name=external-errors").form(at + "/rule")
	form.fill("over", "lots").post().says(422, "must be a number")
	form.fill("over", "5").post().says(422, "must be a share between 0 and 1")
	added := b.open(at + "/rule").form(at + "/rule")
	added.fill("name", "images-slow", "kind", "latency", "percentile", "95", "over_ms", "500", "class", "internal", "route", "images").post().says(200, "images-slow", "p95 over 500 ms in 5 min")
	added.fill("name", "images-slow", "percentile", "95", "kind", "latency", "over_ms", "500").post().says(422, "is the name of another rule")
	b.open(at+"/rule?name=images-slow").form(at+"/drop").post().says(200, "The rules were saved")
	if s := b.open(at); strings.Contains(s.text, "images-slow") {
		t.Error("the rule is still there")
	}
	b.open(at + "/rule?name=images-slow").says(404)
	b.open(at).form(at+"/built-in").post().says(200, "The built-in rules hold again", "over 1 % errors in 5 min")
}

func TestAlertsSayWhatWasMeasured(t *testing.T) {
	b := administrator(t, nil)
	rules := alert.Defaults()
	for i, windows := range [][]alert.Count{{{Minutes: 5, Requests: 1200, Bad: 30}}, {{Minutes: 5, Requests: 1000, Bad: 200}}} {
		next := token.Alert{Workspace: "ws1", Rule: rules[i].Name, Class: rules[i].Class, State: token.AlertFiring, Since: b.h.Clock.Now().UnixMilli(), Detail: rules[i].Detail(windows)}
		if err := b.h.Authority.TurnAlert(t.Context(), token.Alert{}, next); err != nil {
			t.Fatal(err)
		}
	}
	b.open("/panel/w/ws1/alerts").says(200, "30 of 1 200 requests failed (2.5 %) in 5 minutes", "Allowed: 1 %", "200 of 1 000 requests were too slow (20 %)", "Allowed: 5 %")
}

func TestUsageIsCountedByTimeAndRoute(t *testing.T) {
	b := administrator(t, nil)
	const at = "/panel/w/ws1/usage"
	b.open(at).says(200, "There was no traffic")
	now := b.h.Clock.Now()
	count := func(ago time.Duration, route, client, class string, n, failed int64) token.Traffic {
		return token.Traffic{Minute: now.Add(-ago).Truncate(time.Minute).UnixMilli(), Workspace: "ws1", Route: route, Client: client, Class: class, Count: n, Errors: failed}
	}
	err := b.h.Store.FlushTraffic(t.Context(), []token.Traffic{
		count(5*time.Minute, "images", "spa", token.External, 100, 3), count(3*time.Hour, "images", "spa", token.Internal, 40, 0), count(20*24*time.Hour, "posts", "", token.External, 7, 0),
	})
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string][]string{
		"": {"Passed137", "Failed3", "images", "2026-11-22 11:00"}, "range=1h": {"Passed97", "2026-11-22 11:55"}, "range=7d": {"Passed137"}, "range=30d": {"Passed144", "posts", "2026-11-02"},
		"range=24h&class=internal": {"Passed40"}, "range=30d&client=spa": {"Passed137"}, "range=nope": {"Passed137"},
	} {
		text := b.open(at + "?lang=en&" + query).says(200).text
		for _, word := range want {
			if !strings.Contains(text, word) {
				t.Errorf("%q does not say %q:\n%s", query, word, text)
			}
		}
	}
	b.open("/panel/w/ws1/applications/spa").says(200, "140 requests, 3 failed")
}

func TestOperatorsAloneTurnKeys(t *testing.T) {
	b := administrator(t, nil)
	const at = "/panel/w/ws1/keys"
	if s := b.open(at).says(200, "ES256", "Signs", "Keys are turned by operators"); len(s.forms) > 1 {
		t.Errorf("who is no operator is offered %d forms", len(s.forms))
	}
	had := len(b.keys())
	res := b.do(http.MethodPost, b.h.URL+at+"/rotate", map[string][]string{"alg": {"ES256"}})
	if b.follow(res).says(200, "Nothing was done"); len(b.keys()) != had {
		t.Errorf("there are %d keys", len(b.keys()))
	}
	for _, w := range []string{"ws2", "ws3"} {
		b.joins("ana@acme.example", w, token.SuperAdmin)
	}
	rotate := b.open(at).says(200, "Rotate ES256").form(at + "/rotate")
	rotate.post().says(200, "The next key is published", "Next")
	rotate.post().says(200, "not possible in its present state")
	end := formTo(t, b.open(at), at+"/end", "")
	end.fill("reason", "").post().says(200, "cannot be used")
	end.fill("reason", "leaked").post().says(200, "The key has ended")
}

func TestJobsAreListedOnceTheyRun(t *testing.T) {
	b := administrator(t, nil)
	b.open("/panel/w/ws1/jobs").says(200, "There is no job")
	b.h.Start(t.Context())
	b.open("/panel/w/ws1/jobs").says(200, "What this server does by itself", "purge", "seal", "each node for itself")
}

func (b *browser) keys() []token.SigningKey {
	b.t.Helper()
	rows, err := b.h.Store.Keys(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return rows
}

func TestSettingsNameTheWorkspaceAndGiveACalendar(t *testing.T) {
	b := administrator(t, nil)
	const at = "/panel/w/ws1/settings"
	form := b.open(at).says(200, "ws1", b.h.URL, "production").form(at)
	form.fill("name", "Acme & Sons").post().says(200, "The settings were saved", "Acme & Sons")
	form.fill("name", strings.Repeat("x", 300)).post().says(422, "Please check this")
	made := b.open(at).form(at+"/feed").post().says(200, "/v1/expiry-feeds/", "never again")
	if made.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the answer with the address: %v", made.header)
	}
	_, rest, _ := strings.Cut(made.html, `id="secret">`)
	address, _, _ := strings.Cut(rest, "<")
	if res := newBrowser(t, b.h).do(http.MethodGet, address, nil); res.StatusCode != 200 || !strings.Contains(res.body, "BEGIN:VCALENDAR") {
		t.Errorf("the calendar: %d", res.StatusCode)
	}
	b.open(at).form(at+"/feed/end").post().says(200, "has ended")
	if res := newBrowser(t, b.h).do(http.MethodGet, address, nil); res.StatusCode == 200 {
		t.Error("the calendar was ended and is still read")
	}
	b.becomes("lim@acme.example", token.Admin)
	admin := newBrowser(t, b.h)
	admin.signIn("lim@acme.example")
	if s := admin.open(at).says(200); strings.Contains(s.html, `name="name"`) {
		t.Error("an admin is offered the name")
	}
	if res := admin.do(http.MethodPost, b.h.URL+at, map[string][]string{"name": {"Mine"}}); res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("an admin names the workspace: %d", res.StatusCode)
	}
}
