package alert

import (
	"fmt"
	"strings"

	"github.com/fichadev/ficha/internal/token"
)

// calmFor is how long an incident has to be calm before it is over.
const calmFor = 5 * minute

// minute is in ms.
const minute = 60_000

// Next returns what becomes of an incident when its rule is measured: it is
// pending until the rule's time has passed, fires once, and is resolved once it
// was calm for five minutes. The zero alert is none; so is one whose State is
// empty.
func (r *Rule) Next(was token.Alert, level Level, now int64) token.Alert {
	next := was
	switch {
	case was.State == token.AlertFiring && level != Calm:
		next.CalmSince = 0
	case was.State == token.AlertFiring && was.CalmSince == 0:
		next.CalmSince = now
	case was.State == token.AlertFiring && now-was.CalmSince >= calmFor:
		next.State, next.ResolvedAt = token.AlertResolved, now
	case was.State == token.AlertFiring:
	case level != Over:
		return token.Alert{}
	default:
		if was.State == "" {
			next = token.Alert{State: token.AlertPending, Rule: r.Name, Class: r.Class, Severity: r.Severity, Since: now}
		}
		if now-next.Since >= r.For*minute {
			next.State, next.FiredAt = token.AlertFiring, now
		}
	}
	return next
}

// Removed returns what becomes of an incident whose rule is no more.
func Removed(was token.Alert, now int64) token.Alert {
	if was.State != token.AlertFiring {
		return token.Alert{}
	}
	was.State, was.ResolvedAt = token.AlertResolved, now
	return was
}

// Detail says what was measured, for the record, subscribers and lists.
func (r *Rule) Detail(windows []Count) map[string]any {
	seen := make([]any, len(windows))
	for i, c := range windows {
		seen[i] = map[string]any{"minutes": c.Minutes, "requests": c.Requests, "bad": c.Bad, "share": round(c.Share())}
	}
	return map[string]any{
		"kind": string(r.Kind), "route": r.Route, "client": r.Client, "threshold": r.Threshold(), "limit": round(r.Limit()),
		"windows": seen, "value": r.value(windows),
	}
}

// value says in a few words what was measured.
func (r *Rule) value(windows []Count) string {
	what := "failed"
	if r.Kind == Latency {
		what = fmt.Sprintf("took over %d ms", r.OverMS)
	}
	parts := make([]string, len(windows))
	for i, c := range windows {
		parts[i] = fmt.Sprintf("%d of %d requests (%.3g %%) in %d min", c.Bad, c.Requests, 100*c.Share(), c.Minutes)
	}
	return strings.Join(parts, " and ") + " " + what
}
