package pages

import "time"

// A Moment is an instant as people read it, with the exact one beside it; the
// template "moment" writes it.
type Moment struct {
	Text    string // 3 hours ago
	Exact   string // 2026-11-22 14:00 UTC
	Machine string // RFC 3339
}

// moment says an instant as seen from now.
func (p *speaker) moment(at, now time.Time) *Moment {
	return &Moment{Text: p.away(at.Sub(now)), Exact: p.exact(at), Machine: at.UTC().Format(time.RFC3339)}
}

// exact says an instant to the minute, in the one form that no language reads
// as another day.
func (p *speaker) exact(at time.Time) string { return at.UTC().Format("2006-01-02 15:04 UTC") }

// away says how far an instant is: negative is past. It names the largest unit
// of which one has gone by.
func (p *speaker) away(d time.Duration) string {
	past := d < 0
	if past {
		d = -d
	}
	if d < time.Minute {
		return p.say("time.now")
	}
	key, count := "minutes", int(d/time.Minute)
	switch {
	case d >= 24*time.Hour:
		key, count = "days", int(d/(24*time.Hour))
	case d >= time.Hour:
		key, count = "hours", int(d/time.Hour)
	}
	return p.count(awayKey(key, past), count)
}

func awayKey(unit string, past bool) string {
	switch {
	case past && unit == "days":
		return "past.days"
	case past && unit == "hours":
		return "past.hours"
	case past:
		return "past.minutes"
	case unit == "days":
		return "future.days"
	case unit == "hours":
		return "future.hours"
	}
	return "future.minutes"
}
