package policy

import (
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

func TestDeliveryIsTriedTenTimesOverThreeDays(t *testing.T) {
	for _, jitter := range []float64{0, 0.999} {
		tries, sum := int64(1), time.Duration(0)
		for {
			pause, again := DeliveryPause(tries, jitter)
			if !again {
				break
			}
			tries, sum = tries+1, sum+pause
		}
		if tries != 10 || sum < 71*time.Hour || sum > 79*time.Hour || sum < DeliveryHorizon() {
			t.Errorf("with jitter %v: %d tries over %v, want 10 over three days", jitter, tries, sum)
		}
	}
}

// One delivery that fails all of its tries gives the three notices in time, the
// last with its last try.
func TestThreeNoticesBeforeASubscriptionIsSilent(t *testing.T) {
	for _, jitter := range []float64{0, 0.999} {
		start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		now, h, given := start, token.WebhookHealth{}, map[int]time.Duration{}
		for tries := int64(1); ; tries++ {
			if h.Failures++; h.FailingSince == 0 {
				h.FailingSince = now.UnixMilli()
			}
			if n := WebhookNotice(h, now.UnixMilli()); n != NoNotice {
				h.Notices, given[n] = int64(n), now.Sub(start)
			}
			pause, again := DeliveryPause(tries, jitter)
			if !again {
				break
			}
			now = now.Add(pause)
		}
		if given[Unhealthy] > time.Hour || given[Disabling] > 60*time.Hour || given[Disabled] < DeliveryHorizon() || len(given) != 3 {
			t.Errorf("with jitter %v the notices came after %v", jitter, given)
		}
	}
}

func TestNoNoticeIsLeftOut(t *testing.T) {
	now := time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC).UnixMilli()
	ago := func(d time.Duration) int64 { return now - d.Milliseconds() }
	for name, c := range map[string]struct {
		h    token.WebhookHealth
		want int
	}{
		"healthy":                {token.WebhookHealth{}, NoNotice},
		"a blip":                 {token.WebhookHealth{Failures: 500, FailingSince: ago(time.Second)}, NoNotice},
		"two failures":           {token.WebhookHealth{Failures: 2, FailingSince: ago(time.Hour)}, NoNotice},
		"fails":                  {token.WebhookHealth{Failures: 3, FailingSince: ago(time.Hour)}, Unhealthy},
		"fails, told":            {token.WebhookHealth{Failures: 9, FailingSince: ago(time.Hour), Notices: 1}, NoNotice},
		"we were away":           {token.WebhookHealth{Failures: 2, FailingSince: ago(200 * time.Hour)}, Unhealthy},
		"we were away, told":     {token.WebhookHealth{Failures: 3, FailingSince: ago(200 * time.Hour), Notices: 1}, Disabling},
		"fails for three days":   {token.WebhookHealth{Failures: 9, FailingSince: ago(72 * time.Hour), Notices: 2}, Disabled},
		"nothing beyond the end": {token.WebhookHealth{Failures: 9, FailingSince: ago(99 * time.Hour), Notices: 3}, NoNotice},
	} {
		if got := WebhookNotice(c.h, now); got != c.want {
			t.Errorf("%s: notice %d, want %d", name, got, c.want)
		}
	}
}
