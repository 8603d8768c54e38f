package token

import (
	"slices"
	"time"
)

// A Notice is one thing that is told of a secret once: how many days before its
// expiry, or one of those below.
type Notice int64

// What is told beside the days before.
const (
	NoticeExpired   Notice = 0  // the instant has passed
	NoticeUsedAfter Notice = -1 // somebody showed it after that
	NoticeUsedFirst Notice = -2 // it was used for the first time
	NoticeRotate    Notice = -3 // it is older than it should become
)

const dayMs = int64(24 * time.Hour / time.Millisecond)

// Ahead lists the notices before an expiry, the first one first. Each holds for
// secrets that are made for longer than it.
func Ahead() []Notice { return []Notice{60, 30, 14, 7, 3, 1} }

// mostAhead is the first notice in ms: nothing is said of what has more left.
const mostAhead = 60 * dayMs

// At returns the instant (ms) at which the notice is due of what expires at
// another.
func (n Notice) At(expires int64) int64 { return expires - max(0, int64(n))*dayMs }

// Noticed reports whether anybody is told of the expiry: of what people or
// programs hold for more than a day under an agreement to renew it. Refresh
// tokens renew themselves, codes and sessions are asked for again, and what
// lives for a day is over before somebody reads of it.
func (t *Token) Noticed() bool {
	if t.ExpiresAt == 0 || t.ID.Class() == Short {
		return false
	}
	switch t.Kind {
	case Service, Personal, Access, ClientSecret:
		return true
	}
	return false
}

// Gives reports whether a notice before the expiry is ever given of the secret:
// it lives longer than that. What was said at its birth surprises nobody.
func (t *Token) Gives(n Notice) bool {
	return t.Noticed() && t.ExpiresAt-t.IssuedAt > max(0, int64(n))*dayMs
}

// Latest returns the last notice that is due of the secret at now (ms), which
// is NoticeExpired from its expiry on; false while none is. It allocates
// nothing.
func (t *Token) Latest(now int64) (Notice, bool) {
	left := t.ExpiresAt - now
	if left > mostAhead || !t.Noticed() {
		return 0, false
	}
	if left <= 0 {
		return NoticeExpired, true
	}
	for _, n := range [...]Notice{1, 3, 7, 14, 30, 60} {
		if left <= int64(n)*dayMs {
			return n, t.Gives(n)
		}
	}
	return 0, false
}

// A Watch is how far the secrets of one sort were walked by their expiry, for one
// notice. All up to this one have been told of.
type Watch struct {
	Clients bool // the secrets of clients; else tokens
	Notice  Notice
	Expires int64 // ms
	Secret  ID    // of those that expire at the same instant, the last one
}

// An End is an instant (ms) at which a secret ends by itself, and the rule that
// says so.
type End struct {
	At   int64 // 0: the rule ends nothing
	Rule EndRule
}

// An EndRule names what ends a secret by itself.
type EndRule string

// The rules. Policies add theirs.
const (
	EndOwn      EndRule = "expires_at" // as it was made
	EndRotation EndRule = "rotation"   // another one took its place
	EndIdle     EndRule = "idle"       // nobody uses it
	EndPolicy   EndRule = "policy"     // its workspace no longer allows it
	EndApproval EndRule = "approval"   // nobody approved it
)

// EffectiveEnd returns the end that comes first: of those that the row itself
// knows, and of others that its reader knows. Of two at one instant the row's
// own is named. Its At is 0 where nothing ends by itself. Suspension is none:
// what it stops goes on.
func (t *Token) EffectiveEnd(others ...End) End {
	first := End{}
	for _, e := range slices.Concat([]End{{t.ExpiresAt, EndOwn}, {t.RetiresAt, EndRotation}}, others) {
		if e.At != 0 && (first.At == 0 || e.At < first.At) {
			first = e
		}
	}
	return first
}

// expired is the refusal of a secret past its expiry: it says when that was and
// where a new one is made, at a server named by its issuer. Programs get access
// tokens anew by themselves.
func (t *Token) expired(issuer string) *Refusal {
	where := "get a new one"
	if t.Kind != Access && issuer != "" {
		where = "make a new one at " + issuer + "/panel/"
	}
	return Errorf(InvalidToken, "the token expired on %s; %s", time.UnixMilli(t.ExpiresAt).UTC().Format(time.RFC3339), where).Because(Expired)
}
