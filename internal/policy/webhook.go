package policy

import (
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// pauses are how long a delivery waits after each try that failed: ten tries
// over three days. A receiver that restarts is tried again within seconds, one
// that is down over a weekend still hears.
var pauses = [...]time.Duration{
	10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 4 * time.Hour, 10 * time.Hour, 16 * time.Hour, 18 * time.Hour, 22 * time.Hour,
}

// DeliveryPause returns how long a delivery waits after so many tries that all
// failed, and false when it is not tried again. jitter is at random in [0, 1):
// deliveries that failed together do not come together again.
func DeliveryPause(tries int64, jitter float64) (time.Duration, bool) {
	if tries < 1 || tries > int64(len(pauses)) {
		return 0, false
	}
	pause := pauses[tries-1]
	return pause + time.Duration(jitter*float64(pause/10)), true
}

// DeliveryHorizon is how long the tries of one delivery take at least.
func DeliveryHorizon() (sum time.Duration) {
	for _, pause := range pauses {
		sum += pause
	}
	return sum
}

// The notices about a subscription that fails steadily.
const (
	NoNotice  = iota
	Unhealthy // it fails
	Disabling // it will be disabled
	Disabled  // it is disabled
)

// WebhookNotice returns which notice a failed try at now (ms) calls for: the
// next after those that were given, or NoNotice. None is left out, so that
// nobody is disabled without a warning at an earlier try, however long this
// server was away.
func WebhookNotice(h token.WebhookHealth, now int64) int {
	failing := time.Duration(now-h.FailingSince) * time.Millisecond
	due := NoNotice
	switch horizon := DeliveryHorizon(); {
	case h.FailingSince == 0:
	case failing >= horizon:
		due = Disabled
	case failing >= horizon*2/3:
		due = Disabling
	case failing >= 5*time.Minute && h.Failures >= 3:
		due = Unhealthy
	}
	if next := int(h.Notices) + 1; next <= due {
		return next
	}
	return NoNotice
}
