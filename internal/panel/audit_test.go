package panel_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/token"
)

func TestAuditTellsWhoDidWhatAndIsNarrowedByItsAddress(t *testing.T) {
	b := administrator(t, nil)
	page := b.webhook("https://hooks.acme.example/in")
	id := page[strings.LastIndexByte(page, '/')+1:]
	b.open("/panel/w/ws1/audit").says(200, "ana@acme.example made webhook "+id, "Nothing is sealed yet", "webhook.created", "The server registered application Notes (spa)")
	for query, want := range map[string]bool{
		"actor=ana@acme.example": true, "actor=ANA%40acme.example&action=webhook.*": true, "action=client.*": false, "target=webhook:" + id: true,
		"outcome=refused": false, "since=2026-11-22T11:00&until=2026-11-22T13:00": true, "until=2026-11-21T00:00": false, "actor=nobody@acme.example": false, "since=2026-11-22": true,
	} {
		s := b.open("/panel/w/ws1/audit?" + query).says(200)
		if got := strings.Contains(s.text, "made webhook "+id); got != want {
			t.Errorf("%s shows it: %v, want %v", query, got, want)
		}
	}
	b.open("/panel/w/ws1/audit?since=yesterday").says(422, "Please check this")
}

func TestOneRecordLeadsToItsRequestItsTokenAndItsTarget(t *testing.T) {
	b := administrator(t, nil)
	page := b.webhook("https://hooks.acme.example/in")
	list := b.open("/panel/w/ws1/audit?action=webhook.*")
	one := b.open(linkTo(t, list, "/panel/w/ws1/audit/0")).says(200, "webhook.created", "All of this request", "All that happened to it")
	if strings.Contains(one.html, "whsec_") {
		t.Error("the record has the secret")
	}
	query := strings.NewReplacer("&amp;", "&").Replace(linkTo(t, one, "/panel/w/ws1/audit?request="))
	b.open(query).says(200, "made webhook", "Only what was done in request")
	b.open(strings.ReplaceAll(linkTo(t, one, "/panel/w/ws1/audit?target="), "&amp;", "&")).says(200, "made webhook "+page[strings.LastIndexByte(page, '/')+1:])
	b.open(strings.ReplaceAll(linkTo(t, one, "/panel/w/ws1/audit?token="), "&amp;", "&")).says(200, "made webhook", "Only what was done with token")
	for _, path := range []string{"/panel/w/ws1/audit/nope", "/panel/w/ws1/audit/0000000000000", "/panel/w/ws2/audit"} {
		b.open(path).says(404)
	}
}

func TestAuditIsReadPageByPage(t *testing.T) {
	b := administrator(t, nil)
	deed := &token.Deed{}
	for i := range 120 {
		at := b.h.Clock.Now().Add(time.Duration(i) * time.Millisecond)
		deed.Events = append(deed.Events, audit.Note(at, token.Actor{Kind: token.App, ID: "bulk"}, "ws1", "token.changed", audit.Target{Kind: "token", ID: "n"}, nil))
	}
	if err := b.h.Store.Commit(t.Context(), deed); err != nil {
		t.Fatal(err)
	}
	rows, path := 0, "/panel/w/ws1/audit?actor=bulk"
	for path != "" {
		s := b.open(path).says(200)
		rows += strings.Count(s.html, "<tr>") - 1
		_, rest, more := strings.Cut(s.html, `rel="next"`)
		path = ""
		if more && rest != "" {
			before, _, _ := strings.Cut(s.html, `" rel="next"`)
			path = strings.ReplaceAll(before[strings.LastIndex(before, `"`)+1:], "&amp;", "&")
		}
	}
	if rows != 120 {
		t.Errorf("the pages have %d rows, want 120", rows)
	}
}

func TestExportHoldsWhatTheFilterFinds(t *testing.T) {
	b := administrator(t, nil)
	b.webhook("https://hooks.acme.example/in")
	for format, want := range map[string]string{"jsonl": "application/jsonl", "csv": "text/csv"} {
		res := b.do(http.MethodGet, b.h.URL+"/panel/w/ws1/audit/export?action=webhook.*&format="+format, nil)
		if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), want) || res.Header.Get("Cache-Control") != "no-store" || !strings.Contains(res.Header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: %d %v", format, res.StatusCode, res.Header)
		}
		lines := slices.DeleteFunc(strings.Split(res.body, "\n"), func(l string) bool { return !strings.Contains(l, "webhook.") })
		if len(lines) != 1 || strings.Contains(res.body, "client.created") {
			t.Errorf("%s holds:\n%s", format, res.body)
		}
	}
	b.open("/panel/w/ws1/audit/export?format=xml").says(400)
	plain := newBrowser(t, b.h)
	plain.signIn("lim@acme.example")
	if res := plain.do(http.MethodGet, b.h.URL+"/panel/w/ws1/audit/export?format=csv", url.Values{}); res.StatusCode != http.StatusForbidden {
		t.Errorf("a member exports: %d", res.StatusCode)
	}
}
