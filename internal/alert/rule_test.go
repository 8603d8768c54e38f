package alert

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fichadev/ficha/internal/token"
)

// built returns one of the built-in rules.
func built(t *testing.T, name string) Rule {
	t.Helper()
	for _, r := range Defaults() {
		if r.Name == name {
			return r
		}
	}
	t.Fatalf("there is no built-in rule %s", name)
	return Rule{}
}

func TestBuiltInRulesAreStricterForTheHouse(t *testing.T) {
	if err := Check(Defaults()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"errors", "burn-1h", "burn-6h", "burn-3d"} {
		in, out := built(t, "internal-"+name), built(t, "external-"+name)
		if in.Limit() >= out.Limit() {
			t.Errorf("%s: internal %v, external %v", name, in.Limit(), out.Limit())
		}
	}
	for _, name := range []string{"p95", "p99"} {
		in, out := built(t, "internal-"+name), built(t, "external-"+name)
		if in.OverMS >= out.OverMS {
			t.Errorf("%s: internal %d ms, external %d ms", name, in.OverMS, out.OverMS)
		}
	}
}

func TestRulesSurviveBeingKept(t *testing.T) {
	text, err := json.Marshal(Defaults())
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(text)
	if d := cmp.Diff(Defaults(), got); err != nil || d != "" {
		t.Errorf("%v; want -, got +:\n%s", err, d)
	}
	if _, err := Parse([]byte("{")); err == nil {
		t.Error("half a text was read")
	}
}

func TestRulesThatSayNothingAreRefused(t *testing.T) {
	errors, p95, burn := built(t, "external-errors"), built(t, "external-p95"), built(t, "external-burn-1h")
	change := func(r Rule, f func(*Rule)) Rule { f(&r); return r }
	for field, r := range map[string]Rule{
		"name":                 change(errors, func(r *Rule) { r.Name = "Über" }),
		"class":                change(errors, func(r *Rule) { r.Class = "both" }),
		"severity":             change(errors, func(r *Rule) { r.Severity = "" }),
		"route":                change(errors, func(r *Rule) { r.Route = "a\nb" }),
		"client":               change(errors, func(r *Rule) { r.Client = strings.Repeat("x", 201) }),
		"window_minutes":       change(errors, func(r *Rule) { r.Window = 7 }),
		"for_minutes":          change(errors, func(r *Rule) { r.For = -1 }),
		"min_requests":         change(errors, func(r *Rule) { r.MinRequests = 0 }),
		"min_bad":              change(errors, func(r *Rule) { r.MinBad = 0 }),
		"over":                 change(errors, func(r *Rule) { r.Over = 1 }),
		"kind":                 change(errors, func(r *Rule) { r.OverMS = 500 }),
		"percentile":           change(p95, func(r *Rule) { r.Percentile = 100 }),
		"over_ms":              change(p95, func(r *Rule) { r.OverMS = 200 }),
		"objective":            change(burn, func(r *Rule) { r.Objective = 1 }),
		"factor":               change(burn, func(r *Rule) { r.Factor = 1000 }),
		"short_window_minutes": change(burn, func(r *Rule) { r.ShortWindow = 60 }),
	} {
		refusal := token.AsRefusal(Check([]Rule{built(t, "internal-p99"), r}))
		if refusal == nil || refusal.Code != token.Invalid || refusal.Fields[0].Name != "rules[1]."+field {
			t.Errorf("%s: got %v", field, refusal)
		}
	}
	if Check([]Rule{errors, errors}) == nil || Check(make([]Rule, mostRules+1)) == nil {
		t.Error("a name stands twice, or there are too many")
	}
	if err := Check(nil); err != nil {
		t.Errorf("no rules at all: %v", err)
	}
}

// slowly is traffic of which so many requests took so many ms.
func slowly(class string, n, ms int64) token.Traffic {
	t := token.Traffic{Class: class, Route: "/orders", Client: "shop"}
	for range n {
		t.Observe(200, time.Duration(ms)*time.Millisecond)
	}
	return t
}

func TestPercentileIsOverWhenMoreThanTheRestIsSlower(t *testing.T) {
	r := built(t, "external-p95")
	for _, c := range []struct {
		slow int64
		want Level
	}{{0, Calm}, {40, Calm}, {45, Between}, {50, Between}, {51, Over}, {1000, Over}} {
		traffic := []token.Traffic{slowly(token.External, 1000-c.slow, 500), slowly(token.External, c.slow, 501), slowly(token.Internal, 9999, 5000)}
		seen := r.Count(r.Window, traffic)
		if got := r.Level([]Count{seen}); got != c.want {
			t.Errorf("%d of 1000 over 500 ms: level %d, want %d (%+v)", c.slow, got, c.want, seen)
		}
	}
}

func TestThreeRequestsPageNobody(t *testing.T) {
	for _, r := range Defaults() {
		c := Count{Requests: 3, Bad: 3}
		if r.Level([]Count{c, c}) == Over {
			t.Errorf("%s begins with three requests", r.Name)
		}
		c = Count{Requests: 1_000_000, Bad: 4}
		if r.Level([]Count{c, c}) == Over {
			t.Errorf("%s begins with four bad requests of a million", r.Name)
		}
	}
}

func TestRuleNamesRouteAndClient(t *testing.T) {
	traffic := []token.Traffic{
		{Class: token.External, Route: "/a", Client: "one", Count: 10, Errors: 1},
		{Class: token.External, Route: "/a", Client: "two", Count: 100, Errors: 2},
		{Class: token.External, Route: "/b", Client: "one", Count: 1000, Errors: 4},
		{Class: token.Internal, Route: "/a", Client: "one", Count: 10000, Errors: 8},
	}
	for _, c := range []struct {
		route, client string
		want          Count
	}{{"", "", Count{5, 1110, 7}}, {"/a", "", Count{5, 110, 3}}, {"", "one", Count{5, 1010, 5}}, {"/b", "two", Count{5, 0, 0}}} {
		r := Rule{Kind: ErrorRate, Class: token.External, Route: c.route, Client: c.client}
		if got := r.Count(5, traffic); got != c.want {
			t.Errorf("%q of %q: %+v, want %+v", c.route, c.client, got, c.want)
		}
	}
}

func TestBurnRateNeedsBothWindows(t *testing.T) {
	r := built(t, "external-burn-1h") // 14.4 times 0.1 %
	bad, fine := Count{Requests: 1000, Bad: 15}, Count{Requests: 1000, Bad: 11}
	for _, c := range []struct {
		short, long Count
		want        Level
	}{{bad, bad, Over}, {bad, fine, Calm}, {fine, bad, Calm}, {Count{Requests: 1000, Bad: 14}, bad, Between}} {
		if got := r.Level([]Count{c.short, c.long}); got != c.want {
			t.Errorf("short %+v, long %+v: level %d, want %d", c.short, c.long, got, c.want)
		}
	}
}

func TestWhatWasMeasuredIsSaidInWords(t *testing.T) {
	r := built(t, "external-burn-1h")
	d := r.Detail([]Count{{5, 1000, 20}, {60, 12000, 300}})
	if got, want := d["value"], "20 of 1000 requests (2 %) in 5 min and 300 of 12000 requests (2.5 %) in 60 min failed"; got != want {
		t.Errorf("value %q, want %q", got, want)
	}
	if got, want := d["threshold"], "the errors that an objective of 99.9 % allows are spent 14.4 times too fast in 60 and 5 min"; got != want {
		t.Errorf("threshold %q, want %q", got, want)
	}
}
