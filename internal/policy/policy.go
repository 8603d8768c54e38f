// Package policy knows the limits: how long a token of each kind may live,
// which rules of a workspace's policy a token breaks, and what a change of a
// policy closes. Its functions are pure and may be used by many at once.
package policy

import (
	"fmt"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

const day = 24 * time.Hour

// Limits are the lifetimes of one kind: what it gets unless asked, and the
// most it may ask. 0 is none.
type Limits struct{ Default, Most time.Duration }

// SignedMost is the longest life of a signed token, whatever a workspace
// allows: its key stays published until then.
const SignedMost = 366 * day

// Of returns the limits of a kind where a workspace says nothing.
func Of(kind token.Kind) Limits {
	switch kind {
	case token.Access:
		return Limits{30 * time.Minute, token.MostAccess * time.Second}
	case token.Service:
		return Limits{30 * day, 90 * day}
	case token.Ephemeral:
		return Limits{5 * time.Minute, time.Hour}
	case token.Impersonated:
		return Limits{15 * time.Minute, time.Hour}
	case token.AuthCode:
		return Limits{time.Minute, 10 * time.Minute}
	case token.Session:
		return Limits{12 * time.Hour, 24 * time.Hour}
	}
	return Limits{} // personal and refresh tokens: none
}

// TTL returns the lifetime of a token of a kind under a policy, which may be
// nil: what was asked, or the default; 0 means that it never expires. It
// refuses what is more than the policy allows, and what it requires and was not
// asked.
func TTL(kind token.Kind, p *token.Policy, asked time.Duration) (time.Duration, error) {
	limits := limitsOf(kind, p)
	switch {
	case asked == 0 && kind == token.Personal && p != nil && p.RequireExpiry && limits.Default == 0:
		return 0, requireExpiry(limits.Most)
	case asked < 0:
		return 0, token.AtField("ttl", "must be positive")
	case asked == 0 && limits.Default == 0:
		return limits.Most, nil // where a workspace sets a maximum, nothing is for ever
	case asked == 0 && limits.Most > 0:
		return min(limits.Default, limits.Most), nil
	case asked == 0:
		return limits.Default, nil
	case limits.Most > 0 && asked > limits.Most:
		return 0, token.AtField("ttl", "may be at most %s for %s tokens in this workspace", text(limits.Most), kind)
	}
	return asked, nil
}

// limitsOf returns the lifetimes of a kind under a policy, which may be nil.
func limitsOf(kind token.Kind, p *token.Policy) Limits {
	limits := Of(kind)
	if p == nil {
		return limits
	}
	limits.Most = most(kind, seconds(p.MaxTTL[kind]))
	if set := p.DefaultTTL[kind]; set > 0 {
		limits.Default = seconds(set)
	}
	return limits
}

// Longest returns the longest life of a kind in a workspace, which may be nil; 0
// is for ever.
func Longest(kind token.Kind, w *token.Workspace) time.Duration {
	if w == nil {
		return Of(kind).Most
	}
	return limitsOf(kind, &w.Policy).Most
}

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }

// most returns the longest lifetime of a kind where a workspace sets one; 0 is
// none, here and there. Only that of service tokens may be more than ours.
func most(kind token.Kind, set time.Duration) time.Duration {
	ours := Of(kind).Most
	if set > 0 && (kind == token.Service || ours == 0) {
		return set
	}
	if set > 0 {
		return min(set, ours)
	}
	return ours
}

func requireExpiry(most time.Duration) error {
	if most == 0 {
		return token.AtField("ttl", "this workspace requires an expiry")
	}
	return token.AtField("ttl", "this workspace requires an expiry; ask for at most %s", text(most))
}

// text writes a duration for people.
func text(d time.Duration) string {
	switch {
	case d == day:
		return "1 day"
	case d > day && d%day == 0:
		return fmt.Sprintf("%d days", d/day)
	}
	return fmt.Sprintf("%d seconds", int64(d/time.Second))
}

// Refresh returns how long a refresh token that is used now lives if it is not
// used again, and how long its family has left whatever is used; 0 is for ever.
// They are as its contract's terms say, else for ever with a client that has a
// secret, and 30 days of at most 90 from the consent with one that has none,
// unless the client says otherwise (RFC 9700, 4.14.2). What the workspace allows,
// if it says so, is the most for the whole family. w may be nil.
func Refresh(c *token.Client, w *token.Workspace, contract string, familyBegan, now time.Time) (life, most time.Duration) {
	total, idle := time.Duration(c.RefreshTTL)*time.Second, time.Duration(c.RefreshIdle)*time.Second
	if total == 0 && idle == 0 {
		total = TermsOf(contract).Refresh
		if total == 0 && c.Public() {
			total, idle = 90*day, 30*day
		}
	}
	if w != nil {
		if allowed := seconds(w.Policy.At(now.UnixMilli()).MaxTTL[token.Refresh]); allowed > 0 && (total == 0 || allowed < total) {
			total = allowed
		}
	}
	if total > 0 {
		most = max(total-now.Sub(familyBegan), time.Millisecond)
	}
	if idle > 0 && (most == 0 || idle < most) {
		return idle, most
	}
	return most, most
}

// Rotates reports whether a client's refresh tokens are replaced at each use:
// those of public clients are, and those of confidential ones are not (FAPI
// 2.0, 5.3.2.1), unless the client says otherwise.
func Rotates(c *token.Client) bool {
	switch c.RefreshPolicy {
	case "rotate":
		return true
	case "keep":
		return false
	}
	return c.Public()
}
