package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fichadev/ficha/internal/token"
)

// seen is traffic of one minute with so many requests, of which one failed.
func seenTraffic(minute int64, workspace, route, class string, count int64) token.Traffic {
	t := token.Traffic{Minute: minute * 60_000, Workspace: workspace, Route: route, Client: "c1", Class: class, Count: count, Errors: 1, Refused: 2}
	t.Buckets[0], t.Buckets[len(t.Buckets)-1] = count-1, 1
	return t
}

func TestTrafficOfAllNodesAddsUp(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		flush := func(counts ...token.Traffic) {
			t.Helper()
			must(t, s.FlushTraffic(t.Context(), counts))
		}
		// A flush may name a key twice, and two flushes may too.
		flush(seenTraffic(10, "ws1", "/a", token.Internal, 5), seenTraffic(10, "ws2", "/a", token.External, 7), seenTraffic(10, "ws1", "/a", token.Internal, 3))
		flush(seenTraffic(11, "ws1", "/a", token.Internal, 2), seenTraffic(11, "ws1", "/b", token.External, 4), seenTraffic(10, "ws1", "/a", token.Internal, 1))

		sum := func(minute int64, workspace, route, class string, parts ...int64) token.Traffic {
			all := token.Traffic{Minute: minute * 60_000, Workspace: workspace, Route: route, Client: "c1", Class: class}
			for _, n := range parts {
				part := seenTraffic(minute, workspace, route, class, n)
				all.Add(&part)
			}
			return all
		}
		one, two := sum(10, "ws1", "/a", token.Internal, 5, 3, 1, 2), sum(11, "ws1", "/b", token.External, 4)
		other := sum(10, "ws2", "/a", token.External, 7)
		for name, test := range map[string]struct {
			q    token.TrafficQuery
			want []token.Traffic
		}{
			"everything":        {token.TrafficQuery{}, []token.Traffic{one, two, other}},
			"one workspace":     {token.TrafficQuery{Workspace: "ws1"}, []token.Traffic{one, two}},
			"one class":         {token.TrafficQuery{Workspace: "ws1", Class: token.External}, []token.Traffic{two}},
			"one route":         {token.TrafficQuery{Route: "/a", Client: "c1"}, []token.Traffic{one, other}},
			"no such client":    {token.TrafficQuery{Client: "c2"}, nil},
			"until leaves out":  {token.TrafficQuery{Workspace: "ws1", From: 600_000, Until: 660_000}, []token.Traffic{sum(10, "ws1", "/a", token.Internal, 5, 3, 1)}},
			"from is inclusive": {token.TrafficQuery{Workspace: "ws1", From: 660_000, Route: "/a"}, []token.Traffic{sum(11, "ws1", "/a", token.Internal, 2)}},
		} {
			got, err := s.Traffic(t.Context(), test.q)
			if d := cmp.Diff(test.want, got); err != nil || d != "" {
				t.Errorf("%s: %v; want -, got +:\n%s", name, err, d)
			}
		}
	})
}

func TestTrafficIsASeriesOfSpans(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		var counts []token.Traffic
		for minute := range int64(12) {
			counts = append(counts, seenTraffic(minute, "ws1", "/a", token.Internal, 10), seenTraffic(minute, "ws2", "/a", token.Internal, 1))
		}
		must(t, s.FlushTraffic(t.Context(), counts))
		list, err := s.TrafficSeries(t.Context(), token.TrafficQuery{Workspace: "ws1", From: 2 * 60_000}, 5)
		var got []string
		for _, span := range list {
			got = append(got, fmt.Sprintf("%d %s %d", span.Minute/60_000, span.Workspace, span.Count))
		}
		if d := cmp.Diff([]string{"0 ws1 30", "5 ws1 50", "10 ws1 20"}, got); err != nil || d != "" {
			t.Errorf("%v; want -, got +:\n%s", err, d)
		}
	})
}

func TestTrafficIsKeptForAMonth(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		minute := c.ms.Load() / 60_000
		var old []token.Traffic
		for i := range 2*purgeStep + 17 {
			old = append(old, seenTraffic(minute, "ws1", fmt.Sprintf("/%d", i), token.Internal, 1))
		}
		must(t, s.FlushTraffic(t.Context(), old))
		c.pass(31 * oneDay)
		must(t, s.FlushTraffic(t.Context(), []token.Traffic{seenTraffic(minute+1, "ws1", "/young", token.Internal, 1)}))
		c.pass(time.Minute)
		for _, want := range []int{purgeStep, purgeStep, 17, 0} {
			n := 0
			do(t, s, func(tx *Tx) (err error) {
				n, err = purgeTraffic(t.Context(), tx)
				return err
			})
			if n != want {
				t.Errorf("a step deleted %d rows, want %d", n, want)
			}
		}
		left, err := s.Traffic(t.Context(), token.TrafficQuery{})
		if err != nil || len(left) != 1 || left[0].Route != "/young" {
			t.Errorf("left is %v, %v; want the young", left, err)
		}
	})
}

func TestTrafficIsFoundByIndexes(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		var counts []token.Traffic
		for i := range int64(3000) {
			counts = append(counts, seenTraffic(i, fmt.Sprintf("ws%d", i%50), "/a", token.Internal, 2))
		}
		must(t, s.FlushTraffic(t.Context(), counts))
		do(t, s, func(tx *Tx) error { _, err := tx.exec(t.Context(), "ANALYZE"); return err })
		q := trafficArgs(token.TrafficQuery{Workspace: "ws1", From: 60_000, Until: 120_000})
		everywhere := trafficArgs(token.TrafficQuery{From: 60_000, Until: 120_000})
		for text, args := range map[string][]any{
			sumTraffic[trafficSource{}]: q, sumTraffic[trafficSource{all: true}]: everywhere, seriesTraffic[trafficSource{}]: append(q, int64(300_000)),
			sumTraffic[trafficSource{hours: true}]: q, seriesTraffic[trafficSource{hours: true}]: append(q, hourOfMS),
			fmt.Sprintf(overTraffic, "traffic"): {int64(60_000)}, fmt.Sprintf(lastOfStep, "traffic"): {int64(60_000), 499},
			fmt.Sprintf(stepTraffic, "traffic_hours"): {int64(60_000), "ws1", "/a", "c1", token.Internal},
		} {
			if plan := explain(t, s, text, args); strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "SCAN traffic") {
				t.Errorf("%s\nreads the whole table:\n%s", text, plan)
			}
		}
	})
}

// Whole hours are read from the table of hours; it says what the minutes say,
// also where counts of one minute come in several times.
func TestHoursSayWhatTheirMinutesSay(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		var counts []token.Traffic
		for minute := range int64(300) {
			counts = append(counts, seenTraffic(60+minute, "ws1", "/a", token.Internal, 1+minute%3))
		}
		must(t, s.FlushTraffic(t.Context(), counts))
		must(t, s.FlushTraffic(t.Context(), counts[:90]))
		hour := token.TrafficQuery{Workspace: "ws1", From: hourOfMS}
		minute := hour
		minute.Until = 7*hourOfMS + 60_000
		if sourceOf(minute).hours || !sourceOf(hour).hours {
			t.Fatal("the two queries read the same table")
		}
		for name, ask := range map[string]func(token.TrafficQuery) ([]token.Traffic, error){
			"sum":    func(q token.TrafficQuery) ([]token.Traffic, error) { return s.Traffic(t.Context(), q) },
			"series": func(q token.TrafficQuery) ([]token.Traffic, error) { return s.TrafficSeries(t.Context(), q, 120) },
		} {
			byHour, err := ask(hour)
			must(t, err)
			byMinute, err := ask(minute)
			must(t, err)
			if d := cmp.Diff(byMinute, byHour); d != "" || len(byHour) == 0 {
				t.Errorf("%s: - minutes, + hours:\n%s", name, d)
			}
		}
	})
}
