package metric_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/metric"
)

// page returns what a scraper reads.
func page(t testing.TB, s *metric.Set) string {
	t.Helper()
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("metrics answer %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func wantLine(t *testing.T, page, line string) {
	t.Helper()
	if !strings.Contains(page, "\n"+line+"\n") {
		t.Errorf("no line %q in:\n%s", line, ours(page))
	}
}

// ours leaves the lines of the Go runtime out.
func ours(page string) string {
	var b strings.Builder
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "ficha_") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestRequestIsCountedByRouteMethodAndClass(t *testing.T) {
	s := metric.New()
	r := s.Route("POST /v1/tokens")
	r.Observe("POST", 201, 3*time.Millisecond)
	r.Observe("POST", 200, 30*time.Millisecond)
	r.Observe("POST", 422, time.Second)
	got := page(t, s)
	wantLine(t, got, `ficha_http_request_duration_seconds_count{code="2xx",method="POST",route="POST /v1/tokens"} 2`)
	wantLine(t, got, `ficha_http_request_duration_seconds_bucket{code="2xx",method="POST",route="POST /v1/tokens",le="0.005"} 1`)
	wantLine(t, got, `ficha_http_request_duration_seconds_count{code="4xx",method="POST",route="POST /v1/tokens"} 1`)
	if strings.Contains(got, `method="GET"`) {
		t.Error("a series exists for what never happened")
	}
}

func TestStrangeMethodAndStatusShareOneSeries(t *testing.T) {
	s := metric.New()
	r := s.Route("/verify")
	for i := range 100 {
		r.Observe(fmt.Sprint("CANARY", i), i*1000, time.Millisecond)
	}
	got := page(t, s)
	if strings.Contains(got, "CANARY") {
		t.Error("a caller's method became a label")
	}
	wantLine(t, got, `ficha_http_request_duration_seconds_count{code="none",method="OTHER",route="/verify"} 100`)
}

func TestRefusalIsCountedByRouteAndCode(t *testing.T) {
	s := metric.New()
	s.Route("/verify").Refuse("invalid_token")
	s.Route("/verify").Refuse("invalid_token")
	s.Panic()
	got := page(t, s)
	wantLine(t, got, `ficha_refusals_total{code="invalid_token",route="/verify"} 2`)
	wantLine(t, got, `ficha_panics_total 1`)
}

func TestQuerySecretsNameABoundedNumberOfClients(t *testing.T) {
	s := metric.New()
	for i := range 1000 {
		s.QuerySecret(fmt.Sprint("client-", i), "fanbase")
	}
	s.QuerySecret("client-0", "fanbase")
	got := page(t, s)
	wantLine(t, got, `ficha_query_secrets_total{client="client-0",contract="fanbase"} 2`)
	wantLine(t, got, `ficha_query_secrets_total{client="other",contract="fanbase"} 800`)
	if n := strings.Count(got, "ficha_query_secrets_total{"); n != 201 {
		t.Errorf("%d series for 1000 clients, want 201", n)
	}
}

func TestRoomsRegisterTheirOwn(t *testing.T) {
	s := metric.New()
	s.Gauges("job_last_run_seconds", "When a job ran.", "job").WithLabelValues("purge").Set(17)
	s.Counters("deliveries_total", "Deliveries.").WithLabelValues().Add(3)
	s.Sizes("store_batch_size", "Deeds in one commit.").Observe(5)
	size := 1.0
	s.Watch("cache_tokens", "Tokens in the cache.", func() float64 { return size })
	size = 42
	got := page(t, s)
	wantLine(t, got, `ficha_job_last_run_seconds{job="purge"} 17`)
	wantLine(t, got, `ficha_deliveries_total 3`)
	wantLine(t, got, `ficha_store_batch_size_bucket{le="4"} 0`)
	wantLine(t, got, `ficha_store_batch_size_bucket{le="8"} 1`)
	wantLine(t, got, `ficha_cache_tokens 42`)
	for _, name := range []string{"go_goroutines", "process_start_time_seconds"} {
		if !strings.Contains(got, "\n"+name+" ") {
			t.Errorf("no %s", name)
		}
	}
}

func TestNameTakenTwiceIsMetAtStart(t *testing.T) {
	s := metric.New()
	s.Watch("cache_tokens", "Tokens in the cache.", func() float64 { return 0 })
	defer func() {
		if recover() == nil {
			t.Error("the second registration of a name passed")
		}
	}()
	s.Watch("cache_tokens", "Tokens in the cache.", func() float64 { return 0 })
}

func TestManyAtOnceLoseNoCount(t *testing.T) {
	s := metric.New()
	r := s.Route("/verify")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 500 {
				r.Observe("GET", 200, time.Microsecond)
				r.Refuse("invalid_token")
				s.QuerySecret("client", "fanbase")
			}
		})
	}
	all.Wait()
	got := page(t, s)
	wantLine(t, got, `ficha_http_request_duration_seconds_count{code="2xx",method="GET",route="/verify"} 4000`)
	wantLine(t, got, `ficha_refusals_total{code="invalid_token",route="/verify"} 4000`)
	wantLine(t, got, `ficha_query_secrets_total{client="client",contract="fanbase"} 4000`)
}

func TestMethodOfTheLabelIsAKnownWord(t *testing.T) {
	for method, want := range map[string]string{"GET": "GET", "PATCH": "PATCH", "get": "OTHER", "SECRET": "OTHER", "": "OTHER"} {
		if got := metric.Method(method); got != want {
			t.Errorf("Method(%q) = %q, want %q", method, got, want)
		}
	}
}

func BenchmarkObserve(b *testing.B) {
	r := metric.New().Route("/verify")
	b.ReportAllocs()
	for b.Loop() {
		r.Observe("GET", 200, 50*time.Microsecond)
	}
}
