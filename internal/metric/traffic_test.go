package metric_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/metric"
	"github.com/fichadev/ficha/internal/token"
)

func request(workspace, route string) token.Request {
	return token.Request{At: 90_000, Workspace: workspace, Route: route, Client: "shop", Class: token.External, Status: 200, Took: 30 * time.Millisecond}
}

func TestTrafficIsMergedByTheMinute(t *testing.T) {
	s := metric.New()
	for i := range 6 {
		r := request("ws1", "orders")
		r.At += int64(i) * 10_000 // two minutes
		r.Status = []int{200, 500, 429}[i%3]
		s.Traffic.Note(r)
	}
	got := s.Traffic.Take()
	slices.SortFunc(got, func(a, b token.Traffic) int { return cmp.Compare(a.Minute, b.Minute) })
	want := token.Traffic{Minute: 60_000, Workspace: "ws1", Route: "orders", Client: "shop", Class: token.External, Count: 3, Errors: 1, Refused: 1}
	want.Buckets[3] = 3
	next := want
	next.Minute = 120_000
	if !slices.Equal(got, []token.Traffic{want, next}) {
		t.Errorf("got %+v, want %+v and the same a minute later", got, want)
	}
	if again := s.Traffic.Take(); len(again) != 0 {
		t.Errorf("%v was taken twice", again)
	}
}

func TestManyRoutesDoNotGrowMemory(t *testing.T) {
	s := metric.New()
	for round := range 4 {
		for i := range 100_000 {
			r := request("ws1", fmt.Sprintf("/orders/%d", i))
			r.Client = fmt.Sprintf("client-%d", i%5000)
			r.At += int64(round) * 60_000
			s.Traffic.Note(r)
			r.Workspace, r.Client = "", ""
			s.Traffic.Note(r)
		}
		taken := s.Traffic.Take()
		var sum int64
		for i := range taken {
			sum += taken[i].Count
		}
		if len(taken) > 2500 || sum != 200_000 {
			t.Errorf("%d rows of %d requests, want at most 2500 of 200000", len(taken), sum)
		}
	}
	if n := strings.Count(page(t, s), "ficha_traffic_"); n > 10_000 {
		t.Errorf("%d series", n)
	}
}

// TestFloodOfOneWorkspaceLeavesOthersTheirNames: what one tenant sends takes
// neither room nor names from another.
func TestFloodOfOneWorkspaceLeavesOthersTheirNames(t *testing.T) {
	s := metric.New()
	for i := range 100_000 {
		r := request("noisy", fmt.Sprintf("/%d", i))
		r.At = int64(i) * 60_000
		s.Traffic.Note(r)
	}
	for ws := range 64 { // some of them share its shard
		s.Traffic.Note(request(fmt.Sprintf("ws%d", ws), "orders"))
	}
	found := 0
	for _, row := range s.Traffic.Take() {
		if row.Route == "orders" {
			found++
		}
	}
	if found != 64 {
		t.Errorf("%d of 64 quiet workspaces kept their route", found)
	}
}

func TestMetricsShowTrafficOnceTaken(t *testing.T) {
	s := metric.New()
	ok, refused, failed := request("ws1", "orders"), request("ws1", "orders"), request("ws2", "orders")
	refused.Status, failed.Status, failed.Class, failed.Took = 403, 502, token.Internal, 20*time.Second
	stranger := request("", "CANARY") // no token of ours was shown
	for _, r := range []token.Request{ok, ok, refused, failed, stranger} {
		s.Traffic.Note(r)
	}
	s.Traffic.Take()
	s.Traffic.Note(ok)
	s.Traffic.Take()
	got := page(t, s)
	for _, line := range []string{
		`ficha_traffic_requests_total{class="external",client="shop",outcome="passed",route="orders"} 3`,
		`ficha_traffic_requests_total{class="external",client="shop",outcome="refused",route="orders"} 1`,
		`ficha_traffic_requests_total{class="internal",client="shop",outcome="failed",route="orders"} 1`,
		`ficha_traffic_duration_seconds_bucket{class="external",route="orders",le="0.025"} 0`,
		`ficha_traffic_duration_seconds_bucket{class="external",route="orders",le="0.05"} 4`,
		`ficha_traffic_duration_seconds_sum{class="internal",route="orders"} 20`,
		`ficha_traffic_requests_total{class="external",client="shop",outcome="passed",route="other"} 1`,
		`ficha_traffic_lost_total 0`,
	} {
		wantLine(t, got, line)
	}
	if strings.Contains(got, "CANARY") {
		t.Error("who shows no token named a series")
	}
}

func TestNotingTheLikeAllocatesNothing(t *testing.T) {
	s := metric.New()
	a, b := request("ws1", "orders"), request("ws1", "carts")
	s.Traffic.Note(a)
	s.Traffic.Note(b)
	if n := testing.AllocsPerRun(1000, func() { s.Traffic.Note(a); s.Traffic.Note(b) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func BenchmarkNote(b *testing.B) {
	s, r := metric.New(), request("ws1", "orders")
	b.ReportAllocs()
	for b.Loop() {
		s.Traffic.Note(r)
	}
}
