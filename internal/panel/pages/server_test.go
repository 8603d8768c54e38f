package pages

import (
	"strings"
	"testing"
	"time"
)

func serverSamples() []sample {
	alerts, keys, jobs, settings := fullShell(Alerts), fullShell(Keys), fullShell(Jobs), fullShell(Settings)
	incident := Incident{ID: "i1", Rule: "external-errors", Class: "external", Severity: "page", State: "firing", Since: atNoon.Add(-time.Hour), Allowed: "1", Measured: []Measured{{5, 1200, 30, "2.5"}}}
	pending, over := incident, incident
	over.Latency, over.Measured = true, []Measured{{60, 12000, 300, "2.5"}, {5, 1000, 20, "2"}}
	pending.State, pending.Class, pending.Severity, over.State, over.Resolved = "pending", "internal", "ticket", "resolved", atNoon
	rules := []AlertRule{
		{Name: "external-errors", Kind: "error_rate", Class: "external", Severity: "page", Over: "0.01", OverPercent: "1", Window: "5"},
		{Name: "p95", Kind: "latency", Class: "internal", Severity: "ticket", Route: "images", Client: "app_1"}, {Name: "burn", Kind: "burn_rate", Class: "internal"},
	}
	form := AlertRuleForm{Shell: alerts, Was: "p95", Rule: rules[1], Windows: []int64{5, 60}, Bounds: []int64{250, 500}, Wrong: Wrong{Fields: map[string]string{"over_ms": "must be one of", "min_bad": "must be at least 1", "name": "use a-z"}}}
	list := KeyList{Shell: keys, Now: atNoon, Operator: true, Algs: []string{"ES256", "RS256"}}
	for _, state := range []string{"next", "active", "retiring", "ended"} {
		list.Items = append(list.Items, Key{ID: "k-" + state, Alg: "ES256", State: state, CreatedAt: atNoon, RetireAt: atNoon})
	}
	list.Items[3].EndedAt = atNoon
	plain := list
	plain.Operator, plain.Algs = false, nil
	done := Job{Name: "purge", Every: time.Minute, Last: atNoon.Add(-time.Minute), Took: 12 * time.Millisecond}
	failed, late, running := done, done, done
	failed.Failed, failed.Fault, late.Overdue, late.EachNode, running.Running = true, "no disk", true, true, true
	page := SettingsPage{Shell: settings, Name: "Acme", Domain: "acme.example", Number: 7, Environment: "staging", Issuer: "https://id.example", Super: true}
	wrong, fed := page, page
	wrong.Wrong, fed.Feed, fed.Super = Wrong{Fields: map[string]string{"name": "is too long"}}, "https://id.example/v1/expiry-feeds/x.ics", false
	return []sample{
		of("alerts", (*Set).AlertList, AlertList{Shell: alerts, Now: atNoon, State: "firing", Items: []Incident{incident, pending, over}, Rules: rules, Pager: Pager{Next: "/panel/w/ws1/alerts?after=x"}}),
		of("alerts_built_in", (*Set).AlertList, AlertList{Shell: alerts, Now: atNoon, BuiltIn: true}),
		of("alert_rule", (*Set).AlertRuleForm, form), of("alert_rule_new", (*Set).AlertRuleForm, AlertRuleForm{Shell: alerts}),
		of("keys", (*Set).KeyList, list), of("keys_plain", (*Set).KeyList, plain), of("keys_none", (*Set).KeyList, KeyList{Shell: keys}),
		of("jobs", (*Set).JobList, JobList{Shell: jobs, Now: atNoon, Items: []Job{done, failed, late, running, {Name: "new"}}}), of("jobs_none", (*Set).JobList, JobList{Shell: jobs}),
		of("settings", (*Set).SettingsPage, page), of("settings_wrong", (*Set).SettingsPage, wrong), of("settings_feed", (*Set).SettingsPage, fed),
	}
}

func usage() UsagePage {
	v := UsagePage{Shell: fullShell(Usage), Range: "24h", Ranges: []string{"1h", "24h", "7d", "30d"}, Class: "internal", Client: "app_1", Width: 30 * time.Minute, More: 2}
	for i := range 48 {
		v.Spans = append(v.Spans, Span{From: atNoon.Add(time.Duration(i) * v.Width), Traffic: Traffic{Passed: int64(i) * 10, Refused: int64(i % 3), Failed: int64(i % 7)}})
	}
	v.Routes = []RouteTraffic{{Route: "images", Client: "app_1", Class: "internal", Traffic: Traffic{Passed: 9}, P95: 31 * time.Millisecond}, {Route: "other", Class: "external"}}
	return v
}

func usageSamples() []sample {
	days := usage()
	days.Range, days.Width, days.Class, days.Client, days.More = "30d", 24*time.Hour, "", "", 1
	return []sample{of("usage", (*Set).UsagePage, usage()), of("usage_days", (*Set).UsagePage, days), of("usage_none", (*Set).UsagePage, UsagePage{Shell: fullShell(Usage), Range: "1h", Spans: make([]Span, 60)})}
}

func hostileServer(shell Shell) []sample {
	r := AlertRule{Name: hostile, Kind: hostile, Class: "external", Severity: hostile, Route: hostile, Client: hostile, Over: hostile, OverPercent: hostile}
	v := usage()
	v.Shell, v.Client, v.Routes = shell, hostile, []RouteTraffic{{Route: hostile, Client: hostile, Class: hostile}}
	return []sample{
		of("alerts", (*Set).AlertList, AlertList{Shell: shell, Items: []Incident{{ID: hostile, Rule: hostile, Allowed: hostile, Measured: []Measured{{Share: hostile}}}}, Rules: []AlertRule{r}}),
		of("alert_rule", (*Set).AlertRuleForm, AlertRuleForm{Shell: shell, Was: hostile, Rule: r}),
		of("usage", (*Set).UsagePage, v),
		of("keys", (*Set).KeyList, KeyList{Shell: shell, Operator: true, Algs: []string{hostile}, Items: []Key{{ID: hostile, Alg: hostile, State: hostile}}}),
		of("jobs", (*Set).JobList, JobList{Shell: shell, Items: []Job{{Name: hostile, Failed: true, Fault: hostile}}}),
		of("settings", (*Set).SettingsPage, SettingsPage{Shell: shell, Name: hostile, Domain: hostile, Environment: hostile, Issuer: hostile, Feed: hostile, Super: true}),
	}
}

// The parts of a bar stand on each other, within the field, as high as what they
// stand for; and a table says the same.
func TestChartIsDrawnToScale(t *testing.T) {
	v := usage()
	c := newSet(t).speaker(English).chart(v)
	if len(c.Bars) != 48 || c.Top != "477" {
		t.Fatalf("%d bars, the highest %s", len(c.Bars), c.Top)
	}
	for i, b := range c.Bars {
		foot := chartHeight
		for _, part := range b.Parts {
			if part.Y+part.Height != foot || part.Y < 0 || part.X+part.Width > c.Width || part.Height < 1 {
				t.Errorf("bar %d: %+v does not stand at %d", i, part, foot)
			}
			foot = part.Y
		}
	}
	if high := c.Bars[47].Parts[0].Height; high != 470*chartHeight/477 {
		t.Errorf("the part of 470 is %d high", high)
	}
	doc := mustParse(t, of("", (*Set).UsagePage, v).html(t, newSet(t), English))
	if !strings.Contains(doc.text, "2026-11-23 11:30") || !strings.Contains(doc.text, "Passed 470") || len(doc.all("svg")) < 2 {
		t.Error("the page does not say in words what the chart draws")
	}
	if newSet(t).speaker(English).chart(UsagePage{Spans: make([]Span, 5)}) != nil {
		t.Error("a chart is drawn of nothing")
	}
}

func TestJobsSayHowOftenTheyAreDone(t *testing.T) {
	said := newSet(t).speaker(English)
	for every, want := range map[time.Duration]string{2 * time.Second: "2\u202fs", time.Minute: "1 minute", 10 * time.Minute: "10 minutes", time.Hour: "1 hour"} {
		if got := said.pause(every); got != want || said.err != nil {
			t.Errorf("%s: %q, %v; want %q", every, got, said.err, want)
		}
	}
}

func TestWhatAnAlertMeasuredIsSaidInTheReadersLanguage(t *testing.T) {
	incident := Incident{Allowed: "1.5", Measured: []Measured{{5, 1200, 30, "2.5"}, {60, 12000, 300, "2.5"}}}
	for lang, want := range map[Lang]Cell{
		English: {Text: "30 of 1\u202f200 requests failed (2.5\u202f%) in 5 minutes; 300 of 12\u202f000 requests failed (2.5\u202f%) in 1 hour", Note: "Allowed: 1.5\u202f%"},
		German:  {Text: "30 von 1\u202f200 Anfragen schlugen fehl (2,5\u202f%), gezählt über 5 Minuten; 300 von 12\u202f000 Anfragen schlugen fehl (2,5\u202f%), gezählt über 1 Stunde", Note: "Erlaubt: 1,5\u202f%"},
	} {
		said := newSet(t).speaker(lang)
		if got := said.measured(incident); got.Text != want.Text || got.Note != want.Note || said.err != nil {
			t.Errorf("%s: %+v, %v; want %+v", lang, got, said.err, want)
		}
	}
}
