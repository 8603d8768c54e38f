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
				n, err = purgeTraffic("traffic")(t.Context(), tx)
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
			sumTraffic[trafficSource{table: 1}]: q, seriesTraffic[trafficSource{table: 2}]: append(q, int64(86_400_000)),
			fmt.Sprintf(overTraffic, "traffic"): {int64(60_000)}, fmt.Sprintf(lastOfStep, "traffic"): {int64(60_000), 499},
			fmt.Sprintf(stepTraffic, "traffic_hours"): {int64(60_000), "ws1", "/a", "c1", token.Internal},
		} {
			if plan := explain(t, s, text, args); strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "SCAN traffic") {
				t.Errorf("%s\nreads the whole table:\n%s", text, plan)
			}
		}
	})
}

// Whole hours and days are read from tables of their own; they say what the
// minutes say, also where counts of one minute come in several times.
func TestHoursAndDaysSayWhatTheirMinutesSay(t *testing.T) {
	const hour, day = int64(3_600_000), int64(86_400_000)
	eachEngine(t, func(t *testing.T, s *Store) {
		var counts []token.Traffic
		for n := range int64(300) {
			counts = append(counts, seenTraffic(24*60+n*17, "ws1", "/a", token.Internal, 1+n%3))
		}
		must(t, s.FlushTraffic(t.Context(), counts))
		must(t, s.FlushTraffic(t.Context(), counts[:90]))
		for table, span := range []int64{60_000, hour, day} {
			coarse := token.TrafficQuery{Workspace: "ws1", From: day}
			fine := coarse
			fine.Until = 9*day + 60_000
			if table == 0 {
				coarse.From -= 60_000
			}
			if got := sourceOf(coarse, span).table; got != table || sourceOf(fine, span).table != 0 {
				t.Fatalf("steps of %d ms are read from table %d", span, got)
			}
			byMinute, err := s.TrafficSeries(t.Context(), fine, int(span/60_000))
			must(t, err)
			got, err := s.TrafficSeries(t.Context(), coarse, int(span/60_000))
			must(t, err)
			if d := cmp.Diff(byMinute, got); d != "" || len(got) == 0 {
				t.Errorf("steps of %d ms: - by the minute:\n%s", span, d)
			}
			if byMinute, err = s.Traffic(t.Context(), fine); err != nil {
				t.Fatal(err)
			}
			if got, err = s.Traffic(t.Context(), coarse); err != nil || got[0].Count != byMinute[0].Count {
				t.Errorf("summed: got %v, %v, want %v", got, err, byMinute)
			}
		}
	})
}
