package token

import (
	"testing"
	"time"
)

func TestTrafficCountsRefusalsAndErrorsApart(t *testing.T) {
	var a, b Traffic
	for _, status := range []int{200, 204, 401, 403, 404, 429, 500, 503} {
		a.Observe(status, 5*time.Millisecond)
	}
	b.Observe(200, 5*time.Second+1)
	b.Add(&a)
	want := Traffic{Count: 9, Errors: 2, Refused: 3}
	want.Buckets[0], want.Buckets[len(TrafficBounds)] = 8, 1
	if b != want {
		t.Errorf("got %+v, want %+v", b, want)
	}
}

func TestQuantileLiesInTheBucketOfItsRank(t *testing.T) {
	var none, some Traffic
	for range 90 {
		some.Observe(200, 7*time.Millisecond) // 5 to 10
	}
	for range 9 {
		some.Observe(200, 250*time.Millisecond) // 100 to 250
	}
	some.Observe(200, time.Minute)
	for share, want := range map[float64]float64{0.45: 7.5, 0.9: 10, 0.99: 250, 1: 5000} {
		if got := some.Quantile(share); got != want {
			t.Errorf("Quantile(%v) = %v, want %v", share, got, want)
		}
	}
	if got := none.Quantile(0.99); got != 0 {
		t.Errorf("Quantile of no requests = %v, want 0", got)
	}
}
